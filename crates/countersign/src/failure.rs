//! What went wrong, as one line for a person, and the next step if there is one.

use std::fmt;
use std::io;
use std::path::Path;

use countersign_net::FetchError;
use countersign_store::StoreError;

/// An error that says all it knows in one line, with an optional hint. It may quote foreign text:
/// [`crate::complain`] makes that plain.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure without a next step.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    /// The same with a next step.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// `cannot read roots.pem: no such file`.
    pub(crate) fn read(path: &Path, error: &io::Error) -> Self {
        Self::new(format!("cannot read {}: {}", path.display(), reason(error)))
    }

    /// `cannot write countersign.toml: permission denied`.
    pub(crate) fn write(path: &Path, error: &io::Error) -> Self {
        Self::new(format!("cannot write {}: {}", path.display(), reason(error)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// The next step that the error or one of its sources names.
pub(crate) fn hint_of(error: &anyhow::Error) -> Option<&str> {
    error.chain().find_map(|cause| {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.hint.as_deref();
        }
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            return error.hint();
        }
        cause.downcast_ref::<FetchError>()?.hint()
    })
}

/// The operating system's reason without its number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        io::ErrorKind::AlreadyExists => "it is there already".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        io::ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
        _ => error.to_string(),
    }
}
