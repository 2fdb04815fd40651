//! Incidents that go on: opened with what is found first, updated with what is found later.
//!
//! A finding is known again by its mark, whose first words say what sort of finding it is: a bounded number of them.
//! Whoever makes up something new for each look must not fill disk and mailbox with the same story, nor hide another
//! story with it.

use countersign_judge::Severity;
use countersign_judge::decision::ToldFinding;
use jiff::Timestamp;
use rusqlite::Connection;

use super::{IncidentId, Subject};
use crate::column::{Millis, Unsigned};
use crate::error::StoreError;
use crate::evidence;
use crate::report::{self, Change};

/// Findings of one sort that one incident keeps.
const FINDINGS_OF_SORT_MAX: usize = 16;

/// Pieces of evidence that one incident keeps, as well.
const PIECES_MAX: i64 = 128;

/// Pieces that the first finding of a sort adds in any case: what was before and what is now, for each of a few topics.
const PIECES_FIRST_MAX: i64 = 16;

/// What was found at one time about one subject.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    /// What the incident is about.
    pub(crate) subject: Subject,
    /// The name of the zone, or the domain.
    pub(crate) name: &'a str,
    /// One line for all of them.
    pub(crate) title: String,
    /// Each of them.
    pub(crate) found: Vec<Found>,
    /// When.
    pub(crate) at: Timestamp,
}

/// Something that was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// By it the same is known again.
    pub(crate) mark: String,
    /// In words.
    pub(crate) told: ToldFinding,
    /// What shows it: labels and SHA-256s of what was kept before.
    pub(crate) pieces: Vec<(String, [u8; 32])>,
}

/// Opens an incident, with its report. None about the same is open.
pub(crate) fn open(
    connection: &Connection,
    findings: &Findings<'_>,
) -> Result<IncidentId, StoreError> {
    let (kind, subject, _) = findings.subject.columns();
    let mut insert = connection.prepare_cached(
        "INSERT INTO incident (kind, subject, zone, domain, severity, title, opened_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let (zone, domain) = match findings.subject {
        Subject::Delegation { .. } => (Some(findings.name), None),
        Subject::Probe { .. } => (None, Some(findings.name)),
        Subject::Certificate { .. } | Subject::Promise { .. } => (None, None),
    };
    let row = insert.insert((
        kind,
        subject,
        zone,
        domain,
        worst(findings.found.iter()).unwrap_or(Severity::Notice).as_str(),
        &findings.title,
        Millis(findings.at),
    ))?;
    let id = IncidentId(row.cast_unsigned());
    add_new(connection, id, findings)?;
    report::add(connection, &Change::IncidentOpened(id), findings.at)?;
    Ok(id)
}

/// Adds what is new, with a report if anything was. Whether anything was.
pub(crate) fn update(
    connection: &Connection,
    id: IncidentId,
    findings: &Findings<'_>,
) -> Result<bool, StoreError> {
    let new = add_new(connection, id, findings)?;
    if new.is_empty() {
        return Ok(false);
    }
    let known = super::load(connection, id)?;
    let severity = worst(new.into_iter()).unwrap_or(known.severity);
    // What is worse than before is the title from now on.
    let title = if severity > known.severity { &findings.title } else { &known.title };
    let severity = severity.max(known.severity);
    let mut update = connection.prepare_cached(
        "UPDATE incident SET severity = ?2, title = ?3, updated_at = ?4, updates = updates + 1
         WHERE id = ?1 RETURNING updates",
    )?;
    let part = update
        .query_row((Unsigned(id.0), severity.as_str(), title, Millis(findings.at)), |row| {
            row.get(0)
        })?;
    report::add(connection, &Change::IncidentUpdated(id, part), findings.at)?;
    Ok(true)
}

fn worst<'a>(found: impl Iterator<Item = &'a Found>) -> Option<Severity> {
    found.map(|found| found.told.severity).max()
}

/// Adds what is new. Which that is.
fn add_new<'a>(
    connection: &Connection,
    id: IncidentId,
    findings: &'a Findings<'_>,
) -> Result<Vec<&'a Found>, StoreError> {
    let new = new(connection, id, findings)?;
    for (found, is_first) in &new {
        add(connection, id, found, *is_first)?;
    }
    Ok(new.into_iter().map(|(found, _)| found).collect())
}

/// Whether any of it is new to the incident.
pub(crate) fn is_news(
    connection: &Connection,
    id: IncidentId,
    findings: &Findings<'_>,
) -> Result<bool, StoreError> {
    Ok(!new(connection, id, findings)?.is_empty())
}

/// The findings that are not there yet, as far as there is room for their sort, and whether each is the first of it.
fn new<'a>(
    connection: &Connection,
    id: IncidentId,
    findings: &'a Findings<'_>,
) -> Result<Vec<(&'a Found, bool)>, StoreError> {
    let words = sort_words(&findings.subject);
    let mut select =
        connection.prepare_cached("SELECT mark FROM incident_finding WHERE incident = ?1")?;
    let marks = select.query_map([Unsigned(id.0)], |row| row.get("mark"))?;
    let mut marks: Vec<String> = marks.collect::<Result<_, _>>()?;
    let mut new = Vec::new();
    for found in &findings.found {
        let mark = &found.mark;
        let alike = marks.iter().filter(|other| sort(other, words).eq(sort(mark, words))).count();
        if alike >= FINDINGS_OF_SORT_MAX || marks.contains(mark) {
            continue;
        }
        marks.push(mark.clone());
        new.push((found, alike == 0));
    }
    Ok(new)
}

fn sort(mark: &str, words: usize) -> impl Iterator<Item = &str> {
    mark.split(' ').take(words)
}

/// How many words of a mark are the sort. Of a zone the kind is followed by the side that it is about; of a domain by
/// what a stranger has chosen, such as a key.
fn sort_words(subject: &Subject) -> usize {
    match subject {
        Subject::Delegation { .. } => 2,
        Subject::Probe { .. } | Subject::Certificate { .. } | Subject::Promise { .. } => 1,
    }
}

fn add(
    connection: &Connection,
    id: IncidentId,
    found: &Found,
    is_first: bool,
) -> Result<(), StoreError> {
    let (row, told) = (Unsigned(id.0), &found.told);
    let mut insert = connection.prepare_cached(
        "INSERT INTO incident_finding (incident, ordinal, kind, severity, text, mark)
         VALUES (?1, (SELECT count(*) FROM incident_finding WHERE incident = ?1), ?2, ?3, ?4, ?5)",
    )?;
    insert.execute((&row, &told.kind, told.severity.as_str(), &told.text, &found.mark))?;
    let there = count_pieces(connection, id)?;
    let room = PIECES_MAX.max(if is_first { there + PIECES_FIRST_MAX } else { 0 });
    add_pieces(connection, id, &found.pieces, room)
}

/// How many pieces it has.
pub(crate) fn count_pieces(connection: &Connection, id: IncidentId) -> Result<i64, StoreError> {
    let count = "SELECT count(*) FROM incident_evidence WHERE incident = ?1";
    Ok(connection.prepare_cached(count)?.query_row([Unsigned(id.0)], |row| row.get(0))?)
}

/// Adds what is not there yet, up to so many pieces in all.
pub(crate) fn add_pieces(
    connection: &Connection,
    id: IncidentId,
    pieces: &[(String, [u8; 32])],
    room: i64,
) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO incident_evidence (incident, ordinal, label, evidence)
         SELECT ?1, (SELECT count(*) FROM incident_evidence WHERE incident = ?1), ?2, ?3
         WHERE (SELECT count(*) FROM incident_evidence WHERE incident = ?1) < ?4
         ON CONFLICT (incident, label, evidence) DO NOTHING",
    )?;
    for (label, sha256) in pieces {
        let evidence = evidence::row_of(connection, sha256)?;
        insert.execute((Unsigned(id.0), label, evidence, room))?;
    }
    Ok(())
}
