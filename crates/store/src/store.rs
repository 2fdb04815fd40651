//! The three handles: [`Store`] is the watch's, and alone; [`Desk`] writes down, beside it, what people and hosts
//! say; [`Reader`] only looks.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::StoreError;
use crate::schema;

const DATABASE: &str = "countersign.db";
const LOCK: &str = "lock";
const OPENING: &str = "opening";

/// How long to wait for another process's write lock. The watch and the commands hold it for milliseconds; five
/// seconds outlast also a person's single statement in an `sqlite3` shell.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// SQLite's page cache, for each connection. A watch of 40 idle logs must fit in 64 MiB, and nothing here reads
/// the same page often enough to need more.
const CACHE_KIB_MAX: i64 = 1024;

/// Statements that stay prepared: more than there are, so that none is ever parsed twice.
const STATEMENTS_KEPT: usize = 200;

/// What the write-ahead log is cut back to once it was copied into the database. It grows past that only while
/// a reader holds on to an old state.
const WRITE_AHEAD_LOG_BYTES_KEPT: i64 = 16 * 1024 * 1024;

/// The state of one watch. There is one at a time for a directory, held by a file lock.
#[derive(Debug)]
pub struct Store {
    // The connection is closed before the lock is let go: fields drop in this order.
    desk: Desk,
    _lock: Lock,
}

/// Where people and other hosts are heard: it writes what they authorize and acknowledge, whether or not a watch
/// runs. Any number may be open, in any number of processes: SQLite lets in one writer after another.
#[derive(Debug)]
pub struct Desk {
    reader: Reader,
}

/// A look at the state: it cannot write, and does not keep a watch from writing.
#[derive(Debug)]
pub struct Reader {
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens the state in `directory`; makes both if they are not there; brings an older schema up to date.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        make_directory(directory)?;
        let _opening = Lock::wait(&directory.join(OPENING))?;
        let lock = Lock::take(&directory.join(LOCK))?;
        let path = directory.join(DATABASE);
        let connection = connect(&path, WRITING)?;
        schema::recognise(&connection, &path)?;
        Ok(Self { desk: Desk::new(connection)?, _lock: lock })
    }

    /// Opens the state in `directory` for what people and hosts say; makes both if they are not there. Brings an
    /// older schema up to date, unless a watch runs: that one knows only the older one.
    pub fn open_desk(directory: &Path) -> Result<Desk, StoreError> {
        make_directory(directory)?;
        // Those that open at the same time come one after another. A new file becomes one with a write-ahead log
        // only while nobody else looks at it, and SQLite does not wait for that.
        let _opening = Lock::wait(&directory.join(OPENING))?;
        let path = directory.join(DATABASE);
        let connection = connect(&path, WRITING)?;
        let (found, known) = (schema::recognise(&connection, &path)?, schema::MIGRATIONS.len());
        if found == known {
            return Desk::new(connection);
        }
        match Lock::take(&directory.join(LOCK)) {
            Ok(_lock) => Desk::new(connection),
            Err(StoreError::Locked { .. }) => Err(StoreError::Older { found, known }),
            Err(error) => Err(error),
        }
    }

    /// Opens the state in `directory` for looking only, whether or not a watch runs.
    pub fn open_reader(directory: &Path) -> Result<Reader, StoreError> {
        let path = directory.join(DATABASE);
        match path.try_exists() {
            Ok(true) => {}
            Ok(false) => return Err(StoreError::Missing { path }),
            Err(source) => return Err(StoreError::Open { path, source }),
        }
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let (found, known) = (schema::recognise(&connection, &path)?, schema::MIGRATIONS.len());
        match found {
            // A watch was killed before it had written anything.
            0 => Err(StoreError::Missing { path }),
            _ if found < known => Err(StoreError::Older { found, known }),
            _ => Ok(Reader { connection: Mutex::new(connection) }),
        }
    }

    /// What people and hosts say, on this store.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The verbs that only look, on this store.
    pub fn reader(&self) -> &Reader {
        &self.desk.reader
    }

    /// As [`Desk::write`].
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.desk.write(work)
    }
}

impl Desk {
    fn new(mut connection: Connection) -> Result<Self, StoreError> {
        keep_write_ahead_log(&connection)?;
        schema::migrate(&mut connection, schema::MIGRATIONS)?;
        Ok(Self { reader: Reader { connection: Mutex::new(connection) } })
    }

    /// The verbs that only look, on this desk.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Does `work` in one transaction: all of it is written, or nothing.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.reader.connection()?;
        // Immediate: the write lock is taken before the first read, so that what is read stays true.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&transaction)?; // Dropping the transaction rolls it back.
        transaction.commit()?;
        Ok(value)
    }
}

impl Reader {
    /// Does `look` in one transaction: all that it sees is of one moment.
    pub(crate) fn read<T>(
        &self,
        look: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction()?;
        let value = look(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    pub(crate) fn connection(&self) -> Result<MutexGuard<'_, Connection>, StoreError> {
        // A panic under the lock has rolled its transaction back, so the connection is fit for use.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        // A transaction can fail as it begins or is rolled back, and stay. It would stand in the way of every later
        // one.
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        Ok(connection)
    }
}

const WRITING: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_CREATE);

/// A lock file, locked.
#[derive(Debug)]
struct Lock(File);

impl Lock {
    /// At once, or not at all.
    fn take(path: &Path) -> Result<Self, StoreError> {
        let file = Self::file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_path_buf() }),
            Err(TryLockError::Error(source)) => {
                Err(StoreError::Open { path: path.to_path_buf(), source })
            }
        }
    }

    /// As soon as whoever holds it is done.
    fn wait(path: &Path) -> Result<Self, StoreError> {
        let file = Self::file(path)?;
        match file.lock() {
            Ok(()) => Ok(Self(file)),
            Err(source) => Err(StoreError::Open { path: path.to_path_buf(), source }),
        }
    }

    fn file(path: &Path) -> Result<File, StoreError> {
        // To lock a file it is enough to read it: root may have made it for a service that runs as somebody else.
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                File::options().create(true).truncate(false).write(true).open(path)
            }
            opened => opened,
        };
        file.map_err(|source| StoreError::Open { path: path.to_path_buf(), source })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would do, but for a child process that is just being started: it holds a copy of the
        // file until it is another program. Should unlocking fail, the lock goes with the last copy.
        let _ = self.0.unlock();
    }
}

/// The names that are watched are nobody else's business, hence the mode.
fn make_directory(directory: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(directory)
        .map_err(|source| StoreError::Open { path: directory.to_path_buf(), source })
}

fn connect(path: &PathBuf, access: OpenFlags) -> Result<Connection, StoreError> {
    // NO_MUTEX: our own mutex already lets in one thread at a time.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.pragma_update(None, "cache_size", -CACHE_KIB_MAX)?; // Negative: KiB, not pages.
    connection.pragma_update(None, "foreign_keys", true)?;
    // FULL syncs at every commit. Less would keep the database whole, too, but a power cut could take back the
    // last commits: a line that went out would be found, numbered and told again.
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Readers then never wait for the writer, nor the writer for readers; the mode is kept in the file.
fn keep_write_ahead_log(connection: &Connection) -> Result<(), StoreError> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::NoWriteAheadLog { mode });
    }
    let limit = WRITE_AHEAD_LOG_BYTES_KEPT;
    connection.pragma_update_and_check(None, "journal_size_limit", limit, |_| Ok(()))?;
    Ok(())
}
