//! Made by others: RFC 6605 §6.1 and RFC 8080 §6 have keys, records and signatures; here only keys and hashes of
//! names, since whole chains are verified elsewhere.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _,
};

use super::*;
use crate::name::Name;

#[track_caller]
fn check(algorithm: u8, key: &[u8], signature: &[u8]) {
    let (data, both) = (b"data", [Algorithms::Current, Algorithms::Historical]);
    for algorithms in both {
        assert!(algorithms.verify(algorithm, key, data, signature));
        assert!(!algorithms.verify(algorithm, key, b"date", signature));
        assert!(!algorithms.verify(16, key, data, signature));
        assert!(!algorithms.verify(algorithm, &key[1..], data, signature));
        assert!(!algorithms.verify(algorithm, key, data, &signature[1..]));
        assert!(!algorithms.verify(algorithm, &[], data, &[]));
    }
}

#[test]
fn signatures_verify_with_their_keys_only() {
    let random = SystemRandom::new();
    for (algorithm, signing) in
        [(13, &ECDSA_P256_SHA256_FIXED_SIGNING), (14, &ECDSA_P384_SHA384_FIXED_SIGNING)]
    {
        let pair = EcdsaKeyPair::generate(signing).unwrap();
        let signature = pair.sign(&random, b"data").unwrap();
        check(algorithm, &pair.public_key().as_ref()[1..], signature.as_ref());
    }
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    check(15, pair.public_key().as_ref(), pair.sign(b"data").as_ref());
}

#[test]
fn keys_that_cost_too_much_are_refused() {
    let key = |e: &[u8], n: usize| [&[u8::try_from(e.len()).unwrap()], e, &vec![0xff; n]].concat();
    assert!(RsaKey::of(&key(&[1, 0, 1], 512)).is_some());
    assert!(RsaKey::of(&key(&[1, 0, 1], 513)).is_none());
    assert!(RsaKey::of(&key(&[1, 0, 0, 0, 1], 128)).is_some());
    assert!(RsaKey::of(&key(&[1, 255, 255, 255, 255], 128)).is_some());
    assert!(RsaKey::of(&key(&[2, 0, 0, 0, 1], 128)).is_none());
    assert!(RsaKey::of(&key(&[0; 5], 128)).is_none());
    assert!(RsaKey::of(&key(&[0, 0, 0, 0, 0, 3], 128)).is_some());
    assert!(RsaKey::of(&[0, 0]).is_none());
    assert!(RsaKey::of(&[]).is_none());
}

#[test] // RFC 5155 app. A
fn names_are_hashed() {
    let hash = |name: &str| {
        nsec3_hash(name.parse::<Name>().unwrap().wire(), &[0xaa, 0xbb, 0xcc, 0xdd], 12)
    };
    // 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom and 35mthgpgcu1qg68fab165klnsnk3dpvl in base32hex.
    assert_eq!(hash("example")[..4], [0x06, 0x53, 0x68, 0xab]);
    assert_eq!(hash("a.example")[..4], [0x19, 0x6d, 0xd8, 0xc3]);
}
