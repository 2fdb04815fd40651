//! Zones whose delegation is watched: what is known and expected of each, and what came of each look.
//!
//! A look is one transaction: what was seen, the evidence, the incident with its report, and last the revision of the
//! zone, which moves only from the one that the look began with. What somebody accepts meanwhile is not overwritten.

mod incident;
pub(crate) mod state;

use std::collections::BTreeMap;

use countersign_judge::delegation::{Before, Judged, Shown, Snapshot, Topic, Trust};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::column::Millis;
use crate::error::StoreError;
use crate::evidence;
use crate::incident::IncidentId;
use crate::store::{Desk, Reader, Store};

pub use incident::CLOSES_AFTER;

/// A zone, and how the watch of it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneRow {
    /// Its name.
    pub name: String,
    /// Since when it is watched.
    pub added_at: Timestamp,
    /// When it was taken out of the configuration; `None` while it is in.
    pub removed_at: Option<Timestamp>,
    /// The last look that heard servers of both sides.
    pub looked_at: Option<Timestamp>,
    /// Since when something could not be looked at, and what.
    pub blind: Option<(Timestamp, String)>,
    /// When somebody accepted what was seen.
    pub accepted_at: Option<Timestamp>,
    /// The incident about it that is open.
    pub incident: Option<IncidentId>,
}

/// What the next look begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneState {
    /// To be given back with the look.
    pub revision: i64,
    /// What is known from the looks before.
    pub before: Before,
    /// What was learned to be expected.
    pub learned: BTreeMap<Topic, Shown>,
}

/// What was seen of one topic in the last look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRow {
    /// The topic.
    pub topic: Topic,
    /// What was shown.
    pub shown: Shown,
    /// Whether it can be relied on.
    pub trust: Trust,
    /// How long it may be kept, in seconds.
    pub ttl_s: Option<u32>,
    /// Who showed it, one a line.
    pub witnesses: Vec<String>,
    /// When it was first seen.
    pub since: Timestamp,
}

/// A look, as it goes in.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// As in [`ZoneState::revision`].
    pub revision: i64,
    /// What was seen.
    pub seen: &'a Snapshot,
    /// What was made of it.
    pub judged: &'a Judged,
    /// What was learned from it.
    pub learned: &'a BTreeMap<Topic, Shown>,
    /// What could not be looked at; `None` if all was.
    pub blind: Option<&'a str>,
}

/// What came of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// It was written down.
    Noted {
        /// Since when something could not be looked at, if that is so now.
        blind_since: Option<Timestamp>,
        /// Whether there is something to report.
        is_news: bool,
    },
    /// Somebody has accepted something since it began, or the zone is no longer watched. It counts for nothing.
    Overtaken,
}

/// What became of the wish to accept what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// These topics are expected to be as they were seen.
    Now(Vec<Topic>),
    /// The zone is not watched.
    Unknown,
    /// It was never seen, or servers contradict each other about everything, or nothing that they say can be relied on.
    Unseen,
    /// Another look came after what was shown to whoever accepts it.
    Overtaken,
}

impl Store {
    /// Says which zones are watched from now on. One that is no longer is kept, and an incident about it closed.
    pub fn watch_zones(&self, names: &[String], now: Timestamp) -> Result<(), StoreError> {
        self.write(|connection| {
            let mut insert = connection.prepare_cached(
                "INSERT INTO zone (name, added_at) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET removed_at = NULL",
            )?;
            for name in names {
                insert.execute((name, Millis(now)))?;
            }
            for row in all(connection)?.iter().filter(|row| row.removed_at.is_none()) {
                if names.contains(&row.name) {
                    continue;
                }
                let mut update = connection.prepare_cached(
                    "UPDATE zone SET removed_at = ?2, blind_since = NULL, blind = NULL, quiet_since = NULL,
                         revision = revision + 1 WHERE name = ?1",
                )?;
                update.execute((&row.name, Millis(now)))?;
                incident::close(connection, &row.name, "the zone is no longer watched", now)?;
            }
            Ok(())
        })
    }

    /// Writes down what came of a look.
    pub fn note_look(&self, look: &Look<'_>) -> Result<Looked, StoreError> {
        let (name, now) = (look.seen.zone.to_string(), look.seen.at);
        self.write(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT blind_since FROM zone WHERE name = ?1 AND revision = ?2 AND removed_at IS NULL",
            )?;
            let blind_since: Option<Option<Millis>> =
                select.query_row((&name, look.revision), |row| row.get(0)).optional()?;
            let Some(blind_since) = blind_since else { return Ok(Looked::Overtaken) };
            for piece in &look.judged.pieces {
                evidence::keep(connection, &piece.bytes)?;
            }
            state::replace(connection, &name, look)?;
            let is_news = incident::note(connection, &name, look)?;
            let blind_since = look.blind.map(|_| blind_since.map_or(now, |at| at.0));
            let mut update = connection.prepare_cached(
                "UPDATE zone SET revision = revision + 1, looked_at = coalesce(?2, looked_at),
                     blind_since = ?3, blind = ?4 WHERE name = ?1",
            )?;
            let looked_at = look.seen.sees().then_some(Millis(now));
            update.execute((&name, looked_at, blind_since.map(Millis), look.blind))?;
            Ok(Looked::Noted { blind_since, is_news })
        })
    }
}

impl Desk {
    /// Expects of a zone what was seen in the last look, of each topic about which all servers said the same that can be
    /// relied on. `revision` is that of [`ZoneState`], read before what was seen: nobody accepts what nobody was shown.
    pub fn accept_zone(
        &self,
        name: &str,
        revision: i64,
        now: Timestamp,
    ) -> Result<Accepted, StoreError> {
        self.write(|connection| {
            match state::revision(connection, name)? {
                None => return Ok(Accepted::Unknown),
                Some(current) if current != revision => return Ok(Accepted::Overtaken),
                Some(_) => {}
            }
            let topics = state::accept(connection, name, now)?;
            if topics.is_empty() {
                return Ok(Accepted::Unseen);
            }
            let mut update = connection.prepare_cached(
                "UPDATE zone SET revision = revision + 1, accepted_at = ?2 WHERE name = ?1",
            )?;
            update.execute((name, Millis(now)))?;
            Ok(Accepted::Now(topics))
        })
    }
}

impl Reader {
    /// All zones that were ever watched, by their names.
    pub fn zones(&self) -> Result<Vec<ZoneRow>, StoreError> {
        self.read(|connection| all(connection))
    }

    /// What the next look at a zone begins with; `None` of a zone that is not watched.
    pub fn zone_state(&self, name: &str) -> Result<Option<ZoneState>, StoreError> {
        self.read(|connection| state::read(connection, name))
    }

    /// What the last look at a zone showed.
    pub fn zone_seen(&self, name: &str) -> Result<Vec<SeenRow>, StoreError> {
        self.read(|connection| state::seen(connection, name))
    }
}

pub(crate) fn all(connection: &Connection) -> Result<Vec<ZoneRow>, StoreError> {
    let mut select = connection.prepare_cached("SELECT * FROM zone ORDER BY name")?;
    select.query_and_then([], |row| row_of(connection, row))?.collect()
}

fn row_of(connection: &Connection, row: &Row<'_>) -> Result<ZoneRow, StoreError> {
    let time = |column: &str| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<Millis>>(column)?.map(|at| at.0))
    };
    let name: String = row.get("name")?;
    Ok(ZoneRow {
        incident: incident::open_of(connection, &name)?,
        name,
        added_at: row.get::<_, Millis>("added_at")?.0,
        removed_at: time("removed_at")?,
        looked_at: time("looked_at")?,
        blind: time("blind_since")?.zip(row.get("blind")?),
        accepted_at: time("accepted_at")?,
    })
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
