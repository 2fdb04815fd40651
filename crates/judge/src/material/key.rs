//! From a private key to the SubjectPublicKeyInfo that a certificate for it carries.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING};
use aws_lc_rs::signature::{ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use countersign_sct::der::{BIT_STRING, OBJECT_IDENTIFIER, SEQUENCE};

use super::shape::wrapped;

/// How a private key is written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// `OneAsymmetricKey` (RFC 5958 §2): any algorithm.
    Pkcs8,
    /// `RSAPrivateKey` (RFC 8017 §A.1.2).
    Pkcs1,
    /// `ECPrivateKey` (RFC 5915 §3).
    Sec1,
}

/// The SubjectPublicKeyInfo, in DER. The public half is computed or checked, never just believed.
pub(super) fn public_half(der: &[u8], form: Form) -> Option<Vec<u8>> {
    match form {
        Form::Pkcs8 => elliptic(|curve| EcdsaKeyPair::from_pkcs8(curve.signing, der).ok())
            .or_else(|| RsaKeyPair::from_pkcs8(der).ok().and_then(|pair| rsa(&pair)))
            .or_else(|| ed25519(der)),
        Form::Pkcs1 => RsaKeyPair::from_der(der).ok().and_then(|pair| rsa(&pair)),
        Form::Sec1 => elliptic(|curve| EcdsaKeyPair::from_private_key_der(curve.signing, der).ok()),
    }
}

/// RFC 3279 §2.3.1: rsaEncryption, with NULL for parameters.
fn rsa(pair: &RsaKeyPair) -> Option<Vec<u8>> {
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
    Some(spki.as_ref().to_vec())
}

/// RFC 8410 §4: no parameters.
fn ed25519(pkcs8: &[u8]) -> Option<Vec<u8>> {
    // Without its public half, too: this is how openssl writes it.
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).ok()?;
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
    Some(spki.as_ref().to_vec())
}

/// A curve that public CAs certify keys on (CA/Browser Forum BR 6.1.5).
struct Curve {
    signing: &'static EcdsaSigningAlgorithm,
    /// The curve's object identifier.
    id: &'static [u8],
}

const CURVES: [Curve; 3] = [
    Curve {
        signing: &ECDSA_P256_SHA256_ASN1_SIGNING,
        id: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
    },
    Curve { signing: &ECDSA_P384_SHA384_ASN1_SIGNING, id: &[0x2b, 0x81, 4, 0, 0x22] },
    Curve { signing: &ECDSA_P521_SHA512_ASN1_SIGNING, id: &[0x2b, 0x81, 4, 0, 0x23] },
];

/// RFC 5480 §2: id-ecPublicKey with the named curve, and the point, uncompressed.
fn elliptic(read: impl Fn(&Curve) -> Option<EcdsaKeyPair>) -> Option<Vec<u8>> {
    let (curve, pair) = CURVES.iter().find_map(|curve| read(curve).map(|pair| (curve, pair)))?;
    let algorithm =
        [wrapped(OBJECT_IDENTIFIER, EC_PUBLIC_KEY), wrapped(OBJECT_IDENTIFIER, curve.id)];
    let bits = [[0].as_slice(), pair.public_key().as_ref()].concat();
    let fields = [wrapped(SEQUENCE, &algorithm.concat()), wrapped(BIT_STRING, &bits)];
    Some(wrapped(SEQUENCE, &fields.concat()))
}

/// 1.2.840.10045.2.1.
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
