//! Sightings: the entries that matched the watchlist.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::column::{self, Millis, Unsigned};
use crate::error::StoreError;
use crate::evidence;
use crate::report::{self, Change};
use crate::store::{Reader, Store};

/// Which sighting. Later ones have larger ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SightingId(pub u64);

/// An entry that matched, as it goes in. All times are kept to the millisecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSighting {
    /// Where it is in the log.
    pub index: u64,
    /// The hash of its leaf (RFC 6962 §2.1).
    pub leaf_hash: [u8; 32],
    /// SHA-256 of the TBSCertificate less poison and SCT list, so that precertificate and certificate are one; of
    /// the leaf where there is none.
    pub tbs_sha256: [u8; 32],
    /// When the log says that it took it; `None` for a time that no calendar has.
    pub logged_at: Option<Timestamp>,
    /// A precertificate, rather than a certificate.
    pub precertificate: bool,
    /// The entry, as served.
    pub leaf: Vec<u8>,
    /// The chain or the `extra_data`, as served. No hash covers it, so of an entry seen twice the first is kept.
    pub extra: Vec<u8>,
    /// SHA-256 of the certificate's public key.
    pub spki_sha256: Option<[u8; 32]>,
    /// SHA-256 of the issuer's public key.
    pub issuer_key_sha256: Option<[u8; 32]>,
    /// When the certificate begins to be valid.
    pub not_before: Option<Timestamp>,
    /// When it ends.
    pub not_after: Option<Timestamp>,
    /// The names it carries.
    pub names: Vec<String>,
    /// Which guards matched. One that is given twice is kept once.
    pub matches: Vec<MatchRow>,
}

/// One match of a guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchRow {
    /// The watched item.
    pub guard: String,
    /// The name that it matched.
    pub name: String,
    /// How the name had to be read to match.
    pub reading: String,
}

/// An entry that matched, as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which.
    pub id: SightingId,
    /// The log that holds it.
    pub log: [u8; 32],
    /// When we found it.
    pub found_at: Timestamp,
    /// As in [`NewSighting`].
    pub index: u64,
    /// As in [`NewSighting`].
    pub leaf_hash: [u8; 32],
    /// As in [`NewSighting`].
    pub tbs_sha256: [u8; 32],
    /// As in [`NewSighting`].
    pub logged_at: Option<Timestamp>,
    /// As in [`NewSighting`].
    pub precertificate: bool,
    /// SHA-256 of the entry; [`Reader::evidence`] has the bytes.
    pub leaf_sha256: [u8; 32],
    /// SHA-256 of the chain or the `extra_data`; [`Reader::evidence`] has the bytes.
    pub extra_sha256: [u8; 32],
    /// As in [`NewSighting`].
    pub spki_sha256: Option<[u8; 32]>,
    /// As in [`NewSighting`].
    pub issuer_key_sha256: Option<[u8; 32]>,
    /// As in [`NewSighting`].
    pub not_before: Option<Timestamp>,
    /// As in [`NewSighting`].
    pub not_after: Option<Timestamp>,
    /// As in [`NewSighting`].
    pub names: Vec<String>,
    /// As in [`NewSighting`].
    pub matches: Vec<MatchRow>,
}

/// What a log served of an entry that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Of which sighting.
    pub id: SightingId,
    /// As in [`NewSighting`].
    pub precertificate: bool,
    /// As in [`NewSighting`].
    pub leaf: Vec<u8>,
    /// As in [`NewSighting`].
    pub extra: Vec<u8>,
    /// As in [`NewSighting`].
    pub issuer_key_sha256: Option<[u8; 32]>,
}

/// Which sightings to list.
#[derive(Clone, Debug)]
pub struct SightingFilter {
    /// The first ones after this; `None`: the last ones. To page on, give the last id of the page.
    pub after: Option<SightingId>,
    /// Only those that this guard matched.
    pub guard: Option<String>,
    /// At most so many.
    pub limit: u32,
}

impl Reader {
    /// Sightings, the newest last.
    pub fn sightings(&self, filter: &SightingFilter) -> Result<Vec<Sighting>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(match (&filter.guard, filter.after) {
                (None, Some(_)) => FIRST_AFTER,
                (None, None) => LAST,
                (Some(_), Some(_)) => FIRST_AFTER_OF_GUARD,
                (Some(_), None) => LAST_OF_GUARD,
            })?;
            let (after, limit) = (column::after(filter.after.map(|id| id.0)), filter.limit);
            let rows = match &filter.guard {
                None => select.query((after, limit))?,
                Some(guard) => select.query((after, limit, guard))?,
            };
            let ids = rows.mapped(|row| Ok(SightingId(row.get::<_, Unsigned>(0)?.0)));
            let mut ids = ids.collect::<Result<Vec<_>, _>>()?;
            ids.sort_unstable();
            ids.into_iter().map(|id| load(connection, id)).collect()
        })
    }

    /// What `log` served of its entries that matched: the first `limit` after `after`.
    pub fn served(
        &self,
        log: &[u8; 32],
        after: Option<SightingId>,
        limit: u32,
    ) -> Result<Vec<Served>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(SERVED)?;
            let after = column::after(after.map(|id| id.0));
            let rows = select.query_map((log, after, limit), |row| {
                Ok(Served {
                    id: SightingId(row.get::<_, Unsigned>("id")?.0),
                    precertificate: row.get("precertificate")?,
                    leaf: row.get("leaf_bytes")?,
                    extra: row.get("extra_bytes")?,
                    issuer_key_sha256: row.get("issuer_key_sha256")?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// All sightings of one TBSCertificate, the newest last.
    pub fn sightings_of(&self, tbs_sha256: &[u8; 32]) -> Result<Vec<Sighting>, StoreError> {
        self.read(|connection| {
            ids_of(connection, tbs_sha256)?.into_iter().map(|id| load(connection, id)).collect()
        })
    }

    /// The TBSCertificates that were sighted, in the order of their hashes: the first `limit` after `after`.
    pub fn sighted(&self, after: &[u8; 32], limit: u32) -> Result<Vec<[u8; 32]>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(SIGHTED)?;
            Ok(select.query_map((after, limit), |row| row.get(0))?.collect::<Result<_, _>>()?)
        })
    }

    /// One sighting.
    pub fn sighting(&self, id: SightingId) -> Result<Option<Sighting>, StoreError> {
        self.read(|connection| find(connection, id))
    }
}

impl Store {
    /// Adds the issuers' keys to sightings that were made while these were not known. A key that is known stays.
    pub fn add_issuer_keys(&self, keys: &[(SightingId, [u8; 32])]) -> Result<(), StoreError> {
        self.write(|connection| {
            let mut update = connection.prepare_cached(
                "UPDATE sighting SET issuer_key_sha256 = ?2 WHERE id = ?1 AND issuer_key_sha256 IS NULL",
            )?;
            for (id, key) in keys {
                update.execute((Unsigned(id.0), key))?;
            }
            Ok(())
        })
    }
}

// The `> ?1` of the last ones is there for nothing but the shape: ids begin at 1, and there ?1 is 0.
pub(crate) const FIRST_AFTER: &str = "SELECT id FROM sighting WHERE id > ?1 ORDER BY id LIMIT ?2";
pub(crate) const LAST: &str = "SELECT id FROM sighting WHERE id > ?1 ORDER BY id DESC LIMIT ?2";
pub(crate) const FIRST_AFTER_OF_GUARD: &str = "SELECT DISTINCT sighting FROM sighting_match
    WHERE guard = ?3 AND sighting > ?1 ORDER BY sighting LIMIT ?2";
pub(crate) const LAST_OF_GUARD: &str = "SELECT DISTINCT sighting FROM sighting_match
    WHERE guard = ?3 AND sighting > ?1 ORDER BY sighting DESC LIMIT ?2";
pub(crate) const ONE: &str = "SELECT sighting.*, l.sha256 AS leaf_sha256, e.sha256 AS extra_sha256
    FROM sighting JOIN evidence AS l ON l.id = leaf JOIN evidence AS e ON e.id = extra WHERE sighting.id = ?1";
// By id and not by the index on logs (that is what the plus says), or each page would sort all that there is.
pub(crate) const SERVED: &str = "SELECT sighting.id, precertificate, issuer_key_sha256,
        l.bytes AS leaf_bytes, e.bytes AS extra_bytes
    FROM sighting JOIN evidence AS l ON l.id = leaf JOIN evidence AS e ON e.id = extra
    WHERE +log = ?1 AND sighting.id > ?2 ORDER BY sighting.id LIMIT ?3";
pub(crate) const NAMES: &str =
    "SELECT name FROM sighting_name WHERE sighting = ?1 ORDER BY ordinal";
pub(crate) const MATCHES: &str =
    "SELECT guard, name, reading FROM sighting_match WHERE sighting = ?1 ORDER BY id";
pub(crate) const OF_TBS: &str = "SELECT id FROM sighting WHERE tbs_sha256 = ?1 ORDER BY id";
pub(crate) const SIGHTED: &str = "SELECT DISTINCT tbs_sha256 FROM sighting WHERE tbs_sha256 > ?1
    ORDER BY tbs_sha256 LIMIT ?2";
pub(crate) const SAME: &str =
    "SELECT id FROM sighting WHERE log = ?1 AND entry_index = ?2 AND leaf_hash = ?3";

/// Makes a sighting and its report, unless there is one of this entry. Then only those matches are added that
/// it did not have: a stretch is read again after a rewind or a fork, and the watchlist may have grown since.
pub(crate) fn make(
    connection: &Connection,
    log: &[u8; 32],
    sighting: &NewSighting,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut select = connection.prepare_cached(SAME)?;
    let index = Unsigned(sighting.index);
    let same: Option<i64> =
        select.query_row((log, index, sighting.leaf_hash), |row| row.get(0)).optional()?;
    let id = match same {
        Some(id) => id,
        None => {
            let id = insert(connection, log, sighting, now)?;
            report::add(connection, &Change::Sighting(id), now)?;
            id
        }
    };
    let mut insert = connection.prepare_cached(
        "INSERT INTO sighting_match (sighting, guard, name, reading) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
    )?;
    for found in &sighting.matches {
        insert.execute((id, &found.guard, &found.name, &found.reading))?;
    }
    Ok(())
}

fn insert(
    connection: &Connection,
    log: &[u8; 32],
    sighting: &NewSighting,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let leaf = evidence::keep(connection, &sighting.leaf)?;
    let extra = evidence::keep(connection, &sighting.extra)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO sighting (log, entry_index, leaf_hash, tbs_sha256, found_at, logged_at, precertificate, leaf,
             extra, spki_sha256, issuer_key_sha256, not_before, not_after)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    let id = insert.insert((
        log,
        Unsigned(sighting.index),
        sighting.leaf_hash,
        sighting.tbs_sha256,
        Millis(now),
        sighting.logged_at.map(Millis),
        sighting.precertificate,
        leaf,
        extra,
        sighting.spki_sha256,
        sighting.issuer_key_sha256,
        sighting.not_before.map(Millis),
        sighting.not_after.map(Millis),
    ))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO sighting_name (sighting, ordinal, name) VALUES (?1, ?2, ?3)",
    )?;
    for (ordinal, name) in (0i64..).zip(&sighting.names) {
        insert.execute((id, ordinal, name))?;
    }
    Ok(id)
}

pub(crate) fn ids_of(
    connection: &Connection,
    tbs_sha256: &[u8; 32],
) -> Result<Vec<SightingId>, StoreError> {
    let mut select = connection.prepare_cached(OF_TBS)?;
    let ids = select.query_map([tbs_sha256], |row| Ok(SightingId(row.get::<_, Unsigned>(0)?.0)))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// A sighting that another row refers to.
pub(crate) fn load(connection: &Connection, id: SightingId) -> Result<Sighting, StoreError> {
    find(connection, id)?
        .ok_or_else(|| StoreError::Damaged { what: format!("the sighting {} is gone", id.0) })
}

fn find(connection: &Connection, id: SightingId) -> Result<Option<Sighting>, StoreError> {
    let id = Unsigned(id.0);
    let mut select = connection.prepare_cached(ONE)?;
    let Some(mut sighting) = select.query_row([&id], read).optional()? else {
        return Ok(None);
    };
    let mut names = connection.prepare_cached(NAMES)?;
    sighting.names = names.query_map([&id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut matches = connection.prepare_cached(MATCHES)?;
    sighting.matches = matches.query_map([&id], read_match)?.collect::<Result<_, _>>()?;
    Ok(Some(sighting))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Sighting> {
    let time =
        |column: &str| row.get::<_, Option<Millis>>(column).map(|time| time.map(|time| time.0));
    Ok(Sighting {
        id: SightingId(row.get::<_, Unsigned>("id")?.0),
        log: row.get("log")?,
        found_at: row.get::<_, Millis>("found_at")?.0,
        index: row.get::<_, Unsigned>("entry_index")?.0,
        leaf_hash: row.get("leaf_hash")?,
        tbs_sha256: row.get("tbs_sha256")?,
        logged_at: time("logged_at")?,
        precertificate: row.get("precertificate")?,
        leaf_sha256: row.get("leaf_sha256")?,
        extra_sha256: row.get("extra_sha256")?,
        spki_sha256: row.get("spki_sha256")?,
        issuer_key_sha256: row.get("issuer_key_sha256")?,
        not_before: time("not_before")?,
        not_after: time("not_after")?,
        names: Vec::new(),
        matches: Vec::new(),
    })
}

fn read_match(row: &Row<'_>) -> rusqlite::Result<MatchRow> {
    Ok(MatchRow { guard: row.get("guard")?, name: row.get("name")?, reading: row.get("reading")? })
}

#[cfg(test)]
mod tests;
