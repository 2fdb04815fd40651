//! Whose signatures make a list: a few keys, of which several must have signed, and how they are changed.
//!
//! ```text
//! countersign-list-keys/1
//! version 2
//! threshold 2
//! key one.example+1b2c3d4e+AaBc…
//! key two.example+5f6a7b8c+AdEf…
//! key three.example+9d0e1f2a+AgHi…
//! (empty line)
//! — …
//! ```
//!
//! The keys that a client has say who comes after them: version 2 is signed by enough of the keys of version 1,
//! and by enough of its own, so that nobody names keys that nobody holds. A client that has slept goes through
//! all versions, one after another. (TUF, "root metadata", does so too, and has its keys expire, which these do not.)

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::note::{Note, NoteError, Signature};
use super::{SignedList, SignedListError};
use crate::log_id::sha256;

/// An Ed25519 key that signs lists. Its text is the verifier key of c2sp.org/signed-note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListKey {
    name: String,
    public_key: [u8; 32],
}

impl ListKey {
    /// The key of this name: something without white space and plus signs.
    pub fn new(name: &str, public_key: [u8; 32]) -> Result<Self, ListKeyError> {
        if !is_key_name(name) {
            return Err(ListKeyError::Name);
        }
        Ok(Self { name: name.to_owned(), public_key })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> [u8; 4] {
        let hash =
            sha256(&[self.name.as_bytes(), &[b'\n', ED25519_TYPE], &self.public_key].concat());
        [hash[0], hash[1], hash[2], hash[3]]
    }

    fn has_signed(&self, note: &Note) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.public_key);
        note.signatures
            .iter()
            .filter(|signature| signature.name == self.name && signature.key_id == self.id())
            .any(|signature| key.verify(note.text.as_bytes(), &signature.signature).is_ok())
    }
}

impl fmt::Display for ListKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_TYPE], &self.public_key[..]].concat());
        write!(f, "{}+{:08x}+{key}", self.name, u32::from_be_bytes(self.id()))
    }
}

impl FromStr for ListKey {
    type Err = ListKeyError;

    fn from_str(text: &str) -> Result<Self, ListKeyError> {
        let mut fields = text.splitn(3, '+');
        let mut field = || fields.next().ok_or(ListKeyError::Shape);
        let (name, _, encoded) = (field()?, field()?, field()?);
        let bytes = STANDARD.decode(encoded).map_err(|_| ListKeyError::Shape)?;
        let Some((&ED25519_TYPE, public_key)) = bytes.split_first() else {
            return Err(ListKeyError::Shape);
        };
        let key = Self::new(name, public_key.try_into().map_err(|_| ListKeyError::Shape)?)?;
        if key.to_string() == text { Ok(key) } else { Err(ListKeyError::Id) }
    }
}

/// Why a text is not the key of a signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListKeyError {
    /// Not `name+id+key`, or not an Ed25519 key.
    #[error("not name+id+key with an Ed25519 key (c2sp.org/signed-note)")]
    Shape,
    /// The name is empty, or has white space or a plus sign.
    #[error("the name of the key is empty, or has white space or a plus sign")]
    Name,
    /// The id is not that of name and key.
    #[error("the key id is not that of the name and the key")]
    Id,
}

/// The private half of a [`ListKey`].
pub struct SignerKey {
    key: ListKey,
    pair: Ed25519KeyPair,
}

impl SignerKey {
    /// The key that is made of these 32 random bytes.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, ListKeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed");
        let public_key = pair.public_key().as_ref().try_into().expect("Ed25519 keys have 32 bytes");
        Ok(Self { key: ListKey::new(name, public_key)?, pair })
    }

    /// The public half.
    pub fn public(&self) -> &ListKey {
        &self.key
    }

    /// A signature over a text.
    pub fn sign(&self, text: &str) -> Signature {
        let signature = self.pair.sign(text.as_bytes()).as_ref().to_vec();
        Signature { name: self.key.name.clone(), key_id: self.key.id(), signature }
    }
}

/// The keys of which enough must sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListKeys {
    version: u64,
    threshold: usize,
    keys: Vec<ListKey>,
}

impl ListKeys {
    /// A set of keys: at least two must sign, and there are at least as many, each with a name of its own.
    pub fn new(version: u64, threshold: usize, keys: Vec<ListKey>) -> Result<Self, ListKeysError> {
        let names: BTreeSet<_> = keys.iter().map(|key| &key.name).collect();
        let points: BTreeSet<_> = keys.iter().map(|key| key.public_key).collect();
        let different = names.len().min(points.len());
        let count_is_good = (threshold..=KEYS_MAX).contains(&keys.len());
        if threshold < THRESHOLD_MIN || different < keys.len() || !count_is_good {
            return Err(ListKeysError::Threshold);
        }
        Ok(Self { version, threshold, keys })
    }

    /// Reads a set of keys without looking at its signatures: the first one, which comes with the program.
    pub fn parse(text: &str) -> Result<Self, ListKeysError> {
        let mut lines = text.lines();
        let mut field = |word: &str| {
            lines.next().and_then(|line| line.strip_prefix(word)).ok_or(ListKeysError::Shape)
        };
        if !field(FIRST_LINE)?.is_empty() {
            return Err(ListKeysError::Shape);
        }
        let version = field("version ")?.parse().map_err(|_| ListKeysError::Shape)?;
        let threshold = field("threshold ")?.parse().map_err(|_| ListKeysError::Shape)?;
        let key = |line: &str| {
            let key = line.strip_prefix("key ").ok_or(ListKeysError::Shape)?;
            Ok(key.parse()?)
        };
        // One more than there may be, so that too many are seen.
        let keys = lines.take(KEYS_MAX + 1).map(key).collect::<Result<_, ListKeysError>>()?;
        let keys = Self::new(version, threshold, keys)?;
        if keys.to_text() == text { Ok(keys) } else { Err(ListKeysError::Shape) }
    }

    /// Writes it down. What is signed.
    pub fn to_text(&self) -> String {
        let Self { version, threshold, keys } = self;
        let mut text = format!("{FIRST_LINE}\nversion {version}\nthreshold {threshold}\n");
        for key in keys {
            text += &format!("key {key}\n");
        }
        text
    }

    /// Counts up with each change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many must sign.
    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// The keys.
    pub fn keys(&self) -> &[ListKey] {
        &self.keys
    }

    /// Those of the keys that have signed the note, each once.
    pub fn signers(&self, note: &Note) -> Vec<&ListKey> {
        self.keys.iter().filter(|key| key.has_signed(note)).collect()
    }

    /// How many of the keys have signed the note; a key counts once.
    pub fn count(&self, note: &Note) -> usize {
        self.signers(note).len()
    }

    /// A list that enough of the keys have signed.
    pub fn verify(&self, bytes: &[u8]) -> Result<SignedList, RefusedList> {
        let note = Note::parse(bytes)?;
        self.demand(&note)?;
        Ok(SignedList::parse(&note.text)?)
    }

    /// The keys that come after these.
    pub fn rotate(&self, bytes: &[u8]) -> Result<Self, ListKeysError> {
        let note = Note::parse(bytes)?;
        self.demand(&note)?;
        let next = Self::parse(&note.text)?;
        next.demand(&note)?;
        if Some(next.version) != self.version.checked_add(1) {
            return Err(ListKeysError::Version { known: self.version, found: next.version });
        }
        Ok(next)
    }

    fn demand(&self, note: &Note) -> Result<(), TooFewSignatures> {
        let (signed, needed) = (self.count(note), self.threshold);
        if signed < needed { Err(TooFewSignatures { signed, needed }) } else { Ok(()) }
    }
}

/// Why a set of keys is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListKeysError {
    /// Not the lines that it has.
    #[error("not a set of keys for lists")]
    Shape,
    /// A key cannot be read.
    #[error(transparent)]
    Key(#[from] ListKeyError),
    /// One key would be enough, or there are fewer than must sign, or more than [`KEYS_MAX`], or one twice.
    #[error("at least {THRESHOLD_MIN} different keys must sign, of at most {KEYS_MAX}")]
    Threshold,
    /// Not a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Too few of the keys before it, or of its own, have signed it.
    #[error(transparent)]
    Unsigned(#[from] TooFewSignatures),
    /// Not the version that comes next.
    #[error("the keys have version {found}, and those known have {known}")]
    Version {
        /// Of the keys that are known.
        known: u64,
        /// Of those that were read.
        found: u64,
    },
}

/// Why a signed list is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedList {
    /// Not a signed note, or cut off.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Too few of the keys have signed it.
    #[error(transparent)]
    Unsigned(#[from] TooFewSignatures),
    /// It is signed, and no list.
    #[error(transparent)]
    List(#[from] SignedListError),
}

/// Fewer of the known keys have signed than must.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{signed} of the known keys have signed, {needed} must")]
pub struct TooFewSignatures {
    /// Known keys that have signed.
    pub signed: usize,
    /// How many must.
    pub needed: usize,
}

fn is_key_name(name: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(odd)
}

/// One key is one person to be coerced.
const THRESHOLD_MIN: usize = 2;
/// Keys in a set. Three are expected.
pub const KEYS_MAX: usize = 16;
/// Bytes of a key's name: that of a domain, and a path.
const NAME_BYTES_MAX: usize = 100;
/// The signature type of Ed25519 (c2sp.org/signed-note, "Signature types").
const ED25519_TYPE: u8 = 1;
/// What a set of keys begins with.
const FIRST_LINE: &str = "countersign-list-keys/1";
