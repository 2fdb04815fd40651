//! The log's key and what it signs: SCTs and tree heads (RFC 6962 §3.2, §3.5), checkpoints (c2sp.org/static-ct-api).

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::entry::Entry;
use crate::certificates::sha256;

/// A P-256 key with the log's name.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    spki: Vec<u8>,
    log_id: [u8; 32],
    origin: String,
}

/// What a tree head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many leaves the tree has.
    pub size: u64,
    /// When the log says so, in milliseconds since 1970.
    pub timestamp_ms: u64,
    /// The root of the tree.
    pub root: [u8; 32],
}

/// A signed certificate timestamp, version 1 (RFC 6962 §3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sct {
    /// SHA-256 of the log's key.
    pub log_id: [u8; 32],
    /// Milliseconds since 1970.
    pub timestamp_ms: u64,
    /// CtExtensions.
    pub extensions: Vec<u8>,
    /// The signature with its algorithm, as a TLS `digitally-signed` struct.
    pub digitally_signed: Vec<u8>,
}

impl Sct {
    /// As it stands in a list of SCTs (RFC 6962 §3.2).
    pub fn to_bytes(&self) -> Vec<u8> {
        let extensions =
            u16::try_from(self.extensions.len()).expect("extensions of the lab are short");
        [
            &[0][..],
            &self.log_id,
            &self.timestamp_ms.to_be_bytes(),
            &extensions.to_be_bytes(),
            &self.extensions,
            &self.digitally_signed,
        ]
        .concat()
    }
}

impl Signer {
    /// A new key for the log with this checkpoint origin.
    pub(crate) fn generate(origin: String) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .expect("the machine has randomness");
        Self::of(key, origin)
    }

    /// The log with this key.
    pub(crate) fn of(key: EcdsaKeyPair, origin: String) -> Self {
        let spki: PublicKeyX509Der<'_> = key.public_key().as_der().expect("a P-256 key encodes");
        let spki = spki.as_ref().to_vec();
        let log_id = sha256(&spki);
        Self { key, spki, log_id, origin }
    }

    /// The public key.
    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of the public key (RFC 6962 §3.2).
    pub(crate) fn log_id(&self) -> [u8; 32] {
        self.log_id
    }

    /// The first line of checkpoints.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The SCT for an entry.
    pub(crate) fn sct(&self, entry: &Entry) -> Sct {
        Sct {
            log_id: self.log_id,
            timestamp_ms: entry.timestamp_ms,
            extensions: entry.extensions.clone(),
            digitally_signed: self.sign(&entry.leaf_input()),
        }
    }

    /// The signature over TreeHeadSignature: version v1, signature type tree_hash, timestamp, size, root
    /// (RFC 6962 §3.5).
    pub(crate) fn sign_head(&self, head: &Head) -> Vec<u8> {
        let timestamp = head.timestamp_ms.to_be_bytes();
        self.sign(&[&[0, 1], &timestamp[..], &head.size.to_be_bytes(), &head.root].concat())
    }

    /// The checkpoint of a head, given the head's signature: an RFC6962NoteSignature, whose type is 0x05
    /// (c2sp.org/static-ct-api, "Checkpoints"). `extensions` and `signatures` are further lines, which no
    /// checkpoint of a static CT log needs.
    pub(crate) fn checkpoint(
        &self,
        head: &Head,
        digitally_signed: &[u8],
        extensions: &[String],
        signatures: &[String],
    ) -> String {
        let origin = &self.origin;
        let mut text = format!("{origin}\n{}\n{}\n", head.size, STANDARD.encode(head.root));
        for line in extensions {
            text += &format!("{line}\n");
        }
        let hash = sha256(&[origin.as_bytes(), b"\n", &[5], &self.log_id].concat());
        let body = [&hash[..4], &head.timestamp_ms.to_be_bytes(), digitally_signed].concat();
        text += &format!("\n— {origin} {}\n", STANDARD.encode(body));
        for line in signatures {
            text += &format!("{line}\n");
        }
        text
    }

    /// SHA-256 with ECDSA as a TLS `digitally-signed` struct (RFC 5246 §4.7).
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature =
            self.key.sign(&SystemRandom::new(), message).expect("a P-256 key signs any bytes");
        let signature = signature.as_ref();
        let length = u16::try_from(signature.len()).expect("an ECDSA signature is short");
        [&[4, 3][..], &length.to_be_bytes(), signature].concat()
    }
}

/// A signature line as logs with a post-quantum key add it: type 0x06, ML-DSA-44, 2,420 bytes, all of them
/// noise (c2sp.org/signed-note). A client that does not know the key must ignore it.
pub fn unknown_signature_line(name: &str) -> String {
    let key_id = sha256(format!("{name}\nnobody knows this key").as_bytes());
    let noise: Vec<u8> = (0..ML_DSA_44_SIGNATURE_BYTES)
        .map(|index| sha256(format!("{name} {index}").as_bytes())[0])
        .collect();
    format!("— {name} {}", STANDARD.encode([&key_id[..4], &noise].concat()))
}

/// The length of an ML-DSA-44 signature (FIPS 204, table 2).
const ML_DSA_44_SIGNATURE_BYTES: usize = 2_420;
