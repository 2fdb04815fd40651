//! The schema's versions, and how an older file becomes a newer one.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;

/// What each version adds to the one before. SQLite's `user_version` counts how many were done.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
];

/// Marks the file as ours, also for file(1): "CSGN".
const APPLICATION_ID: i64 = 0x4353_474e;

/// The schema version of the file, 0 if nothing was written to it yet.
pub(crate) fn recognise(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(0);
    }
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION_ID {
        return Err(StoreError::Foreign { path: path.to_path_buf() });
    }
    let (found, known) = (version(connection)?, MIGRATIONS.len());
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    Ok(found)
}

/// Does what of `migrations` the file lacks, each in one transaction with its number.
pub(crate) fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    while version(connection)? < migrations.len() {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Read again under the lock: another process may just have done it.
        let done = version(&transaction)?;
        let Some(migration) = migrations.get(done) else {
            return Ok(());
        };
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        let version = i64::try_from(done + 1).expect("there are few migrations");
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

fn version(connection: &Connection) -> Result<usize, StoreError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    usize::try_from(version)
        .map_err(|_| StoreError::Damaged { what: format!("schema version {version}") })
}
