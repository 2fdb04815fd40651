//! The evidence of an incident as a folder of files in public formats, for somebody who was not there.
//!
//! ```text
//!   Contents ── assemble ──> Pack: README.html, certificate.pem, log-1/entry.bin, …
//!   Pack     ── verify ────> Check, Check, …: each holds, fails, or could not be told
//! ```
//!
//! A pack says how to verify it with `openssl`, `sha256sum` and Python alone. [`verify`] does the same and more, and
//! trusts nothing but the bytes and the list of logs that it is given. What is missing is said in the pack and
//! is [`Outcome::CouldNotTell`]; nothing is silently absent.
//!
//! The files are of two kinds. Some *are* the evidence: what logs served, and what was expected and decided. All
//! others follow from these: copies for `openssl`, the pages. To verify, the evidence is read and the pack assembled
//! again, so that no page can say what the evidence does not.
//!
//! # Limitations
//!
//! That the expectation is the operator's, and when it was seen that it is not met, is the operator's word: nobody
//! else has signed it.

mod checks;
mod encoding;
mod evidence;
mod expectation;
mod manifest;
mod missing;
mod page;
mod pieces;
mod plain_text;
mod steps;
mod tar;

use std::collections::BTreeMap;

use countersign_sct::LogList;
use jiff::Timestamp;

pub use expectation::Judgement;
use pieces::Pieces;
pub use tar::{TAR_BYTES_MAX, TarError};

/// Files by their names within the folder, and how [`Pack::new`] bounds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    files: BTreeMap<String, Vec<u8>>,
}

/// All that a pack is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// What happened.
    pub incident: Incident,
    /// Every entry that holds the certificate or its precertificate.
    pub sightings: Vec<Sighting>,
    /// The final certificate, where it is known from elsewhere than the entries. It can come without any entry.
    pub certificate: Option<Vec<u8>>,
    /// Certificates that may be in the chain above, in any order: what static logs serve at `issuer/`. Those that
    /// came with an RFC 6962 entry need not be here.
    pub issuers: Vec<Vec<u8>>,
    /// The logs of the sightings, and those known of the SCTs.
    pub logs: Vec<Log>,
    /// What was expected, and how it was decided; `None` for an incident that is about no decision.
    pub judgement: Option<Judgement>,
}

/// An incident in words, as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Which.
    pub id: u64,
    /// One line.
    pub title: String,
    /// How grave.
    pub severity: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed, and why.
    pub closed: Option<(Timestamp, String)>,
    /// What happened.
    pub what: String,
    /// Why we think so.
    pub why: Vec<String>,
    /// Since when.
    pub since: String,
    /// What it allows an attacker.
    pub allows: String,
    /// What to do now.
    pub next: Vec<String>,
    /// How many entries with the certificate are known that are not in the pack.
    pub entries_left_out: usize,
    /// The program that makes the pack: [`MADE_BY`].
    pub made_by: String,
}

/// This program and its version.
pub const MADE_BY: &str = concat!("countersign ", env!("CARGO_PKG_VERSION"));

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The log that holds it: one of [`Contents::logs`].
    pub log: [u8; 32],
    /// Where it is in the log.
    pub index: u64,
    /// When it was found.
    pub found_at: Timestamp,
    /// The `MerkleTreeLeaf` (RFC 6962 §3.4), as hashed.
    pub leaf: Vec<u8>,
    /// The hash by which the tree knows it.
    pub leaf_hash: [u8; 32],
    /// What was served beside it: `extra_data` (RFC 6962 §4.6), or the rest of the `TileLeaf`
    /// (c2sp.org/static-ct-api).
    pub beside: Vec<u8>,
    /// That the tree holds it; `None` if no proof was obtained.
    pub inclusion: Option<Inclusion>,
}

/// An inclusion proof (RFC 9162 §2.1.3) and the head that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// How many entries the tree has.
    pub tree_size: u64,
    /// The audit path, from the leaf up.
    pub path: Vec<[u8; 32]>,
    /// The answer to get-sth (RFC 6962 §4.3) or the checkpoint, as served.
    pub head: Vec<u8>,
}

/// A log, as the lists describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// SHA-256 of its key.
    pub id: [u8; 32],
    /// Its name.
    pub description: String,
    /// Who runs it.
    pub operator: String,
    /// Where it is read.
    pub url: String,
    /// How it is read.
    pub api: Api,
    /// Its SubjectPublicKeyInfo; `None` if it was in no list any more.
    pub key: Option<Vec<u8>>,
}

/// How a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// RFC 6962.
    Rfc6962,
    /// c2sp.org/static-ct-api.
    StaticCt,
}

/// Why some files are no pack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// More files than any pack has.
    #[error("there are more than {FILES_MAX} files")]
    TooManyFiles,
    /// All files together are too large.
    #[error("the files have more than {BYTES_MAX} bytes")]
    TooLarge,
    /// A name that [`Pack`] files do not have.
    #[error("a file has the name {}, which no file of a pack has", .0.escape_debug())]
    Name(String),
}

/// Files in a pack. One with 500 sightings has some 6,000.
pub const FILES_MAX: usize = 10_000;
/// Bytes of all files. 500 entries with the largest certificates that logs take, copied for openssl, have half.
pub const BYTES_MAX: usize = 256 << 20;
/// Bytes of a name: what a tar header holds, less the name of the folder.
pub const NAME_BYTES_MAX: usize = 60;

impl Pack {
    /// A pack of these files, whatever is in them: [`verify`] judges that. Names are relative, in lower case except
    /// for the few that are to be read first, one folder deep at most.
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Result<Self, PackError> {
        if files.len() > FILES_MAX {
            return Err(PackError::TooManyFiles);
        }
        let bytes = files.values().try_fold(0_usize, |sum, file| sum.checked_add(file.len()));
        if bytes.is_none_or(|bytes| bytes > BYTES_MAX) {
            return Err(PackError::TooLarge);
        }
        match files.keys().find(|name| !is_name(name)) {
            Some(name) => Err(PackError::Name(name.clone())),
            None => Ok(Self { files }),
        }
    }

    /// The files.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// The id and the opening time of the incident, for whoever gives the pack a name; `None` if they cannot be read.
    pub fn incident(&self) -> Option<(u64, Timestamp)> {
        let incident = evidence::read_incident(&self.files).ok()?;
        Some((incident.id, incident.opened_at))
    }
}

/// Letters, digits, dots and hyphens, in at most two parts that begin with a letter or a digit: nothing that leads
/// out of the folder, and nothing that a shell takes for something else.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
    };
    name.len() <= NAME_BYTES_MAX && name.split('/').count() <= 2 && name.split('/').all(is_part)
}

/// Makes the pack. Equal contents make equal packs.
pub fn assemble(contents: &Contents) -> Result<Pack, PackError> {
    let pieces = Pieces::of(contents);
    let mut files = evidence::write(contents, &pieces);
    files.extend(pieces.files(contents));
    let steps = steps::steps(contents, &pieces);
    files.insert(VERIFY_TXT.to_owned(), plain_text::render(contents, &pieces, &steps).into_bytes());
    files.insert(README.to_owned(), page::render(contents, &pieces, &steps).into_bytes());
    files.insert(VERIFY_PY.to_owned(), include_bytes!("pack/verify.py").to_vec());
    files.insert(manifest::MANIFEST.to_owned(), manifest::manifest(&files));
    Pack::new(files)
}

/// The page for people.
const README: &str = "README.html";
/// How to verify the pack, for a terminal.
const VERIFY_TXT: &str = "VERIFY.txt";
/// The Python program that every pack carries.
const VERIFY_PY: &str = "verify.py";

/// Verifies a pack. Without a list of logs it cannot be told whether its logs are logs that anybody trusts.
pub fn verify(pack: &Pack, logs: Option<&LogList>) -> Verified {
    checks::verify(pack, logs)
}

/// What came of [`verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Every check there is for such a pack, in order.
    pub checks: Vec<Check>,
}

/// One thing that a pack must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// A name for programs that never changes: `inclusion`.
    pub name: &'static str,
    /// What was looked at, for people.
    pub what: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a check, from the best to the worst.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is so.
    Holds,
    /// It is not known, and why.
    CouldNotTell(String),
    /// It is not so, and why.
    Fails(String),
}

impl Verified {
    /// The worst outcome. A pack without checks has shown nothing.
    pub fn outcome(&self) -> Outcome {
        let worst = self.checks.iter().map(|check| &check.outcome).max();
        worst.cloned().unwrap_or_else(|| Outcome::CouldNotTell("nothing was checked".to_owned()))
    }
}
