//! The logs that are followed, or were.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::column::{Millis, Unsigned};
use crate::error::StoreError;
use crate::report::{self, Change};
use crate::store::{Reader, Store};

/// A log, as the log list describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// SHA-256 of its key (RFC 6962 §3.2).
    pub id: [u8; 32],
    /// Its name for people.
    pub description: String,
    /// Who runs it.
    pub operator: String,
    /// How it is read.
    pub api: Api,
    /// Where it is read.
    pub url: String,
    /// Its maximum merge delay, in seconds; `None` if the list does not say.
    pub mmd_s: Option<u64>,
}

/// How a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// RFC 6962.
    Rfc6962,
    /// c2sp.org/static-ct-api.
    StaticCt,
}

/// A log, and since when it is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// The log.
    pub log: Log,
    /// When it was added, the last time if it had been removed in between.
    pub added_at: Timestamp,
    /// When it was removed; `None` while it is followed.
    pub removed_at: Option<Timestamp>,
}

/// What became of a log that the list describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upserted {
    /// It was not followed before. There is a report of it.
    Added,
    /// It is described otherwise than before.
    Changed,
    /// It is known just so.
    Unchanged,
}

/// What became of a log that is to be followed no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retired {
    /// It was followed until now. There is a report of it.
    Removed,
    /// It was removed before.
    Already,
}

impl Store {
    /// Adds a log, or takes over how the list describes it now. A log that had been removed is added again, and
    /// goes on from its old position.
    pub fn upsert_log(&self, log: &Log, now: Timestamp) -> Result<Upserted, StoreError> {
        self.write(|connection| {
            let (upserted, added_at) = match find(connection, &log.id)? {
                Some(known) if known.removed_at.is_some() => (Upserted::Added, now),
                Some(known) if known.log != *log => (Upserted::Changed, known.added_at),
                Some(_) => return Ok(Upserted::Unchanged),
                None => (Upserted::Added, now),
            };
            let mut upsert = connection.prepare_cached(
                "INSERT INTO log (id, description, operator, api, url, mmd_s, added_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (id) DO UPDATE SET description = ?2, operator = ?3, api = ?4, url = ?5, mmd_s = ?6,
                     added_at = ?7, removed_at = NULL",
            )?;
            let mmd_s = log.mmd_s.map(Unsigned);
            upsert.execute((log.id, &log.description, &log.operator, log.api.text(), &log.url, mmd_s, Millis(added_at)))?;
            if upserted == Upserted::Added {
                report::add(connection, &Change::LogAdded(log.id), now)?;
            }
            Ok(upserted)
        })
    }

    /// Marks a log as followed no longer. All that is known of it stays.
    pub fn retire_log(&self, id: &[u8; 32], now: Timestamp) -> Result<Retired, StoreError> {
        self.write(|connection| {
            require(connection, id)?;
            let mut retire = connection.prepare_cached(
                "UPDATE log SET removed_at = ?2 WHERE id = ?1 AND removed_at IS NULL",
            )?;
            if retire.execute((id, Millis(now)))? == 0 {
                return Ok(Retired::Already);
            }
            report::add(connection, &Change::LogRemoved(*id), now)?;
            Ok(Retired::Removed)
        })
    }
}

impl Reader {
    /// All logs, the removed ones too, by operator and description.
    pub fn logs(&self) -> Result<Vec<LogRow>, StoreError> {
        self.read(|connection| all(connection))
    }
}

impl Api {
    fn text(self) -> &'static str {
        match self {
            Self::Rfc6962 => "rfc6962",
            Self::StaticCt => "static-ct",
        }
    }
}

pub(crate) fn all(connection: &Connection) -> Result<Vec<LogRow>, StoreError> {
    let mut select =
        connection.prepare_cached("SELECT * FROM log ORDER BY operator, description, id")?;
    select.query_and_then([], read)?.collect()
}

pub(crate) fn find(connection: &Connection, id: &[u8; 32]) -> Result<Option<LogRow>, StoreError> {
    let mut select = connection.prepare_cached("SELECT * FROM log WHERE id = ?1")?;
    select.query_and_then([id], read)?.next().transpose()
}

/// Refuses a log that was never added.
pub(crate) fn require(connection: &Connection, id: &[u8; 32]) -> Result<(), StoreError> {
    let mut select = connection.prepare_cached("SELECT 1 FROM log WHERE id = ?1")?;
    let known: Option<i64> = select.query_row([id], |row| row.get(0)).optional()?;
    known.map(|_| ()).ok_or(StoreError::UnknownLog { id: *id })
}

fn read(row: &Row<'_>) -> Result<LogRow, StoreError> {
    let api: String = row.get("api")?;
    let log = Log {
        id: row.get("id")?,
        description: row.get("description")?,
        operator: row.get("operator")?,
        api: match api.as_str() {
            "rfc6962" => Api::Rfc6962,
            "static-ct" => Api::StaticCt,
            _ => return Err(StoreError::Damaged { what: format!("a log is read by {api:?}") }),
        },
        url: row.get("url")?,
        mmd_s: row.get::<_, Option<Unsigned>>("mmd_s")?.map(|mmd_s| mmd_s.0),
    };
    Ok(LogRow {
        log,
        added_at: row.get::<_, Millis>("added_at")?.0,
        removed_at: row.get::<_, Option<Millis>>("removed_at")?.map(|time| time.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Event;
    use crate::tests::{at, fixture, log};

    #[test]
    fn a_log_is_added_once_changed_and_added_again() {
        let (_directory, store) = fixture();
        let mut log = log(1);
        assert_eq!(store.upsert_log(&log, at(1)).unwrap(), Upserted::Added);
        assert_eq!(store.upsert_log(&log, at(2)).unwrap(), Upserted::Unchanged);
        log.url = "https://elsewhere.example/".into();
        log.mmd_s = Some(u64::MAX);
        assert_eq!(store.upsert_log(&log, at(3)).unwrap(), Upserted::Changed);
        let row = LogRow { log: log.clone(), added_at: at(1), removed_at: None };
        assert_eq!(store.reader().logs().unwrap(), [row]);

        assert_eq!(store.retire_log(&log.id, at(4)).unwrap(), Retired::Removed);
        assert_eq!(store.retire_log(&log.id, at(5)).unwrap(), Retired::Already);
        assert_eq!(store.reader().logs().unwrap()[0].removed_at, Some(at(4)));
        assert_eq!(store.upsert_log(&log, at(6)).unwrap(), Upserted::Added);
        let row = LogRow { log, added_at: at(6), removed_at: None };
        assert_eq!(store.reader().logs().unwrap(), std::slice::from_ref(&row));

        let events: Vec<_> =
            store.reader().unreported(9).unwrap().into_iter().map(|report| report.event).collect();
        assert_eq!(
            events,
            [Event::LogAdded(row.clone()), Event::LogRemoved(row.clone()), Event::LogAdded(row)]
        );
    }

    #[test]
    fn a_log_that_was_never_added_is_named() {
        let (_directory, store) = fixture();
        let error = store.retire_log(&[0xab; 32], at(1)).unwrap_err();
        assert_eq!(error.to_string(), format!("there is no log {}", "ab".repeat(32)));
    }
}
