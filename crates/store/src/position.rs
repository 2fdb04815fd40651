//! How far a log was read, and the transaction that moves it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::column::{Hashes, Millis, Unsigned};
use crate::error::StoreError;
use crate::sighting::{self, NewSighting};
use crate::store::{Reader, Store};
use crate::{head, log};

/// How far a log was read. The store keeps it as it is; what the parts mean is up to the follower.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The first index that was read.
    pub start: u64,
    /// Entries below this were searched, and their sightings committed.
    pub downloaded_size: u64,
    /// The hashes of the largest complete subtrees below `downloaded_size`, left to right.
    pub downloaded_peaks: Vec<[u8; 32]>,
    /// Leaf hashes that the follower needs again.
    pub tail: Vec<[u8; 32]>,
    /// Entries below this are known to be under a head that the log signed.
    pub verified_size: u64,
    /// The hashes of the largest complete subtrees below `verified_size`, left to right.
    pub verified_peaks: Vec<[u8; 32]>,
    /// That head, as served.
    pub verified_head: Option<Vec<u8>>,
    /// When the log says that it signed that head, to the millisecond.
    pub verified_head_time: Option<Timestamp>,
    /// Heads that are still to be reached, as served.
    pub pending_heads: Vec<Vec<u8>>,
}

/// Which state of a position was read. Only the store makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision(u64);

impl Store {
    /// Moves the position of `log` and makes the sightings below it, in one transaction, if the position still
    /// is as it was read at `expected` (`None`: there was none). The revision that stands now.
    ///
    /// A sighting that was made before, in a stretch that is read again, stays as it is and is not reported again.
    ///
    /// After an error, read the position before the next attempt: see [`StoreError`].
    pub fn commit(
        &self,
        log: &[u8; 32],
        expected: Option<Revision>,
        position: &Position,
        sightings: &[NewSighting],
        now: Timestamp,
    ) -> Result<Revision, StoreError> {
        self.write(|connection| {
            log::require(connection, log)?;
            let found = revision(connection, log)?;
            if found != expected {
                return Err(StoreError::Conflict { expected, found });
            }
            for sighting in sightings {
                sighting::make(connection, log, sighting, now)?;
            }
            if let Some(head) = &position.verified_head {
                head::keep_first_of_day(connection, log, head, now)?;
            }
            let next = Revision(found.map_or(1, |found| found.0 + 1));
            put(connection, log, next, position, now)?;
            Ok(next)
        })
    }
}

impl Reader {
    /// How far `log` was read, and at which revision; `None` if nothing was committed yet.
    pub fn position(&self, log: &[u8; 32]) -> Result<Option<(Position, Revision)>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached("SELECT * FROM position WHERE log = ?1")?;
            let Some((mut position, revision)) = select.query_row([log], read).optional()? else {
                return Ok(None);
            };
            let mut heads = connection.prepare_cached(PENDING_HEADS)?;
            position.pending_heads =
                heads.query_map([log], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(Some((position, revision)))
        })
    }
}

pub(crate) const PENDING_HEADS: &str =
    "SELECT head FROM pending_head WHERE log = ?1 ORDER BY ordinal";

fn revision(connection: &Connection, log: &[u8; 32]) -> Result<Option<Revision>, StoreError> {
    let mut select = connection.prepare_cached("SELECT revision FROM position WHERE log = ?1")?;
    let revision: Option<Unsigned> = select.query_row([log], |row| row.get(0)).optional()?;
    Ok(revision.map(|revision| Revision(revision.0)))
}

fn put(
    connection: &Connection,
    log: &[u8; 32],
    revision: Revision,
    position: &Position,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO position (log, revision, start, downloaded_size, downloaded_peaks, tail,
             verified_size, verified_peaks, verified_head, verified_head_time, committed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (log) DO UPDATE SET revision = ?2, start = ?3, downloaded_size = ?4, downloaded_peaks = ?5,
             tail = ?6, verified_size = ?7, verified_peaks = ?8, verified_head = ?9, verified_head_time = ?10,
             committed_at = ?11",
    )?;
    upsert.execute((
        log,
        Unsigned(revision.0),
        Unsigned(position.start),
        Unsigned(position.downloaded_size),
        position.downloaded_peaks.as_flattened(),
        position.tail.as_flattened(),
        Unsigned(position.verified_size),
        position.verified_peaks.as_flattened(),
        &position.verified_head,
        position.verified_head_time.map(Millis),
        Millis(now),
    ))?;
    connection.prepare_cached("DELETE FROM pending_head WHERE log = ?1")?.execute([log])?;
    let mut insert = connection
        .prepare_cached("INSERT INTO pending_head (log, ordinal, head) VALUES (?1, ?2, ?3)")?;
    for (ordinal, head) in (0i64..).zip(&position.pending_heads) {
        insert.execute((log, ordinal, head))?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<(Position, Revision)> {
    let position = Position {
        start: row.get::<_, Unsigned>("start")?.0,
        downloaded_size: row.get::<_, Unsigned>("downloaded_size")?.0,
        downloaded_peaks: row.get::<_, Hashes>("downloaded_peaks")?.0,
        tail: row.get::<_, Hashes>("tail")?.0,
        verified_size: row.get::<_, Unsigned>("verified_size")?.0,
        verified_peaks: row.get::<_, Hashes>("verified_peaks")?.0,
        verified_head: row.get("verified_head")?,
        verified_head_time: row.get::<_, Option<Millis>>("verified_head_time")?.map(|time| time.0),
        pending_heads: Vec::new(),
    };
    Ok((position, Revision(row.get::<_, Unsigned>("revision")?.0)))
}

#[cfg(test)]
mod tests;
