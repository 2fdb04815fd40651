//! The file in which an enforcer's memory lasts from one start of a program to the next. Programs that run at the
//! same time share it.

use std::fs;
use std::fs::OpenOptions;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_sct::enforcer::Memory;
use jiff::{SignedDuration, Timestamp};

use crate::settings::text_of;

/// Where it is, and what of it is written down.
#[derive(Debug)]
pub(crate) struct MemoryFile {
    path: PathBuf,
    saved: Mutex<Saved>,
}

#[derive(Debug, Default)]
struct Saved {
    memory: Memory,
    at: Option<Timestamp>,
}

impl MemoryFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, saved: Mutex::default() }
    }

    /// What was remembered. Nothing, if there is no such file yet.
    pub(crate) fn read(&self) -> Result<Memory, String> {
        let memory = self.parsed()?;
        self.saved().memory = memory.clone();
        Ok(memory)
    }

    /// Writes it down if it says something new, and the last time is a minute ago.
    pub(crate) fn save_at_times(&self, memory: &Memory, now: Timestamp) -> Result<(), String> {
        let last = self.saved().at;
        if last.is_some_and(|last| now.duration_since(last).abs() < GAP) {
            return Ok(());
        }
        self.save(memory, now)
    }

    /// Writes it down if it says something new. What another program has written in the meantime is kept; of two that
    /// write in the very same moment one has to write again, when it next has something new.
    pub(crate) fn save(&self, memory: &Memory, now: Timestamp) -> Result<(), String> {
        let mut saved = self.saved();
        if saved.memory == *memory {
            return Ok(());
        }
        // Tried: a folder that cannot be written is told of once a minute, and not tried for each connection.
        saved.at = Some(now);
        let mut all = memory.clone();
        all.merge(&self.to_keep()?);
        self.replace(&all.to_text())
            .map_err(|why| format!("cannot write {}: {why}", self.path.display()))?;
        saved.memory = memory.clone();
        Ok(())
    }

    fn parsed(&self) -> Result<Memory, String> {
        if fs::metadata(&self.path).is_err_and(|why| why.kind() == ErrorKind::NotFound) {
            return Ok(Memory::default());
        }
        let text = text_of(&self.path, MEMORY_BYTES_MAX)?;
        Memory::parse(&text).map_err(|why| format!("{}: {why}", self.path.display()))
    }

    /// What is in the file that is about to be replaced. A damaged memory is given up: it was told of when the program
    /// started. A file that cannot be read now, or is something else, is left as it is.
    fn to_keep(&self) -> Result<Memory, String> {
        if fs::metadata(&self.path).is_err_and(|why| why.kind() == ErrorKind::NotFound) {
            return Ok(Memory::default());
        }
        let text = text_of(&self.path, MEMORY_BYTES_MAX)
            .map_err(|why| format!("{why}; it is left as it is"))?;
        if !text.is_empty() && text.lines().next() != Some(FIRST_LINE) {
            let path = self.path.display();
            return Err(format!("{path} is no memory of an enforcer: it is left as it is"));
        }
        Ok(Memory::parse(&text).unwrap_or_default())
    }

    /// Whole or not at all: whoever reads it in between reads the old one.
    fn replace(&self, text: &str) -> io::Result<()> {
        let mut name = self.path.as_os_str().to_owned();
        // A name that nobody can guess, and a file that was not there: in a folder for all, others put links.
        name.push(format!(".{:016x}", RandomState::new().build_hasher().finish()));
        let new = PathBuf::from(name);
        // For the user alone: it tells, to whoever guesses a name, whether it was visited.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&new, &self.path));
        if written.is_err() {
            // The reason for the first failure says more than that of this one.
            let _left_behind = fs::remove_file(&new);
        }
        written
    }

    fn saved(&self) -> MutexGuard<'_, Saved> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an enforcer's memory begins with.
const FIRST_LINE: &str = "countersign-memory/1";
/// Between two times that it is written.
const GAP: SignedDuration = SignedDuration::from_secs(60);
/// 4,096 hosts of some 90 bytes.
const MEMORY_BYTES_MAX: usize = 1024 * 1024;

#[cfg(test)]
mod tests;
