//! One guarded name or address, as the operator writes it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// What an operator watches over: `example.org` is this name only, `.example.org` the name and all below it, `.`
/// every name there is, `192.0.2.1` and `2001:db8::1` are addresses.
///
/// Names are kept in lower case with A-labels; printing one and parsing it again gives the same guard.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guard(Watched);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Watched {
    Everything,
    Exact(String),
    Tree(String),
    /// IPv4 addresses mapped to IPv6 are IPv4 addresses.
    Address(IpAddr),
}

/// Why a text is no guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// Nothing, or only spaces.
    #[error("it is empty")]
    Empty,
    /// A `*`.
    #[error("it has a wildcard")]
    Wildcard,
    /// A URL, or a path.
    #[error("it is a URL, not a name")]
    Url,
    /// An `@`.
    #[error("it is a mailbox, not a name")]
    Mailbox,
    /// A name with a port, or an IPv6 address that is none.
    #[error("it has a colon, but is no IPv6 address")]
    Colon,
    /// A range of addresses.
    #[error("it is a range of addresses")]
    AddressRange,
    /// Four numbers that are no address.
    #[error("it is made of numbers, but is no IPv4 address")]
    AddressNumbers,
    /// Two dots without a label between them.
    #[error("it has an empty label")]
    EmptyLabel,
    /// A label of more than 63 octets (RFC 1035 §2.3.4).
    #[error("it has a label of more than 63 octets")]
    LongLabel,
    /// A name of more than 253 octets (RFC 1035 §2.3.4).
    #[error("it has more than 253 octets")]
    LongName,
    /// Not a letter, digit, hyphen or underscore, and no IDN either.
    #[error("it has a character that no host name has")]
    Character,
    /// Not a valid IDN (UTS #46).
    #[error("it is not a valid internationalized name")]
    Idn,
}

impl GuardError {
    /// What to write instead.
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::Wildcard => Some("write .example.org for example.org and all names below it"),
            Self::Url => Some("write only the host name"),
            Self::Mailbox => Some("write only what follows the @"),
            Self::Colon => Some("write the name or address without a port and without brackets"),
            Self::AddressRange => Some("write each address by itself"),
            Self::Empty => Some("write . for every name there is"),
            Self::AddressNumbers
            | Self::EmptyLabel
            | Self::LongLabel
            | Self::LongName
            | Self::Character
            | Self::Idn => None,
        }
    }
}

/// RFC 1035 §2.3.4: 255 octets on the wire are 253 characters of text.
pub(crate) const NAME_OCTETS_MAX: usize = 253;

/// RFC 1035 §2.3.4.
pub(crate) const LABEL_OCTETS_MAX: usize = 63;

impl Guard {
    /// Reads what an operator writes. Upper case, U-labels, spaces around it and a dot at the end are allowed.
    pub fn parse(text: &str) -> Result<Self, GuardError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(GuardError::Empty);
        }
        if text == "." {
            return Ok(Self(Watched::Everything));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(Watched::Address(address.to_canonical())));
        }
        not_a_name(text)?;
        match text.strip_prefix('.') {
            Some(name) => Ok(Self(Watched::Tree(name_of(name)?))),
            None => Ok(Self(Watched::Exact(name_of(text)?))),
        }
    }

    pub(crate) fn watched(&self) -> &Watched {
        &self.0
    }
}

/// Names what was written in the place of a name.
fn not_a_name(text: &str) -> Result<(), GuardError> {
    if let Some((before, _)) = text.split_once('/') {
        let range = before.parse::<IpAddr>().is_ok();
        return Err(if range { GuardError::AddressRange } else { GuardError::Url });
    }
    let octets = text.as_bytes();
    if octets.contains(&b'*') {
        return Err(GuardError::Wildcard);
    }
    if octets.contains(&b'@') {
        return Err(GuardError::Mailbox);
    }
    if octets.contains(&b':') || octets.contains(&b'[') {
        return Err(GuardError::Colon);
    }
    Ok(())
}

fn name_of(text: &str) -> Result<String, GuardError> {
    let name = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(text).map_err(|_| GuardError::Idn)?
    };
    let name = name.strip_suffix('.').unwrap_or(&name);
    for label in name.split('.') {
        if label.is_empty() {
            return Err(GuardError::EmptyLabel);
        }
        if label.len() > LABEL_OCTETS_MAX {
            return Err(GuardError::LongLabel);
        }
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
        if !label.bytes().all(fits) {
            return Err(GuardError::Character);
        }
    }
    if name.len() > NAME_OCTETS_MAX {
        return Err(GuardError::LongName);
    }
    // A name whose last label is a number is read as an IPv4 address (WHATWG URL, "ends in a number").
    if name
        .rsplit('.')
        .next()
        .is_some_and(|label| label.bytes().all(|octet| octet.is_ascii_digit()))
    {
        return Err(GuardError::AddressNumbers);
    }
    Ok(name.to_owned())
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Watched::Everything => f.write_str("."),
            Watched::Exact(name) => f.write_str(name),
            Watched::Tree(name) => write!(f, ".{name}"),
            Watched::Address(address) => write!(f, "{address}"),
        }
    }
}

impl FromStr for Guard {
    type Err = GuardError;

    fn from_str(text: &str) -> Result<Self, GuardError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Result<&str, GuardError>) {
        let guard = Guard::parse(text);
        assert_eq!(
            guard.clone().map(|guard| guard.to_string()),
            expected.map(str::to_owned),
            "{text}"
        );
        if let Ok(guard) = guard {
            assert_eq!(Guard::parse(&guard.to_string()), Ok(guard));
        }
    }

    #[test]
    fn guards_have_one_text() {
        check("example.org", Ok("example.org"));
        check(" WWW.Example.ORG. ", Ok("www.example.org"));
        check(".Example.org", Ok(".example.org"));
        check(".", Ok("."));
        check(".ru", Ok(".ru"));
        check("localhost", Ok("localhost"));
        check("_xmpp-client.example.org", Ok("_xmpp-client.example.org"));
        check("192.0.2.1", Ok("192.0.2.1"));
        check("2001:DB8:0::1", Ok("2001:db8::1"));
        check("::ffff:192.0.2.1", Ok("192.0.2.1"));
    }

    #[test] // RFC 5891 §5
    fn u_labels_become_a_labels() {
        check("Bücher.example", Ok("xn--bcher-kva.example"));
        check(".почта.рф", Ok(".xn--80a1acny.xn--p1ai"));
        check("bücher。example", Ok("xn--bcher-kva.example"));
    }

    #[test]
    fn what_is_no_guard_is_named() {
        check("", Err(GuardError::Empty));
        check("*.example.org", Err(GuardError::Wildcard));
        check("https://example.org/", Err(GuardError::Url));
        check("example.org/path", Err(GuardError::Url));
        check("user@example.org", Err(GuardError::Mailbox));
        check("example.org:443", Err(GuardError::Colon));
        check("[2001:db8::1]", Err(GuardError::Colon));
        check("192.0.2.0/24", Err(GuardError::AddressRange));
        check("192.0.2.256", Err(GuardError::AddressNumbers));
        check("a..example.org", Err(GuardError::EmptyLabel));
        check("..example.org", Err(GuardError::EmptyLabel));
        check("exa mple.org", Err(GuardError::Character));
        check(&"a".repeat(64), Err(GuardError::LongLabel));
        check(&["a"; 128].join("."), Err(GuardError::LongName));
        check("\u{200d}.example", Err(GuardError::Idn));
    }

    #[test]
    fn an_error_says_what_to_write_instead() {
        assert!(GuardError::Wildcard.hint().is_some_and(|hint| hint.contains(".example.org")));
        assert_eq!(GuardError::Idn.hint(), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_guard_that_prints_itself_or_an_error(text in "\\PC*|[a-z0-9.:*é-]{0,20}") {
            if let Ok(guard) = Guard::parse(&text) {
                prop_assert_eq!(Guard::parse(&guard.to_string()), Ok(guard));
            }
        }
    }
}
