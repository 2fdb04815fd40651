//! The thread that writes.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::mpsc;

use super::{ArchiveError, Chain, DECISIONS, Job, Lines, Opened, PROOFS, io_error, proof_path};
use crate::application::ProofFile;
use crate::hex;
use crate::lookup::sha256;
use crate::row::RecordRow;

pub(super) struct Writer {
    dir: PathBuf,
    path: PathBuf,
    file: File,
    chain: Chain,
    places: Arc<RwLock<Vec<u64>>>,
    /// Proofs that are known to be on disk.
    proofs: HashSet<[u8; 32]>,
}

impl Writer {
    pub(super) fn open(dir: &Path) -> Result<(Self, Opened), ArchiveError> {
        let mut private = DirBuilder::new();
        private.recursive(true).mode(0o700);
        let proofs = dir.join(PROOFS);
        private.create(&proofs).map_err(|error| io_error(&proofs, error))?;
        let path = dir.join(DECISIONS);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        let file = options.open(&path).map_err(|error| io_error(&path, error))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => ArchiveError::InUse(dir.to_owned()),
            TryLockError::Error(error) => io_error(&path, error),
        })?;
        let again = file.try_clone().map_err(|error| io_error(&path, error))?;
        let mut lines = Lines::of(path.clone(), again);
        let mut places = Vec::new();
        while let Some(line) = lines.next_line()? {
            places.push(line.start);
        }
        let chain = lines.chain();
        places.push(chain.end);
        if chain.unfinished > 0 {
            file.set_len(chain.end).map_err(|error| io_error(&path, error))?;
        }
        let synced = file.sync_all().and_then(|()| File::open(dir)?.sync_all());
        synced.map_err(|error| io_error(&path, error))?;
        let opened = Opened { decisions: chain.lines, cut_bytes: chain.unfinished };
        let places = Arc::new(RwLock::new(places));
        let writer =
            Self { dir: dir.to_owned(), path, file, chain, places, proofs: HashSet::new() };
        Ok((writer, opened))
    }

    pub(super) fn places(&self) -> Arc<RwLock<Vec<u64>>> {
        Arc::clone(&self.places)
    }

    /// Writes until nobody can ask for more.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
            let (records, (proofs, done)): (Vec<_>, (Vec<_>, Vec<_>)) =
                batch.into_iter().map(|job| (job.record, (job.proofs, job.done))).unzip();
            let written = self.write(records, &proofs.concat());
            let answers: Vec<_> = match written {
                Ok(records) => records.into_iter().map(Ok).collect(),
                Err(error) => done.iter().map(|_| Err(error.clone())).collect(),
            };
            for (done, answer) in done.into_iter().zip(answers) {
                // Whoever has gone away does not want to know.
                let _gone = done.send(answer);
            }
        }
    }

    pub(super) fn write(
        &mut self,
        records: Vec<RecordRow>,
        proofs: &[ProofFile],
    ) -> Result<Vec<RecordRow>, ArchiveError> {
        self.write_proofs(proofs)?;
        let (mut chain, mut bytes) = (self.chain, Vec::new());
        let (mut ends, mut numbered) = (Vec::new(), Vec::new());
        for record in records {
            let record =
                RecordRow { id: chain.lines + 1, prev: hex::encode(&chain.head), ..record };
            let line = serde_json::to_vec(&record).expect("a record is JSON");
            chain.lines += 1;
            chain.head = sha256(&line);
            bytes.extend(line);
            bytes.push(b'\n');
            let written = u64::try_from(bytes.len()).expect("a length has at most 64 bits");
            chain.end = self.chain.end + written;
            ends.push(chain.end);
            numbered.push(record);
        }
        // At the place and not at the end: what a write that failed has left behind is written over.
        let written =
            self.file.write_all_at(&bytes, self.chain.end).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // A part of a line would be read as one that was never finished; with more behind it, as a broken chain.
            self.file.set_len(self.chain.end).map_err(|error| io_error(&self.path, error))?;
            return Err(io_error(&self.path, error));
        }
        self.chain = chain;
        self.places.write().unwrap_or_else(PoisonError::into_inner).extend(ends);
        Ok(numbered)
    }

    /// Writes those proofs that are not there, and waits until they are on disk.
    fn write_proofs(&mut self, proofs: &[ProofFile]) -> Result<(), ArchiveError> {
        let written = self.write_unknown_proofs(proofs);
        if written.is_err() {
            // Of some the folder was not waited for.
            self.proofs.clear();
        }
        written
    }

    fn write_unknown_proofs(&mut self, proofs: &[ProofFile]) -> Result<(), ArchiveError> {
        let mut folders = BTreeSet::new();
        for proof in proofs {
            if self.proofs.contains(&proof.hash) {
                continue;
            }
            let path = proof_path(&self.dir, &hex::encode(&proof.hash));
            let folder = path.parent().expect("a proof is in a folder").to_owned();
            if !path.exists() {
                write_whole(&folder, &path, &proof.bytes)
                    .map_err(|error| io_error(&path, error))?;
            }
            // Also where it was there: whoever put it there may have been stopped before this.
            folders.insert(folder);
            if self.proofs.len() >= PROOFS_REMEMBERED_MAX {
                self.proofs.clear();
            }
            self.proofs.insert(proof.hash);
        }
        if !folders.is_empty() {
            folders.insert(self.dir.join(PROOFS));
        }
        for folder in folders {
            let synced = File::open(&folder).and_then(|opened| opened.sync_all());
            synced.map_err(|error| io_error(&folder, error))?;
        }
        Ok(())
    }
}

/// A file that is there whole or not at all.
fn write_whole(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut private = DirBuilder::new();
    private.recursive(true).mode(0o700).create(folder)?;
    let unfinished = path.with_extension("unfinished");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

/// How many decisions share one wait for the disk.
const BATCH_MAX: usize = 256;
/// Hashes in memory: 100,000 have 5 MB.
const PROOFS_REMEMBERED_MAX: usize = 100_000;
