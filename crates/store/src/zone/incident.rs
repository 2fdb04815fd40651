//! Incidents about zones: one at a time for each, opened with the first finding, updated with more, closed when nothing
//! has been wrong for a while.

use countersign_judge::delegation::{DelegationFinding, title};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::Look;
use crate::column::{Millis, Unsigned};
use crate::error::StoreError;
use crate::incident::running::{self, Findings, Found};
use crate::incident::{self, IncidentId, Subject};

/// How long nothing must be wrong before an incident is closed. Somebody who shows something now and then has one
/// incident, not one a look.
pub const CLOSES_AFTER: SignedDuration = SignedDuration::from_hours(1);

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
    let now = look.seen.at;
    match (open_of(connection, name)?, look.judged.findings.is_empty()) {
        (None, true) => Ok(false),
        (None, false) => running::open(connection, &findings(name, look)).map(|_| true),
        (Some(id), false) => {
            set_quiet(connection, name, None)?;
            running::update(connection, id, &findings(name, look))
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

/// What the look found, as an incident keeps it.
fn findings<'a>(name: &'a str, look: &Look<'_>) -> Findings<'a> {
    let found = &look.judged.findings;
    Findings {
        subject: Subject::of_zone(name),
        name,
        title: title(&look.seen.zone, found),
        found: found.iter().map(found_of).collect(),
        at: look.seen.at,
    }
}

fn found_of(finding: &DelegationFinding) -> Found {
    let topics: Vec<_> = finding.topics.iter().map(ToString::to_string).collect();
    let topic = topics.first().map_or("", String::as_str);
    let before = finding.shown_before.iter().map(|piece| ("before", piece));
    let now = finding.shown_now.iter().map(|piece| ("now", piece));
    let piece = |(when, (label, sha256)): (&str, &(String, [u8; 32]))| {
        (format!("{when}: {label}: {topic}"), *sha256)
    };
    Found {
        mark: finding.mark(),
        told: finding.told(),
        pieces: before.chain(now).map(piece).collect(),
    }
}
