//! Signed notes (c2sp.org/signed-note), as far as lists and keys of lists need them: a text, an empty line, and
//! lines that say who signed it.
//!
//! `crates/tlog` reads notes too, with all that logs and witnesses put into them; this crate stands alone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A text and its signatures, none of which is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What was signed: lines, the last of which ends with a newline.
    pub text: String,
    /// Of whom.
    pub signatures: Vec<Signature>,
}

/// A line under the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The name of the key.
    pub name: String,
    /// The first bytes of the hash of name and key.
    pub key_id: [u8; 4],
    /// The signature.
    pub signature: Vec<u8>,
}

impl Note {
    /// Reads a note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Text)?;
        if note.chars().any(|c| c.is_control() && c != '\n') {
            return Err(NoteError::Text);
        }
        // The text may have empty lines, the signatures have none.
        let at = note.rfind("\n\n").ok_or(NoteError::Unsigned)?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Unsigned)?;
        if lines.split('\n').count() > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let signatures = lines.split('\n').map(signature).collect::<Option<_>>();
        Ok(Self { text: text.to_owned(), signatures: signatures.ok_or(NoteError::Signature)? })
    }

    /// Writes it down.
    pub fn to_text(&self) -> String {
        let mut note = format!("{}\n", self.text);
        for Signature { name, key_id, signature } in &self.signatures {
            let encoded = STANDARD.encode([key_id, &signature[..]].concat());
            note += &format!("{DASH}{name} {encoded}\n");
        }
        note
    }
}

fn signature(line: &str) -> Option<Signature> {
    let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (key_id, signature) = bytes.split_first_chunk()?;
    (!name.is_empty()).then(|| Signature {
        name: name.to_owned(),
        key_id: *key_id,
        signature: signature.to_vec(),
    })
}

/// Why some bytes are no signed note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`].
    #[error("the note is longer than {NOTE_BYTES_MAX} bytes")]
    TooLarge,
    /// Not UTF-8, or with control characters other than newlines.
    #[error("the note is not plain text")]
    Text,
    /// No empty line with signatures below it: it may be cut off.
    #[error("the note has no signatures, or is cut off")]
    Unsigned,
    /// More than [`SIGNATURES_MAX`].
    #[error("the note has more than {SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// A line that is no signature.
    #[error("a line below the text is not a signature")]
    Signature,
}

/// Bytes of a note: the longest list, and its signatures.
pub const NOTE_BYTES_MAX: usize = super::LIST_TEXT_BYTES_MAX + SIGNATURES_MAX * 256;
/// Signatures of a note. Three are expected, and more while keys are changed.
pub const SIGNATURES_MAX: usize = 16;
/// How a line with a signature begins.
const DASH: &str = "\u{2014} ";
