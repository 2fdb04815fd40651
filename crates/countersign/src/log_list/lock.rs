//! Of two that update the same files at once, one waits: the later to write must not be the one that has read less.
//!
//! The locks are files of their own beside the list and the keys. Anybody who can read a file can lock it, so nobody
//! else may read these.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use rustix::fs::OFlags;

use super::file::{beside, folder};
use crate::failure::Failure;

/// The right to write a list and its keys, until it is dropped.
#[derive(Debug)]
pub(super) struct Locks(#[expect(dead_code, reason = "held, not read")] Vec<File>);

impl Locks {
    /// Waits until nobody else has it.
    pub(super) fn hold(list: &Path, keys: &Path) -> Result<Self, Failure> {
        Self::hold_within(list, keys, PAUSES_MAX)
    }

    fn hold_within(list: &Path, keys: &Path, pauses_max: u32) -> Result<Self, Failure> {
        // All take them in the same order, so no two wait for each other.
        let paths = BTreeSet::from([lock_path(list)?, lock_path(keys)?]);
        let locks = paths.iter().filter_map(|path| lock(path, pauses_max).transpose());
        Ok(Self(locks.collect::<Result<_, _>>()?))
    }
}

/// The lock of a file, under the one name that its folder has.
fn lock_path(path: &Path) -> Result<PathBuf, Failure> {
    let folder = folder(path);
    let whole = folder.canonicalize().map_err(|error| Failure::read(folder, &error))?;
    let name = path.file_name().ok_or_else(|| Failure::new("a folder, and no file"))?;
    Ok(beside(&whole.join(name), ".lock"))
}

/// `None` where no file can be made: keys that came with a package are not written by us either.
fn lock(path: &Path, pauses_max: u32) -> Result<Option<File>, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if is_out_of_reach(&error) && !fs::exists(path).unwrap_or(true) => {
            return Ok(None);
        }
        Err(error) => return Err(Failure::write(path, &error)),
    };
    let mut pauses_left = pauses_max;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(Failure::write(path, &error)),
            Err(TryLockError::WouldBlock) if pauses_left == 0 => {
                let what = format!("somebody else holds {}", path.display());
                return Err(Failure::new(what).hint("another update may hang"));
            }
            Err(TryLockError::WouldBlock) => {
                pauses_left -= 1;
                pause();
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a command of one thread, which a signal just ends")]
fn pause() {
    sleep(PAUSE);
}

fn is_out_of_reach(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Ten minutes for another update, which over Tor may take several files of up to a minute each.
const PAUSES_MAX: u32 = 6_000;
/// Between two looks at whether it is over.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn nobody_else_has_either_file_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let hold = |list: &str, keys: &str| {
            Locks::hold_within(&path(list), &path(keys), 0).map_err(|why| why.to_string())
        };
        let held = hold("list", "keys").unwrap();
        // Two lists with the same keys, two sets of keys with the same list.
        assert!(hold("other", "keys").unwrap_err().contains("keys.lock"));
        assert!(hold("list", "other").unwrap_err().contains("list.lock"));
        hold("other", "others").unwrap();
        let mode = fs::metadata(path("list.lock")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(held);
        hold("list", "keys").unwrap();
        // One file for both is locked once.
        hold("list", "list").unwrap();
    }

    #[test]
    fn whoever_waits_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let held = Locks::hold(&path, &path).unwrap();
        let waits = std::thread::spawn(move || Locks::hold(&path, &path).is_ok());
        drop(held);
        assert!(waits.join().unwrap());
    }

    #[test]
    fn a_link_is_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        symlink(folder.path().join("elsewhere"), folder.path().join("list.lock")).unwrap();
        Locks::hold(&path, &path).unwrap_err();
        assert!(!folder.path().join("elsewhere").exists());
    }
}
