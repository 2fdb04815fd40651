//! The file that lines are added to.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::OnceLock;

/// A key log, open to be added to.
pub(crate) struct KeyLog(File);

impl KeyLog {
    /// That of the process. `None`: nobody wants one, or it cannot be written.
    pub(crate) fn of_process() -> Option<&'static Self> {
        // Opened once: a program may give up its rights, or its root, between two connections.
        static OF_PROCESS: OnceLock<Option<KeyLog>> = OnceLock::new();
        OF_PROCESS.get_or_init(|| Self::open(&std::env::var_os("SSLKEYLOGFILE")?)).as_ref()
    }

    /// Opens it, or makes one that only its user reads: who has it can read the connections.
    fn open(path: &OsStr) -> Option<Self> {
        if path.is_empty() {
            return None;
        }
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        // Whoever listens at a pipe that nobody reads must not stop the program.
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        options.open(path).ok().map(Self)
    }

    /// Adds a line, in one piece: threads and processes may write to the same file.
    pub(crate) fn add(&self, line: &[u8]) {
        let mut whole = Vec::with_capacity(line.len() + 1);
        whole.extend_from_slice(line);
        whole.push(b'\n');
        // A full disk costs the line, and not the program.
        let _written = (&self.0).write(&whole);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::thread;

    use super::*;

    #[test]
    fn lines_stay_whole_and_to_their_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let log = KeyLog::open(path.as_os_str()).unwrap();
        thread::scope(|scope| {
            for letter in b'a'..=b'h' {
                let log = &log;
                scope.spawn(move || (0..100).for_each(|_| log.add(&[letter; 150])));
            }
        });
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 800);
        for line in text.lines() {
            assert_eq!(line, line[..1].repeat(150));
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_cannot_be_written_is_no_log() {
        assert!(KeyLog::open(OsStr::new("")).is_none());
        assert!(KeyLog::open(OsStr::new("/nowhere/at/all")).is_none());
    }
}
