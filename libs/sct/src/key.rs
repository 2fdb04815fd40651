//! The key of a log, and the only place where a signature of a log is verified (RFC 6962 §2.1.4).

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};

use crate::der::{BIT_STRING, INTEGER, Reader, SEQUENCE};
use crate::digitally_signed::{DigitallySigned, HASH_SHA256, SIGNATURE_ECDSA, SIGNATURE_RSA};
use crate::log_id::LogId;
use crate::signed_entry::TooLong;

/// The key of a log: P-256, or RSA of 2,048 to 8,192 bits. There is no value of this type for a log whose
/// private key is public, so nothing can be verified against one.
#[derive(Clone)]
pub struct LogKey {
    id: LogId,
    spki: Vec<u8>,
    signature_algorithm: u8,
    public_key: ParsedPublicKey,
}

impl LogKey {
    /// Reads a SubjectPublicKeyInfo, in DER, and nothing after it.
    pub fn from_spki(spki: &[u8]) -> Result<Self, LogKeyError> {
        if spki.len() > SPKI_BYTES_MAX {
            return Err(LogKeyError::TooLarge);
        }
        let id = LogId::of_spki(spki);
        if id.private_key_is_public() {
            return Err(LogKeyError::PrivateKeyIsPublic(id));
        }
        let (signature_algorithm, public_key) = if let Some(point) = spki.strip_prefix(P256) {
            if point.len() != P256_POINT_BYTES || point[0] != UNCOMPRESSED {
                return Err(LogKeyError::NotAKey);
            }
            (SIGNATURE_ECDSA, ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point))
        } else {
            let key = rsa_public_key(spki)?;
            (SIGNATURE_RSA, ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key))
        };
        let public_key = public_key.map_err(|_| LogKeyError::NotAKey)?;
        Ok(Self { id, spki: spki.to_vec(), signature_algorithm, public_key })
    }

    /// Reads what [`LogKey::short`] gives.
    pub fn from_short(short: &[u8]) -> Result<Self, LogKeyError> {
        if short.len() == P256_POINT_BYTES - 1 {
            Self::from_spki(&[P256, &[UNCOMPRESSED], short].concat())
        } else {
            Self::from_spki(short)
        }
    }

    /// The shortest form of the key: the 64 bytes of x and y of a P-256 key, and else the
    /// SubjectPublicKeyInfo, which is never that short.
    pub fn short(&self) -> &[u8] {
        self.spki.strip_prefix(P256).map_or(&self.spki, |point| &point[1..])
    }

    /// The log's id.
    pub fn id(&self) -> LogId {
        self.id
    }

    /// The SubjectPublicKeyInfo that this was read from.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Verifies a signature by this key over `message`: SHA-256 with ECDSA or RSA, as RFC 6962 §2.1.4 asks,
    /// under the algorithms that the key has and the signature names.
    pub fn verify(&self, message: &[u8], signed: &DigitallySigned) -> Result<(), BadSignature> {
        let DigitallySigned { hash, signature_algorithm, ref signature } = *signed;
        if (hash, signature_algorithm) != (HASH_SHA256, self.signature_algorithm) {
            return Err(BadSignature::Algorithm { hash, signature_algorithm });
        }
        self.public_key.verify_sig(message, signature).map_err(|_| BadSignature::Mismatch)
    }
}

impl PartialEq for LogKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for LogKey {}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({})", self.id)
    }
}

/// Why some bytes are not a log's key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogKeyError {
    /// Anyone can sign as this log.
    #[error("the private key of log {0} is public: nothing that it signs means anything")]
    PrivateKeyIsPublic(LogId),
    /// More bytes than a key of the largest size has.
    #[error("the key is longer than {SPKI_BYTES_MAX} bytes")]
    TooLarge,
    /// Neither P-256 nor RSA, or not DER.
    #[error("not the SubjectPublicKeyInfo of a P-256 or RSA key in DER")]
    Algorithm,
    /// RSA with too few or too many bits.
    #[error("an RSA key of {bits} bits, but 2048 to 8192 are asked for")]
    RsaBits {
        /// Of the modulus.
        bits: usize,
    },
    /// The numbers in it are no key, such as a point that is not on the curve.
    #[error("the key's numbers are not those of a key")]
    NotAKey,
}

/// Why a signature proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSignature {
    /// Not SHA-256 with the algorithm of the key.
    #[error("hash {hash} with signature algorithm {signature_algorithm} does not go with the key")]
    Algorithm {
        /// What [`DigitallySigned::hash`] says.
        hash: u8,
        /// What [`DigitallySigned::signature_algorithm`] says.
        signature_algorithm: u8,
    },
    /// The key did not sign these bytes.
    #[error("the signature does not match what it should cover")]
    Mismatch,
    /// The SCT names another log than that of the key.
    #[error("the SCT is from log {sct}, the key of log {key}")]
    OtherLog {
        /// The log that the SCT names.
        sct: LogId,
        /// The log whose key was given.
        key: LogId,
    },
    /// There are no bytes that a log could have signed.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// The RSAPublicKey (RFC 8017 §A.1.1) in a SubjectPublicKeyInfo, if it has a size that is accepted.
fn rsa_public_key(spki: &[u8]) -> Result<&[u8], LogKeyError> {
    let key = bit_string_of(spki).ok_or(LogKeyError::Algorithm)?;
    let mut outer = Reader::new(key);
    let mut numbers = Reader::new(exactly(&mut outer, SEQUENCE).ok_or(LogKeyError::Algorithm)?);
    let modulus = exactly(&mut numbers, INTEGER).ok_or(LogKeyError::Algorithm)?;
    if !outer.is_empty() {
        return Err(LogKeyError::Algorithm);
    }
    // A positive INTEGER has a leading zero where its first bit would be one (X.690 §8.3.3).
    let magnitude = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let zeros = magnitude.first().map_or(0, |first| first.leading_zeros());
    let bits = magnitude.len() * 8 - usize::try_from(zeros).expect("at most 8");
    if !(2048..=8192).contains(&bits) {
        return Err(LogKeyError::RsaBits { bits });
    }
    Ok(key)
}

/// The bytes of the BIT STRING in a SubjectPublicKeyInfo whose algorithm is rsaEncryption.
fn bit_string_of(spki: &[u8]) -> Option<&[u8]> {
    let mut outer = Reader::new(spki);
    let mut fields = Reader::new(exactly(&mut outer, SEQUENCE)?);
    let algorithm = exactly(&mut fields, SEQUENCE)?;
    let (&unused_bits, key) = exactly(&mut fields, BIT_STRING)?.split_first()?;
    let whole = outer.is_empty() && fields.is_empty() && unused_bits == 0;
    (whole && algorithm == RSA_ENCRYPTION).then_some(key)
}

/// The contents of the next element, if it has this tag and a DER header.
fn exactly<'a>(reader: &mut Reader<'a>, octet: u8) -> Option<&'a [u8]> {
    let element = reader.element().ok()?;
    (element.canonical && element.tag.octet == octet).then_some(element.contents)
}

/// A SubjectPublicKeyInfo with an RSA key of 8,192 bits and a long exponent has under 2,100 bytes.
const SPKI_BYTES_MAX: usize = 2_100;

/// The SubjectPublicKeyInfo of every P-256 key, up to the point (RFC 5480 §2.1.1, §2.2).
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// An uncompressed point: 4, x, y.
const P256_POINT_BYTES: usize = 65;
/// Its first octet (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;

/// The contents of the AlgorithmIdentifier of RSA: rsaEncryption, NULL (RFC 3279 §2.3.1).
const RSA_ENCRYPTION: &[u8] =
    &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

#[cfg(test)]
pub(crate) mod tests;
