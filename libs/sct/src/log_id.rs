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
