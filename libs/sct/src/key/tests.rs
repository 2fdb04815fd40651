use super::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair};
use proptest::prelude::*;

/// A log's key pair and its public half.
pub(crate) fn signer() -> (EcdsaKeyPair, LogKey) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let key = LogKey::from_spki(&[P256, pair.public_key().as_ref()].concat()).unwrap();
    (pair, key)
}

pub(crate) fn sign(pair: &EcdsaKeyPair, message: &[u8]) -> Vec<u8> {
    pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}

fn element(octet: u8, contents: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(contents.len()).unwrap().to_be_bytes();
    let header: &[u8] = match (high, low) {
        (0, 0..=0x7f) => &[octet, low],
        (0, _) => &[octet, 0x81, low],
        _ => &[octet, 0x82, high, low],
    };
    [header, contents].concat()
}

fn rsa_spki(public_key: &[u8]) -> Vec<u8> {
    let key = element(BIT_STRING, &[&[0], public_key].concat());
    element(SEQUENCE, &[element(SEQUENCE, RSA_ENCRYPTION), key].concat())
}

fn check(spki: &[u8], expected: LogKeyError) {
    assert_eq!(LogKey::from_spki(spki), Err(expected));
}

#[test]
fn ecdsa_signatures_are_verified() {
    let (pair, key) = signer();
    let signed = |hash, signature_algorithm, signature: &[u8]| DigitallySigned {
        hash,
        signature_algorithm,
        signature: signature.to_vec(),
    };
    let signature = sign(&pair, b"message");
    assert_eq!(key.verify(b"message", &signed(4, 3, &signature)), Ok(()));
    assert_eq!(key.verify(b"massage", &signed(4, 3, &signature)), Err(BadSignature::Mismatch));
    assert_eq!(key.verify(b"message", &signed(4, 3, b"")), Err(BadSignature::Mismatch));
    for (hash, signature_algorithm) in [(4, 1), (2, 3), (0, 0), (5, 3)] {
        let named = BadSignature::Algorithm { hash, signature_algorithm };
        assert_eq!(
            key.verify(b"message", &signed(hash, signature_algorithm, &signature)),
            Err(named)
        );
    }
    for index in 0..signature.len() {
        let mut flipped = signature.clone();
        flipped[index] ^= 1;
        assert_eq!(key.verify(b"message", &signed(4, 3, &flipped)), Err(BadSignature::Mismatch));
        let cut = &signature[..index];
        assert_eq!(key.verify(b"message", &signed(4, 3, cut)), Err(BadSignature::Mismatch));
    }
}

#[test]
fn rsa_signatures_are_verified() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let key = LogKey::from_spki(&rsa_spki(pair.public_key().as_ref())).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    let padding = &aws_lc_rs::signature::RSA_PKCS1_SHA256;
    pair.sign(padding, &SystemRandom::new(), b"message", &mut signature).unwrap();
    let signed = DigitallySigned { hash: 4, signature_algorithm: 1, signature };
    assert_eq!(key.verify(b"message", &signed), Ok(()));
    assert_eq!(key.verify(b"massage", &signed), Err(BadSignature::Mismatch));
    let named = BadSignature::Algorithm { hash: 4, signature_algorithm: 3 };
    let signed = DigitallySigned { signature_algorithm: 3, ..signed };
    assert_eq!(key.verify(b"message", &signed), Err(named));
}

#[test]
fn small_rsa_keys_are_refused() {
    let key = |modulus: &[u8]| {
        let numbers = [element(INTEGER, modulus), element(INTEGER, &[1, 0, 1])].concat();
        rsa_spki(&element(SEQUENCE, &numbers))
    };
    check(&key(&[0x7f; 256]), LogKeyError::RsaBits { bits: 2047 });
    check(&key(&[&[0], &[0xff; 128][..]].concat()), LogKeyError::RsaBits { bits: 1024 });
    check(&key(&[&[0], &[0xff; 1025][..]].concat()), LogKeyError::RsaBits { bits: 8200 });
    check(&key(&[]), LogKeyError::RsaBits { bits: 0 });
    check(&key(&[0]), LogKeyError::RsaBits { bits: 0 });
}

#[test]
fn other_keys_and_stray_bytes_are_refused() {
    let (_, key) = signer();
    let spki = key.spki().to_vec();
    for end in 0..spki.len() {
        assert!(LogKey::from_spki(&spki[..end]).is_err());
    }
    check(&[&spki[..], &[0]].concat(), LogKeyError::NotAKey);
    let mut off_curve = spki.clone();
    off_curve[90] ^= 1;
    check(&off_curve, LogKeyError::NotAKey);
    let mut compressed = spki[..26 + 33].to_vec();
    compressed[26] = 2;
    check(&compressed, LogKeyError::NotAKey);
    check(&[0; SPKI_BYTES_MAX + 1], LogKeyError::TooLarge);
    check(b"", LogKeyError::Algorithm);
    // An Ed25519 key (RFC 8410 §4).
    let ed25519 = element(SEQUENCE, &[0x06, 0x03, 0x2b, 0x65, 0x70]);
    let ed25519 = element(SEQUENCE, &[ed25519, element(BIT_STRING, &[0; 33])].concat());
    check(&ed25519, LogKeyError::Algorithm);

    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let rsa = rsa_spki(pair.public_key().as_ref());
    for end in 0..rsa.len() {
        check(&rsa[..end], LogKeyError::Algorithm);
    }
    check(&[&rsa[..], &[0]].concat(), LogKeyError::Algorithm);
    check(&rsa_spki(&[pair.public_key().as_ref(), &[0]].concat()), LogKeyError::Algorithm);
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes: Vec<u8>) {
        let _ = LogKey::from_spki(&bytes);
        let _ = LogKey::from_spki(&rsa_spki(&bytes));
        let _ = LogKey::from_spki(&rsa_spki(&element(SEQUENCE, &bytes)));
    }
}
