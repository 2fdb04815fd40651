//! Decisions on disk: a line for each, that names the hash of the line before, and a file for each proof. A decision is
//! on disk before anybody hears it.
//!
//! ```text
//!   archive/
//!     decisions.jsonl     a record a line (docs/gate.md); "prev" is the SHA-256 of the line before it
//!     proofs/5f/5f3c…     a proof (docs/dnssec-proof.md), named by its SHA-256
//! ```
//!
//! Whoever deletes or changes a line breaks the chain behind it. Whoever cuts lines off the end does not: for that, the
//! hash of some later line has to be kept elsewhere, and every answer carries that of its own.
//!
//! One thread writes, and all who wait share one `fdatasync` for their lines; each proof that is not there yet takes one
//! more. Proofs are there before the lines that name them. After a crash the file ends with a whole line, or with a part
//! of one that nobody was told of, which is cut off.

mod reader;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::application::ProofFile;
use crate::row::RecordRow;

pub use reader::{Chain, Line, Lines, read_proof};
use writer::Writer;

/// The archive that decisions are added to. Cheap to clone; clones are the same one.
#[derive(Clone, Debug)]
pub struct Archive(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    /// Where each line begins, and where the last ends.
    places: Arc<RwLock<Vec<u64>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What is to be written.
#[derive(Debug)]
struct Job {
    record: RecordRow,
    proofs: Vec<ProofFile>,
    done: oneshot::Sender<Result<RecordRow, ArchiveError>>,
}

/// What was found when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// How many decisions are in it.
    pub decisions: u64,
    /// How many bytes were cut off that a crash had left.
    pub cut_bytes: u64,
}

/// Why a decision is not in the archive.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The disk.
    #[error("cannot use {}", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// Another gate writes to it.
    #[error("another gate writes to {}", .0.display())]
    InUse(PathBuf),
    /// The chain does not hold: somebody has changed it.
    #[error("{}: the chain breaks at line {line}: {why}", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// How.
        why: &'static str,
    },
    /// The record has a longer line than can be read again.
    #[error("the record has more than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// It is being closed.
    #[error("the archive is closed")]
    Closed,
}

impl Archive {
    /// Opens the archive in a directory, which is made if it is not there; goes through all of it.
    pub fn open(dir: &Path) -> Result<(Self, Opened), ArchiveError> {
        let (writer, opened) = Writer::open(dir)?;
        let places = writer.places();
        let (jobs, waiting) = mpsc::channel(JOBS_MAX);
        let thread = std::thread::Builder::new()
            .name("archive".to_owned())
            .spawn(move || writer.run(waiting))
            .map_err(|error| io_error(dir, error))?;
        let (jobs, thread) = (Mutex::new(Some(jobs)), Mutex::new(Some(thread)));
        Ok((Self(Arc::new(Inner { dir: dir.to_owned(), jobs, places, thread })), opened))
    }

    /// Gives a record its number and its place, and comes back when it is on disk with its proofs.
    pub async fn add(
        &self,
        record: RecordRow,
        proofs: Vec<ProofFile>,
    ) -> Result<RecordRow, ArchiveError> {
        // Here, and not where others wait for the same write.
        if json_bytes(&record) + PLACE_BYTES_MAX > LINE_BYTES_MAX {
            return Err(ArchiveError::TooLong);
        }
        let (done, written) = oneshot::channel();
        let jobs = self.jobs().clone().ok_or(ArchiveError::Closed)?;
        let job = Job { record, proofs, done };
        jobs.send(job).await.map_err(|_| ArchiveError::Closed)?;
        written.await.map_err(|_| ArchiveError::Closed)?
    }

    /// The line of a decision.
    pub async fn get(&self, id: u64) -> Result<Option<String>, ArchiveError> {
        let place = {
            let places = self.0.places.read().unwrap_or_else(PoisonError::into_inner);
            let index = id.checked_sub(1).and_then(|index| usize::try_from(index).ok());
            index.and_then(|index| Some((*places.get(index)?, *places.get(index.checked_add(1)?)?)))
        };
        let Some((start, end)) = place else { return Ok(None) };
        let dir = self.0.dir.clone();
        let line = tokio::task::spawn_blocking(move || reader::read_line(&dir, start, end)).await;
        line.map_err(|_| ArchiveError::Closed)?.map(Some)
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// Takes no more, and comes back when all that was taken is on disk.
    pub fn close(&self) {
        drop(self.jobs().take());
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            thread.join().expect("the writer does not panic");
        }
    }

    fn jobs(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<Job>>> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many may wait for the disk.
const JOBS_MAX: usize = 1024;

/// What the file with the records is called.
const DECISIONS: &str = "decisions.jsonl";
/// And the directory with the proofs.
const PROOFS: &str = "proofs";

/// The `prev` of the first line.
const FIRST: [u8; 32] = [0; 32];

/// The longest line with its end, in bytes: a thousand names, and what five others say of them. Neither written nor read
/// beyond it.
const LINE_BYTES_MAX: u64 = 32 << 20;

/// What a line has besides a record without its place: a number of at most 20 digits, a hash, the end.
const PLACE_BYTES_MAX: u64 = 20 + 64 + 1;

fn json_bytes(record: &RecordRow) -> u64 {
    let bytes = serde_json::to_vec(record).expect("a record is JSON");
    u64::try_from(bytes.len()).expect("a length has at most 64 bits")
}

/// Where a proof is.
fn proof_path(dir: &Path, hash: &str) -> PathBuf {
    dir.join(PROOFS).join(&hash[..2]).join(hash)
}

fn io_error(path: &Path, error: io::Error) -> ArchiveError {
    ArchiveError::Io { path: path.to_owned(), source: Arc::new(error) }
}

#[cfg(test)]
mod tests;
