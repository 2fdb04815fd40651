//! The archive as it is read: line after line along the chain, and proofs by their hash.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use countersign_dns::proof::PROOF_BYTES_MAX;
use serde::Deserialize;

use super::{ArchiveError, DECISIONS, FIRST, LINE_BYTES_MAX, io_error, proof_path};
use crate::hex;
use crate::lookup::sha256;
use crate::row::RecordRow;

/// The lines of an archive, held against the chain.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    chain: Chain,
}

/// Where a chain has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// How many lines there are.
    pub lines: u64,
    /// The hash of the last.
    pub head: [u8; 32],
    /// Where it ends, in bytes.
    pub end: u64,
    /// How many bytes there are behind it, of a line that was not finished.
    pub unfinished: u64,
}

/// A line, as it stands there without its end.
#[derive(Clone, Debug)]
pub struct Line {
    /// Where it begins, in bytes.
    pub start: u64,
    /// What it says.
    pub text: String,
}

/// What of a record ties it to its place.
#[derive(Deserialize)]
struct Tie {
    id: u64,
    prev: String,
}

impl Lines {
    /// Begins at the first line.
    pub fn open(dir: &Path) -> Result<Self, ArchiveError> {
        let path = dir.join(DECISIONS);
        let file = File::open(&path).map_err(|error| io_error(&path, error))?;
        Ok(Self::of(path, file))
    }

    pub(super) fn of(path: PathBuf, file: File) -> Self {
        let chain = Chain { lines: 0, head: FIRST, end: 0, unfinished: 0 };
        Self { path, file: BufReader::new(file), chain }
    }

    /// How far it has come.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// The next line; `None` after the last that is whole.
    pub fn next_line(&mut self) -> Result<Option<Line>, ArchiveError> {
        let broken =
            |why| ArchiveError::Broken { path: self.path.clone(), line: self.chain.lines + 1, why };
        let mut bytes = Vec::new();
        (&mut self.file)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut bytes)
            .map_err(|error| io_error(&self.path, error))?;
        let length = u64::try_from(bytes.len()).expect("a length has at most 64 bits");
        if bytes.pop_if(|last| *last == b'\n').is_none() {
            if length == LINE_BYTES_MAX {
                return Err(broken("it is too long"));
            }
            self.chain.unfinished = length;
            return Ok(None);
        }
        let text = String::from_utf8(bytes).map_err(|_| broken("it is not UTF-8"))?;
        let tie: Tie = serde_json::from_str(&text).map_err(|_| broken("it is no record"))?;
        if tie.id != self.chain.lines + 1 {
            return Err(broken("its number is not the next one"));
        }
        if tie.prev != hex::encode(&self.chain.head) {
            return Err(broken("its prev is not the hash of the line before it"));
        }
        let start = self.chain.end;
        let (lines, head) = (self.chain.lines + 1, sha256(text.as_bytes()));
        self.chain = Chain { lines, head, end: start + length, unfinished: 0 };
        Ok(Some(Line { start, text }))
    }
}

impl Line {
    /// The record.
    pub fn record(&self) -> Result<RecordRow, serde_json::Error> {
        serde_json::from_str(&self.text)
    }
}

/// A proof with this hash; `None` if it is not there, or what is there has another.
pub fn read_proof(dir: &Path, hash: &str) -> Option<Vec<u8>> {
    let wanted = hex::decode(hash).filter(|hash| hash.len() == 32)?;
    let file = File::open(proof_path(dir, hash)).ok()?;
    let mut bytes = Vec::new();
    let most = u64::try_from(PROOF_BYTES_MAX).expect("usize has at most 64 bits") + 1;
    file.take(most).read_to_end(&mut bytes).ok()?;
    (sha256(&bytes)[..] == wanted[..]).then_some(bytes)
}

/// The line between these places.
pub(super) fn read_line(dir: &Path, start: u64, end: u64) -> Result<String, ArchiveError> {
    let path = dir.join(DECISIONS);
    let length = usize::try_from(end - start - 1).expect("a line is in memory");
    let mut bytes = vec![0; length];
    let read = File::open(&path).and_then(|file| file.read_exact_at(&mut bytes, start));
    read.map_err(|error| io_error(&path, error))?;
    String::from_utf8(bytes).map_err(|_| io_error(&path, std::io::ErrorKind::InvalidData.into()))
}
