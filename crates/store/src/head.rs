//! The heads that are kept: of each log the first verified one of each day.
//!
//! A log that shows others a different tree is found out when two heads are held against each other, and that
//! may be months later. Every head of forty logs would be some gigabytes a year; one a day is some megabytes,
//! and any two heads of one history are linked by a consistency proof whatever lies between them. The day is
//! ours, not the one that the log writes into the head: a log cannot make us keep more.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::column::Millis;
use crate::error::StoreError;
use crate::evidence;
use crate::store::Reader;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A head that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyHead {
    /// When it was committed as verified.
    pub kept_at: Timestamp,
    /// The SHA-256 of its bytes, as served; [`Reader::evidence`] has them.
    pub sha256: [u8; 32],
}

impl Reader {
    /// The first verified head of each day (UTC), in order.
    pub fn daily_heads(&self, log: &[u8; 32]) -> Result<Vec<DailyHead>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(DAILY_HEADS)?;
            Ok(select.query_map([log], read)?.collect::<Result<_, _>>()?)
        })
    }
}

pub(crate) const DAILY_HEADS: &str =
    "SELECT kept_at, sha256 FROM daily_head JOIN evidence ON evidence.id = head
    WHERE log = ?1 ORDER BY day";

/// Keeps `head`, unless one is kept for the day of `now`.
pub(crate) fn keep_first_of_day(
    connection: &Connection,
    log: &[u8; 32],
    head: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    let day = now.as_millisecond().div_euclid(DAY_MS);
    let mut select =
        connection.prepare_cached("SELECT 1 FROM daily_head WHERE log = ?1 AND day = ?2")?;
    let kept: Option<i64> = select.query_row((log, day), |row| row.get(0)).optional()?;
    if kept.is_some() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO daily_head (log, day, kept_at, head) VALUES (?1, ?2, ?3, ?4)",
    )?;
    insert.execute((log, day, Millis(now), evidence::keep(connection, head)?))?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<DailyHead> {
    Ok(DailyHead { kept_at: row.get::<_, Millis>("kept_at")?.0, sha256: row.get("sha256")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::sha256;
    use crate::position::Position;
    use crate::tests::{at, fixture, log};

    #[test]
    fn one_head_a_day_is_kept() {
        let (_directory, store) = fixture();
        let log = log(1);
        store.upsert_log(&log, at(0)).unwrap();
        let mut revision = None;
        let days = [
            (at(0), "a"),
            (at(1), "b"),
            (at(86_400), "c"),
            (at(86_401), "d"),
            (at(-1), "e"),
            (at(0), "f"),
        ];
        for (now, head) in days {
            let position = Position { verified_head: Some(head.into()), ..Position::default() };
            revision = Some(store.commit(&log.id, revision, &position, &[], now).unwrap());
        }
        let kept = [(at(-1), "e"), (at(0), "a"), (at(86_400), "c")]
            .map(|(kept_at, head)| DailyHead { kept_at, sha256: sha256(head.as_bytes()) });
        assert_eq!(store.reader().daily_heads(&log.id).unwrap(), kept);
        assert_eq!(store.reader().evidence(&sha256(b"c")).unwrap().unwrap(), b"c");
        assert_eq!(store.reader().evidence(&sha256(b"d")).unwrap(), None);
    }
}
