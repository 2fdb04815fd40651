//! Whether the key in one certificate signed another (RFC 5280 §4.1.1): the outer shell of both, and the algorithms
//! that CAs of the web use.
//!
//! What a log serves as the chain of an entry is covered by no tree: anything can stand there. Only the signature
//! tells whether the certificate above is the issuer.
//!
//! # Limitations
//!
//! A key signed these bytes, or did not; that is all. Names, times, constraints and the inner copy of the algorithm
//! (RFC 5280 §4.1.1.2) are not looked at. Not told: SHA-1, MD5, DSA, ML-DSA, RSA keys of less than 2,048 or more than
//! 8,192 bits, RSA keys that are restricted to PSS (RFC 4055 §1.2), and PSS whose hashes differ or whose salt is not
//! as long as the hash.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, VerificationAlgorithm,
};
use countersign_sct::der::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use countersign_sct::spki_of;

/// Whether one certificate's key signed another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// It did.
    Valid,
    /// It did not.
    Invalid,
    /// Neither is known.
    CouldNotTell(Unclear),
}

/// Why it is not known who signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unclear {
    /// The certificate is not a TBSCertificate, an algorithm and a signature.
    #[error("the certificate cannot be read")]
    Certificate,
    /// No key can be read out of the issuer's certificate.
    #[error("the issuer's certificate cannot be read")]
    Issuer,
    /// Signed in a way that is not verified here.
    #[error("the signature is of a kind that is not verified here")]
    Algorithm,
    /// The issuer's key is of a kind or size that is not verified here, or no key at all.
    #[error("the issuer's key is of a kind that is not verified here")]
    Key,
}

/// Whether the key in the certificate `issuer` signed `certificate`; both meant to be DER.
pub fn signed_by(certificate: &[u8], issuer: &[u8]) -> Signed {
    let Some(parts) = Parts::read(certificate) else {
        return Signed::CouldNotTell(Unclear::Certificate);
    };
    let Some((kind, key)) = spki_of(issuer).ok().and_then(read_key) else {
        return Signed::CouldNotTell(Unclear::Issuer);
    };
    let Some(scheme) = Scheme::read(parts.algorithm) else {
        return Signed::CouldNotTell(Unclear::Algorithm);
    };
    let Some(kind) = kind else { return Signed::CouldNotTell(Unclear::Key) };
    // A key makes no signatures of another kind, so somebody else's did.
    let Some(algorithm) = scheme.by(kind) else { return Signed::Invalid };
    let fits = kind != KeyKind::Rsa
        || RsaParameters::public_modulus_len(key).is_ok_and(|bits| (2048..=8192).contains(&bits));
    let Some(key) = ParsedPublicKey::new(algorithm, key).ok().filter(|_| fits) else {
        return Signed::CouldNotTell(Unclear::Key);
    };
    match key.verify_sig(parts.tbs, parts.signature) {
        Ok(()) => Signed::Valid,
        Err(_) => Signed::Invalid,
    }
}

/// A certificate (RFC 5280 §4.1).
struct Parts<'a> {
    /// With its header: what is signed, as it stands.
    tbs: &'a [u8],
    /// The contents of the AlgorithmIdentifier.
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(certificate: &'a [u8]) -> Option<Self> {
        let mut outer = Reader::new(certificate);
        let mut fields = Reader::new(contents(&mut outer, SEQUENCE)?);
        let tbs = fields.element().ok().filter(|tbs| tbs.tag.octet == SEQUENCE)?.whole;
        let algorithm = contents(&mut fields, SEQUENCE)?;
        let signature = whole_octets(contents(&mut fields, BIT_STRING)?)?;
        (outer.is_empty() && fields.is_empty()).then_some(Self { tbs, algorithm, signature })
    }
}

/// A kind of public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyKind {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

/// The kind of a SubjectPublicKeyInfo, if it is a known one, and the key in it.
fn read_key(spki: &[u8]) -> Option<(Option<KeyKind>, &[u8])> {
    let mut outer = Reader::new(spki);
    let mut fields = Reader::new(contents(&mut outer, SEQUENCE)?);
    let mut algorithm = Reader::new(contents(&mut fields, SEQUENCE)?);
    let key = whole_octets(contents(&mut fields, BIT_STRING)?)?;
    let kind = match contents(&mut algorithm, OBJECT_IDENTIFIER)? {
        RSA_ENCRYPTION => Some(KeyKind::Rsa),
        EC_PUBLIC_KEY => match contents(&mut algorithm, OBJECT_IDENTIFIER) {
            Some(PRIME256V1) => Some(KeyKind::P256),
            Some(SECP384R1) => Some(KeyKind::P384),
            Some(SECP521R1) => Some(KeyKind::P521),
            Some(_) | None => None,
        },
        ID_ED25519 => Some(KeyKind::Ed25519),
        _ => None,
    };
    Some((kind, key))
}

/// What is hashed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

/// How something is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
    RsaPkcs1(Digest),
    /// RSASSA-PSS with MGF1 over the same hash, and a salt of its length (RFC 8017 §8.1).
    RsaPss(Digest),
    /// ECDSA with a DER signature (RFC 5758 §3.2).
    Ecdsa(Digest),
    /// RFC 8410.
    Ed25519,
}

impl Scheme {
    /// Reads the contents of an AlgorithmIdentifier. Parameters count for PSS only: where others should be NULL
    /// or absent and are not, the key has signed all the same.
    fn read(algorithm: &[u8]) -> Option<Self> {
        let mut fields = Reader::new(algorithm);
        Some(match contents(&mut fields, OBJECT_IDENTIFIER)? {
            SHA256_WITH_RSA => Self::RsaPkcs1(Digest::Sha256),
            SHA384_WITH_RSA => Self::RsaPkcs1(Digest::Sha384),
            SHA512_WITH_RSA => Self::RsaPkcs1(Digest::Sha512),
            RSASSA_PSS => Self::RsaPss(pss_digest(&mut fields)?),
            ECDSA_WITH_SHA256 => Self::Ecdsa(Digest::Sha256),
            ECDSA_WITH_SHA384 => Self::Ecdsa(Digest::Sha384),
            ECDSA_WITH_SHA512 => Self::Ecdsa(Digest::Sha512),
            ID_ED25519 => Self::Ed25519,
            _ => return None,
        })
    }

    /// How a signature of this scheme by such a key is verified. None: such keys make none.
    fn by(self, key: KeyKind) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match (self, key) {
            (Self::RsaPkcs1(Digest::Sha256), KeyKind::Rsa) => &RSA_PKCS1_2048_8192_SHA256,
            (Self::RsaPkcs1(Digest::Sha384), KeyKind::Rsa) => &RSA_PKCS1_2048_8192_SHA384,
            (Self::RsaPkcs1(Digest::Sha512), KeyKind::Rsa) => &RSA_PKCS1_2048_8192_SHA512,
            (Self::RsaPss(Digest::Sha256), KeyKind::Rsa) => &RSA_PSS_2048_8192_SHA256,
            (Self::RsaPss(Digest::Sha384), KeyKind::Rsa) => &RSA_PSS_2048_8192_SHA384,
            (Self::RsaPss(Digest::Sha512), KeyKind::Rsa) => &RSA_PSS_2048_8192_SHA512,
            (Self::Ecdsa(Digest::Sha256), KeyKind::P256) => &ECDSA_P256_SHA256_ASN1,
            (Self::Ecdsa(Digest::Sha384), KeyKind::P256) => &ECDSA_P256_SHA384_ASN1,
            (Self::Ecdsa(Digest::Sha512), KeyKind::P256) => &ECDSA_P256_SHA512_ASN1,
            (Self::Ecdsa(Digest::Sha256), KeyKind::P384) => &ECDSA_P384_SHA256_ASN1,
            (Self::Ecdsa(Digest::Sha384), KeyKind::P384) => &ECDSA_P384_SHA384_ASN1,
            (Self::Ecdsa(Digest::Sha512), KeyKind::P384) => &ECDSA_P384_SHA512_ASN1,
            (Self::Ecdsa(Digest::Sha256), KeyKind::P521) => &ECDSA_P521_SHA256_ASN1,
            (Self::Ecdsa(Digest::Sha384), KeyKind::P521) => &ECDSA_P521_SHA384_ASN1,
            (Self::Ecdsa(Digest::Sha512), KeyKind::P521) => &ECDSA_P521_SHA512_ASN1,
            (Self::Ed25519, KeyKind::Ed25519) => &ED25519,
            (Self::RsaPkcs1(_) | Self::RsaPss(_) | Self::Ecdsa(_) | Self::Ed25519, _) => {
                return None;
            }
        })
    }
}

/// Reads `RSASSA-PSS-params` (RFC 4055 §3.1). Absent fields stand for SHA-1.
fn pss_digest(fields: &mut Reader<'_>) -> Option<Digest> {
    let mut fields = Reader::new(contents(fields, SEQUENCE)?);
    let mut field = |tag| contents(&mut fields, tag).map(Reader::new);
    let (mut hash, mut mask, mut salt) = (field(0xa0)?, field(0xa1)?, field(0xa2)?);
    let hash = digest(&mut hash)?;
    let mut mask = Reader::new(contents(&mut mask, SEQUENCE)?);
    let is_mgf1 = contents(&mut mask, OBJECT_IDENTIFIER)? == MGF1;
    let length: &[u8] = match hash {
        Digest::Sha256 => &[32],
        Digest::Sha384 => &[48],
        Digest::Sha512 => &[64],
    };
    let fits = is_mgf1 && digest(&mut mask)? == hash && contents(&mut salt, INTEGER)? == length;
    // What may follow, the trailer field, has one value only.
    fits.then_some(hash)
}

/// Reads the AlgorithmIdentifier of a hash (RFC 4055 §2.1).
fn digest(reader: &mut Reader<'_>) -> Option<Digest> {
    match contents(&mut Reader::new(contents(reader, SEQUENCE)?), OBJECT_IDENTIFIER)? {
        ID_SHA256 => Some(Digest::Sha256),
        ID_SHA384 => Some(Digest::Sha384),
        ID_SHA512 => Some(Digest::Sha512),
        _ => None,
    }
}

/// The contents of the next element, if it has this tag.
fn contents<'a>(reader: &mut Reader<'a>, octet: u8) -> Option<&'a [u8]> {
    Some(reader.optional(octet).ok()??.contents)
}

/// The octets of a BIT STRING without unused bits.
fn whole_octets(bits: &[u8]) -> Option<&[u8]> {
    bits.strip_prefix(&[0])
}

// Object identifiers, as they stand in DER: RFC 8017 §A.2, RFC 5480 §2.1.1, RFC 5758 §3.2, RFC 8410 §3, RFC 4055.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
const SHA384_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12];
const SHA512_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const PRIME256V1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const SECP384R1: &[u8] = &[0x2b, 0x81, 4, 0, 34];
const SECP521R1: &[u8] = &[0x2b, 0x81, 4, 0, 35];
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const ECDSA_WITH_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
const ECDSA_WITH_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
const ID_ED25519: &[u8] = &[0x2b, 101, 112];
const ID_SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 101, 3, 4, 2, 1];
const ID_SHA384: &[u8] = &[0x60, 0x86, 0x48, 1, 101, 3, 4, 2, 2];
const ID_SHA512: &[u8] = &[0x60, 0x86, 0x48, 1, 101, 3, 4, 2, 3];

#[cfg(test)]
mod tests;
