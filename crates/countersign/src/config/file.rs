//! The configuration file as found: where it is, its text, and the place of each error in it.

use std::env;
use std::fmt::Display;
use std::fs;
use std::io::Read as _;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;

use super::nearest::nearest;
use super::spec::Spec;
use crate::failure::Failure;

/// A configuration file.
pub(crate) struct File {
    path: PathBuf,
    text: String,
}

impl File {
    /// Reads the file that was named, or the first there is.
    pub(super) fn find(named: Option<&Path>) -> Result<Self, Failure> {
        Self::find_any(named)?.ok_or_else(|| {
            let looked: Vec<_> =
                candidates().iter().map(|path| path.display().to_string()).collect();
            let what = format!("no configuration file: looked for {}", looked.join(", "));
            Failure::new(what)
                .hint("`countersign init NAME` writes one, --config FILE names one elsewhere")
        })
    }

    /// The same; `None` if none was named and there is none.
    pub(super) fn find_any(named: Option<&Path>) -> Result<Option<Self>, Failure> {
        if let Some(path) = named {
            return Self::read(path.to_owned()).map(Some).map_err(|failure| {
                if path.exists() {
                    return failure;
                }
                failure.hint("`countersign init NAME` writes a configuration file")
            });
        }
        candidates().into_iter().find(|path| path.exists()).map(Self::read).transpose()
    }

    pub(super) fn read(path: PathBuf) -> Result<Self, Failure> {
        let mut text = String::new();
        fs::File::open(&path)
            .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text))
            .map_err(|error| Failure::read(&path, &error))?;
        if u64::try_from(text.len()).is_ok_and(|bytes| bytes > FILE_BYTES_MAX) {
            return Err(Failure::new(format!("{} is longer than 1 MiB", path.display())));
        }
        Ok(Self { path, text })
    }

    /// A text that stands in no file, as if it did.
    pub(super) fn of_text(path: &Path, text: String) -> Self {
        Self { path: path.to_owned(), text }
    }

    /// What it says, if its form is right.
    pub(super) fn spec(&self) -> Result<Spec, Failure> {
        self.parsed()
    }

    /// The same, of a file with another form.
    pub(super) fn parsed<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        toml::from_str(&self.text).map_err(|error| {
            let what = one_line(error.message());
            let failure = match error.span() {
                Some(span) => Failure::new(format!("{}: {what}", self.place(&span))),
                None => self.failure(what),
            };
            match next_step(error.message()) {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })
    }

    /// The path as it is shown.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// A path in the file is relative to the file.
    pub(super) fn path(&self, path: &Path) -> PathBuf {
        self.path.parent().map_or_else(|| path.to_owned(), |dir| dir.join(path))
    }

    /// A value turned into what it means, or the reason with its line.
    pub(super) fn checked<T>(
        &self,
        text: &Spanned<String>,
        check: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        check(text.get_ref()).map_err(|why| self.failure_at(text, why))
    }

    /// The value, if it lies in the range.
    pub(super) fn within<T: Copy + Display + PartialOrd>(
        &self,
        value: &Spanned<T>,
        range: &RangeInclusive<T>,
    ) -> Result<T, Failure> {
        if range.contains(value.get_ref()) {
            return Ok(*value.get_ref());
        }
        let (from, to) = (range.start(), range.end());
        Err(self.failure_at(value, format!("{} is not from {from} to {to}", value.get_ref())))
    }

    /// A failure of the file as a whole.
    pub(super) fn failure(&self, what: impl Display) -> Failure {
        Failure::new(format!("{}: {what}", self.name()))
    }

    /// A failure of one value.
    pub(super) fn failure_at<T>(&self, value: &Spanned<T>, what: impl Display) -> Failure {
        Failure::new(format!("{}: {what}", self.place(&value.span())))
    }

    /// `countersign.toml:12`.
    fn place(&self, span: &Range<usize>) -> String {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("{}:{line}", self.name())
    }
}

/// Where a configuration file is looked for, in this order.
fn candidates() -> Vec<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let user = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    let mut candidates = vec![PathBuf::from(NAME)];
    candidates.extend(user.map(|dir| dir.join("countersign").join(NAME)));
    candidates.push(Path::new("/etc/countersign").join(NAME));
    candidates
}

/// The parser's reason in our words, as one line.
fn one_line(message: &str) -> String {
    // The known words that follow an unknown one are for the hint.
    let unknown = message.starts_with("unknown ").then(|| message.split(", expected ").next());
    let said = unknown.flatten().unwrap_or(message).replace('\n', " ");
    let said = said.replace("unknown field", "unknown key");
    said.replace("unknown variant", "unknown value").replace("missing field", "missing key")
}

/// What to do about the parser's reason.
fn next_step(message: &str) -> Option<String> {
    if message.starts_with("unknown field") || message.starts_with("unknown variant") {
        // The derived message quotes the unknown word first, then each that is known.
        let mut quoted = message.split('`').skip(1).step_by(2);
        let unknown = quoted.next()?;
        let known: Vec<_> = quoted.collect();
        return Some(match nearest(&unknown.replace('_', "-"), known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known here: {}", known.join(", ")),
        });
    }
    let untold = message.starts_with("invalid type") && message.ends_with("expected a string");
    untold.then(|| "write it in quotes, with its unit if it has one, as in \"5m\"".to_owned())
}

/// What a configuration file is called.
pub(super) const NAME: &str = "countersign.toml";
/// A thousand times what a file with every key needs.
const FILE_BYTES_MAX: u64 = 1 << 20;
