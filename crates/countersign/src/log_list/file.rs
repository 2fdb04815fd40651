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
    Staged::write(path, bytes)?.place()
}

/// A file that is on disk, and not in its place yet. One that never gets there is removed.
#[derive(Debug)]
pub(super) struct Staged<'a> {
    path: &'a Path,
    new: PathBuf,
}

impl<'a> Staged<'a> {
    /// Writes a file beside its place, under a name that nobody can have put a link at.
    pub(super) fn write(path: &'a Path, bytes: &[u8]) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::write(path, &error);
        let new = beside(path, &format!(".{:016x}.new", random()?));
        let mut file =
            OpenOptions::new().write(true).create_new(true).open(&new).map_err(failed)?;
        // From here on there is something to remove.
        let staged = Self { path, new };
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(staged)
    }

    /// Puts it into its place.
    pub(super) fn place(self) -> Result<(), Failure> {
        fs::rename(&self.new, self.path)
            .and_then(|()| File::open(folder(self.path))?.sync_all())
            .map_err(|error| Failure::write(self.path, &error))
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        // If it is in its place, nothing has this name any more.
        let _removed = fs::remove_file(&self.new);
    }
}

fn random() -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    random
        .fill(&mut bytes)
        .map_err(|_| Failure::new("there is no randomness to name a file by"))?;
    Ok(u64::from_be_bytes(bytes))
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_not_placed_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        replace(&path, b"one").unwrap();
        let staged = Staged::write(&path, b"two").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        drop(staged);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        Staged::write(&path, b"two").unwrap().place().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_that_was_laid_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("list"), folder.path().join("target"));
        fs::write(&target, b"precious").unwrap();
        symlink(&target, beside(&path, ".new")).unwrap();
        symlink(&target, &path).unwrap();
        replace(&path, b"one").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"precious");
        // The link at the place itself was replaced.
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }
}
