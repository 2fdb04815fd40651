//! Keys, requests and certificates in files, as the flags name them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use countersign_judge::material::{self, FILE_BYTES_MAX, Material, Registration};
use countersign_judge::scope::Scope;
use tracing::warn;

use crate::args::{MaterialArgs, TermsArgs};
use crate::config::guard_hint;
use crate::failure::Failure;
use crate::hash;

/// One thing that is ours: what it is known by, and the names in it.
#[derive(Debug)]
pub(crate) struct Ours {
    pub(crate) spki_sha256: [u8; 32],
    /// Only of a certificate.
    pub(crate) tbs_sha256: Option<[u8; 32]>,
    names: Vec<String>,
}

impl Ours {
    /// For which names it is ours: those that the flags give, else its own.
    pub(crate) fn scope(&self, terms: &TermsArgs) -> Result<Scope, Failure> {
        let given = if terms.names.is_empty() { &self.names } else { &terms.names };
        let scope = Scope::new(given).map_err(|error| {
            Failure::new(format!("{:?} is no name: {}", error.item, error.why))
                .hint(guard_hint(error.why))
        })?;
        if scope.is_empty() {
            return Err(Failure::new("there is no name in it").hint("--name NAME gives one"));
        }
        Ok(scope)
    }
}

/// What the flags name, at least one.
pub(crate) fn ours(args: &MaterialArgs) -> Result<Vec<Ours>, Failure> {
    let (path, kind) = match (&args.csr, &args.key, &args.certificate, &args.spki) {
        (Some(path), ..) => (path.as_path(), Kind::Request),
        (_, Some(path), ..) => (path.as_path(), Kind::Key),
        (_, _, Some(path), _) => (path.as_path(), Kind::Certificate),
        (_, _, _, Some(text)) => match hash::whole(text) {
            Some(spki_sha256) => {
                return Ok(vec![Ours { spki_sha256, tbs_sha256: None, names: Vec::new() }]);
            }
            None => (Path::new(text), Kind::Key),
        },
        (None, None, None, None) => unreachable!("the flags need one of them"),
    };
    let material = material::read(&bytes(path, FILE_BYTES_MAX)?);
    let ours: Vec<_> = material.found.iter().filter_map(|found| kind.of(found)).collect();
    if ours.is_empty() {
        return Err(nothing(&shown(path), kind, &material));
    }
    for unread in &material.unread {
        warn!("in {}: {}", shown(path), crate::print::plain(&unread.to_string()));
    }
    Ok(ours)
}

/// What a flag asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    Key,
    Certificate,
}

impl Kind {
    /// The registration, if it is what was asked for.
    fn of(self, found: &Registration) -> Option<Ours> {
        match (self, found) {
            (Self::Key, Registration::Key { spki_sha256, .. }) => {
                Some(Ours { spki_sha256: *spki_sha256, tbs_sha256: None, names: Vec::new() })
            }
            (Self::Request, Registration::Request { spki_sha256, names }) => {
                Some(Ours { spki_sha256: *spki_sha256, tbs_sha256: None, names: names.clone() })
            }
            (
                Self::Certificate,
                Registration::Certificate { tbs_sha256, spki_sha256, names, .. },
            ) => Some(Ours {
                spki_sha256: *spki_sha256,
                tbs_sha256: Some(*tbs_sha256),
                names: names.clone(),
            }),
            (Self::Request | Self::Key | Self::Certificate, _) => None,
        }
    }

    fn of_registration(found: &Registration) -> Self {
        match found {
            Registration::Key { .. } => Self::Key,
            Registration::Request { .. } => Self::Request,
            Registration::Certificate { .. } => Self::Certificate,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Request => "certificate request",
            Self::Key => "key",
            Self::Certificate => "certificate of a server",
        }
    }

    fn flag(self) -> &'static str {
        match self {
            Self::Request => "--csr",
            Self::Key => "--key",
            Self::Certificate => "--certificate",
        }
    }
}

/// Why there is nothing of this kind in a file, and what there is.
fn nothing(shown: &str, kind: Kind, material: &Material) -> Failure {
    let what = format!("there is no {} in {shown}", kind.name());
    if let Some(unread) = material.unread.first() {
        return Failure::new(format!("{what}: {unread}"));
    }
    let failure = Failure::new(what);
    match material.found.first().map(Kind::of_registration) {
        Some(other) => {
            failure.hint(format!("it has a {}, which {} takes", other.name(), other.flag()))
        }
        None if material.authorities > 0 => {
            failure.hint("it has only certificates of authorities, which are nobody's to expect")
        }
        None => failure.hint("files are PEM, or one value in DER"),
    }
}

/// The bytes of a file, or of standard input for `-`: one more than so many at the most.
pub(crate) fn bytes(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    read.map_err(|error| Failure::read(Path::new(&shown(path)), &error))?;
    Ok(bytes)
}

/// A file as people know it.
fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input".to_owned();
    }
    path.display().to_string()
}
