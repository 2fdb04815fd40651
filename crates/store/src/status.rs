//! How the watch stands, all of it at one moment.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::column::{Millis, Unsigned};
use crate::error::StoreError;
use crate::incident;
use crate::judgement;
use crate::log::{self, LogRow};
use crate::log_list::{self, LogListAge};
use crate::poll::{self, PollRow};
use crate::report;
use crate::sink::{self, Sink};
use crate::store::{Reader, Store};
use crate::trouble::{self, Trouble};
use crate::zone::{self, ZoneRow};

/// How the watch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// When the first watch began.
    pub guarding_since: Option<Timestamp>,
    /// Each log, the removed ones too.
    pub logs: Vec<LogStatus>,
    /// The open troubles that are about no single log.
    pub troubles: Vec<Trouble>,
    /// How many reports have not gone out.
    pub unreported: u64,
    /// How old each log list is.
    pub log_lists: Vec<LogListAge>,
    /// How many certificates wait for somebody to say that they are theirs.
    pub pending: u64,
    /// How many incidents are open.
    pub open: u64,
    /// How many of these nobody has taken on.
    pub unacknowledged: u64,
    /// When the last heartbeat was put into the outbox.
    pub heartbeat_at: Option<Timestamp>,
    /// All sinks that were ever added.
    pub sinks: Vec<Sink>,
    /// The zones whose delegation is watched.
    pub zones: Vec<ZoneRow>,
}

/// How the watch of one log stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStatus {
    /// The log.
    pub log: LogRow,
    /// How far it was read; `None` if nothing was committed yet.
    pub progress: Option<Progress>,
    /// What its polls brought.
    pub poll: PollRow,
    /// Its open troubles, the newest last.
    pub troubles: Vec<Trouble>,
}

/// How far a log was read: what people ask of a [`Position`](crate::position::Position).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The first index that was read.
    pub start: u64,
    /// Entries below this were searched.
    pub downloaded_size: u64,
    /// Entries below this are under a head that the log signed.
    pub verified_size: u64,
    /// When the log says that it signed that head.
    pub verified_head_time: Option<Timestamp>,
    /// When this was committed.
    pub committed_at: Timestamp,
}

impl Store {
    /// Notes that a watch begins. Since when there has been one: `now`, or an earlier time that was noted.
    pub fn begin_guarding(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.write(|connection| {
            let mut update = connection.prepare_cached(
                "UPDATE watch SET guarding_since = coalesce(guarding_since, ?1) RETURNING guarding_since",
            )?;
            Ok(update.query_row([Millis(now)], |row| row.get::<_, Millis>(0))?.0)
        })
    }
}

impl Reader {
    /// When the first watch began.
    pub fn guarding_since(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|connection| guarding_since(connection))
    }

    /// How everything stands.
    pub fn status(&self) -> Result<Status, StoreError> {
        self.read(|connection| {
            let (mut of_logs, troubles): (Vec<_>, Vec<_>) =
                trouble::open(connection)?.into_iter().partition(|trouble| trouble.log.is_some());
            let mut logs = Vec::new();
            for log in log::all(connection)? {
                let id = log.log.id;
                let (progress, poll) = (progress(connection, &id)?, poll::find(connection, &id)?);
                let troubles = of_logs.extract_if(.., |trouble| trouble.log == Some(id)).collect();
                logs.push(LogStatus { log, progress, poll, troubles });
            }
            let (open, unacknowledged) = incident::open_count(connection)?;
            Ok(Status {
                guarding_since: guarding_since(connection)?,
                logs,
                troubles,
                unreported: report::unreported_count(connection)?,
                log_lists: log_list::ages(connection)?,
                pending: judgement::pending_count(connection)?,
                open,
                unacknowledged,
                heartbeat_at: sink::heartbeat_at(connection)?,
                sinks: sink::all(connection)?,
                zones: zone::all(connection)?
                    .into_iter()
                    .filter(|zone| zone.removed_at.is_none())
                    .collect(),
            })
        })
    }
}

fn guarding_since(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let mut select = connection.prepare_cached("SELECT guarding_since FROM watch WHERE one = 1")?;
    Ok(select.query_row([], |row| row.get::<_, Option<Millis>>(0))?.map(|since| since.0))
}

fn progress(connection: &Connection, log: &[u8; 32]) -> Result<Option<Progress>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT start, downloaded_size, verified_size, verified_head_time, committed_at
         FROM position WHERE log = ?1",
    )?;
    Ok(select.query_row([log], read).optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Progress> {
    Ok(Progress {
        start: row.get::<_, Unsigned>("start")?.0,
        downloaded_size: row.get::<_, Unsigned>("downloaded_size")?.0,
        verified_size: row.get::<_, Unsigned>("verified_size")?.0,
        verified_head_time: row.get::<_, Option<Millis>>("verified_head_time")?.map(|time| time.0),
        committed_at: row.get::<_, Millis>("committed_at")?.0,
    })
}
