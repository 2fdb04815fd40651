//! That an entry is in a log, as a text that can be verified offline (c2sp.org/tlog-proof).
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra base64(what the application likes)      (may be absent)
//! index 7
//! base64(hash)                                  (from the leaf's sibling up; may be none)
//! (empty line)
//! the checkpoint, a signed note, as the log served it
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{Checkpoint, CheckpointError, decimal};
use crate::hash::{Hash, HashError};
use crate::note::{NOTE_BYTES_MAX, Note, NoteError, VerifierKey, VerifyError};
use crate::proof::{ProofError, verify_inclusion};

/// A claim that some entry is in a log. Nothing is true of it until [`TlogProof::verify`] says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    index: u64,
    path: Vec<Hash>,
    /// As it was served: a note could be written in other ways, and these bytes are what is kept.
    checkpoint: String,
    extra: Option<Vec<u8>>,
}

/// Why bytes are not a proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlogProofError {
    /// Longer than [`TLOG_PROOF_BYTES_MAX`].
    #[error("the proof is longer than {TLOG_PROOF_BYTES_MAX} bytes")]
    TooLarge,
    /// Not UTF-8.
    #[error("the proof is not text")]
    NotText,
    /// The first line is another one.
    #[error("the first line is not {FIRST_LINE:?}")]
    Kind,
    /// The line `extra` is not base64.
    #[error("the extra data are not base64")]
    Extra,
    /// There is no line `index`, or no decimal number in it.
    #[error("the proof has no index")]
    Index,
    /// A line of the proof is not a hash.
    #[error("a line of the proof is not a hash")]
    Hash(#[source] HashError),
    /// More hashes than a tree has levels.
    #[error("the proof has more than {PATH_MAX} hashes")]
    TooManyHashes,
    /// There is no empty line with something below it.
    #[error("the proof has no checkpoint")]
    NoCheckpoint,
    /// What stands there is no signed note.
    #[error("the checkpoint is not a signed note")]
    Checkpoint(#[source] NoteError),
}

/// Why a proof does not show that the log has the entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotProven {
    /// The log did not sign the checkpoint.
    #[error("the checkpoint is not the log's")]
    Signature(#[from] VerifyError),
    /// What it signed is no checkpoint.
    #[error("what the log signed is no checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// It signed a checkpoint of another log.
    #[error("the checkpoint is about the log {0:?}")]
    Origin(String),
    /// The entry is not there in that tree.
    #[error("the log does not have it there")]
    Inclusion(#[from] ProofError),
}

impl TlogProof {
    /// A proof of these parts, where the checkpoint is a signed note.
    pub fn new(index: u64, path: Vec<Hash>, checkpoint: String) -> Result<Self, TlogProofError> {
        if path.len() > PATH_MAX {
            return Err(TlogProofError::TooManyHashes);
        }
        Note::parse(checkpoint.as_bytes()).map_err(TlogProofError::Checkpoint)?;
        Ok(Self { index, path, checkpoint, extra: None })
    }

    /// Reads a proof.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        if bytes.len() > TLOG_PROOF_BYTES_MAX {
            return Err(TlogProofError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| TlogProofError::NotText)?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(TlogProofError::NoCheckpoint)?;
        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(TlogProofError::Kind);
        }
        let mut line = lines.next().ok_or(TlogProofError::Index)?;
        let mut extra = None;
        if let Some(encoded) = line.strip_prefix(EXTRA) {
            extra = Some(STANDARD.decode(encoded).map_err(|_| TlogProofError::Extra)?);
            line = lines.next().ok_or(TlogProofError::Index)?;
        }
        let index = line.strip_prefix(INDEX).and_then(decimal).ok_or(TlogProofError::Index)?;
        // One more than there may be, so that too many are seen.
        let hashes = lines.take(PATH_MAX + 1).map(str::parse);
        let path = hashes.collect::<Result<_, _>>().map_err(TlogProofError::Hash)?;
        Ok(Self { extra, ..Self::new(index, path, checkpoint.to_owned())? })
    }

    /// The proof as it is stored and served.
    pub fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        if let Some(extra) = &self.extra {
            text += &format!("{EXTRA}{}\n", STANDARD.encode(extra));
        }
        text += &format!("{INDEX}{}\n", self.index);
        for hash in &self.path {
            text += &format!("{hash}\n");
        }
        text + "\n" + &self.checkpoint
    }

    /// Checks that the log with this key, whose name is its origin, has an entry of this hash
    /// ([`crate::leaf_hash`]), and says under which head.
    pub fn verify(&self, leaf: &Hash, log: &VerifierKey) -> Result<Checkpoint, NotProven> {
        let note = Note::parse(self.checkpoint.as_bytes()).expect("it was read before");
        log.verify(&note)?;
        let head = Checkpoint::parse(note.text())?;
        if head.origin() != log.name().as_str() {
            return Err(NotProven::Origin(head.origin().to_owned()));
        }
        verify_inclusion(self.index, head.size(), leaf, &self.path, &head.root())?;
        Ok(head)
    }

    /// Where the entry is said to be, counted from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// What the application put there. Nobody vouches for it.
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The signed note that the proof leads to.
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }
}

/// What a proof begins with.
const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
const EXTRA: &str = "extra ";
const INDEX: &str = "index ";
/// Trees with 64-bit sizes have as many levels.
const PATH_MAX: usize = 64;
/// Bytes of a proof: the largest note, the longest path, and as much again of extra data as of both.
pub const TLOG_PROOF_BYTES_MAX: usize = 2 * (NOTE_BYTES_MAX + PATH_MAX * 64);

#[cfg(test)]
mod tests;
