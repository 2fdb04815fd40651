//! Promises: what logs signed for in our own certificates, until it is known whether they kept it.

use countersign_judge::Severity;
use countersign_judge::decision::ToldFinding;
use countersign_judge::promise::Promise;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Row;

use crate::column::{Millis, Unsigned};
use crate::error::StoreError;
use crate::incident::{self, NewIncident, Subject};
use crate::store::{Reader, Store};

/// Which promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PromiseId(i64);

/// How a promise ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The entry is there.
    Kept,
    /// The certificate is in the log, but not as the entry that was promised: an incident.
    KeptElsewhere {
        /// Where it is.
        index: u64,
        /// What is told.
        broken: Broken,
    },
    /// It is not there: an incident.
    Broken(Broken),
}

/// What is told of a promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// One line.
    pub title: String,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong.
    pub finding: ToldFinding,
}

impl Store {
    /// Notes promises that were not noted before, to be looked at when they are due.
    pub fn note_promises(&self, promises: &[Promise], now: Timestamp) -> Result<(), StoreError> {
        if promises.is_empty() {
            return Ok(());
        }
        self.write(|connection| {
            let mut insert = connection.prepare_cached(
                "INSERT INTO promise (log, tbs_sha256, timestamp_ms, leaf_index, mmd_ms, noted_at, look_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            )?;
            for promise in promises {
                insert.execute((
                    promise.log,
                    promise.tbs_sha256,
                    Unsigned(promise.timestamp_ms),
                    promise.leaf_index.map(Unsigned),
                    i64::try_from(promise.mmd.as_millis()).unwrap_or(i64::MAX),
                    Millis(now),
                    Millis(promise.due().unwrap_or(Timestamp::MAX)),
                ))?;
            }
            Ok(())
        })
    }

    /// Notes that nobody could tell yet, and when to look again.
    pub fn put_off_promise(&self, id: PromiseId, look_at: Timestamp) -> Result<(), StoreError> {
        self.write(|connection| {
            let mut update = connection.prepare_cached(
                "UPDATE promise SET look_at = ?2 WHERE id = ?1 AND outcome IS NULL",
            )?;
            update.execute((id.0, Millis(look_at)))?;
            Ok(())
        })
    }

    /// Notes how a promise ended, and opens the incident if it was not kept, with its report. One that has ended
    /// before stays as it is.
    pub fn settle_promise(
        &self,
        id: PromiseId,
        promise: &Promise,
        settled: &Settled,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            let mut open = connection.prepare_cached(OPEN)?;
            if !open.exists([id.0])? {
                return Ok(());
            }
            let (outcome, index, broken) = match settled {
                Settled::Kept => ("kept", None, None),
                Settled::KeptElsewhere { index, broken } => {
                    ("kept-elsewhere", Some(Unsigned(*index)), Some(broken))
                }
                Settled::Broken(broken) => ("broken", None, Some(broken)),
            };
            let subject = Subject::Promise { tbs_sha256: promise.tbs_sha256, log: promise.log };
            let opened = broken.map(|broken| {
                let findings = std::slice::from_ref(&broken.finding);
                let (severity, title) = (broken.severity, broken.title.as_str());
                incident::open(connection, &NewIncident { subject, severity, title, findings }, now)
            });
            let incident = opened.transpose()?.map(|id| Unsigned(id.0));
            let mut update = connection.prepare_cached(
                "UPDATE promise SET outcome = ?2, found_index = ?3, incident = ?4, settled_at = ?5 WHERE id = ?1",
            )?;
            update.execute((id.0, outcome, index, incident, Millis(now)))?;
            Ok(())
        })
    }
}

impl Reader {
    /// The promises to look at now, those that wait longest first.
    pub fn promises_due(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<(PromiseId, Promise)>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(DUE)?;
            let rows = select.query_map((Millis(now), limit), read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// When the next promise is to be looked at.
    pub fn next_promise_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(NEXT)?;
            let next: Option<Millis> = select.query_row([], |row| row.get(0))?;
            Ok(next.map(|next| next.0))
        })
    }
}

pub(crate) const OPEN: &str = "SELECT 1 FROM promise WHERE id = ?1 AND outcome IS NULL";
pub(crate) const DUE: &str = "SELECT * FROM promise
    WHERE outcome IS NULL AND look_at <= ?1 ORDER BY look_at LIMIT ?2";
pub(crate) const NEXT: &str = "SELECT min(look_at) FROM promise WHERE outcome IS NULL";

fn read(row: &Row<'_>) -> rusqlite::Result<(PromiseId, Promise)> {
    let promise = Promise {
        log: row.get("log")?,
        tbs_sha256: row.get("tbs_sha256")?,
        timestamp_ms: row.get::<_, Unsigned>("timestamp_ms")?.0,
        leaf_index: row.get::<_, Option<Unsigned>>("leaf_index")?.map(|index| index.0),
        mmd: SignedDuration::from_millis(row.get("mmd_ms")?),
    };
    Ok((PromiseId(row.get("id")?), promise))
}

#[cfg(test)]
mod tests;
