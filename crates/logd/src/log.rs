//! A log that grows, as files (c2sp.org/tlog-tiles): its entries in bundles, the hashes of its tree in tiles, and the
//! head that it signs (c2sp.org/tlog-checkpoint).
//!
//! ```text
//! an entry ──> bundle ──> tiles ──> position ──> checkpoint
//!              not in any signed tree │ promised   served
//! ```
//!
//! A log that signs two trees of one size has lied, and a crash must not make it. So what is new is written first, then
//! the position: the signed head, on disk before anybody sees it. Whatever stops before that has left files that
//! the next append writes again; whatever stops after it has promised, and the next start finishes.
//!
//! # Limitations
//!
//! A folder that was put back from a backup has forgotten what it promised since. No witness cosigns yet, so nobody
//! but those who kept the later heads would know.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use countersign_tlog::entry_bundle::{self, ENTRY_BYTES_MAX};
use countersign_tlog::hash::HASH_BYTES;
use countersign_tlog::note::{NOTE_BYTES_MAX, SignerKey, VerifierKey};
use countersign_tlog::proof::{inclusion_proof, peaks};
use countersign_tlog::tile::TILE_WIDTH;
use countersign_tlog::{Checkpoint, Frontier, Hash, HashTile, Node, Note, TileId, TlogProof};
use countersign_tlog::{leaf_hash, proof};

use crate::disk::Disk;

/// A log, and the right to append to it: nobody else has the folder open.
#[derive(Debug)]
pub struct Log {
    disk: Disk,
    key: SignerKey,
    frontier: Frontier,
    /// The position: the newest head, signed.
    head: String,
    _lock: File,
}

/// Why a log cannot be opened, read or appended to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The disk.
    #[error("cannot use {}", .path.display())]
    Disk {
        /// What could not be read or written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else appends.
    #[error("somebody else appends to {}", .0.display())]
    InUse(PathBuf),
    /// The files are not those of a log whose newest head is the position.
    #[error("the log in {} is damaged: {what}", .folder.display())]
    Damaged {
        /// The log.
        folder: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// The head is signed by another key.
    #[error("the log in {} is that of another key than {key}", .folder.display())]
    OtherKey {
        /// The log.
        folder: PathBuf,
        /// The key that was given.
        key: String,
    },
    /// It does not fit into a bundle.
    #[error("an entry of {0} bytes is too long: a log takes {ENTRY_BYTES_MAX}")]
    EntryTooLong(usize),
    /// There is no such entry.
    #[error("the log has no entry {0}")]
    NoEntry(u64),
}

impl Log {
    /// Opens the log in a folder, or begins it there if the folder is empty. The name of the key is the log's origin.
    pub fn open(folder: &Path, key: SignerKey) -> Result<Self, LogError> {
        let failed = |source| LogError::Disk { path: folder.to_owned(), source };
        let disk = Disk::open(folder).map_err(failed)?;
        let lock = lock(&disk)?;
        let position = read(&disk, POSITION, NOTE_BYTES_MAX)?;
        let damaged =
            |what: &str| LogError::Damaged { folder: folder.to_owned(), what: what.to_owned() };
        let (frontier, head) = match position {
            None => {
                // A tree without a position is one whose promises are not known.
                for name in [CHECKPOINT, TILES] {
                    if disk.has(name).map_err(|source| io_error(&disk, name, source))? {
                        return Err(damaged("there is a tree, and no position"));
                    }
                }
                let head = sign(&key, &Frontier::new());
                write(&disk, POSITION, head.as_bytes())?;
                (Frontier::new(), head)
            }
            Some(bytes) => {
                let note = Note::parse(&bytes).map_err(|_| damaged("the position is no note"))?;
                let other = |_| LogError::OtherKey {
                    folder: folder.to_owned(),
                    key: key.verifier_key().to_string(),
                };
                key.verifier_key().verify(&note).map_err(other)?;
                let head = Checkpoint::parse(note.text())
                    .map_err(|_| damaged("the position is no checkpoint"))?;
                let mut hashes = Vec::new();
                for peak in peaks(head.size()) {
                    hashes.push(hash(&disk, peak, head.size())?);
                }
                let frontier = Frontier::from_peaks(head.size(), hashes)
                    .filter(|frontier| frontier.root() == head.root())
                    .ok_or_else(|| damaged("the tiles are not those of the position"))?;
                (frontier, note.to_text())
            }
        };
        let log = Self { disk, key, frontier, head, _lock: lock };
        log.show()?;
        Ok(log)
    }

    /// Appends an entry, and says where it is. If it fails, the log is given up: whether the entry was promised
    /// is known to whoever opens it next.
    pub fn append(mut self, entry: &[u8]) -> Result<(Self, u64), LogError> {
        if entry.len() > ENTRY_BYTES_MAX {
            return Err(LogError::EntryTooLong(entry.len()));
        }
        let index = self.frontier.size();
        let tile = tile_of(0, index);
        let before = self.bundle_before(tile)?;
        let bundle = entry_bundle::push(&before, entry).expect("its length was looked at");
        write(&self.disk, &tile.entries_path(), &bundle)?;
        let leaf = leaf_hash(&[entry]);
        self.write_tiles(index, leaf)?;
        self.frontier.push(leaf);
        self.head = sign(&self.key, &self.frontier);
        write(&self.disk, POSITION, self.head.as_bytes())?;
        self.show()?;
        Ok((self, index))
    }

    /// Where an entry is, if the log has it.
    pub fn find(&self, entry: &[u8]) -> Result<Option<u64>, LogError> {
        let (leaf, size) = (leaf_hash(&[entry]), self.size());
        for index in 0..size.div_ceil(u64::from(TILE_WIDTH)) {
            let tile =
                TileId::covering(Node { level: 0, index: index * u64::from(TILE_WIDTH) }, size);
            let place = hash_tile(&self.disk, tile)?.hashes().iter().position(|hash| *hash == leaf);
            if let Some(place) = place {
                let place = u64::try_from(place).expect("at most 255");
                return Ok(Some(index * u64::from(TILE_WIDTH) + place));
            }
        }
        Ok(None)
    }

    /// Proves that the newest tree has the entry with this index.
    pub fn prove(&self, index: u64) -> Result<TlogProof, LogError> {
        let mut hashes = Vec::new();
        for node in proof::inclusion_nodes(index, self.size()) {
            hashes.push((node, hash(&self.disk, node, self.size())?));
        }
        let read = |node| hashes.iter().find(|(known, _)| *known == node).map(|(_, hash)| *hash);
        let path = inclusion_proof(index, self.size(), read).ok_or(LogError::NoEntry(index))?;
        Ok(TlogProof::new(index, path, self.head.clone()).expect("our own head is a note"))
    }

    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The newest head, a signed note.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// The key to verify it with.
    pub fn key(&self) -> VerifierKey {
        self.key.verifier_key()
    }

    /// Serves what was promised.
    fn show(&self) -> Result<(), LogError> {
        let shown = read(&self.disk, CHECKPOINT, NOTE_BYTES_MAX)?;
        if shown.as_deref() == Some(self.head.as_bytes()) {
            return Ok(());
        }
        write(&self.disk, CHECKPOINT, self.head.as_bytes())
    }

    /// The entries before the last one of a bundle.
    fn bundle_before(&self, tile: TileId) -> Result<Vec<u8>, LogError> {
        let Some(before) = narrower(tile) else { return Ok(Vec::new()) };
        let path = before.entries_path();
        let bytes = read(&self.disk, &path, BUNDLE_BYTES_MAX)?.unwrap_or_default();
        let leaves: Vec<Hash> = entry_bundle::parse(&bytes, before.width)
            .map_err(|why| self.damaged(format!("{path}: {why}")))?
            .iter()
            .map(|entry| leaf_hash(&[entry]))
            .collect();
        // What was changed on disk must not be served under a new name.
        if leaves != hash_tile(&self.disk, before)?.hashes() {
            return Err(self.damaged(format!("{path} has other entries than the tree")));
        }
        Ok(bytes)
    }

    /// Writes each tile that has a hash more with this leaf.
    fn write_tiles(&self, leaf_index: u64, leaf: Hash) -> Result<(), LogError> {
        let (mut index, mut hash) = (leaf_index, leaf);
        for level in 0.. {
            let tile = tile_of(level, index);
            let mut hashes = match narrower(tile) {
                Some(before) => hash_tile(&self.disk, before)?.hashes().to_vec(),
                None => Vec::new(),
            };
            hashes.push(hash);
            let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
            write(&self.disk, &tile.path(), &bytes)?;
            if !tile.is_full() {
                break;
            }
            // Its root is a hash of the tile above.
            let mut tree = Frontier::new();
            hashes.into_iter().for_each(|hash| tree.push(hash));
            (index, hash) = (tile.index, tree.root());
        }
        Ok(())
    }

    fn damaged(&self, what: String) -> LogError {
        LogError::Damaged { folder: self.disk.path(""), what }
    }
}

fn lock(disk: &Disk) -> Result<File, LogError> {
    let path = disk.path(LOCK);
    let failed = |source| LogError::Disk { path: path.clone(), source };
    let mut options = File::options();
    let file = options.write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => LogError::InUse(disk.path("")),
        TryLockError::Error(error) => failed(error),
    })?;
    Ok(file)
}

/// The head of a tree, as a signed note.
fn sign(key: &SignerKey, tree: &Frontier) -> String {
    let origin = key.verifier_key().name().to_string();
    let head = Checkpoint::new(origin, tree.size(), tree.root(), Vec::new());
    let text = head.expect("the name of a key is a line").to_text();
    let signature = key.sign(&text);
    Note::new(text, vec![signature]).expect("a checkpoint and a signature are a note").to_text()
}

/// The tile that ends with this hash of its level.
fn tile_of(level: u8, index: u64) -> TileId {
    let width = u64::from(TILE_WIDTH);
    let last = u16::try_from(index % width).expect("below 256");
    TileId { level, index: index / width, width: last + 1 }
}

/// The same tile without its last hash; `None` if it has no other.
fn narrower(tile: TileId) -> Option<TileId> {
    let width = tile.width - 1;
    (width > 0).then_some(TileId { width, ..tile })
}

fn hash_tile(disk: &Disk, tile: TileId) -> Result<HashTile, LogError> {
    let path = tile.path();
    let damaged = |what| LogError::Damaged { folder: disk.path(""), what };
    let bytes = read(disk, &path, TILE_BYTES_MAX)?;
    let bytes = bytes.ok_or_else(|| damaged(format!("there is no {path}")))?;
    HashTile::parse(&bytes, tile.width).map_err(|why| damaged(format!("{path}: {why}")))
}

/// The hash of a node of the tree with so many leaves.
fn hash(disk: &Disk, node: Node, size: u64) -> Result<Hash, LogError> {
    let tile = TileId::covering(node, size);
    Ok(hash_tile(disk, tile)?
        .hash_of(tile, node)
        .expect("the tile covers it, and is as wide as it says"))
}

fn read(disk: &Disk, name: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, LogError> {
    disk.read(name, bytes_max).map_err(|source| io_error(disk, name, source))
}

pub(crate) fn write(disk: &Disk, name: &str, bytes: &[u8]) -> Result<(), LogError> {
    disk.write(name, bytes).map_err(|source| io_error(disk, name, source))
}

fn io_error(disk: &Disk, name: &str, source: io::Error) -> LogError {
    LogError::Disk { path: disk.path(name), source }
}

/// The head that is promised.
const POSITION: &str = "position";
/// The head that is served.
pub(crate) const CHECKPOINT: &str = "checkpoint";
const TILES: &str = "tile";
const LOCK: &str = "lock";
const TILE_BYTES_MAX: usize = 256 * HASH_BYTES;
/// As many of the longest entries as a bundle takes, each after its length.
pub(crate) const BUNDLE_BYTES_MAX: usize = 256 * (2 + ENTRY_BYTES_MAX);

#[cfg(test)]
mod tests;
