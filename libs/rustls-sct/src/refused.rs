//! A refusal, as an error that passes through rustls and whatever is built on it, and how to find it again.

use std::error::Error;
use std::io;
use std::sync::Arc;

use countersign_sct::Decision;
use rustls::{CertificateError, OtherError};

/// The certificate is good but for its SCTs. Rustls carries this as [`CertificateError::Other`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("certificate transparency: {decision}")]
pub struct Refused {
    /// What was decided, and why: one sentence, or all its parts.
    pub decision: Decision,
}

impl From<Refused> for rustls::Error {
    fn from(refused: Refused) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refused))))
    }
}

/// Finds a refusal in an error: of rustls, of a socket, or of any library that keeps its causes.
pub fn refusal<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Refused> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return Some(refused);
        }
        next = cause(error);
    }
    None
}

/// What is inside an error. Errors of sockets pass over what they hold when asked for their source, and rustls'
/// have none.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return Some(error.get_ref()?);
    }
    if let Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner)))) =
        error.downcast_ref()
    {
        return Some(inner.as_ref());
    }
    error.source()
}
