//! Files with lists and keys: signed, or to be signed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use countersign_judge::statement::HostKey;
use countersign_sct::signed_list::{ListKeys, NOTE_BYTES_MAX, Note, Signature, SignedList};

use crate::config::secret;
use crate::failure::Failure;

/// A text, and the signatures that it has so far. None of them is verified.
#[derive(Debug)]
pub(super) struct Signable {
    pub(super) text: String,
    pub(super) signatures: Vec<Signature>,
}

/// What such a text says.
#[derive(Debug)]
pub(super) enum Content {
    List(SignedList),
    Keys(ListKeys),
}

impl Signable {
    /// Reads a file, signed or not.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = read(path)?;
        if let Ok(Note { text, signatures }) = Note::parse(&bytes) {
            return Ok(Self { text, signatures });
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| Failure::new(format!("{} is not text", path.display())))?;
        Ok(Self { text, signatures: Vec::new() })
    }

    /// What it says.
    pub(super) fn content(&self, path: &Path) -> anyhow::Result<Content> {
        let unread = || format!("cannot use {}", path.display());
        if let Ok(keys) = ListKeys::parse(&self.text) {
            return Ok(Content::Keys(keys));
        }
        Ok(Content::List(SignedList::parse(&self.text).with_context(unread)?))
    }

    /// As it is written: a note, or the text alone.
    pub(super) fn to_text(&self) -> String {
        if self.signatures.is_empty() {
            return self.text.clone();
        }
        Note { text: self.text.clone(), signatures: self.signatures.clone() }.to_text()
    }
}

/// A list in a file whose signatures do not matter here.
pub(super) fn list(path: &Path) -> anyhow::Result<SignedList> {
    let text = Signable::read(path)?.text;
    SignedList::parse(&text).with_context(|| format!("cannot use {}", path.display()))
}

/// Keys in a file that is trusted as it is.
pub(super) fn keys(path: &Path) -> anyhow::Result<ListKeys> {
    let text = Signable::read(path)?.text;
    ListKeys::parse(&text).with_context(|| format!("cannot use {}", path.display()))
}

/// The secret half of a key.
pub(super) fn secret_key(path: &Path) -> anyhow::Result<HostKey> {
    let key = secret::read(path)?.parse().map_err(|why| {
        Failure::new(format!("cannot use {}: {why}", path.display()))
            .hint("`countersign log-list keygen` makes a key")
    })?;
    Ok(key)
}

/// A file that is no longer than any list may be.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let most = u64::try_from(NOTE_BYTES_MAX).expect("usize has at most 64 bits");
    let mut bytes = Vec::new();
    let file = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    file.map_err(|error| Failure::read(path, &error))?;
    if bytes.len() > NOTE_BYTES_MAX {
        return Err(Failure::new(format!("{} is longer than {most} bytes", path.display())));
    }
    Ok(bytes)
}

/// The same, or nothing if there is none.
pub(super) fn read_if_any(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match fs::exists(path) {
        Ok(false) => Ok(None),
        Ok(true) => read(path).map(Some),
        Err(error) => Err(Failure::read(path, &error)),
    }
}

/// Writes a file in the place of one that may be there. Whoever reads it meanwhile has the one or the other.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let new = beside(path, ".new");
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(folder(path))?.sync_all()
    })();
    written.map_err(|error: io::Error| {
        // What stopped the writing is what is told.
        let _removed = fs::remove_file(&new);
        Failure::write(path, &error)
    })
}

/// The folder that a file is in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The path with something behind it.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
