//! Inclusion proofs: that a log holds an entry under a head that it signed, for whoever has to be shown it later.
//!
//! They are wanted for entries that nobody here asked for. Such a log may be gone when the case is.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use crate::column::{Hashes, Millis, Unsigned};
use crate::error::StoreError;
use crate::evidence;
use crate::sighting::SightingId;
use crate::store::{Reader, Store};

/// An entry whose inclusion is to be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The sighting.
    pub sighting: SightingId,
    /// The entry's index.
    pub index: u64,
    /// The hash of its leaf.
    pub leaf_hash: [u8; 32],
}

/// A proof, as it was kept; verified by whoever kept it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The size of the tree.
    pub tree_size: u64,
    /// The head of that tree, as served.
    pub head: Vec<u8>,
    /// The audit path (RFC 6962 §2.1.1), from the leaf up.
    pub path: Vec<[u8; 32]>,
}

impl Store {
    /// Keeps the proof of an entry. The first that is kept stays.
    pub fn keep_proof(
        &self,
        sighting: SightingId,
        proof: &Proof,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            let head = evidence::keep(connection, &proof.head)?;
            let mut upsert = connection.prepare_cached(
                "INSERT INTO proof (sighting, log, entry_index, wanted, tree_size, head, path, kept_at)
                 SELECT id, log, entry_index, 0, ?2, ?3, ?4, ?5 FROM sighting WHERE id = ?1
                 ON CONFLICT (sighting) DO UPDATE SET wanted = 0, tree_size = ?2, head = ?3, path = ?4, kept_at = ?5
                 WHERE kept_at IS NULL",
            )?;
            upsert.execute((
                Unsigned(sighting.0),
                Unsigned(proof.tree_size),
                head,
                proof.path.as_flattened(),
                Millis(now),
            ))?;
            Ok(())
        })
    }
}

impl Reader {
    /// The entries of a log, among its first `below`, that are to be proved.
    pub fn proofs_wanted(
        &self,
        log: &[u8; 32],
        below: u64,
        limit: u32,
    ) -> Result<Vec<Wanted>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(WANTED)?;
            let below = i64::try_from(below).unwrap_or(i64::MAX);
            let rows = select.query_map((log, below, limit), |row| {
                Ok(Wanted {
                    sighting: SightingId(row.get::<_, Unsigned>(0)?.0),
                    index: row.get::<_, Unsigned>(1)?.0,
                    leaf_hash: row.get(2)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The proof of an entry, if there is one yet.
    pub fn proof(&self, sighting: SightingId) -> Result<Option<Proof>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(ONE)?;
            let proof = select.query_row([Unsigned(sighting.0)], |row| {
                Ok(Proof {
                    tree_size: row.get::<_, Unsigned>(0)?.0,
                    head: row.get(1)?,
                    path: row.get::<_, Hashes>(2)?.0,
                })
            });
            Ok(proof.optional()?)
        })
    }
}

// An index of 2^63 or more reads as negative, and would be below everything.
pub(crate) const WANTED: &str = "SELECT proof.sighting, proof.entry_index, leaf_hash FROM proof
    JOIN sighting ON sighting.id = proof.sighting
    WHERE proof.wanted = 1 AND proof.log = ?1 AND proof.entry_index >= 0 AND proof.entry_index < ?2
    ORDER BY proof.entry_index LIMIT ?3";
pub(crate) const ONE: &str = "SELECT tree_size, bytes, path FROM proof
    JOIN evidence ON evidence.id = head WHERE sighting = ?1 AND kept_at IS NOT NULL";

pub(crate) const WANT: &str = "INSERT INTO proof (sighting, log, entry_index, wanted)
    SELECT id, log, entry_index, 1 FROM sighting WHERE tbs_sha256 = ?1
    ON CONFLICT (sighting) DO UPDATE SET wanted = 1 WHERE kept_at IS NULL";
pub(crate) const WANT_NO_LONGER: &str = "UPDATE proof SET wanted = 0
    WHERE sighting IN (SELECT id FROM sighting WHERE tbs_sha256 = ?1) AND kept_at IS NULL";

/// The entries with this certificate are to be proved.
pub(crate) fn wanted(connection: &Connection, tbs_sha256: &[u8; 32]) -> Result<(), StoreError> {
    connection.prepare_cached(WANT)?.execute([tbs_sha256])?;
    Ok(())
}

/// They need not be, unless they were.
pub(crate) fn no_longer_wanted(
    connection: &Connection,
    tbs_sha256: &[u8; 32],
) -> Result<(), StoreError> {
    connection.prepare_cached(WANT_NO_LONGER)?.execute([tbs_sha256])?;
    Ok(())
}

#[cfg(test)]
mod tests;
