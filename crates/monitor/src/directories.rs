//! Directories in which other programs keep keys: what is in them is expected to be certified.
//!
//! Whoever can write into a watched directory can make certificates expected, for the names of that directory's
//! scope and no others. That is why nothing outside of it is read but files that a link in it points to, as
//! certbot's `live` is all links.
//!
//! A scan reads only what changed since the one before, by size, times and inode. It never waits: what is not a
//! regular file is not opened. It is bounded ([`Limits`]), and everything that it could not look at is a named
//! [`DirectoryTrouble`]. The bytes of keys are overwritten as soon as their public halves are known.
//!
//! # Limitations
//!
//! The file systems themselves are trusted: a read from a dead NFS server takes as long as the system lets it.

pub mod accounts;
mod kind;
mod trouble;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use countersign_judge::material::{self, FILE_BYTES_MAX, Registration, Wiped};
use countersign_judge::scope::Scope;
use rustix::fs::{Mode, OFlags};

pub use kind::{Kind, UnknownKind};
pub use trouble::{DirectoryTrouble, TroubleKind};

/// A watched directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Where.
    pub path: PathBuf,
    /// The names that its keys may be certified for.
    pub scope: Scope,
    /// Whose it is, and so which files are read.
    pub kind: Kind,
}

/// How much is looked at. The defaults are far above what one host has, and a scan of as much takes seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most files that are read and remembered, of one watched directory and all below it.
    pub files_max: usize,
    /// The most entries of any one directory.
    pub entries_max: usize,
    /// How many directories lie within each other, the watched one included. certbot has three.
    pub depth_max: usize,
    /// The most troubles that are told of one scan.
    pub troubles_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { files_max: 20_000, entries_max: 20_000, depth_max: 8, troubles_max: 100 }
    }
}

/// The watched directories, and what is remembered of the files in them.
#[derive(Debug)]
pub struct Scan {
    directories: Vec<Directory>,
    limits: Limits,
    /// By the position of the directory and the path. Files that the last scan did not meet are not in it.
    known: HashMap<(usize, PathBuf), Known>,
}

/// A file that was read.
#[derive(Debug)]
struct Known {
    stamp: Stamp,
    /// What was wrong with it, said again while it stays the same.
    troubles: Vec<DirectoryTrouble>,
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    /// Also set where a program puts the time of modification back.
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What a scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What the files hold that are new or have changed.
    pub registered: Vec<Registered>,
    /// All that is wrong now, also with files that stayed the same. In order, each once.
    pub troubles: Vec<DirectoryTrouble>,
    /// How many entries of directories were looked at.
    pub entries: usize,
    /// How many files were read.
    pub files_read: usize,
}

/// Something that a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The position of the watched directory, and so the scope.
    pub directory: usize,
    /// The file.
    pub path: PathBuf,
    /// What is in it.
    pub registration: Registration,
}

impl Scan {
    /// Nothing is read yet.
    pub fn new(directories: Vec<Directory>, limits: Limits) -> Self {
        Self { directories, limits, known: HashMap::new() }
    }

    /// The watched directories, in the order that [`Registered::directory`] counts in.
    pub fn directories(&self) -> &[Directory] {
        &self.directories
    }

    /// Has the next scan read every file again: for when what one found could not be kept.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// Looks at all directories, and at no more than `entries_max` entries of them. A directory gets its share of
    /// these, and what those before it have left over, so that one that is flooded does not hide another. Blocks,
    /// so it has a thread of its own.
    pub fn scan(&mut self, entries_max: usize) -> Report {
        let walk = Walk {
            limits: self.limits,
            entries_left: 0,
            files_left: 0,
            known: &self.known,
            still_known: HashMap::new(),
            report: Report::default(),
        };
        let (known, report) = walk.all(&self.directories, entries_max);
        self.known = known;
        report
    }
}

/// A scan under way.
struct Walk<'a> {
    limits: Limits,
    /// Of the directory that is being walked.
    entries_left: usize,
    /// Of the directory that is being walked.
    files_left: usize,
    known: &'a HashMap<(usize, PathBuf), Known>,
    still_known: HashMap<(usize, PathBuf), Known>,
    report: Report,
}

/// How the walk of a directory goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

impl Walk<'_> {
    fn all(
        mut self,
        directories: &[Directory],
        entries_max: usize,
    ) -> (HashMap<(usize, PathBuf), Known>, Report) {
        for (position, directory) in directories.iter().enumerate() {
            let left = entries_max - self.report.entries;
            self.entries_left = left / (directories.len() - position);
            self.files_left = self.limits.files_max;
            self.watched(position, directory);
        }
        let Report { troubles, .. } = &mut self.report;
        troubles.sort();
        troubles.dedup();
        let left_off = troubles.len().saturating_sub(self.limits.troubles_max);
        if left_off > 0 {
            troubles.truncate(self.limits.troubles_max);
            let path = directories.first().map(|directory| directory.path.clone());
            let mut more = DirectoryTrouble::new(TroubleKind::More, path.unwrap_or_default());
            more.detail = Some(format!("{left_off} more"));
            troubles.push(more);
        }
        (self.still_known, self.report)
    }

    /// The watched directory itself may be a link: the operator named it.
    fn watched(&mut self, position: usize, directory: &Directory) {
        let mut pending = vec![(directory.path.clone(), 1)];
        while let Some((path, depth)) = pending.pop() {
            let names = match self.names(&path) {
                Ok(names) => names,
                Err(error) => {
                    self.trouble(DirectoryTrouble::of_error(&error, path));
                    continue;
                }
            };
            for name in names {
                if self.entries_left == 0 {
                    self.trouble(DirectoryTrouble::new(TroubleKind::Unfinished, path));
                    return;
                }
                self.entries_left -= 1;
                self.report.entries += 1;
                let entry = path.join(&name);
                match self.entry(directory.kind, &entry, &name.to_string_lossy()) {
                    Ok(Entry::Directory) if depth == self.limits.depth_max => {
                        self.trouble(DirectoryTrouble::new(TroubleKind::TooDeep, entry));
                    }
                    Ok(Entry::Directory) => pending.push((entry, depth + 1)),
                    Ok(Entry::File(stamp)) => {
                        if self.file(position, entry, stamp) == Next::Stop {
                            return;
                        }
                    }
                    Ok(Entry::Nothing) => {}
                    Err(trouble) => self.trouble(trouble),
                }
            }
        }
    }

    fn trouble(&mut self, trouble: DirectoryTrouble) {
        self.report.troubles.push(trouble);
    }

    /// The entries of a directory, in order. Few enough to be held.
    fn names(&mut self, path: &Path) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            if names.len() == self.limits.entries_max {
                self.trouble(DirectoryTrouble::new(TroubleKind::TooManyEntries, path));
                break;
            }
            names.push(entry?.file_name());
        }
        names.sort();
        Ok(names)
    }

    /// What an entry is, without opening it.
    fn entry(&self, kind: Kind, path: &Path, name: &str) -> Result<Entry, DirectoryTrouble> {
        let of_error = |error: io::Error| DirectoryTrouble::of_error(&error, path);
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            // It was removed a moment ago, as programs do with the files that they replace.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Entry::Nothing),
            Err(error) => return Err(of_error(error)),
        };
        if metadata.is_dir() {
            return Ok(if kind.passes_over(name) { Entry::Nothing } else { Entry::Directory });
        }
        if metadata.is_symlink() {
            return match fs::metadata(path) {
                Ok(target) if target.is_dir() && kind.passes_over(name) => Ok(Entry::Nothing),
                Ok(target) if target.is_dir() => {
                    Err(DirectoryTrouble::new(TroubleKind::LinkToDirectory, path))
                }
                Ok(target) => Entry::wanted(kind, path, name, &target),
                Err(_) if !kind.holds(name) => Ok(Entry::Nothing),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Err(DirectoryTrouble::new(TroubleKind::DanglingLink, path))
                }
                Err(error) => Err(of_error(error)),
            };
        }
        Entry::wanted(kind, path, name, &metadata)
    }

    /// Reads a file, unless it is the same as it was.
    fn file(&mut self, directory: usize, path: PathBuf, stamp: Stamp) -> Next {
        if self.files_left == 0 {
            self.trouble(DirectoryTrouble::new(TroubleKind::TooManyFiles, path));
            return Next::Stop;
        }
        self.files_left -= 1;
        let key = (directory, path);
        if let Some(known) = self.known.get(&key).filter(|known| known.stamp == stamp) {
            self.report.troubles.extend(known.troubles.iter().cloned());
            let known = Known { stamp, troubles: known.troubles.clone() };
            self.still_known.insert(key, known);
            return Next::GoOn;
        }
        self.report.files_read += 1;
        let path = &key.1;
        match contents(path) {
            Ok(Contents::Read { bytes, stamp }) => {
                let material = material::read(&bytes);
                drop(bytes);
                let registered =
                    |registration| Registered { directory, path: path.clone(), registration };
                self.report.registered.extend(material.found.into_iter().map(registered));
                let unread = material.unread.iter();
                let troubles: Vec<_> =
                    unread.map(|unread| DirectoryTrouble::of_unread(unread, path)).collect();
                self.report.troubles.extend(troubles.iter().cloned());
                // What is cut off is perhaps being written: the next scan reads it again, whatever the stamp says.
                let cut_off = troubles.iter().any(|it| it.kind == TroubleKind::CutOff);
                if let Some(stamp) = stamp.filter(|_| !cut_off) {
                    self.still_known.insert(key, Known { stamp, troubles });
                }
            }
            Ok(Contents::NotAFile) => {
                self.trouble(DirectoryTrouble::new(TroubleKind::NotAFile, key.1));
            }
            // As above: it was there a moment ago.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.trouble(DirectoryTrouble::of_error(&error, key.1)),
        }
        Next::GoOn
    }
}

/// What an entry of a directory is.
enum Entry {
    /// Look into it.
    Directory,
    /// Read it.
    File(Stamp),
    /// Neither.
    Nothing,
}

impl Entry {
    fn wanted(
        kind: Kind,
        path: &Path,
        name: &str,
        metadata: &Metadata,
    ) -> Result<Self, DirectoryTrouble> {
        if !kind.holds(name) {
            return Ok(Self::Nothing);
        }
        if !metadata.is_file() {
            return Err(DirectoryTrouble::new(TroubleKind::NotAFile, path));
        }
        Ok(Self::File(Stamp::of(metadata)))
    }
}

/// What came of opening a file.
enum Contents {
    /// Its bytes, at most one more than [`FILE_BYTES_MAX`]. No stamp if it changed while it was read.
    Read { bytes: Wiped, stamp: Option<Stamp> },
    /// Between the look at it and the opening it has become something else.
    NotAFile,
}

fn contents(path: &Path) -> io::Result<Contents> {
    // Should it have become a FIFO by now, to open it must not wait for somebody who writes into it.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let before = file.metadata()?;
    if !before.is_file() {
        return Ok(Contents::NotAFile);
    }
    let limit = u64::try_from(FILE_BYTES_MAX).expect("a file's limit fits") + 1;
    // Room for all of it at once: a vector that grows leaves copies behind.
    let room = usize::try_from(before.len().min(limit)).expect("the limit fits") + 1;
    let mut bytes = Vec::with_capacity(room);
    let read = file.by_ref().take(limit).read_to_end(&mut bytes);
    let bytes = Wiped::new(bytes);
    read?;
    let after = Stamp::of(&file.metadata()?);
    Ok(Contents::Read { bytes, stamp: (after == Stamp::of(&before)).then_some(after) })
}

#[cfg(test)]
mod tests;
