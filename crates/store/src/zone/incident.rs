//! Incidents about zones: one at a time for each, opened with the first finding, updated with more, closed when nothing
//! has been wrong for a while.

use countersign_judge::Severity;
use countersign_judge::delegation::{DelegationFinding, title};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::Look;
use crate::column::{Millis, Unsigned};
use crate::error::StoreError;
use crate::evidence;
use crate::incident::{self, IncidentId, Subject};
use crate::report::{self, Change};

/// How long nothing must be wrong before an incident is closed. Somebody who shows something now and then has one
/// incident, not one a look.
pub const CLOSES_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Findings of one kind about one side that one incident keeps. Servers that make up something new for each look must
/// not fill disk and mailbox with the same story, nor hide another story with it.
const FINDINGS_OF_KIND_MAX: usize = 16;

/// Pieces of evidence that one incident keeps, as well.
const PIECES_MAX: i64 = 128;

/// Pieces that the first finding of a kind about a side adds in any case: what was before and what is now, for each of
/// a few topics.
const PIECES_FIRST_MAX: i64 = 16;

pub(super) fn open_of(
    connection: &Connection,
    name: &str,
) -> Result<Option<IncidentId>, StoreError> {
    incident::open_of(connection, &Subject::of_zone(name))
}

pub(super) fn close(
    connection: &Connection,
    name: &str,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    incident::close(connection, &Subject::of_zone(name), why, now)
}

/// Opens, updates or closes the incident of a zone. Whether there is something to report.
pub(super) fn note(
    connection: &Connection,
    name: &str,
    look: &Look<'_>,
) -> Result<bool, StoreError> {
    let (findings, now) = (&look.judged.findings, look.seen.at);
    match (open_of(connection, name)?, findings.is_empty()) {
        (None, true) => Ok(false),
        (None, false) => open(connection, name, look).map(|()| true),
        (Some(id), false) => {
            set_quiet(connection, name, None)?;
            update(connection, id, look)
        }
        // Whoever did not see everything cannot say that nothing is wrong.
        (Some(_), true) if look.blind.is_some() || !look.seen.sees() => {
            set_quiet(connection, name, None)?;
            Ok(false)
        }
        (Some(id), true) => {
            let mut select = connection.prepare_cached(
                "SELECT quiet_since, accepted_at > coalesce(updated_at, opened_at) AS accepted
                 FROM zone, incident WHERE name = ?1 AND incident.id = ?2",
            )?;
            let (since, accepted) = select.query_row((name, Unsigned(id.0)), |row| {
                let since: Option<Millis> = row.get("quiet_since")?;
                Ok((since, row.get::<_, Option<bool>>("accepted")?))
            })?;
            let since = since.map_or(now, |since| since.0);
            let why = match accepted {
                Some(true) => "somebody accepted what was seen".to_owned(),
                Some(false) | None if now.duration_since(since) >= CLOSES_AFTER => {
                    format!("nothing is wrong any more since {since:.0}")
                }
                Some(false) | None => {
                    set_quiet(connection, name, Some(since))?;
                    return Ok(false);
                }
            };
            set_quiet(connection, name, None)?;
            close(connection, name, &why, now)?;
            Ok(true)
        }
    }
}

fn set_quiet(
    connection: &Connection,
    name: &str,
    since: Option<Timestamp>,
) -> Result<(), StoreError> {
    let mut update =
        connection.prepare_cached("UPDATE zone SET quiet_since = ?2 WHERE name = ?1")?;
    update.execute((name, since.map(Millis)))?;
    Ok(())
}

fn open(connection: &Connection, name: &str, look: &Look<'_>) -> Result<(), StoreError> {
    let (findings, now) = (&look.judged.findings, look.seen.at);
    let mut insert = connection.prepare_cached(
        "INSERT INTO incident (kind, subject, zone, severity, title, opened_at)
         VALUES ('delegation', ?1, ?2, ?3, ?4, ?5)",
    )?;
    let row = insert.insert((
        evidence::sha256(name.as_bytes()),
        name,
        worst(findings).as_str(),
        title(&look.seen.zone, findings),
        Millis(now),
    ))?;
    let id = IncidentId(row.cast_unsigned());
    add_new(connection, id, findings)?;
    report::add(connection, &Change::IncidentOpened(id), now)
}

/// Adds what is new. Whether anything was.
fn update(connection: &Connection, id: IncidentId, look: &Look<'_>) -> Result<bool, StoreError> {
    let new = add_new(connection, id, &look.judged.findings)?;
    if new.is_empty() {
        return Ok(false);
    }
    let found = incident::load(connection, id)?;
    let severity = new.iter().map(|finding| finding.severity).max().unwrap_or(found.severity);
    // What is worse than before is the title from now on.
    let title = match severity > found.severity {
        true => title(&look.seen.zone, &look.judged.findings),
        false => found.title,
    };
    let severity = severity.max(found.severity);
    let mut update = connection.prepare_cached(
        "UPDATE incident SET severity = ?2, title = ?3, updated_at = ?4, updates = updates + 1
         WHERE id = ?1 RETURNING updates",
    )?;
    let now = look.seen.at;
    let part = update
        .query_row((Unsigned(id.0), severity.as_str(), title, Millis(now)), |row| row.get(0))?;
    report::add(connection, &Change::IncidentUpdated(id, part), now)?;
    Ok(true)
}

fn worst(findings: &[DelegationFinding]) -> Severity {
    findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Notice)
}

/// Adds the findings that are not there yet, as far as there is room for their kind. Which those are.
fn add_new<'a>(
    connection: &Connection,
    id: IncidentId,
    findings: &'a [DelegationFinding],
) -> Result<Vec<&'a DelegationFinding>, StoreError> {
    let mut select =
        connection.prepare_cached("SELECT mark FROM incident_finding WHERE incident = ?1")?;
    let marks = select.query_map([Unsigned(id.0)], |row| row.get("mark"))?;
    let mut marks: Vec<String> = marks.collect::<Result<_, _>>()?;
    let mut new = Vec::new();
    for finding in findings {
        let mark = finding.mark();
        let alike = marks.iter().filter(|other| sort(other) == sort(&mark)).count();
        if alike >= FINDINGS_OF_KIND_MAX || marks.contains(&mark) {
            continue;
        }
        add(connection, id, finding, alike == 0)?;
        marks.push(mark);
        new.push(finding);
    }
    Ok(new)
}

/// The kind of a finding and the side that it is about, which its mark begins with: a bounded number of them.
fn sort(mark: &str) -> (Option<&str>, Option<&str>) {
    let mut words = mark.split(' ');
    (words.next(), words.next())
}

fn add(
    connection: &Connection,
    id: IncidentId,
    finding: &DelegationFinding,
    is_first: bool,
) -> Result<(), StoreError> {
    let (id, told) = (Unsigned(id.0), finding.told());
    let mut insert = connection.prepare_cached(
        "INSERT INTO incident_finding (incident, ordinal, kind, severity, text, mark)
         VALUES (?1, (SELECT count(*) FROM incident_finding WHERE incident = ?1), ?2, ?3, ?4, ?5)",
    )?;
    insert.execute((&id, told.kind, told.severity.as_str(), told.text, finding.mark()))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO incident_evidence (incident, ordinal, label, evidence)
         SELECT ?1, (SELECT count(*) FROM incident_evidence WHERE incident = ?1), ?2, ?3
         WHERE (SELECT count(*) FROM incident_evidence WHERE incident = ?1) < ?4
         ON CONFLICT (incident, label, evidence) DO NOTHING",
    )?;
    let count = "SELECT count(*) FROM incident_evidence WHERE incident = ?1";
    let there: i64 = connection.prepare_cached(count)?.query_row([&id], |row| row.get(0))?;
    let room = PIECES_MAX.max(if is_first { there + PIECES_FIRST_MAX } else { 0 });
    let topics: Vec<_> = finding.topics.iter().map(ToString::to_string).collect();
    let topic = topics.first().map_or("", String::as_str);
    let before = finding.shown_before.iter().map(|piece| ("before", piece));
    let now = finding.shown_now.iter().map(|piece| ("now", piece));
    for (when, (label, sha256)) in before.chain(now) {
        let evidence = evidence::row_of(connection, sha256)?;
        insert.execute((&id, format!("{when}: {label}: {topic}"), evidence, room))?;
    }
    Ok(())
}
