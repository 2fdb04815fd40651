//! What the last poll of each log brought, and how fast its entries come.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::column::{Millis, Unsigned};
use crate::error::StoreError;
use crate::log;
use crate::store::Store;

/// What asking a log for its head brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poll {
    /// A head that was accepted.
    Head(Head),
    /// None: why, in words.
    Trouble(String),
}

/// A tree head that a log served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The size of the tree.
    pub size: u64,
    /// When the log says that it signed it, to the millisecond; `None` for a time that no calendar has.
    pub time: Option<Timestamp>,
    /// As served.
    pub bytes: Vec<u8>,
}

/// A stretch of downloading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throughput {
    /// How many entries came.
    pub entries: u64,
    /// In how many bytes on the wire.
    pub received_bytes: u64,
    /// In how long.
    pub took_ms: u64,
}

/// The last poll, the last that succeeded, the last that did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollRow {
    /// When the last poll was.
    pub polled_at: Option<Timestamp>,
    /// When the last was that brought a head.
    pub succeeded_at: Option<Timestamp>,
    /// That head.
    pub head: Option<Head>,
    /// When the last was that brought none, and why. It may be over: compare with `succeeded_at`.
    pub trouble: Option<(Timestamp, String)>,
    /// The last stretch of downloading, and when it ended.
    pub throughput: Option<(Timestamp, Throughput)>,
}

impl Store {
    /// Notes what a poll brought. Only the last head is kept here: a proof goes into a trouble, and
    /// [`head`](crate::head) says which others are kept.
    pub fn note_poll(&self, log: &[u8; 32], poll: &Poll, now: Timestamp) -> Result<(), StoreError> {
        self.write(|connection| {
            log::require(connection, log)?;
            let now = Millis(now);
            match poll {
                Poll::Head(head) => connection
                    .prepare_cached(
                        "INSERT INTO poll (log, polled_at, succeeded_at, head_size, head_time, head)
                         VALUES (?1, ?2, ?2, ?3, ?4, ?5)
                         ON CONFLICT (log) DO UPDATE SET polled_at = ?2, succeeded_at = ?2,
                             head_size = ?3, head_time = ?4, head = ?5",
                    )?
                    .execute((log, now, Unsigned(head.size), head.time.map(Millis), &head.bytes))?,
                Poll::Trouble(why) => connection
                    .prepare_cached(
                        "INSERT INTO poll (log, polled_at, trouble_at, trouble) VALUES (?1, ?2, ?2, ?3)
                         ON CONFLICT (log) DO UPDATE SET polled_at = ?2, trouble_at = ?2, trouble = ?3",
                    )?
                    .execute((log, now, why))?,
            };
            Ok(())
        })
    }

    /// Notes a stretch of downloading that ended now.
    pub fn note_throughput(
        &self,
        log: &[u8; 32],
        throughput: &Throughput,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            log::require(connection, log)?;
            let Throughput { entries, received_bytes, took_ms } = *throughput;
            let mut upsert = connection.prepare_cached(
                "INSERT INTO poll (log, entries, received_bytes, took_ms, downloaded_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (log) DO UPDATE SET entries = ?2, received_bytes = ?3, took_ms = ?4, downloaded_at = ?5",
            )?;
            upsert.execute((log, Unsigned(entries), Unsigned(received_bytes), Unsigned(took_ms), Millis(now)))?;
            Ok(())
        })
    }
}

pub(crate) fn find(connection: &Connection, log: &[u8; 32]) -> Result<PollRow, StoreError> {
    let mut select = connection.prepare_cached("SELECT * FROM poll WHERE log = ?1")?;
    Ok(select.query_row([log], read).optional()?.unwrap_or_default())
}

fn read(row: &Row<'_>) -> rusqlite::Result<PollRow> {
    let time =
        |column: &str| row.get::<_, Option<Millis>>(column).map(|time| time.map(|time| time.0));
    let head = match row.get::<_, Option<Unsigned>>("head_size")? {
        Some(size) => {
            Some(Head { size: size.0, time: time("head_time")?, bytes: row.get("head")? })
        }
        None => None,
    };
    let trouble = match time("trouble_at")? {
        Some(at) => Some((at, row.get("trouble")?)),
        None => None,
    };
    let throughput = match time("downloaded_at")? {
        Some(at) => {
            let entries = row.get::<_, Unsigned>("entries")?.0;
            let received_bytes = row.get::<_, Unsigned>("received_bytes")?.0;
            Some((
                at,
                Throughput {
                    entries,
                    received_bytes,
                    took_ms: row.get::<_, Unsigned>("took_ms")?.0,
                },
            ))
        }
        None => None,
    };
    Ok(PollRow {
        polled_at: time("polled_at")?,
        succeeded_at: time("succeeded_at")?,
        head,
        trouble,
        throughput,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{at, fixture, log};

    #[test]
    fn the_last_success_outlives_the_trouble_after_it() {
        let (_directory, store) = fixture();
        let log = log(1);
        store.upsert_log(&log, at(0)).unwrap();
        let row = || store.reader().status().unwrap().logs.remove(0).poll;
        assert_eq!(row(), PollRow::default());

        let throughput = Throughput { entries: 256, received_bytes: 300_000, took_ms: 900 };
        store.note_throughput(&log.id, &throughput, at(1)).unwrap();
        let expected = PollRow { throughput: Some((at(1), throughput)), ..PollRow::default() };
        assert_eq!(row(), expected);

        let head = Head { size: u64::MAX, time: None, bytes: b"{}".to_vec() };
        store.note_poll(&log.id, &Poll::Head(head.clone()), at(2)).unwrap();
        let expected = PollRow {
            polled_at: Some(at(2)),
            succeeded_at: Some(at(2)),
            head: Some(head),
            ..expected
        };
        assert_eq!(row(), expected);

        store.note_poll(&log.id, &Poll::Trouble("no route".into()), at(3)).unwrap();
        let trouble = Some((at(3), "no route".into()));
        assert_eq!(row(), PollRow { polled_at: Some(at(3)), trouble, ..expected });
    }
}
