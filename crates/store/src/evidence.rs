//! Evidence: the bytes seen, addressed by their SHA-256, each kept once.

use aws_lc_rs::digest;
use rusqlite::{Connection, OptionalExtension};

use crate::error::{StoreError, hex};
use crate::store::{Reader, Store};

impl Store {
    /// Keeps bytes that nothing refers to by a row: whoever knows their SHA-256 finds them. Written before what is
    /// told of them, so that they are there by then.
    pub fn keep_evidence(&self, pieces: &[Vec<u8>]) -> Result<(), StoreError> {
        self.write(|connection| {
            pieces.iter().try_for_each(|bytes| keep(connection, bytes).map(drop))
        })
    }
}

impl Reader {
    /// The bytes with this SHA-256, if they were kept. They are hashed again: what comes back is what was seen.
    pub fn evidence(&self, sha256: &[u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| {
            let mut select =
                connection.prepare_cached("SELECT bytes FROM evidence WHERE sha256 = ?1")?;
            let bytes: Option<Vec<u8>> = select.query_row([sha256], |row| row.get(0)).optional()?;
            bytes.map(|bytes| intact(sha256, &bytes).map(|()| bytes)).transpose()
        })
    }
}

/// Reads all that is kept. It is an error if any of it has changed.
pub(crate) fn check(connection: &Connection) -> Result<(), StoreError> {
    let mut select = connection.prepare("SELECT sha256, bytes FROM evidence")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        intact(&row.get(0)?, row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)?;
    }
    Ok(())
}

/// Keeps `bytes`, unless they are kept already; the row that holds them.
pub(crate) fn keep(connection: &Connection, bytes: &[u8]) -> Result<i64, StoreError> {
    let sha256 = sha256(bytes);
    if let Some(id) = find(connection, &sha256)? {
        return Ok(id);
    }
    let mut insert =
        connection.prepare_cached("INSERT INTO evidence (sha256, bytes) VALUES (?1, ?2)")?;
    Ok(insert.insert((sha256, bytes))?)
}

/// The row that holds the bytes with this SHA-256, which were kept before.
pub(crate) fn row_of(connection: &Connection, sha256: &[u8; 32]) -> Result<i64, StoreError> {
    find(connection, sha256)?.ok_or_else(|| StoreError::Damaged {
        what: format!("the evidence {} was never kept", hex(sha256)),
    })
}

fn find(connection: &Connection, sha256: &[u8; 32]) -> Result<Option<i64>, StoreError> {
    let mut select = connection.prepare_cached("SELECT id FROM evidence WHERE sha256 = ?1")?;
    Ok(select.query_row([sha256], |row| row.get(0)).optional()?)
}

fn intact(expected: &[u8; 32], bytes: &[u8]) -> Result<(), StoreError> {
    if sha256(bytes) == *expected {
        return Ok(());
    }
    Err(StoreError::Damaged { what: format!("the evidence {} has changed", hex(expected)) })
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().try_into().expect("a SHA-256 has 32 bytes")
}
