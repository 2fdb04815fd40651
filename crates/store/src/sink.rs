//! Sinks: to whom reports are brought, and how far each has come. What keeps one back is nothing to the others.

use jiff::Timestamp;
use rusqlite::{Connection, Row};

use crate::column::{self, Millis, Unsigned};
use crate::error::StoreError;
use crate::report::{self, Change, Report, ReportId};
use crate::store::{Reader, Store};

/// How a sink stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// Its name in the configuration.
    pub name: String,
    /// Every report up to this was delivered.
    pub delivered_through: ReportId,
    /// When the last one was.
    pub last_delivered_at: Option<Timestamp>,
    /// Attempts in vain since.
    pub attempts: u32,
    /// When the first of these was.
    pub failing_since: Option<Timestamp>,
    /// When the next will be.
    pub next_at: Option<Timestamp>,
    /// Why the last one failed.
    pub last_error: Option<String>,
}

impl Store {
    /// A sink that is new gets what is reported from now on; one that is known goes on where it was.
    pub fn add_sink(&self, name: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write(|connection| {
            let mut insert = connection.prepare_cached(
                "INSERT INTO sink (name, added_at, delivered_through)
                 VALUES (?1, ?2, (SELECT coalesce(max(id), 0) FROM report)) ON CONFLICT DO NOTHING",
            )?;
            insert.execute((name, Millis(now)))?;
            Ok(())
        })
    }

    /// Notes that a sink has taken every report up to this. To be called after it did.
    pub fn delivered(
        &self,
        name: &str,
        through: ReportId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            let mut update = connection.prepare_cached(
                "UPDATE sink SET delivered_through =
                     max(delivered_through, min(?2, coalesce((SELECT max(id) FROM report), 0))),
                     last_delivered_at = ?3, attempts = 0, failing_since = NULL, next_at = NULL, last_error = NULL
                 WHERE name = ?1",
            )?;
            update.execute((name, column::after(Some(through.0)), Millis(now)))?;
            Ok(())
        })
    }

    /// Notes an attempt in vain, and when the next one is.
    pub fn not_delivered(
        &self,
        name: &str,
        why: &str,
        next_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            let mut update = connection.prepare_cached(
                "UPDATE sink SET attempts = attempts + 1, failing_since = coalesce(failing_since, ?4),
                     next_at = ?3, last_error = ?2 WHERE name = ?1",
            )?;
            update.execute((name, why, Millis(next_at), Millis(now)))?;
            Ok(())
        })
    }

    /// Puts a sign of life into the outbox.
    pub fn heartbeat(&self, text: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write(|connection| {
            report::add(connection, &Change::Heartbeat(text), now)?;
            let mut update = connection.prepare_cached("UPDATE watch SET heartbeat_at = ?1")?;
            update.execute([Millis(now)])?;
            Ok(())
        })
    }
}

impl Reader {
    /// The first `limit` reports that a sink has not had, in order: incidents, troubles, heartbeats. None for a sink
    /// that was never added.
    pub fn undelivered(&self, name: &str, limit: u32) -> Result<Vec<Report>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(UNDELIVERED)?;
            let rows = select.query_and_then((name, limit), |row| report::read(connection, row))?;
            rows.collect()
        })
    }

    /// All sinks that were ever added, by their names.
    pub fn sinks(&self) -> Result<Vec<Sink>, StoreError> {
        self.read(|connection| all(connection))
    }

    /// One sink.
    pub fn sink(&self, name: &str) -> Result<Option<Sink>, StoreError> {
        self.read(|connection| find(connection, name))
    }

    /// When the last heartbeat was put into the outbox.
    pub fn heartbeat_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|connection| heartbeat_at(connection))
    }
}

// The condition is that of the index, word for word: else SQLite would wade through the sightings.
pub(crate) const UNDELIVERED: &str = "SELECT * FROM report
    WHERE event IN
    ('incident-opened', 'incident-updated', 'incident-closed', 'trouble-opened', 'trouble-closed', 'heartbeat')
        AND id > (SELECT delivered_through FROM sink WHERE name = ?1) ORDER BY id LIMIT ?2";

pub(crate) fn all(connection: &Connection) -> Result<Vec<Sink>, StoreError> {
    let mut select = connection.prepare_cached("SELECT * FROM sink ORDER BY name")?;
    Ok(select.query_map([], read)?.collect::<Result<_, _>>()?)
}

pub(crate) fn heartbeat_at(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let mut select = connection.prepare_cached("SELECT heartbeat_at FROM watch WHERE one = 1")?;
    let at: Option<Millis> = select.query_row([], |row| row.get(0))?;
    Ok(at.map(|at| at.0))
}

fn find(connection: &Connection, name: &str) -> Result<Option<Sink>, StoreError> {
    let mut select = connection.prepare_cached("SELECT * FROM sink WHERE name = ?1")?;
    Ok(select.query_map([name], read)?.next().transpose()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Sink> {
    let time =
        |column: &str| row.get::<_, Option<Millis>>(column).map(|time| time.map(|time| time.0));
    Ok(Sink {
        name: row.get("name")?,
        delivered_through: ReportId(row.get::<_, Unsigned>("delivered_through")?.0),
        last_delivered_at: time("last_delivered_at")?,
        attempts: row.get("attempts")?,
        failing_since: time("failing_since")?,
        next_at: time("next_at")?,
        last_error: row.get("last_error")?,
    })
}

#[cfg(test)]
mod tests;
