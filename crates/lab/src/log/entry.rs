//! Log entries as bytes: leaf_input and extra_data (RFC 6962 §3.4, §4.6), TileLeaf (c2sp.org/static-ct-api).
//!
//! The monitor has its own code for these structures, in `crates/ct`. This is a second implementation on
//! purpose, from the specifications alone: an encoder and a decoder that share code agree on their mistakes too.

use crate::certificates::sha256;

/// What is logged, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The timestamp of the SCT, in milliseconds since 1970.
    pub timestamp_ms: u64,
    /// The certificate, or whatever is there in its place.
    pub content: Content,
    /// CtExtensions: empty, or the leaf index as c2sp.org/static-ct-api wants it.
    pub extensions: Vec<u8>,
    /// The issuers, as submitted, without the end-entity certificate.
    pub issuers: Vec<Vec<u8>>,
}

/// What an SCT is about. Nothing says that the bytes are certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// `x509_entry`: a certificate.
    X509 {
        /// The certificate.
        certificate: Vec<u8>,
    },
    /// `precert_entry`: a precertificate.
    Precert {
        /// SHA-256 of the issuer's SubjectPublicKeyInfo.
        issuer_key_hash: [u8; 32],
        /// The TBSCertificate less the poison.
        tbs: Vec<u8>,
        /// The precertificate as submitted.
        precertificate: Vec<u8>,
    },
    /// A LogEntryType that RFC 6962 does not know.
    Unknown {
        /// The LogEntryType.
        entry_type: u16,
        /// `signed_entry`, whatever its structure is.
        signed_entry: Vec<u8>,
    },
}

impl Entry {
    /// MerkleTreeLeaf (RFC 6962 §3.4): version v1, leaf type timestamped_entry, TimestampedEntry.
    ///
    /// What an SCT signs has the very same bytes (RFC 6962 §3.2): version v1, signature type
    /// certificate_timestamp, and the fields of TimestampedEntry in the same order.
    pub fn leaf_input(&self) -> Vec<u8> {
        [&[0, 0], &self.timestamped_entry()[..]].concat()
    }

    /// The hash of the leaf (RFC 6962 §2.1).
    pub fn leaf_hash(&self) -> [u8; 32] {
        sha256(&[&[0], &self.leaf_input()[..]].concat())
    }

    /// `extra_data` of get-entries (RFC 6962 §4.6): the chain; for a precertificate, itself and the chain.
    pub fn extra_data(&self) -> Vec<u8> {
        let mut chain = Vec::new();
        for issuer in &self.issuers {
            prefixed_24(&mut chain, issuer);
        }
        let mut extra_data = Vec::new();
        if let Content::Precert { precertificate, .. } = &self.content {
            prefixed_24(&mut extra_data, precertificate);
        }
        prefixed_24(&mut extra_data, &chain);
        extra_data
    }

    /// TileLeaf (c2sp.org/static-ct-api, "Log entries"): TimestampedEntry, the precertificate if it is one, and
    /// the fingerprints of the chain.
    pub fn tile_leaf(&self) -> Vec<u8> {
        let mut leaf = self.timestamped_entry();
        if let Content::Precert { precertificate, .. } = &self.content {
            prefixed_24(&mut leaf, precertificate);
        }
        let fingerprints: Vec<u8> = self.issuers.iter().flat_map(|issuer| sha256(issuer)).collect();
        prefixed_16(&mut leaf, &fingerprints);
        leaf
    }

    /// TimestampedEntry (RFC 6962 §3.4).
    fn timestamped_entry(&self) -> Vec<u8> {
        let mut entry = self.timestamp_ms.to_be_bytes().to_vec();
        match &self.content {
            Content::X509 { certificate } => {
                entry.extend_from_slice(&[0, 0]);
                prefixed_24(&mut entry, certificate);
            }
            Content::Precert { issuer_key_hash, tbs, precertificate: _ } => {
                entry.extend_from_slice(&[0, 1]);
                entry.extend_from_slice(issuer_key_hash);
                prefixed_24(&mut entry, tbs);
            }
            Content::Unknown { entry_type, signed_entry } => {
                entry.extend_from_slice(&entry_type.to_be_bytes());
                entry.extend_from_slice(signed_entry);
            }
        }
        prefixed_16(&mut entry, &self.extensions);
        entry
    }
}

/// CtExtensions with only the leaf index: type 0, two bytes of length, 40 bits (c2sp.org/static-ct-api, "SCT
/// Extension").
pub(crate) fn leaf_index_extension(index: u64) -> Vec<u8> {
    let [0, 0, 0, low @ ..] = index.to_be_bytes() else {
        panic!("no log of the lab has 2^40 entries");
    };
    [&[0, 0, 5], &low[..]].concat()
}

/// Appends two bytes of length, and the bytes.
fn prefixed_16(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).expect("the lab keeps chains and extensions short");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Appends three bytes of length, and the bytes.
fn prefixed_24(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("the lab keeps entries below 2^24 bytes");
    let [0, low @ ..] = length.to_be_bytes() else {
        panic!("the lab keeps entries below 2^24 bytes");
    };
    out.extend_from_slice(&low);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(content: Content) -> Entry {
        let extensions = leaf_index_extension(0x01_0203_0405);
        Entry { timestamp_ms: 7, content, extensions, issuers: vec![vec![9; 2], vec![8]] }
    }

    #[test] // RFC 6962 §3.4, §4.6
    fn a_certificate_byte_by_byte() {
        let entry = entry(Content::X509 { certificate: vec![0xaa, 0xbb] });
        let timestamped =
            [0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 2, 0xaa, 0xbb, 0, 8, 0, 0, 5, 1, 2, 3, 4, 5];
        assert_eq!(entry.leaf_input(), [&[0, 0], &timestamped[..]].concat());
        assert_eq!(entry.extra_data(), [0, 0, 9, 0, 0, 2, 9, 9, 0, 0, 1, 8]);
        let fingerprints = [sha256(&[9, 9]), sha256(&[8])].concat();
        assert_eq!(entry.tile_leaf(), [&timestamped[..], &[0, 64], &fingerprints].concat());
    }

    #[test] // RFC 6962 §3.4, §4.6
    fn a_precertificate_byte_by_byte() {
        let entry = entry(Content::Precert {
            issuer_key_hash: [3; 32],
            tbs: vec![0xaa],
            precertificate: vec![0xbb, 0xcc],
        });
        let timestamped = [
            &[0, 0, 0, 0, 0, 0, 0, 7, 0, 1][..],
            &[3; 32],
            &[0, 0, 1, 0xaa, 0, 8, 0, 0, 5, 1, 2, 3, 4, 5],
        ]
        .concat();
        assert_eq!(entry.leaf_input(), [&[0, 0], &timestamped[..]].concat());
        assert_eq!(entry.extra_data(), [0, 0, 2, 0xbb, 0xcc, 0, 0, 9, 0, 0, 2, 9, 9, 0, 0, 1, 8]);
        let tail = [&[0, 0, 2, 0xbb, 0xcc, 0, 64][..], &sha256(&[9, 9]), &sha256(&[8])].concat();
        assert_eq!(entry.tile_leaf(), [timestamped, tail].concat());
    }
}
