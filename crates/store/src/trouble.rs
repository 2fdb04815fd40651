//! Troubles: conditions that opened and may close, and proofs of misbehaviour, which never do.
//!
//! ```text
//!            raise                    clear (conditions only)
//!   nothing ───────▶ open, reported ─────────────────────────▶ closed, reported
//!                     │ ▲ raise: seen again, no report                │
//!                     └─┘                      raise: a new trouble ◀─┘
//! ```
//!
//! Beside that, somebody may acknowledge it. It stays what it is; and when more of it is seen than was known, it is
//! no longer acknowledged.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::column::{self, Millis, Unsigned};
use crate::error::StoreError;
use crate::incident::Acknowledged;
use crate::report::{self, Change};
use crate::store::{Desk, Reader, Store};
use crate::{evidence, log};

/// How many pieces of evidence one trouble keeps. A proof is a handful: two heads, what links them, an entry. A
/// log that misbehaves at every poll must not fill the disk with the same story; what came first is kept.
pub const EVIDENCE_PIECES_MAX: u64 = 32;

/// Which trouble. Later ones have larger ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TroubleId(pub u64);

/// What is wrong. While it stays so, log and kind say which trouble it is.
#[derive(Clone, Copy, Debug)]
pub struct NewTrouble<'a> {
    /// The log that it is about, if it is about one.
    pub log: Option<&'a [u8; 32]>,
    /// A word for it.
    pub kind: &'a str,
    /// Whether it can pass.
    pub nature: Nature,
    /// A sentence for people.
    pub detail: &'a str,
    /// What it can be shown with: a label, and the bytes seen.
    pub evidence: &'a [(&'a str, &'a [u8])],
}

/// Whether a trouble can pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// It can: a log that does not answer.
    Condition,
    /// Never: a log that signed two histories did so, whatever it serves later.
    Proof,
}

/// What became of a trouble that was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raised {
    /// It is new. There is a report of it.
    Opened(TroubleId),
    /// It was open already, and now is newer.
    Again(TroubleId),
}

/// What became of a trouble that was cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleared {
    /// It is closed now. There is a report of it.
    Closed(TroubleId),
    /// It was not open.
    NotOpen,
    /// It is a proof, and stays open.
    Proof(TroubleId),
}

/// A trouble, as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Which.
    pub id: TroubleId,
    /// The log that it is about, if it is about one.
    pub log: Option<[u8; 32]>,
    /// A word for it.
    pub kind: String,
    /// Whether it can pass. One that was once raised as a proof is one.
    pub nature: Nature,
    /// A sentence for people, the latest.
    pub detail: String,
    /// When it was raised first.
    pub opened_at: Timestamp,
    /// When it was raised last.
    pub seen_at: Timestamp,
    /// How often it was raised.
    pub seen_count: u64,
    /// When it was cleared; `None` while it is open.
    pub cleared_at: Option<Timestamp>,
    /// When somebody acknowledged it, and in which words; `None` also if more of it was seen since.
    pub acknowledged: Option<(Timestamp, String)>,
    /// Labels and SHA-256s, in order of arrival; [`Reader::evidence`] has the bytes.
    pub evidence: Vec<(String, [u8; 32])>,
    /// How many pieces came after the first [`EVIDENCE_PIECES_MAX`] and were let go.
    pub evidence_not_kept: u64,
}

impl Trouble {
    /// Whether somebody has yet to see to it. A proof is seen to when it is acknowledged: nothing else can be done
    /// about it here. A condition only when it is over: it keeps us from seeing, whoever knows of that.
    pub fn is_outstanding(&self) -> bool {
        match self.nature {
            Nature::Condition => self.cleared_at.is_none(),
            Nature::Proof => self.acknowledged.is_none(),
        }
    }
}

impl Store {
    /// Opens a trouble, or notes that it is still there. What a position leaves behind is raised before that
    /// position is committed: after a crash in between, it is found and raised again.
    ///
    /// A trouble is no longer acknowledged if this is more than was known: a piece of evidence that is not among those
    /// kept; a proof, where there was a condition; a proof without evidence that says something else.
    pub fn raise(&self, trouble: &NewTrouble<'_>, now: Timestamp) -> Result<Raised, StoreError> {
        self.write(|connection| {
            if let Some(log) = trouble.log {
                log::require(connection, log)?;
            }
            let proof = trouble.nature == Nature::Proof;
            let open = find_open(connection, trouble.log, trouble.kind)?;
            let (raised, id) = match &open {
                Some(open) => {
                    let mut update = connection.prepare_cached(
                        "UPDATE trouble SET proof = max(proof, ?2), detail = ?3, seen_at = ?4,
                             seen_count = seen_count + 1 WHERE id = ?1",
                    )?;
                    update.execute((Unsigned(open.id.0), proof, trouble.detail, Millis(now)))?;
                    (Raised::Again(open.id), open.id)
                }
                None => {
                    let mut insert = connection.prepare_cached(
                        "INSERT INTO trouble (log, kind, proof, detail, opened_at, seen_at, seen_count)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1)",
                    )?;
                    let row = insert.insert((trouble.log, trouble.kind, proof, trouble.detail, Millis(now)))?;
                    let id = TroubleId(row.cast_unsigned());
                    report::add(connection, &Change::TroubleOpened(id), now)?;
                    (Raised::Opened(id), id)
                }
            };
            let mut is_more = open.is_some_and(|open| open.is_less_than(trouble));
            for (label, bytes) in trouble.evidence {
                is_more |= keep_evidence(connection, id, label, bytes)? == Piece::New;
            }
            if is_more {
                end_acknowledgement(connection, id, now)?;
            }
            Ok(raised)
        })
    }

    /// Closes a condition.
    pub fn clear(
        &self,
        log: Option<&[u8; 32]>,
        kind: &str,
        now: Timestamp,
    ) -> Result<Cleared, StoreError> {
        // Most often there is none, and then nobody else has to wait for us.
        if self.reader().read(|connection| find_open(connection, log, kind))?.is_none() {
            return Ok(Cleared::NotOpen);
        }
        self.write(|connection| {
            let id = match find_open(connection, log, kind)? {
                None => return Ok(Cleared::NotOpen),
                Some(Open { id, nature: Nature::Proof, .. }) => return Ok(Cleared::Proof(id)),
                Some(Open { id, nature: Nature::Condition, .. }) => id,
            };
            let mut update =
                connection.prepare_cached("UPDATE trouble SET cleared_at = ?2 WHERE id = ?1")?;
            update.execute((Unsigned(id.0), Millis(now)))?;
            report::add(connection, &Change::TroubleClosed(id), now)?;
            Ok(Cleared::Closed(id))
        })
    }
}

impl Desk {
    /// Notes that somebody knows of a trouble, be it open or over.
    pub fn acknowledge_trouble(
        &self,
        id: TroubleId,
        note: &str,
        now: Timestamp,
    ) -> Result<Acknowledged, StoreError> {
        self.write(|connection| {
            match find(connection, id)? {
                None => return Ok(Acknowledged::Unknown),
                Some(Trouble { acknowledged: Some(_), .. }) => return Ok(Acknowledged::Already),
                Some(Trouble { acknowledged: None, .. }) => {}
            }
            let mut insert = connection.prepare_cached(
                "INSERT INTO trouble_acknowledgement (trouble, acknowledged_at, acknowledged)
                 VALUES (?1, ?2, ?3)",
            )?;
            insert.execute((Unsigned(id.0), Millis(now), note))?;
            Ok(Acknowledged::Now)
        })
    }
}

impl Reader {
    /// All open troubles, the newest last.
    pub fn open_troubles(&self) -> Result<Vec<Trouble>, StoreError> {
        self.read(|connection| open(connection))
    }

    /// Open and closed troubles, the newest last: the first `limit` after `after`, or the last ones.
    pub fn troubles(
        &self,
        after: Option<TroubleId>,
        limit: u32,
    ) -> Result<Vec<Trouble>, StoreError> {
        self.read(|connection| {
            let mut select =
                connection.prepare_cached(if after.is_some() { FIRST_AFTER } else { LAST })?;
            let after = column::after(after.map(|id| id.0));
            let ids = select.query_map((after, limit), read_id)?.collect::<Result<_, _>>()?;
            load_all(connection, ids)
        })
    }

    /// One trouble.
    pub fn trouble(&self, id: TroubleId) -> Result<Option<Trouble>, StoreError> {
        self.read(|connection| find(connection, id))
    }
}

// As in sightings, the `> ?1` of the last ones changes nothing: there it is 0.
pub(crate) const FIRST_AFTER: &str = "SELECT id FROM trouble WHERE id > ?1 ORDER BY id LIMIT ?2";
pub(crate) const LAST: &str = "SELECT id FROM trouble WHERE id > ?1 ORDER BY id DESC LIMIT ?2";
// The empty blob stands for "no log", as it does in the index, and no log's id is less.
pub(crate) const OPEN: &str =
    "SELECT id FROM trouble WHERE cleared_at IS NULL AND coalesce(log, x'') >= x''";
pub(crate) const ONE: &str = "SELECT trouble.*, acknowledged_at, acknowledged FROM trouble
    LEFT JOIN trouble_acknowledgement ON trouble = trouble.id AND ended_at IS NULL
    WHERE trouble.id = ?1";
pub(crate) const OPEN_OF_KIND: &str = "SELECT id, proof, detail FROM trouble
    WHERE cleared_at IS NULL AND coalesce(log, x'') = coalesce(?1, x'') AND kind = ?2";
pub(crate) const EVIDENCE: &str = "SELECT label, sha256 FROM trouble_evidence
    JOIN evidence ON evidence.id = evidence WHERE trouble = ?1 ORDER BY ordinal";
pub(crate) const PIECE: &str =
    "SELECT 1 FROM evidence JOIN trouble_evidence ON evidence.id = evidence
    WHERE trouble = ?1 AND label = ?2 AND sha256 = ?3";
pub(crate) const PIECES: &str = "SELECT count(*) FROM trouble_evidence WHERE trouble = ?1";

pub(crate) fn open(connection: &Connection) -> Result<Vec<Trouble>, StoreError> {
    let mut select = connection.prepare_cached(OPEN)?;
    let ids = select.query_map([], read_id)?.collect::<Result<_, _>>()?;
    load_all(connection, ids)
}

fn load_all(connection: &Connection, mut ids: Vec<TroubleId>) -> Result<Vec<Trouble>, StoreError> {
    ids.sort_unstable();
    ids.into_iter().map(|id| load(connection, id)).collect()
}

/// A trouble that another row refers to.
pub(crate) fn load(connection: &Connection, id: TroubleId) -> Result<Trouble, StoreError> {
    find(connection, id)?
        .ok_or_else(|| StoreError::Damaged { what: format!("the trouble {} is gone", id.0) })
}

fn find(connection: &Connection, id: TroubleId) -> Result<Option<Trouble>, StoreError> {
    let mut select = connection.prepare_cached(ONE)?;
    let Some(mut trouble) = select.query_row([Unsigned(id.0)], read).optional()? else {
        return Ok(None);
    };
    let mut evidence = connection.prepare_cached(EVIDENCE)?;
    let pieces = evidence.query_map([Unsigned(id.0)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    trouble.evidence = pieces.collect::<Result<_, _>>()?;
    Ok(Some(trouble))
}

/// The open trouble of a log and a kind, as far as the next one is compared with it.
struct Open {
    id: TroubleId,
    nature: Nature,
    detail: String,
}

impl Open {
    /// Whether the new one is more than this, whatever its evidence is.
    fn is_less_than(&self, new: &NewTrouble<'_>) -> bool {
        match (self.nature, new.nature) {
            // What is said of a condition changes as it lasts.
            (_, Nature::Condition) => false,
            (Nature::Condition, Nature::Proof) => true,
            // Where there are bytes, they tell whether it happened again. What is said does not: entries that are read
            // again are told again, one after the other.
            (Nature::Proof, Nature::Proof) => new.evidence.is_empty() && self.detail != new.detail,
        }
    }
}

fn find_open(
    connection: &Connection,
    log: Option<&[u8; 32]>,
    kind: &str,
) -> Result<Option<Open>, StoreError> {
    let mut select = connection.prepare_cached(OPEN_OF_KIND)?;
    let found = select.query_row((log, kind), |row| {
        Ok(Open { id: read_id(row)?, nature: nature(row)?, detail: row.get("detail")? })
    });
    Ok(found.optional()?)
}

fn end_acknowledgement(
    connection: &Connection,
    id: TroubleId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut update = connection.prepare_cached(
        "UPDATE trouble_acknowledgement SET ended_at = ?2 WHERE trouble = ?1 AND ended_at IS NULL",
    )?;
    update.execute((Unsigned(id.0), Millis(now)))?;
    Ok(())
}

/// Whether a piece of evidence was kept before.
#[derive(PartialEq, Eq)]
enum Piece {
    Known,
    /// Also one that came after the limit: whether it is the first of its kind can no longer be told.
    New,
}

fn keep_evidence(
    connection: &Connection,
    id: TroubleId,
    label: &str,
    bytes: &[u8],
) -> Result<Piece, StoreError> {
    let trouble = Unsigned(id.0);
    let mut select = connection.prepare_cached(PIECE)?;
    let known: Option<i64> = select
        .query_row((&trouble, label, evidence::sha256(bytes)), |row| row.get(0))
        .optional()?;
    if known.is_some() {
        return Ok(Piece::Known);
    }
    let mut pieces = connection.prepare_cached(PIECES)?;
    let Unsigned(kept) = pieces.query_row([&trouble], |row| row.get(0))?;
    if kept >= EVIDENCE_PIECES_MAX {
        let mut update = connection.prepare_cached(
            "UPDATE trouble SET evidence_not_kept = evidence_not_kept + 1 WHERE id = ?1",
        )?;
        update.execute([&trouble])?;
        return Ok(Piece::New);
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO trouble_evidence (trouble, ordinal, label, evidence) VALUES (?1, ?2, ?3, ?4)",
    )?;
    insert.execute((trouble, Unsigned(kept), label, evidence::keep(connection, bytes)?))?;
    Ok(Piece::New)
}

fn read_id(row: &Row<'_>) -> rusqlite::Result<TroubleId> {
    Ok(TroubleId(row.get::<_, Unsigned>("id")?.0))
}

fn nature(row: &Row<'_>) -> rusqlite::Result<Nature> {
    Ok(if row.get("proof")? { Nature::Proof } else { Nature::Condition })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Trouble> {
    let acknowledged_at: Option<Millis> = row.get("acknowledged_at")?;
    let acknowledged: Option<String> = row.get("acknowledged")?;
    Ok(Trouble {
        id: read_id(row)?,
        log: row.get("log")?,
        kind: row.get("kind")?,
        nature: nature(row)?,
        detail: row.get("detail")?,
        opened_at: row.get::<_, Millis>("opened_at")?.0,
        seen_at: row.get::<_, Millis>("seen_at")?.0,
        seen_count: row.get::<_, Unsigned>("seen_count")?.0,
        cleared_at: row.get::<_, Option<Millis>>("cleared_at")?.map(|time| time.0),
        acknowledged: acknowledged_at.map(|at| at.0).zip(acknowledged),
        evidence: Vec::new(),
        evidence_not_kept: row.get::<_, Unsigned>("evidence_not_kept")?.0,
    })
}

#[cfg(test)]
mod tests;
