//! A secret from a file: never in the configuration, never printed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A password or a key for signing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Why there is no secret in a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
    /// The file has nothing in it.
    #[error("the file is empty")]
    Empty,
    /// The file is something else.
    #[error("the file holds more than a line of text")]
    NotALine,
}

/// How large the file may be, in bytes: far more than any password.
const SECRET_BYTES_MAX: u64 = 4 << 10;

impl Secret {
    /// The one line of the file, without its end.
    pub fn read(file: &Path) -> Result<Self, SecretError> {
        let mut text = String::new();
        let read = File::open(file)
            .and_then(|file| file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text));
        let bytes = match read {
            Ok(bytes) => u64::try_from(bytes).expect("a usize has at most 64 bits"),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(SecretError::NotALine);
            }
            Err(error) => return Err(SecretError::Read(error)),
        };
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            return Err(SecretError::Empty);
        }
        if bytes > SECRET_BYTES_MAX || line.contains(char::is_control) {
            return Err(SecretError::NotALine);
        }
        Ok(Self(line.to_owned()))
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What reading a file with these bytes says: the secret, or the error.
    fn check(bytes: &[u8], expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, bytes).unwrap();
        let found = match Secret::read(&file) {
            Ok(secret) => secret.expose().to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_secret_is_a_line() {
        check(b"pa ss\xc3\xa4", "pa ssä");
        check(b"password\n", "password");
        check(b"password\r\n", "password");
        check(b"", "the file is empty");
        check(b"\n", "the file is empty");
        check(b"a\nb\n", "the file holds more than a line of text");
        check(b"\xff\xfe", "the file holds more than a line of text");
        check(&[b'x'; 5000], "the file holds more than a line of text");
        let missing = Secret::read(Path::new("/nonexistent/secret"));
        assert!(matches!(missing, Err(SecretError::Read(_))), "{missing:?}");
    }

    #[test]
    fn a_secret_is_never_printed() {
        assert_eq!(format!("{:?}", Secret("password".to_owned())), "Secret");
    }
}
