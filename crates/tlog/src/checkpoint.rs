//! Checkpoints: the state of a log, as the text of a signed note (c2sp.org/tlog-checkpoint).
//!
//! ```text
//! origin
//! tree size
//! base64(root hash)
//! extension lines, if any
//! ```

use crate::hash::{Hash, HashError};

/// The most extension lines that are read. Logs are advised against any, and static CT logs may have none.
pub const EXTENSIONS_MAX: usize = 64;

/// What a log says of its tree. Whether the log said it is for the signatures of the [`crate::Note`] around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

/// Why a text is not a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Fewer than three lines, or the last has no newline.
    #[error("the checkpoint is cut off")]
    Truncated,
    /// The first line is empty or has control characters.
    #[error("the checkpoint names no origin")]
    Origin,
    /// The second line is not a decimal number of 64 bits, or has leading zeros or a sign.
    #[error("the tree size is not a decimal number")]
    Size,
    /// The third line is not the base64 of 32 bytes.
    #[error("the third line is not a root hash")]
    Root(#[source] HashError),
    /// A line after the third is empty or has control characters.
    #[error("the checkpoint has an empty or unreadable extension line")]
    Extension,
    /// More than anyone needs.
    #[error("the checkpoint has more than {EXTENSIONS_MAX} extension lines")]
    TooManyExtensions,
}

impl Checkpoint {
    /// A checkpoint of these values. The lines are given without their newlines.
    pub fn new(
        origin: String,
        size: u64,
        root: Hash,
        extensions: Vec<String>,
    ) -> Result<Self, CheckpointError> {
        if !is_line(&origin) {
            return Err(CheckpointError::Origin);
        }
        if extensions.len() > EXTENSIONS_MAX {
            return Err(CheckpointError::TooManyExtensions);
        }
        if !extensions.iter().all(|line| is_line(line)) {
            return Err(CheckpointError::Extension);
        }
        Ok(Self { origin, size, root, extensions })
    }

    /// Reads the text of a note.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Truncated)?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Truncated);
        };
        let size = decimal(size).ok_or(CheckpointError::Size)?;
        let root = root.parse().map_err(CheckpointError::Root)?;
        let extensions = lines.take(EXTENSIONS_MAX + 1).map(str::to_owned).collect();
        Self::new(origin.to_owned(), size, root, extensions)
    }

    /// The text that a log signs, with its final newline.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root);
        for line in &self.extensions {
            text += &format!("{line}\n");
        }
        text
    }

    /// Which log it is about, as the log names itself.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The lines after the third, whose meaning is the log's own.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

/// Whether a text can be a line: something, and without control characters.
fn is_line(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte >= b' ')
}

/// Reads a number that has one text only: no sign, no leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

#[cfg(test)]
mod tests;
