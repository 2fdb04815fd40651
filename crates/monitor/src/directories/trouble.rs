//! What keeps a watched directory from being read in full.

use std::fmt;
use std::io;
use std::path::PathBuf;

use countersign_judge::material::{FILE_BYTES_MAX, Unread};
use countersign_judge::plain::bounded;

/// Something in a watched directory that could not be read. What it would have registered is not expected, and may
/// raise a false alarm. It stays until a scan no longer finds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DirectoryTrouble {
    /// What is wrong.
    pub kind: TroubleKind,
    /// With what. Whoever can write there chose it.
    pub path: PathBuf,
    /// What the system or the reader says, where that adds something.
    pub detail: Option<String>,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TroubleKind {
    /// The watched directory is not there.
    Missing,
    /// The watched path is something else.
    NotADirectory,
    /// A directory or a file could not be opened or read.
    Unreadable,
    /// A FIFO, a socket or a device has the name of a file that is wanted.
    NotAFile,
    /// A symbolic link points to nothing.
    DanglingLink,
    /// A symbolic link leads in a circle.
    LinkLoop,
    /// A symbolic link leads to a directory.
    LinkToDirectory,
    /// Directories are nested too deeply.
    TooDeep,
    /// One directory has too many entries.
    TooManyEntries,
    /// There are too many files to read.
    TooManyFiles,
    /// The scan was given too little to do all of it.
    Unfinished,
    /// A file is too large.
    TooLarge,
    /// A file, or a part of it, ends too soon.
    CutOff,
    /// A key or a certificate in a file cannot be read.
    Unread,
    /// There are more troubles than are told.
    More,
}

impl TroubleKind {
    /// A name for files and programs that never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NotADirectory => "not-a-directory",
            Self::Unreadable => "unreadable",
            Self::NotAFile => "not-a-file",
            Self::DanglingLink => "dangling-link",
            Self::LinkLoop => "link-loop",
            Self::LinkToDirectory => "link-to-directory",
            Self::TooDeep => "too-deep",
            Self::TooManyEntries => "too-many-entries",
            Self::TooManyFiles => "too-many-files",
            Self::Unfinished => "unfinished",
            Self::TooLarge => "too-large",
            Self::CutOff => "cut-off",
            Self::Unread => "unread",
            Self::More => "more",
        }
    }

    /// What is wrong, and what to do, as two halves around the path.
    fn sentence(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => (
                "the watched directory is not there",
                "make it, or take it out of the configuration",
            ),
            Self::NotADirectory => {
                ("the watched path is not a directory", "watch the directory that the file is in")
            }
            Self::Unreadable => ("cannot be read", "let the user that runs countersign read it"),
            Self::NotAFile => ("is not a file, and was not opened", "remove or rename it"),
            Self::DanglingLink => {
                ("is a symbolic link to nothing", "remove it, or put back what it points to")
            }
            Self::LinkLoop => ("is a symbolic link that leads in a circle", "remove it"),
            Self::LinkToDirectory => (
                "is a symbolic link to a directory, and was not followed",
                "watch the directory that it points to",
            ),
            Self::TooDeep => ("is nested too deeply, and was not entered", "watch it by itself"),
            Self::TooManyEntries => {
                ("has too many entries; not all were looked at", "watch the directories below it")
            }
            Self::TooManyFiles => {
                ("is where the limit of files was reached", "watch fewer or smaller directories")
            }
            Self::Unfinished => {
                ("is where the scan had to stop", "watch fewer or smaller directories")
            }
            Self::TooLarge => {
                ("is too large for a key or a certificate, and was not read", "move it away")
            }
            Self::CutOff => (
                "is cut off; it is read again with the next scan",
                "if it stays so, write it again",
            ),
            Self::Unread => ("has something that cannot be read", "see what is said of it"),
            Self::More => ("has more troubles than are told", "see to these first"),
        }
    }
}

/// One sentence with a next step. The path is shown so that it can do no harm.
impl fmt::Display for DirectoryTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, next) = self.kind.sentence();
        let path = self.path.to_string_lossy();
        write!(f, "{} {what}", bounded(&path, PATH_CHARACTERS_MAX))?;
        if let Some(detail) = &self.detail {
            write!(f, " ({})", bounded(detail, DETAIL_CHARACTERS_MAX))?;
        }
        write!(f, "; {next}")
    }
}

/// What still fits on a screen. Linux allows paths of 4096 bytes.
const PATH_CHARACTERS_MAX: usize = 500;
/// Longer than any error of the system.
const DETAIL_CHARACTERS_MAX: usize = 300;

impl DirectoryTrouble {
    pub(super) fn new(kind: TroubleKind, path: impl Into<PathBuf>) -> Self {
        Self { kind, path: path.into(), detail: None }
    }

    pub(super) fn of_error(error: &io::Error, path: impl Into<PathBuf>) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => TroubleKind::Missing,
            io::ErrorKind::NotADirectory => TroubleKind::NotADirectory,
            // A path through a link that leads in a circle. The standard library has no stable name for it.
            _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                TroubleKind::LinkLoop
            }
            _ => TroubleKind::Unreadable,
        };
        let detail = (kind == TroubleKind::Unreadable).then(|| error.to_string());
        Self { kind, path: path.into(), detail }
    }

    pub(super) fn of_unread(unread: &Unread, path: impl Into<PathBuf>) -> Self {
        let (kind, detail) = match unread {
            Unread::FileTooLarge => {
                (TroubleKind::TooLarge, format!("more than {FILE_BYTES_MAX} bytes"))
            }
            Unread::CutOff(block) => (TroubleKind::CutOff, block.to_string()),
            other => (TroubleKind::Unread, other.to_string()),
        };
        Self { kind, path: path.into(), detail: Some(detail) }
    }
}
