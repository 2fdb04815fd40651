//! Signatures of the past: SHA-1, DSA, and RSA keys so small that no library verifies with them any more.
//!
//! Only verification, of public data: nothing here has a secret that its time could tell.

use aws_lc_rs::digest::{self, digest};
use num_bigint::BigUint;

use super::RsaKey;

/// As [`super::Algorithms::verify`], for the algorithms 3, 5, 6, 7, 8 and 10.
pub(super) fn verify(algorithm: u8, key: &[u8], data: &[u8], signature: &[u8]) -> bool {
    match algorithm {
        3 | 6 => dsa(key, data, signature).unwrap_or(false),
        5 | 7 => rsa(key, signature, &SHA1, &sha1(data)),
        8 => rsa(key, signature, &SHA256, digest(&digest::SHA256, data).as_ref()),
        10 => rsa(key, signature, &SHA512, digest(&digest::SHA512, data).as_ref()),
        _ => false,
    }
}

fn sha1(data: &[u8]) -> Vec<u8> {
    digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data).as_ref().to_vec()
}

/// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2): what comes out of the signature must be the one encoding of the hash.
fn rsa(key: &[u8], signature: &[u8], prefix: &[u8], hash: &[u8]) -> bool {
    let Some(RsaKey { e, n }) = RsaKey::of(key) else { return false };
    let digest_info = [prefix, hash].concat();
    let Some(padding) = n.len().checked_sub(digest_info.len() + 3).filter(|length| *length >= 8)
    else {
        return false;
    };
    if signature.len() != n.len() {
        return false;
    }
    let expected = [&[0, 1][..], &vec![0xff; padding], &[0], &digest_info].concat();
    let number = BigUint::from_bytes_be;
    number(signature) < number(n)
        && number(signature).modpow(&number(e), &number(n)) == number(&expected)
}

/// DigestInfo up to the hash (RFC 8017 §9.2, note 1).
const SHA1: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];
const SHA256: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];
const SHA512: [u8; 19] = [
    0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05,
    0x00, 0x04, 0x40,
];

/// DSA (FIPS 186-4 §4.7) with keys as in RFC 2536 §2; `None` where they are none.
fn dsa(key: &[u8], data: &[u8], signature: &[u8]) -> Option<bool> {
    let (&t, rest) = key.split_first()?;
    let length = 64 + 8 * usize::from(t);
    if t > DSA_T_MAX || rest.len() != 20 + 3 * length {
        return None;
    }
    let (r, s) = dsa_signature(signature)?;
    let number = BigUint::from_bytes_be;
    let (q, rest) = rest.split_at(20);
    let (p, rest) = rest.split_at(length);
    let (g, y) = rest.split_at(length);
    let [q, p, g, y] = [q, p, g, y].map(number);
    let (r, s) = (number(r), number(s));
    let zero = BigUint::ZERO;
    if [&q, &p, &r, &s].contains(&&zero) || r >= q || s >= q {
        return None;
    }
    let w = s.modinv(&q)?;
    let u1 = number(&sha1(data)) * &w % &q;
    let u2 = &r * &w % &q;
    let v = g.modpow(&u1, &p) * y.modpow(&u2, &p) % &p % &q;
    Some(v == r)
}

/// The two numbers of a signature: 20 octets each behind one that says nothing (RFC 2536 §3), or in DER as
/// Dss-Sig-Value (RFC 3279 §2.2.2), which early signers wrote and validators took.
fn dsa_signature(signature: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some((_, numbers)) = signature.split_first().filter(|(_, numbers)| numbers.len() == 40) {
        return Some(numbers.split_at(20));
    }
    let sequence = der(0x30, signature).filter(|(_, rest)| rest.is_empty())?.0;
    let (r, rest) = der(0x02, sequence)?;
    let (s, rest) = der(0x02, rest)?;
    rest.is_empty().then_some((r, s))
}

/// The content of an element of this tag with less than 128 octets, and what follows it.
fn der(tag: u8, octets: &[u8]) -> Option<(&[u8], &[u8])> {
    match octets {
        [first, length @ 0..128, rest @ ..] if *first == tag => {
            rest.split_at_checked(usize::from(*length))
        }
        _ => None,
    }
}

/// RFC 2536 §2: primes of 512 to 1,024 bits.
const DSA_T_MAX: u8 = 8;
