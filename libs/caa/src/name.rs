//! The names that certificates are for.

use std::fmt;

/// A DNS name in the form in which names are compared: lower-case A-labels, no final dot, at least one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// What a certificate is asked for: a name, or all names one label below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    /// The name, without `*.`: where the climb begins (RFC 8659 §3).
    pub name: Name,
    /// Whether there was a `*.`.
    pub wildcard: Wildcard,
}

/// Whether a certificate is for a name or for a wildcard (RFC 8659 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wildcard {
    /// `issue` governs.
    No,
    /// `issuewild` governs, where there is one.
    Yes,
}

/// Why a text is not a name that CAA records are looked up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It is longer than 253 octets, a label is longer than 63, or a label is empty.
    #[error("it has a label that is empty or too long, or is too long itself")]
    Length,
    /// It has something in it that is no letter, digit, hyphen or underscore.
    #[error("it has a character in it that no host name has; give A-labels, such as xn--bcher-kva")]
    Character,
    /// It is an IP address, which has no CAA records.
    #[error("it is an address")]
    Address,
    /// It is an onion service, whose CAA records are in its descriptor (RFC 9799 §4).
    #[error("it is an onion service, which is not in the DNS")]
    Onion,
}

impl Name {
    /// Reads a name in any capitals, with or without a final dot.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        // 255 octets on the wire, less the length in front and the root's label (RFC 1035 §2.3.4).
        if text.len() > 253 || text.split('.').any(|label| !(1..=63).contains(&label.len())) {
            return Err(NameError::Length);
        }
        let is_of_names = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
        if !text.bytes().all(is_of_names) {
            return Err(NameError::Character);
        }
        let last = text.rsplit('.').next().unwrap_or_default();
        // No top-level domain is a number (RFC 1123 §2.1), so this cannot be anything else.
        if last.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(NameError::Address);
        }
        if last.eq_ignore_ascii_case("onion") {
            return Err(NameError::Onion);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The name one label up; `None` above a top-level domain.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_once('.').map(|(_, parent)| Self(parent.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Identifier {
    /// Reads a name, or `*.` and a name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (name, wildcard) = match text.strip_prefix("*.") {
            Some(name) => (name, Wildcard::Yes),
            None => (text, Wildcard::No),
        };
        Ok(Self { name: Name::parse(name)?, wildcard })
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wildcard = match self.wildcard {
            Wildcard::Yes => "*.",
            Wildcard::No => "",
        };
        write!(f, "{wildcard}{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, NameError>) {
        let identifier = Identifier::parse(text).map(|identifier| identifier.to_string());
        assert_eq!(identifier.as_deref().map_err(|error| *error), expected, "{text}");
    }

    #[test]
    fn names_have_one_form() {
        check("WwW.P.CoM.", Ok("www.p.com"));
        check("*.p.com", Ok("*.p.com"));
        check("_sip.p.com", Ok("_sip.p.com"));
        check("com", Ok("com"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", ".", "a..b", "a.", &format!("{}.com", "a".repeat(64))] {
            let expected = if text == "a." { Ok("a") } else { Err(NameError::Length) };
            check(text, expected);
        }
        check(&"a.".repeat(127), Err(NameError::Length).or(Ok(&"a.".repeat(127)[..253])));
        check(&format!("{}a", "a.".repeat(127)), Err(NameError::Length));
        check("b\u{fc}cher.example", Err(NameError::Character));
        check("a b.example", Err(NameError::Character));
        check("a.*.example", Err(NameError::Character));
        check("192.0.2.1", Err(NameError::Address));
        check("expyuzz4wqqyqhjn.onion", Err(NameError::Onion));
    }

    #[test]
    fn a_climb_ends_at_the_top_level_domain() {
        let name = Name::parse("a.b.c").expect("a name");
        let above: Vec<_> = std::iter::successors(Some(name), Name::parent).collect();
        assert_eq!(above.iter().map(Name::as_str).collect::<Vec<_>>(), ["a.b.c", "b.c", "c"]);
    }
}
