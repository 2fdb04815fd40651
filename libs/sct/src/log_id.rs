//! The name of a log: the hash of its key (RFC 6962 §3.2).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The SHA-256 of a log's key, as SubjectPublicKeyInfo. Its text is standard base64, 44 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub [u8; 32]);

impl LogId {
    /// The id of the log whose key has this SubjectPublicKeyInfo.
    pub fn of_spki(spki: &[u8]) -> Self {
        Self(sha256(spki))
    }

    /// Whether it is one of the logs whose private keys are public: anybody can make SCTs of them that verify.
    pub fn private_key_is_public(&self) -> bool {
        PRIVATE_KEY_IS_PUBLIC.contains(self)
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogId({self})")
    }
}

impl FromStr for LogId {
    type Err = LogIdError;

    fn from_str(text: &str) -> Result<Self, LogIdError> {
        if text.len() != TEXT_LENGTH {
            return Err(LogIdError::Length);
        }
        let bytes = STANDARD.decode(text).map_err(LogIdError::Encoding)?;
        bytes.try_into().map(Self).map_err(|_| LogIdError::Length)
    }
}

/// Why a text is no log id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogIdError {
    /// Not 32 bytes.
    #[error("a log id is 32 bytes, written as 44 characters of base64")]
    Length,
    /// Not base64 as RFC 4648 §4 and §3.5 have it: padded, and without stray bits.
    #[error("the log id is not base64")]
    Encoding(#[source] base64::DecodeError),
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let hash = digest::digest(&digest::SHA256, bytes);
    hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Logs whose private keys Google has published, while it lists them as usable, to break clients that
/// use its lists without permission (GoogleChrome/CertificateTransparency, 3p_libraries.md). Anyone can
/// make SCTs of these logs that verify. A published key stays published: no list brings them back.
const PRIVATE_KEY_IS_PUBLIC: [LogId; 2] = [
    // 9EGV1vAOLbVUNcrdV3iS5T4VrUFwWPh44U/2uRh0FYk=
    LogId([
        0xf4, 0x41, 0x95, 0xd6, 0xf0, 0x0e, 0x2d, 0xb5, 0x54, 0x35, 0xca, 0xdd, 0x57, 0x78, 0x92,
        0xe5, 0x3e, 0x15, 0xad, 0x41, 0x70, 0x58, 0xf8, 0x78, 0xe1, 0x4f, 0xf6, 0xb9, 0x18, 0x74,
        0x15, 0x89,
    ]),
    // si9+3rWvav5QPeBAgbLXTBJThJL+3yyypSZQPO9TztI=
    LogId([
        0xb2, 0x2f, 0x7e, 0xde, 0xb5, 0xaf, 0x6a, 0xfe, 0x50, 0x3d, 0xe0, 0x40, 0x81, 0xb2, 0xd7,
        0x4c, 0x12, 0x53, 0x84, 0x92, 0xfe, 0xdf, 0x2c, 0xb2, 0xa5, 0x26, 0x50, 0x3c, 0xef, 0x53,
        0xce, 0xd2,
    ]),
];

/// Characters in the base64 of 32 bytes.
const TEXT_LENGTH: usize = 44;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Result<[u8; 32], LogIdError>) {
        assert_eq!(text.parse::<LogId>().map(|id| id.0), expected);
    }

    #[test]
    fn one_id_has_one_text() {
        check("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", Ok([0; 32]));
        check("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Err(LogIdError::Length));
        check("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Err(LogIdError::Length));
        let stray = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=".parse::<LogId>();
        assert!(matches!(stray, Err(LogIdError::Encoding(_))));
        let urlsafe = "______________________________________________"[..43].to_owned() + "=";
        assert!(matches!(urlsafe.parse::<LogId>(), Err(LogIdError::Encoding(_))));
    }

    #[test] // GoogleChrome/CertificateTransparency, 3p_libraries.md
    fn the_denied_logs_are_the_published_ones() {
        let texts = PRIVATE_KEY_IS_PUBLIC.map(|id| id.to_string());
        assert_eq!(texts[0], "9EGV1vAOLbVUNcrdV3iS5T4VrUFwWPh44U/2uRh0FYk=");
        assert_eq!(texts[1], "si9+3rWvav5QPeBAgbLXTBJThJL+3yyypSZQPO9TztI=");
    }

    proptest! {
        #[test]
        fn parse_undoes_print(bytes: [u8; 32]) {
            check(&LogId(bytes).to_string(), Ok(bytes));
        }

        #[test]
        fn any_text_is_judged(text: String) {
            if let Ok(id) = text.parse::<LogId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
