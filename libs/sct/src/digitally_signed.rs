//! A signature as TLS 1.2 writes it (RFC 5246 §4.7), in SCTs and signed tree heads.

use crate::tls::{Reader, Truncated};

/// A signature and the names of its algorithms. Which of them are accepted is the verifier's matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigitallySigned {
    /// `HashAlgorithm` (RFC 5246 §7.4.1.4.1).
    pub hash: u8,
    /// `SignatureAlgorithm` (the same).
    pub signature_algorithm: u8,
    /// The signature, at most 65,535 bytes when it was parsed.
    pub signature: Vec<u8>,
}

impl DigitallySigned {
    /// Reads one, and nothing after it.
    pub fn parse(bytes: &[u8]) -> Result<Self, DigitallySignedError> {
        let mut reader = Reader::new(bytes);
        let signed =
            Self::read(&mut reader).map_err(|Truncated| DigitallySignedError::Truncated)?;
        if reader.is_empty() { Ok(signed) } else { Err(DigitallySignedError::TrailingBytes) }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Truncated> {
        let (hash, signature_algorithm) = (reader.u8()?, reader.u8()?);
        Ok(Self { hash, signature_algorithm, signature: reader.opaque16()?.to_vec() })
    }
}

/// Why some bytes are not one signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigitallySignedError {
    /// The bytes end within it.
    #[error("the signature is cut off")]
    Truncated,
    /// More bytes follow.
    #[error("bytes follow the signature")]
    TrailingBytes,
}

/// SHA-256 (RFC 5246 §7.4.1.4.1).
pub(crate) const HASH_SHA256: u8 = 4;
/// RSA, with the padding of PKCS #1 version 1.5 (the same).
pub(crate) const SIGNATURE_RSA: u8 = 1;
/// ECDSA, written as DER (the same, and RFC 4492 §5.4).
pub(crate) const SIGNATURE_ECDSA: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use DigitallySignedError::{TrailingBytes, Truncated};
    use proptest::prelude::*;

    fn check(bytes: &[u8], expected: Result<(u8, u8, &[u8]), DigitallySignedError>) {
        let parsed = DigitallySigned::parse(bytes);
        let fields = parsed.as_ref().map(|s| (s.hash, s.signature_algorithm, &s.signature[..]));
        assert_eq!(fields.map_err(|error| *error), expected);
    }

    #[test]
    fn a_signature_is_all_of_its_bytes() {
        check(&[4, 3, 0, 2, 7, 8], Ok((4, 3, &[7, 8])));
        check(&[9, 9, 0, 0], Ok((9, 9, &[])));
        check(&[4, 3, 0, 2, 7, 8, 9], Err(TrailingBytes));
        for end in 0..6 {
            check(&[4, 3, 0, 2, 7, 8][..end], Err(Truncated));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes: Vec<u8>) {
            if let Ok(signed) = DigitallySigned::parse(&bytes) {
                prop_assert_eq!(signed.signature.len() + 4, bytes.len());
            }
        }
    }
}
