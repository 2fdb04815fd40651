//! What a log records about one certificate: the `TimestampedEntry` of RFC 6962 §3.4, as both kinds of log
//! serve it, borrowed from the bytes served.

use countersign_tlog::{Hash, leaf_hash};

use crate::bytes::Bytes;

/// One entry and the bytes that the tree commits to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The leaf in two parts, in order. Data tiles leave the first two octets of a leaf out, so the parts do not
    /// always stand together in what was served.
    leaf: [&'a [u8]; 2],
    /// The hash, where the log told it and the leaf cannot be delimited.
    told: Option<Hash>,
    /// What the leaf says.
    pub content: Content<'a>,
    /// What came with the leaf, outside the tree: see [`crate::rfc6962`] and [`crate::static_ct`].
    pub beside: Beside<'a>,
}

/// What a leaf says, as far as it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// A certificate (`x509_entry`).
    Certificate {
        /// Milliseconds since 1970: when the log promised to record it.
        timestamp_ms: u64,
        /// The certificate, meant to be DER.
        certificate: &'a [u8],
    },
    /// A precertificate (`precert_entry`): what a CA announces before it signs the certificate itself.
    Precertificate {
        /// Milliseconds since 1970: when the log promised to record it.
        timestamp_ms: u64,
        /// SHA-256 of the SubjectPublicKeyInfo of the CA that will sign.
        issuer_key_hash: [u8; 32],
        /// The `TBSCertificate` without poison and without SCT list, meant to be DER.
        tbs: &'a [u8],
    },
    /// An entry of a kind that RFC 6962 does not define, or cut off within. All its bytes are here.
    Unknown {
        /// Why it could not be read.
        why: Unreadable,
        /// The leaf, or as much of the tile as may belong to it.
        bytes: &'a [u8],
    },
}

/// What a log serves beside the leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside<'a> {
    /// `extra_data` of `get-entries`, still base64: it is decoded only for the few entries that matter.
    ExtraData(&'a str),
    /// The rest of a `TileLeaf`: for a precertificate entry the precertificate as it was submitted, and the
    /// fingerprints of the chain above.
    Tile {
        /// As served.
        served: &'a [u8],
    },
    /// Nothing that could be told apart from the leaf.
    Nothing,
}

/// Why an entry is [`Content::Unknown`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// `version` of the Merkle tree leaf is not v1(0).
    #[error("leaf version {0}")]
    Version(u8),
    /// `leaf_type` is not timestamped_entry(0).
    #[error("leaf type {0}")]
    LeafType(u8),
    /// `entry_type` is neither x509_entry(0) nor precert_entry(1).
    #[error("entry type {0}")]
    EntryType(u16),
    /// The bytes end too early.
    #[error("cut off")]
    Truncated,
    /// Read, but its hash is not the one that the log's hash tile has in this place.
    #[error("not the entry that the tree has here")]
    Hash,
    /// Bytes follow the end of the leaf.
    #[error("{0} octets too many")]
    Trailing(usize),
}

impl<'a> Entry<'a> {
    /// Reads a `MerkleTreeLeaf` that stands alone, as in `leaf_input`. Never fails: what cannot be read is
    /// [`Content::Unknown`] and still has its hash.
    pub fn from_leaf(leaf: &'a [u8], beside: Beside<'a>) -> Self {
        let content = read_leaf(leaf).unwrap_or_else(|why| Content::Unknown { why, bytes: leaf });
        Self { leaf: [&[], leaf], told: None, content, beside }
    }

    /// An entry whose leaf is `prefix` followed by `rest`, already read.
    pub(crate) fn from_parts(
        leaf: [&'a [u8]; 2],
        content: Content<'a>,
        beside: Beside<'a>,
    ) -> Self {
        Self { leaf, told: None, content, beside }
    }

    /// An entry that stands in the tree under `hash` and cannot be read.
    pub(crate) fn told(hash: Hash, content: Content<'a>) -> Self {
        Self { leaf: [&[], &[]], told: Some(hash), content, beside: Beside::Nothing }
    }

    /// The hash by which the tree knows this entry (RFC 6962 §2.1).
    pub fn leaf_hash(&self) -> Hash {
        self.told.unwrap_or_else(|| leaf_hash(&self.leaf))
    }

    /// The leaf as it was hashed, or what was served in its place.
    pub fn leaf_bytes(&self) -> Vec<u8> {
        match (self.told, self.content) {
            (Some(_), Content::Unknown { bytes, .. }) => bytes.to_vec(),
            _ => self.leaf.concat(),
        }
    }

    /// When the log promised to record the entry, in milliseconds since 1970, where that could be read.
    pub fn timestamp_ms(&self) -> Option<u64> {
        match self.content {
            Content::Certificate { timestamp_ms, .. }
            | Content::Precertificate { timestamp_ms, .. } => Some(timestamp_ms),
            Content::Unknown { .. } => None,
        }
    }
}

/// Reads `MerkleTreeLeaf` (RFC 6962 §3.4) to its end.
fn read_leaf(leaf: &[u8]) -> Result<Content<'_>, Unreadable> {
    let mut bytes = Bytes::new(leaf);
    match bytes.u8() {
        Some(0) => {}
        Some(version) => return Err(Unreadable::Version(version)),
        None => return Err(Unreadable::Truncated),
    }
    match bytes.u8() {
        Some(0) => {}
        Some(leaf_type) => return Err(Unreadable::LeafType(leaf_type)),
        None => return Err(Unreadable::Truncated),
    }
    let content = read_timestamped(&mut bytes)?;
    match bytes.rest().len() {
        0 => Ok(content),
        extra => Err(Unreadable::Trailing(extra)),
    }
}

/// Reads `TimestampedEntry` (RFC 6962 §3.4) off the front, extensions included.
pub(crate) fn read_timestamped<'a>(bytes: &mut Bytes<'a>) -> Result<Content<'a>, Unreadable> {
    let timestamp_ms = bytes.u64().ok_or(Unreadable::Truncated)?;
    let content = match bytes.u16().ok_or(Unreadable::Truncated)? {
        0 => {
            let certificate = bytes.vector_u24().ok_or(Unreadable::Truncated)?;
            Content::Certificate { timestamp_ms, certificate }
        }
        1 => {
            let issuer_key_hash = bytes.array().ok_or(Unreadable::Truncated)?;
            let tbs = bytes.vector_u24().ok_or(Unreadable::Truncated)?;
            Content::Precertificate { timestamp_ms, issuer_key_hash, tbs }
        }
        entry_type => return Err(Unreadable::EntryType(entry_type)),
    };
    bytes.vector_u16().ok_or(Unreadable::Truncated)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(leaf: &[u8], expected: Content<'_>) {
        let entry = Entry::from_leaf(leaf, Beside::Nothing);
        assert_eq!(entry.content, expected);
        assert_eq!(entry.leaf_hash(), leaf_hash(&[leaf]));
        assert_eq!(entry.leaf_bytes(), leaf);
    }

    fn unknown(leaf: &[u8], why: Unreadable) {
        check(leaf, Content::Unknown { why, bytes: leaf });
    }

    #[test]
    fn the_two_kinds_of_rfc_6962() {
        let certificate = [0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 2, 0x30, 0, 0, 0];
        check(&certificate, Content::Certificate { timestamp_ms: 7, certificate: &[0x30, 0] });

        let mut precertificate = vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 1];
        precertificate.extend([5; 32]);
        precertificate.extend([0, 0, 1, 9, 0, 1, 0xff]);
        check(
            &precertificate,
            Content::Precertificate { timestamp_ms: 8, issuer_key_hash: [5; 32], tbs: &[9] },
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        unknown(&[], Unreadable::Truncated);
        unknown(&[1, 0], Unreadable::Version(1));
        unknown(&[0, 2], Unreadable::LeafType(2));
        unknown(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x12, 0x34], Unreadable::EntryType(0x1234));
        unknown(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 2, 0x30], Unreadable::Truncated);
        let trailing = [0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 1, 0x30, 0, 0, 9];
        unknown(&trailing, Unreadable::Trailing(1));
    }

    proptest! {
        #[test]
        fn any_leaf_has_its_hash(leaf: Vec<u8>) {
            prop_assert_eq!(Entry::from_leaf(&leaf, Beside::Nothing).leaf_hash(), leaf_hash(&[&leaf]));
        }
    }
}
