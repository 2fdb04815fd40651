//! What a raw name may be read as: the hosts that one client or another could take from it.
//!
//! A name that is lower-case ASCII already, as nearly all are, is its one reading, and nothing is copied. Any
//! other is read in every way that some software does: as UTF-8 and as ISO 8859-1, with and without percent
//! encoding, up to a NUL, the host of a URI, of a mailbox, of an XMPP address. Of two readings the second never
//! hides the first.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::certificate::{Form, RawName, Walked};

/// One host that a name may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// A domain name: lower-case, IDN labels as A-labels if they can be (RFC 5890 §2.3.2.1), no dot at the ends.
    /// What came in other bytes than ASCII and has no A-label stays UTF-8.
    Name(&'a str),
    /// An address. IPv4 addresses mapped to IPv6 are IPv4 addresses.
    Address(IpAddr),
}

/// How a name was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum How {
    /// As it stands.
    Ascii,
    /// Bytes other than ASCII as UTF-8.
    Utf8,
    /// Bytes other than ASCII as ISO 8859-1.
    Latin1,
    /// As UTF-16.
    Utf16,
    /// As UTF-32.
    Utf32,
    /// Percent encoding undone (RFC 3986 §2.1).
    PercentDecoded,
    /// One piece of a text with NULs, spaces, commas or invalid bytes in it, or the text without them.
    Split,
    /// The octets of an address.
    Address,
    /// A `*` in the certificate stands for part of the guarded name.
    Wildcard,
    /// A label that hides the real one, such as `?` or `(PRIVATE)`, stands for a label of the guarded name.
    Redacted,
    /// Not compared: the certificate holds more patterns than are tried, so that any name may be meant.
    Unread,
}

impl How {
    /// A name for people and files that never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Utf8 => "utf-8",
            Self::Latin1 => "latin-1",
            Self::Utf16 => "utf-16",
            Self::Utf32 => "utf-32",
            Self::PercentDecoded => "percent-decoded",
            Self::Split => "split",
            Self::Address => "address",
            Self::Wildcard => "wildcard",
            Self::Redacted => "redacted",
            Self::Unread => "unread",
        }
    }
}

/// All names of a certificate as text, in its order, each once. Where a name has several readings, the pieces of
/// a text that are no host names are left out, and so is ISO 8859-1 where UTF-8 will do.
pub fn names(walked: &Walked<'_>) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for raw in &walked.names {
        let utf8 = str::from_utf8(&raw.bytes).is_ok();
        readings(raw, |host, how| {
            let text = match (host, how) {
                (Host::Name(_), How::Latin1) if utf8 => return,
                (Host::Name(name), How::Split) if !name.contains('.') => return,
                (Host::Name(name), _) => name.to_owned(),
                (Host::Address(address), _) => address.to_string(),
            };
            if seen.insert(text.clone()) {
                names.push(text);
            }
        });
    }
    names
}

/// Calls `each` with every reading of a name. The same host may come twice.
pub fn readings(raw: &RawName<'_>, mut each: impl FnMut(Host<'_>, How)) {
    match raw.form {
        Form::Text => match plain(&raw.bytes) {
            Some(name) => each(host(name), How::Ascii),
            None => bytes(&raw.bytes, &mut each),
        },
        Form::Utf16 => {
            let units =
                raw.bytes.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
            let decoded = char::decode_utf16(units).map(|unit| unit.unwrap_or(INVALID));
            text(&decoded.collect::<String>(), How::Utf16, &mut each);
            bytes(&raw.bytes, &mut each); // CAs have put ASCII here.
        }
        Form::Utf32 => {
            let units = raw.bytes.as_chunks().0.iter().map(|unit| u32::from_be_bytes(*unit));
            let decoded = units.map(|unit| char::from_u32(unit).unwrap_or(INVALID));
            text(&decoded.collect::<String>(), How::Utf32, &mut each);
            bytes(&raw.bytes, &mut each);
        }
        Form::Address => match address(&raw.bytes) {
            Some(address) => each(Host::Address(address), How::Address),
            None => bytes(&raw.bytes, &mut each), // CAs have put text here.
        },
    }
}

/// The name itself, if reading it changes nothing: lower-case ASCII without anything to cut.
fn plain(bytes: &[u8]) -> Option<&str> {
    let [first, .., last] = bytes else { return None };
    if matches!(first, b'.' | b'_') || *last == b'.' {
        return None;
    }
    // All octets are looked at, also after one that is not plain: without the branch this is a vector loop.
    let all_plain = bytes.iter().fold(true, |plain, octet| plain & is_plain(*octet));
    if all_plain { str::from_utf8(bytes).ok() } else { None }
}

fn is_plain(octet: u8) -> bool {
    octet.is_ascii_lowercase() | octet.is_ascii_digit() | matches!(octet, b'-' | b'.' | b'_' | b'*')
}

/// An address in octets. Twice as many are an address and its mask (RFC 5280 §4.2.1.10).
fn address(octets: &[u8]) -> Option<IpAddr> {
    match *octets {
        [a, b, c, d] | [a, b, c, d, _, _, _, _] => Some(Ipv4Addr::new(a, b, c, d).into()),
        _ if octets.len() == 16 || octets.len() == 32 => {
            let octets: &[u8; 16] = octets.first_chunk()?;
            Some(IpAddr::from(Ipv6Addr::from(*octets)).to_canonical())
        }
        _ => None,
    }
}

/// Reads bytes in an unknown encoding.
fn bytes(bytes: &[u8], each: &mut dyn FnMut(Host<'_>, How)) {
    if bytes.is_ascii() {
        return text(&String::from_utf8_lossy(bytes), How::Ascii, each);
    }
    text(&String::from_utf8_lossy(bytes), How::Utf8, each);
    let latin1: String = bytes.iter().map(|&octet| char::from(octet)).collect();
    text(&latin1, How::Latin1, each);
}

/// Reads a text that may hold more than one name. At a NUL a C program stops; another program jumps over it, and
/// over bytes that it cannot decode.
fn text(text: &str, how: How, each: &mut dyn FnMut(Host<'_>, How)) {
    let text =
        text.trim_matches(|character: char| separates(character) || character.is_whitespace());
    if !text.contains(separates) {
        return percent(text, how, each);
    }
    text.split(separates).for_each(|piece| percent(piece, How::Split, each));
    if text.contains(jumped_over) {
        let joined = text.replace(jumped_over, "");
        joined.split(separates).for_each(|piece| percent(piece, How::Split, each));
    }
}

fn separates(character: char) -> bool {
    character.is_ascii_control() || matches!(character, ' ' | ',' | ';' | INVALID)
}

fn jumped_over(character: char) -> bool {
    matches!(character, '\0' | INVALID)
}

/// What stands for bytes that are no text.
const INVALID: char = char::REPLACEMENT_CHARACTER;

/// Reads a text as it is, and with its percent encoding undone.
fn percent(text: &str, how: How, each: &mut dyn FnMut(Host<'_>, How)) {
    authority(text, how, each);
    if text.contains('%') {
        let decoded = percent_decoded(text);
        for piece in String::from_utf8_lossy(&decoded).split(separates) {
            authority(piece, How::PercentDecoded, each);
        }
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [octet, after @ ..] = rest {
        rest = after;
        let escaped = match (octet, after) {
            (b'%', [high, low, after @ ..]) => {
                hex(*high).zip(hex(*low)).map(|digits| (digits, after))
            }
            _ => None,
        };
        decoded.push(match escaped {
            Some(((high, low), after)) => {
                rest = after;
                high << 4 | low
            }
            None => *octet,
        });
    }
    decoded
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Cuts a text to the host in it: no scheme, no user, no port, nothing from the path on (RFC 3986 §3.2).
fn authority(text: &str, how: How, each: &mut dyn FnMut(Host<'_>, How)) {
    let (text, in_uri) = match text.split_once("://") {
        Some((_, rest)) => (rest, true),
        None => (text, false),
    };
    let text = until(text, &['/', '\\', '#']);
    // Outside of a URI a question mark may be a redacted label.
    let text = if in_uri { until(text, &['?']) } else { text };
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let bracketed = text.trim_start_matches('[');
    if let Ok(address) = until(bracketed, &[']']).parse::<Ipv6Addr>() {
        return each(Host::Address(IpAddr::from(address).to_canonical()), how);
    }
    // `host:port`, or `scheme:host`.
    text.split(':').for_each(|part| domain(part, how, each));
}

fn until<'a>(text: &'a str, ends: &[char]) -> &'a str {
    text.split(ends).next().expect("a split has a first part")
}

/// Reads a domain name, also without the service and protocol labels before it (RFC 4985 §2, RFC 6763 §7).
fn domain(text: &str, how: How, each: &mut dyn FnMut(Host<'_>, How)) {
    let name = normalized(text);
    let name = name.trim_matches('.');
    if name.is_empty() {
        return;
    }
    each(host(name), how);
    let mut rest = name;
    while rest.starts_with('_')
        && let Some((_, after)) = rest.split_once('.')
    {
        rest = after;
    }
    if rest.len() < name.len() && !rest.is_empty() {
        each(host(rest), how);
    }
}

/// Lower case, and A-labels where there are U-labels that have them. Label by label: one that is no IDN does not
/// keep the others from being read.
fn normalized(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let labels = text.split(DOTS).map(|label| {
        if label.is_ascii() || label.chars().count() > LABEL_CHARACTERS_MAX {
            return label.to_lowercase();
        }
        idna::domain_to_ascii(label).unwrap_or_else(|_| label.to_lowercase())
    });
    labels.collect::<Vec<_>>().join(".")
}

/// What UTS #46 maps to the dot between labels.
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// A U-label has fewer characters than its A-label, which has at most 63; the rest is for characters that the
/// mapping drops or composes. It bounds the work, which is quadratic (RFC 3492 §6.3).
const LABEL_CHARACTERS_MAX: usize = 128;

/// A dotted-decimal address is one, whatever field it stands in.
fn host(name: &str) -> Host<'_> {
    if name.as_bytes().last().is_some_and(u8::is_ascii_digit)
        && let Ok(address) = name.parse::<Ipv4Addr>()
    {
        return Host::Address(address.into());
    }
    Host::Name(name)
}

#[cfg(test)]
mod tests;
