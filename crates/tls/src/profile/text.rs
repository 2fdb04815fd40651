//! Profiles as text: a line for each list, always the same lines.

use std::fmt;
use std::fmt::Write as _;

use super::{Alpn, Order, Profile};

/// Why a text or a hello is no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// Longer than any client's.
    #[error("the profile is longer than {PROFILE_BYTES_MAX} bytes")]
    Long,
    /// A line that is not there, or not as it is written.
    #[error("the line {0:?} of the profile is not there, or not as a profile has it")]
    Line(&'static str),
    /// All lines are there, and something else, or a number is written as it is not.
    #[error("the profile is not written as profiles are")]
    Writing,
    /// The hello goes on from an earlier session, which no first one does.
    #[error("the client resumed a session: a first connection is needed")]
    Resumes,
}

/// Those of browsers have 1,500 bytes.
pub const PROFILE_BYTES_MAX: usize = 16 << 10;

const TITLE: &str = "countersign client profile v1";
/// Names are parts of rows and files.
const NAME_CHARS_MAX: usize = 64;

impl Profile {
    /// Reads a profile.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        if text.len() > PROFILE_BYTES_MAX {
            return Err(ProfileError::Long);
        }
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err(ProfileError::Line(TITLE));
        }
        let mut line = |key: &'static str| {
            let (found, value) =
                lines.next().and_then(|line| line.split_once(':')).unwrap_or_default();
            let is_there = found == key;
            is_there.then(|| value.trim_start()).ok_or(ProfileError::Line(key))
        };
        let name = line("name")?;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(is_name) {
            return Err(ProfileError::Line("name"));
        }
        // These two follow from the rest.
        line("ja4")?;
        line("ja3")?;
        let order = match line("order")? {
            "fixed" => Order::Fixed,
            "permuted" => Order::Permuted,
            _ => return Err(ProfileError::Line("order")),
        };
        let alpn = parse_alpn(line("alpn")?).ok_or(ProfileError::Line("alpn"))?;
        let mut numbers = |key| numbers(line(key)?).ok_or(ProfileError::Line(key));
        let profile = Self {
            name: name.to_owned(),
            order,
            alpn,
            versions: numbers("versions")?,
            suites: numbers("suites")?,
            extensions: numbers("extensions")?,
            groups: numbers("groups")?,
            shares: numbers("shares")?,
            formats: numbers("formats")?
                .into_iter()
                .map(|format| u8::try_from(format).map_err(|_| ProfileError::Line("formats")))
                .collect::<Result<_, _>>()?,
            algorithms: numbers("algorithms")?,
        };
        if profile.order == Order::Permuted && !profile.extensions.is_sorted() {
            return Err(ProfileError::Line("extensions"));
        }
        // One value has one text.
        if profile.to_string() == text { Ok(profile) } else { Err(ProfileError::Writing) }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match self.order {
            Order::Fixed => "fixed",
            Order::Permuted => "permuted",
        };
        let formats: Vec<u16> = self.formats.iter().map(|&format| format.into()).collect();
        writeln!(f, "{TITLE}\nname: {}", self.name)?;
        writeln!(f, "ja4: {}", self.ja4())?;
        writeln!(f, "ja3: {}", self.ja3().unwrap_or_else(|| order.to_owned()))?;
        writeln!(f, "order: {order}")?;
        let lines = [
            ("alpn", alpn(&self.alpn)),
            ("versions", hex(&self.versions)),
            ("suites", hex(&self.suites)),
            ("extensions", hex(&self.extensions)),
            ("groups", hex(&self.groups)),
            ("shares", hex(&self.shares)),
            ("formats", hex(&formats)),
            ("algorithms", hex(&self.algorithms)),
        ];
        for (key, value) in lines {
            let space = if value.is_empty() { "" } else { " " };
            writeln!(f, "{key}:{space}{value}")?;
        }
        Ok(())
    }
}

/// Numbers as the registries write them.
pub(super) fn hex(numbers: &[u16]) -> String {
    numbers.iter().map(|number| format!("{number:04x}")).collect::<Vec<_>>().join(" ")
}

fn numbers(text: &str) -> Option<Vec<u16>> {
    text.split_ascii_whitespace().map(|number| u16::from_str_radix(number, 16).ok()).collect()
}

/// Names with a space between them. What is not plain in them stands as %xx.
pub(super) fn alpn(alpn: &Alpn) -> String {
    let Alpn::These(names) = alpn else { return "any".to_owned() };
    let name = |name: &Vec<u8>| {
        let mut text = String::from("=");
        for &octet in name {
            match octet {
                b'%' => text.push_str("%25"),
                b if b.is_ascii_graphic() => text.push(char::from(b)),
                b => write!(text, "%{b:02x}").expect("a string takes everything"),
            }
        }
        text
    };
    names.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn parse_alpn(text: &str) -> Option<Alpn> {
    if text == "any" {
        return Some(Alpn::Any);
    }
    let names = text.split_ascii_whitespace().map(|name| {
        let mut parts = name.strip_prefix('=')?.split('%');
        let mut octets = parts.next()?.as_bytes().to_vec();
        for part in parts {
            let (number, rest) = part.split_at_checked(2)?;
            octets.push(u8::from_str_radix(number, 16).ok()?);
            octets.extend_from_slice(rest.as_bytes());
        }
        Some(octets)
    });
    names.collect::<Option<Vec<_>>>().map(Alpn::These)
}
