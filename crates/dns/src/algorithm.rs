//! Signature algorithms and digests: which count, and how they verify.
//!
//! | algorithms | digests | |
//! |---|---|---|
//! | 8, 10, 13, 14, 15 | 2, 4 | verified with AWS-LC |
//! | 5, 7 | 1 | SHA-1: unsupported since RFC 9905 §2; verified only for what was signed in the past |
//! | 3, 6 | | DSA (RFC 2536): likewise, out of use (RFC 8624 §3.1) |
//! | 16 | | Ed448: no sound implementation is at hand, so its zones count as unsigned, and that is said |
//! | others | 3 and others | unsupported |
//!
//! A zone that can only be verified with what is unsupported is insecure, not bogus (RFC 4035 §5.2).

use aws_lc_rs::digest::{self, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519,
    RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

mod historical;

/// Which algorithms count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithms {
    /// Those that a validator must or may rely on today (RFC 9904, RFC 9905).
    #[default]
    Current,
    /// These, and those that were relied on in the past, with keys of any size up to 4,096 bits: for judging what was
    /// recorded then, and for nothing else.
    Historical,
}

impl Algorithms {
    /// Whether signatures of this algorithm count.
    pub fn verifies(self, algorithm: u8) -> bool {
        match algorithm {
            8 | 10 | 13 | 14 | 15 => true,
            3 | 5..=7 => self == Self::Historical,
            _ => false,
        }
    }

    /// Whether DS records of this digest type count.
    pub fn digests(self, digest_type: u8) -> bool {
        match digest_type {
            2 | 4 => true,
            1 => self == Self::Historical,
            _ => false,
        }
    }

    /// Whether the key made the signature. The key is as in a DNSKEY record. An algorithm that does not count has
    /// verified nothing.
    pub fn verify(self, algorithm: u8, key: &[u8], data: &[u8], signature: &[u8]) -> bool {
        match algorithm {
            8 => self.rsa(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, 8, key, data, signature),
            10 => {
                self.rsa(&RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, 10, key, data, signature)
            }
            // RFC 6605 §4: the two coordinates, without the octet that says so.
            13 => {
                key.len() == 64 && is_signed(&ECDSA_P256_SHA256_FIXED, &point(key), data, signature)
            }
            14 => {
                key.len() == 96 && is_signed(&ECDSA_P384_SHA384_FIXED, &point(key), data, signature)
            }
            15 => is_signed(&ED25519, key, data, signature),
            3 | 5..=7 if self == Self::Historical => {
                historical::verify(algorithm, key, data, signature)
            }
            _ => false,
        }
    }

    fn rsa(
        self,
        parameters: &'static RsaParameters,
        algorithm: u8,
        key: &[u8],
        data: &[u8],
        signature: &[u8],
    ) -> bool {
        let Some(RsaKey { e, n }) = RsaKey::of(key) else { return false };
        if self == Self::Historical && n.len() < RSA_MODERN_BYTES_MIN {
            return historical::verify(algorithm, key, data, signature);
        }
        RsaPublicKeyComponents { n, e }.verify(parameters, data, signature).is_ok()
    }
}

fn point(key: &[u8]) -> Vec<u8> {
    [&[4], key].concat()
}

fn is_signed(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    data: &[u8],
    signature: &[u8],
) -> bool {
    UnparsedPublicKey::new(algorithm, key).verify(data, signature).is_ok()
}

/// A key of RFC 3110 §2, without leading zeros.
struct RsaKey<'a> {
    e: &'a [u8],
    n: &'a [u8],
}

impl<'a> RsaKey<'a> {
    fn of(key: &'a [u8]) -> Option<Self> {
        let (length, rest) = match key {
            [0, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            [length, rest @ ..] => (usize::from(*length), rest),
            [] => return None,
        };
        let (e, n) = rest.split_at_checked(length)?;
        let trim = |number: &'a [u8]| {
            let zeros = number.iter().take_while(|octet| **octet == 0).count();
            &number[zeros..]
        };
        let (e, n) = (trim(e), trim(n));
        let e_bits = 8 * e.len() - usize::try_from(e.first()?.leading_zeros()).ok()?;
        let is_bounded =
            e_bits <= RSA_EXPONENT_BITS_MAX && (1..=RSA_MODULUS_BYTES_MAX).contains(&n.len());
        is_bounded.then_some(Self { e, n })
    }
}

/// How many bits the modulus has; `None` if the key is malformed.
pub(crate) fn rsa_bits(key: &[u8]) -> Option<usize> {
    let RsaKey { n, .. } = RsaKey::of(key)?;
    let zeros = n.first()?.leading_zeros();
    Some(8 * n.len() - usize::try_from(zeros).expect("an octet has at most eight"))
}

/// RFC 3110 §3 and RFC 5702 §2: at most 4,096 bits.
const RSA_MODULUS_BYTES_MAX: usize = 512;
/// 65537 is in use nearly everywhere, and 2^32 + 1 in zones that took `dnssec-keygen -e`, as nic.cz did: it costs twice
/// as much. AWS-LC stops here, too. With an exponent as long as the modulus one signature costs what a hundred do.
const RSA_EXPONENT_BITS_MAX: usize = 33;
/// 1,024 bits: the smallest key that AWS-LC verifies with.
const RSA_MODERN_BYTES_MIN: usize = 128;

/// The digest of a DS record (RFC 4034 §5.1.4, RFC 4509, RFC 6605); `None` for a type that nobody uses.
pub(crate) fn ds_digest(digest_type: u8, data: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match digest_type {
        1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        2 => &digest::SHA256,
        4 => &digest::SHA384,
        _ => return None,
    };
    Some(digest(algorithm, data).as_ref().to_vec())
}

/// The hash of a name (RFC 5155 §5), with hash algorithm 1.
pub(crate) fn nsec3_hash(name: &[u8], salt: &[u8], iterations: u16) -> [u8; 20] {
    let mut salted = [name, salt].concat();
    for _ in 0..iterations {
        let hash = digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &salted);
        salted.clear();
        salted.extend_from_slice(hash.as_ref());
        salted.extend_from_slice(salt);
    }
    let hash = digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &salted);
    hash.as_ref().try_into().expect("SHA-1 gives 20 octets")
}

#[cfg(test)]
mod tests;
