//! Why the store could not do what it was asked.

use std::io;
use std::path::PathBuf;

use rusqlite::{ErrorCode, ffi};

use crate::position::Revision;

/// Why the store could not do what it was asked.
///
/// Nothing of the call was written then. One exception: where the disk itself fails, such as in the sync of a
/// commit, all of it may turn out to be there after the next start; a part never. So read again before the next
/// attempt. Every verb may be called again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory, or a file in it, cannot be made or opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The directory or the file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process holds the directory.
    #[error("{} is in use by another watch", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A reader found no database.
    #[error("there is no database {}", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// The file is a database, but not one of ours.
    #[error("{} is a database of another program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later version of this program wrote the database.
    #[error("the database has schema version {found}, this program knows versions up to {known}")]
    Newer {
        /// The database's.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// A reader found a database that a watch has yet to bring up to date, or a desk one whose watch, of an earlier
    /// version of this program, is running.
    #[error("the database has schema version {found}, this program needs version {known}")]
    Older {
        /// The database's.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// The file system cannot hold a write-ahead log.
    #[error("the database cannot keep a write-ahead log, only the journal mode {mode}")]
    NoWriteAheadLog {
        /// The mode that SQLite fell back to.
        mode: String,
    },
    /// The file is not what was written: not a database at all, cut off, or with values that are never written.
    #[error("the database is damaged: {what}")]
    Damaged {
        /// What was found.
        what: String,
    },
    /// The position moved since the caller read it.
    #[error("the position moved: expected revision {expected:?}, found {found:?}")]
    Conflict {
        /// What the caller had read.
        expected: Option<Revision>,
        /// What stands now.
        found: Option<Revision>,
    },
    /// The call names a log that was never added.
    #[error("there is no log {}", hex(id))]
    UnknownLog {
        /// Its id.
        id: [u8; 32],
    },
    /// The call names a domain that was never probed.
    #[error("the domain {domain} was never probed")]
    UnknownDomain {
        /// Its name.
        domain: String,
    },
    /// Another connection held the write lock for too long.
    #[error("another program keeps the database locked")]
    Busy,
    /// No room is left.
    #[error("the disk is full")]
    Full,
    /// The system does not let us open or write the file, or make files beside it.
    #[error("the database may not be opened or written")]
    Permission,
    /// SQLite failed otherwise; its message says how.
    #[error("the database failed")]
    Sqlite(#[source] rusqlite::Error),
}

impl StoreError {
    /// The next step, if there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Locked { .. } => {
                Some("stop the other `countersign watch`, or give this one its own state directory")
            }
            Self::Missing { .. } => {
                Some("start `countersign watch` first, or name its state directory")
            }
            Self::Foreign { .. } => {
                Some("name an empty directory, or one that `countersign watch` made")
            }
            Self::Newer { .. } => {
                Some("use the version of countersign that wrote it, or a later one")
            }
            Self::Older { .. } => Some(
                "start this version of `countersign watch` once: it brings the database up to date",
            ),
            Self::NoWriteAheadLog { .. } => Some("put the state directory on a local file system"),
            Self::Damaged { .. } => Some(
                "keep the file as it is, save what `sqlite3 countersign.db .recover` can read, restore a backup",
            ),
            Self::Busy => Some(
                "end the program that has the database open for writing, such as an `sqlite3` shell",
            ),
            Self::Full => Some("make room on the disk: the watch goes on from where it stopped"),
            Self::Permission => Some("check the owner and the permissions of the state directory"),
            Self::Open { .. }
            | Self::Conflict { .. }
            | Self::UnknownLog { .. }
            | Self::UnknownDomain { .. }
            | Self::Sqlite(_) => None,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        match &error {
            // The file ends within a page.
            Error::SqliteFailure(failure, _)
                if failure.extended_code == ffi::SQLITE_IOERR_SHORT_READ =>
            {
                Self::Damaged { what: "it is cut off".into() }
            }
            Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
                ErrorCode::DiskFull => Self::Full,
                ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                    Self::Permission
                }
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                    Self::Damaged { what: error.to_string() }
                }
                _ => Self::Sqlite(error),
            },
            // Columns hold only what this crate wrote into them, so anything else is damage.
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => Self::Damaged { what: error.to_string() },
            _ => Self::Sqlite(error),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
