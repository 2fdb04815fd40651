//! The outbox: what is to be told, in order, each thing once.
//!
//! The reporter writes a line, then marks it. A crash between the two repeats the line; whoever reads it knows
//! it again by its id.

use jiff::Timestamp;
use rusqlite::{Connection, Row, ToSql};

use crate::column::{Millis, Unsigned};
use crate::error::StoreError;
use crate::incident::{self, Incident, IncidentId};
use crate::log::{self, LogRow};
use crate::sighting::{self, Sighting, SightingId};
use crate::store::{Reader, Store};
use crate::trouble::{self, Trouble, TroubleId};

/// Which report. Later ones have larger ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportId(pub u64);

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which. It never changes.
    pub id: ReportId,
    /// When it came about.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// What happened, with the rows as they are now: a trouble that opened may have closed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An entry matched the watchlist.
    Sighting(Box<Sighting>),
    /// Something is wrong.
    TroubleOpened(Trouble),
    /// It is no longer.
    TroubleClosed(Trouble),
    /// A log is followed from now on.
    LogAdded(LogRow),
    /// A log is followed no longer.
    LogRemoved(LogRow),
    /// Something that nobody here asked for, or that a log did not keep its word about.
    IncidentOpened(Box<Incident>),
    /// More was found that belongs to it.
    IncidentUpdated(Box<Incident>),
    /// It was asked for after all, or is gone.
    IncidentClosed(Box<Incident>),
    /// How things stand, regularly.
    Heartbeat(String),
}

impl Store {
    /// Notes that all reports up to `id` went out. To be called after they did.
    pub fn mark_reported(&self, id: ReportId) -> Result<(), StoreError> {
        self.write(|connection| {
            // Never back, and never past the last report there is: a later one would go unsaid.
            let mut update = connection.prepare_cached(
                "UPDATE watch SET reported_through =
                     max(reported_through, min(?1, coalesce((SELECT max(id) FROM report), 0)))",
            )?;
            update.execute([Unsigned(id.0)])?;
            Ok(())
        })
    }
}

impl Reader {
    /// The first `limit` reports that were not marked, in order.
    pub fn unreported(&self, limit: u32) -> Result<Vec<Report>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(UNREPORTED)?;
            select.query_and_then([limit], |row| read(connection, row))?.collect()
        })
    }
}

pub(crate) const UNREPORTED: &str = "SELECT * FROM report
    WHERE id > (SELECT reported_through FROM watch WHERE one = 1) ORDER BY id LIMIT ?1";
pub(crate) const UNREPORTED_COUNT: &str = "SELECT count(*) FROM report
    WHERE id > (SELECT reported_through FROM watch WHERE one = 1)";

/// A change that there is to tell of, and the row it happened to.
pub(crate) enum Change<'a> {
    /// The row of the sighting.
    Sighting(i64),
    TroubleOpened(TroubleId),
    TroubleClosed(TroubleId),
    LogAdded([u8; 32]),
    LogRemoved([u8; 32]),
    IncidentOpened(IncidentId),
    /// Which update of it, from 1.
    IncidentUpdated(IncidentId, i64),
    IncidentClosed(IncidentId),
    Heartbeat(&'a str),
}

/// Puts a change into the outbox. The caller's transaction makes it true at the same time.
pub(crate) fn add(
    connection: &Connection,
    change: &Change<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (event, column, about): (_, _, &dyn ToSql) = match change {
        Change::Sighting(row) => ("sighting", "sighting", row),
        Change::TroubleOpened(id) => ("trouble-opened", "trouble", &Unsigned(id.0)),
        Change::TroubleClosed(id) => ("trouble-closed", "trouble", &Unsigned(id.0)),
        Change::LogAdded(id) => ("log-added", "log", id),
        Change::LogRemoved(id) => ("log-removed", "log", id),
        Change::IncidentOpened(id) => ("incident-opened", "incident", &Unsigned(id.0)),
        Change::IncidentUpdated(id, _) => ("incident-updated", "incident", &Unsigned(id.0)),
        Change::IncidentClosed(id) => ("incident-closed", "incident", &Unsigned(id.0)),
        Change::Heartbeat(detail) => ("heartbeat", "detail", detail),
    };
    let part = if let Change::IncidentUpdated(_, part) = change { *part } else { 0 };
    let insert = format!("INSERT INTO report (at, event, {column}, part) VALUES (?1, ?2, ?3, ?4)");
    connection.prepare_cached(&insert)?.execute((Millis(now), event, about, part))?;
    Ok(())
}

pub(crate) fn unreported_count(connection: &Connection) -> Result<u64, StoreError> {
    let mut select = connection.prepare_cached(UNREPORTED_COUNT)?;
    Ok(select.query_row([], |row| row.get::<_, Unsigned>(0))?.0)
}

pub(crate) fn read(connection: &Connection, row: &Row<'_>) -> Result<Report, StoreError> {
    let trouble = || trouble::load(connection, TroubleId(row.get::<_, Unsigned>("trouble")?.0));
    let log = || {
        let id = row.get("log")?;
        log::find(connection, &id)?.ok_or(StoreError::UnknownLog { id })
    };
    let incident = || {
        let id = IncidentId(row.get::<_, Unsigned>("incident")?.0);
        incident::load(connection, id).map(Box::new)
    };
    let event: String = row.get("event")?;
    let event = match event.as_str() {
        "sighting" => {
            let id = SightingId(row.get::<_, Unsigned>("sighting")?.0);
            Event::Sighting(Box::new(sighting::load(connection, id)?))
        }
        "trouble-opened" => Event::TroubleOpened(trouble()?),
        "trouble-closed" => Event::TroubleClosed(trouble()?),
        "log-added" => Event::LogAdded(log()?),
        "log-removed" => Event::LogRemoved(log()?),
        "incident-opened" => Event::IncidentOpened(incident()?),
        "incident-updated" => Event::IncidentUpdated(incident()?),
        "incident-closed" => Event::IncidentClosed(incident()?),
        "heartbeat" => Event::Heartbeat(row.get("detail")?),
        _ => return Err(StoreError::Damaged { what: format!("a report tells of {event:?}") }),
    };
    Ok(Report {
        id: ReportId(row.get::<_, Unsigned>("id")?.0),
        at: row.get::<_, Millis>("at")?.0,
        event,
    })
}

#[cfg(test)]
mod tests;
