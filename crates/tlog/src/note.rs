//! Signed notes: a text, and under it lines that say who signed it (c2sp.org/signed-note).
//!
//! ```text
//! text, one or more lines
//! (empty line)
//! — name base64(key id || signature)
//! ```

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The largest note that is read. [`SIGNATURES_MAX`] of the largest signatures in sight, post-quantum ones of almost
/// 5,000 bytes, take two thirds of it in base64.
pub const NOTE_BYTES_MAX: usize = 1_000_000;

/// The most signature lines that are read. Verifiers must take 16; witnesses may add some dozens.
pub const SIGNATURES_MAX: usize = 100;

/// The signature type of Ed25519 (c2sp.org/signed-note, "Signature types").
pub const ED25519_TYPE: u8 = 0x01;

/// A text with its signatures. That it parsed says nothing about who signed it: ask [`VerifierKey::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
    unknown_lines: Vec<String>,
}

/// One signature line, of any algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// Who signed.
    pub name: KeyName,
    /// With which of the name's keys, and so with which algorithm: see [`key_id`].
    pub key_id: [u8; KEY_ID_BYTES],
    /// What the algorithm makes.
    pub signature: Vec<u8>,
}

/// The length of a key id.
pub const KEY_ID_BYTES: usize = 4;

/// Why bytes are not a signed note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// More than anyone needs.
    #[error("the note is larger than {NOTE_BYTES_MAX} bytes")]
    TooLarge,
    /// Not UTF-8, or with control characters other than the newline.
    #[error("the note is not plain UTF-8 text")]
    NotText,
    /// A text is lines, and each ends in a newline.
    #[error("the note does not end in a newline")]
    Unended,
    /// No empty line with a signature below it.
    #[error("the note has no signature")]
    Unsigned,
    /// More than anyone needs.
    #[error("the note has more than {SIGNATURES_MAX} signature lines")]
    TooManySignatures,
}

impl Note {
    /// A note of this text, which ends in a newline, and at least one signature.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        if !is_text(&text) {
            return Err(NoteError::NotText);
        }
        if !text.ends_with('\n') {
            return Err(NoteError::Unended);
        }
        let note = Self { text, signatures, unknown_lines: Vec::new() };
        note.check_signatures()?;
        if note.to_text().len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge);
        }
        Ok(note)
    }

    /// Reads a note. Lines below the text that are no signatures are kept as [`Note::unknown_lines`]: nothing
    /// depends on them, and a log that adds something new there must not blind its monitors.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge);
        }
        let whole = std::str::from_utf8(bytes).ok().filter(|whole| is_text(whole));
        let whole = whole.ok_or(NoteError::NotText)?;
        if !whole.ends_with('\n') {
            return Err(NoteError::Unended);
        }
        // The text may have empty lines itself: the last one ends it.
        let (text, below) = whole.rsplit_once("\n\n").ok_or(NoteError::Unsigned)?;
        let mut note =
            Self { text: format!("{text}\n"), signatures: Vec::new(), unknown_lines: Vec::new() };
        for line in below.lines().take(SIGNATURES_MAX + 1) {
            match NoteSignature::parse(line) {
                Some(signature) => note.signatures.push(signature),
                None => note.unknown_lines.push(line.to_owned()),
            }
        }
        note.check_signatures()?;
        Ok(note)
    }

    fn check_signatures(&self) -> Result<(), NoteError> {
        if self.signatures.len() + self.unknown_lines.len() > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        if self.signatures.is_empty() {
            return Err(NoteError::Unsigned);
        }
        Ok(())
    }

    /// What is signed, with its final newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, verified or not, in their order. At least one.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The signatures that claim to be by this key. The name alone or the id alone says nothing.
    pub fn signatures_by(
        &self,
        name: &KeyName,
        key_id: [u8; KEY_ID_BYTES],
    ) -> impl Iterator<Item = &NoteSignature> {
        self.signatures.iter().filter(move |line| line.name == *name && line.key_id == key_id)
    }

    /// The lines among the signatures that are none.
    pub fn unknown_lines(&self) -> &[String] {
        &self.unknown_lines
    }

    /// The note as it is served. Unknown lines stand at the end.
    pub fn to_text(&self) -> String {
        let mut whole = format!("{}\n", self.text);
        for signature in &self.signatures {
            whole += &format!("{signature}\n");
        }
        for line in &self.unknown_lines {
            whole += &format!("{line}\n");
        }
        whole
    }
}

/// Whether all is text: newlines, but no other ASCII control characters.
fn is_text(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' || byte == b'\n')
}

impl NoteSignature {
    /// Reads a signature line, without its newline.
    fn parse(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = STANDARD.decode(base64).ok()?;
        let (key_id, signature) = bytes.split_first_chunk()?;
        Some(Self { name: name.parse().ok()?, key_id: *key_id, signature: signature.to_vec() })
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.as_slice(), &self.signature].concat();
        write!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

/// The name of a key: not empty, without spaces, control characters and pluses. Often a URL without its scheme.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// The text cannot name a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key name has at least one character, and neither spaces nor '+'")]
pub struct KeyNameError;

impl KeyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(name: &str) -> Result<Self, KeyNameError> {
        let forbidden = |c: char| c.is_whitespace() || c < ' ' || c == '+';
        if name.is_empty() || name.contains(forbidden) {
            return Err(KeyNameError);
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The id of a key: the start of `SHA-256(name || "\n" || signature type || key)`. It tells the keys of one name
/// apart; it is too short to vouch for anything (c2sp.org/signed-note, "Signatures").
pub fn key_id(name: &KeyName, signature_type: u8, key: &[u8]) -> [u8; KEY_ID_BYTES] {
    let hashed = digest(&SHA256, &[name.0.as_bytes(), b"\n", &[signature_type], key].concat());
    *hashed.as_ref().first_chunk().expect("SHA-256 gives 32 bytes")
}

/// The public half of an Ed25519 key, with its name. Its text, `name+id+base64`, is known as a *vkey*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    public_key: [u8; ED25519_BYTES],
}

/// The length of an Ed25519 public key, and of a seed (RFC 8032 §5.1.5).
const ED25519_BYTES: usize = 32;

/// Why a note is not to be believed, as far as one key is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// No signature claims to be by the key.
    #[error("the note is not signed by this key")]
    Unsigned,
    /// A signature claims to be by the key, and is not.
    #[error("the note has a bad signature in this key's name")]
    BadSignature,
}

impl VerifierKey {
    /// A key of 32 bytes (RFC 8032 §5.1.5).
    pub fn ed25519(name: KeyName, public_key: [u8; ED25519_BYTES]) -> Self {
        Self { name, public_key }
    }

    /// Whose key.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// What its signature lines carry.
    pub fn key_id(&self) -> [u8; KEY_ID_BYTES] {
        key_id(&self.name, ED25519_TYPE, &self.public_key)
    }

    /// Checks that the key signed the note. Signatures by others count neither for it nor against it, but every
    /// one in this key's name must be good.
    pub fn verify(&self, note: &Note) -> Result<(), VerifyError> {
        let key = UnparsedPublicKey::new(&ED25519, &self.public_key);
        let mut result = Err(VerifyError::Unsigned);
        for line in note.signatures_by(&self.name, self.key_id()) {
            key.verify(note.text.as_bytes(), &line.signature)
                .map_err(|_| VerifyError::BadSignature)?;
            result = Ok(());
        }
        result
    }
}

/// Why a text is not a verifier key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierKeyError {
    /// Not of the form `name+id+base64`.
    #[error("a verifier key reads name+id+base64")]
    Form,
    /// The first part cannot be a name.
    #[error("the verifier key has no good name")]
    Name(#[source] KeyNameError),
    /// The last part is not base64.
    #[error("the verifier key is not base64")]
    Encoding(#[source] base64::DecodeError),
    /// Signatures that are not verified here.
    #[error("the verifier key is for signature type {0}, not {ED25519_TYPE} (Ed25519)")]
    SignatureType(u8),
    /// Ed25519 keys have 32 bytes.
    #[error("the verifier key has {0} bytes, not {ED25519_BYTES}")]
    Length(usize),
    /// The id is a check on the rest, and it fails: a damaged text.
    #[error("the id of the verifier key does not fit its name and key")]
    KeyId,
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        // Base64 has pluses of its own, and so may come only last.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(base64)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(VerifierKeyError::Form);
        };
        let name: KeyName = name.parse().map_err(VerifierKeyError::Name)?;
        let bytes = STANDARD.decode(base64).map_err(VerifierKeyError::Encoding)?;
        let bytes = match bytes.split_first() {
            Some((&ED25519_TYPE, bytes)) => bytes,
            Some((&other, _)) => return Err(VerifierKeyError::SignatureType(other)),
            None => return Err(VerifierKeyError::Length(0)),
        };
        let public_key = bytes.try_into().map_err(|_| VerifierKeyError::Length(bytes.len()))?;
        let key = Self { name, public_key };
        if id != hexadecimal(key.key_id()) {
            return Err(VerifierKeyError::KeyId);
        }
        Ok(key)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [[ED25519_TYPE].as_slice(), &self.public_key].concat();
        write!(f, "{}+{}+{}", self.name, hexadecimal(self.key_id()), STANDARD.encode(key))
    }
}

/// A key id as verifier keys write it: in lower case, all eight digits.
fn hexadecimal(key_id: [u8; KEY_ID_BYTES]) -> String {
    format!("{:08x}", u32::from_be_bytes(key_id))
}

/// The secret half of an Ed25519 key, with its name.
pub struct SignerKey {
    name: KeyName,
    key: Ed25519KeyPair,
}

impl SignerKey {
    /// The key that grows from a secret seed (RFC 8032 §5.1.5).
    pub fn ed25519(name: KeyName, seed: &[u8; ED25519_BYTES]) -> Self {
        let key = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed");
        Self { name, key }
    }

    /// The public half.
    pub fn verifier_key(&self) -> VerifierKey {
        let key = self.key.public_key().as_ref();
        let public_key = key.try_into().expect("an Ed25519 public key has 32 bytes");
        VerifierKey { name: self.name.clone(), public_key }
    }

    /// Signs the text of a note, which ends in a newline.
    pub fn sign(&self, text: &str) -> NoteSignature {
        NoteSignature {
            name: self.name.clone(),
            key_id: self.verifier_key().key_id(),
            signature: self.key.sign(text.as_bytes()).as_ref().to_vec(),
        }
    }
}

impl fmt::Debug for SignerKey {
    /// Prints the public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SignerKey").field(&self.verifier_key()).finish()
    }
}

#[cfg(test)]
mod tests;
