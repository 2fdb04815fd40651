//! Whether the key in a certificate made a signature of a handshake (RFC 8446 §4.2.3, RFC 5246 §7.4.1.4.1).
//!
//! # Limitations
//!
//! Not verified: SHA-1 and MD5, DSA, Ed448, Brainpool curves, ML-DSA, and RSA keys of less than 2,048 or more than 8,192
//! bits.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, VerificationAlgorithm,
};
use countersign_sct::der::{BIT_STRING, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use countersign_sct::spki_of;

use crate::flaw::Unproved;
use crate::names::TLS13;

/// Verifies a signature of `scheme` over `message` by the key in `certificate`.
pub(crate) fn verify(
    version: u16,
    scheme: u16,
    certificate: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), Unproved> {
    let made_by = algorithms(scheme).ok_or(Unproved::Scheme(scheme))?;
    let (kind, key) = spki_of(certificate).ok().and_then(read_key).ok_or(Unproved::Key)?;
    if version == TLS13 && made_by.iter().all(|by| !by.in_tls13) {
        return Err(Unproved::Scheme(scheme));
    }
    let mut fitting = made_by.iter().filter(|by| version != TLS13 || by.in_tls13);
    let by = fitting.find(|by| by.key == kind).ok_or(Unproved::Key)?;
    let key = ParsedPublicKey::new(by.algorithm, key).map_err(|_| Unproved::Key)?;
    key.verify_sig(message, signature).map_err(|_| Unproved::Signature)
}

/// A kind of public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    /// For PSS only (RFC 4055 §1.2).
    RsaPss,
    P256,
    P384,
    P521,
    Ed25519,
}

/// How a key of one kind makes signatures of a scheme.
struct By {
    key: Kind,
    algorithm: &'static dyn VerificationAlgorithm,
    /// RFC 8446 §4.2.3: no PKCS #1 v1.5, and a curve goes with its hash only.
    in_tls13: bool,
}

const fn by(key: Kind, algorithm: &'static dyn VerificationAlgorithm, in_tls13: bool) -> By {
    By { key, algorithm, in_tls13 }
}

/// The keys that make signatures of a scheme. None if none of them is verified here.
fn algorithms(scheme: u16) -> Option<&'static [By]> {
    Some(match scheme {
        0x0401 => const { &[by(Kind::Rsa, &RSA_PKCS1_2048_8192_SHA256, false)] },
        0x0501 => const { &[by(Kind::Rsa, &RSA_PKCS1_2048_8192_SHA384, false)] },
        0x0601 => const { &[by(Kind::Rsa, &RSA_PKCS1_2048_8192_SHA512, false)] },
        0x0403 => {
            const {
                &[
                    by(Kind::P256, &ECDSA_P256_SHA256_ASN1, true),
                    by(Kind::P384, &ECDSA_P384_SHA256_ASN1, false),
                    by(Kind::P521, &ECDSA_P521_SHA256_ASN1, false),
                ]
            }
        }
        0x0503 => {
            const {
                &[
                    by(Kind::P256, &ECDSA_P256_SHA384_ASN1, false),
                    by(Kind::P384, &ECDSA_P384_SHA384_ASN1, true),
                    by(Kind::P521, &ECDSA_P521_SHA384_ASN1, false),
                ]
            }
        }
        0x0603 => {
            const {
                &[
                    by(Kind::P256, &ECDSA_P256_SHA512_ASN1, false),
                    by(Kind::P384, &ECDSA_P384_SHA512_ASN1, false),
                    by(Kind::P521, &ECDSA_P521_SHA512_ASN1, true),
                ]
            }
        }
        0x0804 => const { &[by(Kind::Rsa, &RSA_PSS_2048_8192_SHA256, true)] },
        0x0805 => const { &[by(Kind::Rsa, &RSA_PSS_2048_8192_SHA384, true)] },
        0x0806 => const { &[by(Kind::Rsa, &RSA_PSS_2048_8192_SHA512, true)] },
        0x0807 => const { &[by(Kind::Ed25519, &ED25519, true)] },
        0x0809 => const { &[by(Kind::RsaPss, &RSA_PSS_2048_8192_SHA256, true)] },
        0x080a => const { &[by(Kind::RsaPss, &RSA_PSS_2048_8192_SHA384, true)] },
        0x080b => const { &[by(Kind::RsaPss, &RSA_PSS_2048_8192_SHA512, true)] },
        _ => return None,
    })
}

/// The kind of a SubjectPublicKeyInfo, and the key in it. None for a kind that is not known here, and for one that is
/// written in another way than the one that is allowed: people compare its bytes.
fn read_key(spki: &[u8]) -> Option<(Kind, &[u8])> {
    let mut outer = Reader::new(spki);
    let mut fields = Reader::new(contents(&mut outer, SEQUENCE)?);
    let mut algorithm = Reader::new(contents(&mut fields, SEQUENCE)?);
    let key = contents(&mut fields, BIT_STRING)?.strip_prefix(&[0])?;
    let id = contents(&mut algorithm, OBJECT_IDENTIFIER)?;
    let kind = match id {
        // RFC 3279 §2.3.1: the parameters are NULL.
        RSA_ENCRYPTION if contents(&mut algorithm, NULL)?.is_empty() => Kind::Rsa,
        // RFC 4055 §1.2: which hashes it may be used with, or nothing.
        RSASSA_PSS if algorithm.is_empty() => Kind::RsaPss,
        RSASSA_PSS => contents(&mut algorithm, SEQUENCE).map(|_| Kind::RsaPss)?,
        EC_PUBLIC_KEY => match contents(&mut algorithm, OBJECT_IDENTIFIER)? {
            PRIME256V1 => Kind::P256,
            SECP384R1 => Kind::P384,
            SECP521R1 => Kind::P521,
            _ => return None,
        },
        ID_ED25519 => Kind::Ed25519,
        _ => return None,
    };
    let ends = outer.is_empty() && fields.is_empty() && algorithm.is_empty();
    ends.then_some((kind, key))
}

/// The contents of the next element, if it has this tag and is written as DER demands.
fn contents<'a>(reader: &mut Reader<'a>, octet: u8) -> Option<&'a [u8]> {
    let element = reader.optional(octet).ok()??;
    element.canonical.then_some(element.contents)
}

/// The tag of `NULL`.
const NULL: u8 = 0x05;

// Object identifiers, as they stand in DER: RFC 8017 §A.2, RFC 5480 §2.1.1, RFC 8410 §3.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const PRIME256V1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const SECP384R1: &[u8] = &[0x2b, 0x81, 4, 0, 34];
const SECP521R1: &[u8] = &[0x2b, 0x81, 4, 0, 35];
const ID_ED25519: &[u8] = &[0x2b, 101, 112];
