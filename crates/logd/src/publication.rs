//! What is published at a time: a signed text, the proof that the log has it, and the keys that it was signed with.

use std::path::{Path, PathBuf};

use countersign_tlog::note::SignerKey;

use crate::disk::Disk;
use crate::log::{Log, LogError, write};

/// What is to be published. That the signatures are good, and that it is newer than what there is, was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// What is logged: the text without its signatures.
    pub text: &'a str,
    /// The text and its signatures.
    pub list: &'a [u8],
    /// The version of the keys, and the file that says them.
    pub keys: (u64, &'a [u8]),
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Where the log has the text.
    pub index: u64,
    /// Entries of the log.
    pub size: u64,
    /// Whether the log had it before.
    pub was_logged: bool,
}

/// The right to publish in a folder: nobody else does meanwhile, so what was looked at there stays as it was.
#[derive(Debug)]
pub struct Publisher {
    folder: PathBuf,
    log: Log,
}

impl Publisher {
    /// Opens a folder, which is made if it is not there, and its log.
    pub fn open(folder: &Path, key: SignerKey) -> Result<Self, LogError> {
        Ok(Self { folder: folder.to_owned(), log: Log::open(&folder.join(LOG), key)? })
    }

    /// Publishes. Doing it again does nothing more, so whatever stops it half way is mended by doing it again.
    pub fn publish(self, publication: Publication<'_>) -> Result<Published, LogError> {
        let Self { folder, log } = self;
        let entry = publication.text.as_bytes();
        let (log, index, was_logged) = match log.find(entry)? {
            Some(index) => (log, index, true),
            None => {
                let (log, index) = log.append(entry)?;
                (log, index, false)
            }
        };
        let proof = log.prove(index)?.to_text();
        let disk = Disk::open(&folder).map_err(|source| LogError::Disk { path: folder, source })?;
        // The keys before the list that needs them: a client that finds no newer keys believes that there are none.
        let (version, keys) = publication.keys;
        write(&disk, &keys_name(version), keys)?;
        write(&disk, KEYS, keys)?;
        write(&disk, PROOF, proof.as_bytes())?;
        write(&disk, LIST, publication.list)?;
        Ok(Published { index, size: log.size(), was_logged })
    }
}

/// The name of the file with the keys of a version.
pub fn keys_name(version: u64) -> String {
    format!("{KEYS}-{version}")
}

/// The folder of the log.
pub const LOG: &str = "log";
/// The newest list.
pub const LIST: &str = "list";
/// The proof for it.
pub const PROOF: &str = "list.proof";
/// The newest keys.
pub const KEYS: &str = "keys";
