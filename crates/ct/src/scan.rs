//! Looks for guarded names in bytes of which nothing else is known.
//!
//! A name is looked for in any case and as ASCII, UTF-16 and UTF-32, big endian, as certificates have them;
//! internationalized names as U-labels too, also in UTF-8 and ISO 8859-1. An address is looked for as text, and
//! as octets behind the header of an `iPAddress`: four octets alone occur by chance once in 2^32 places, too
//! often among the keys and signatures of every certificate there is; six do not.
//!
//! What is found is given with the labels before it, for the watchlist to compare: `notexample.org` is not
//! `example.org`. In doubt it is given both ways: the octet before a name may be a letter or the length of it.

use std::collections::HashSet;
use std::net::IpAddr;

use aho_corasick::AhoCorasick;

use crate::names::{Host, How};
use crate::watchlist::{Guard, NAME_OCTETS_MAX, Watched};

/// What to look for, made ready.
#[derive(Debug)]
pub struct Scanner {
    needles: Vec<Needle>,
    /// None where there are no needles.
    automaton: Option<AhoCorasick>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Needle {
    octets: Vec<u8>,
    /// Octets a character.
    width: usize,
    how: How,
    meaning: Meaning,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Meaning {
    /// A name in A-labels. A dot or a `*.` may stand before it.
    Name(String),
    AddressText(IpAddr),
    AddressOctets(IpAddr),
}

impl Scanner {
    /// Prepares to look for these.
    pub fn new(guards: &[Guard]) -> Self {
        let mut needles = HashSet::new();
        for guard in guards {
            match guard.watched() {
                Watched::Everything => {}
                Watched::Exact(name) => add_name(&mut needles, "", name),
                // A top-level domain alone is three octets, say: too little to tell from chance.
                Watched::Tree(name) if !name.contains('.') => add_name(&mut needles, ".", name),
                Watched::Tree(name) => add_name(&mut needles, "", name),
                Watched::Address(address) => add_address(&mut needles, *address),
            }
            if let Watched::Exact(name) | Watched::Tree(name) = guard.watched()
                && let Some((_, parent)) = name.split_once('.')
            {
                add_name(&mut needles, "*.", parent);
            }
        }
        let needles: Vec<Needle> = needles.into_iter().collect();
        let automaton = (!needles.is_empty()).then(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(needles.iter().map(|needle| &needle.octets))
                .expect("as many guards as are allowed need fewer than 2^31 states")
        });
        Self { needles, automaton }
    }

    /// Calls `each` with every name and address found that may be guarded.
    pub fn scan(&self, bytes: &[u8], mut each: impl FnMut(Host<'_>, How)) {
        let Some(automaton) = &self.automaton else { return };
        for found in automaton.find_overlapping_iter(bytes) {
            let needle = &self.needles[found.pattern().as_usize()];
            let hit = Hit { bytes, start: found.start(), end: found.end(), width: needle.width };
            match &needle.meaning {
                Meaning::Name(name) => hit.names(name, |name| each(Host::Name(name), needle.how)),
                Meaning::AddressText(address) => {
                    if hit.is_address_text(*address) {
                        each(Host::Address(*address), needle.how);
                    }
                }
                Meaning::AddressOctets(address) => {
                    // The search folds letters, which octets are not.
                    if bytes[found.range()] == needle.octets {
                        each(Host::Address(*address), needle.how);
                    }
                }
            }
        }
    }
}

/// A place where a needle is.
struct Hit<'a> {
    bytes: &'a [u8],
    start: usize,
    end: usize,
    width: usize,
}

impl Hit<'_> {
    /// The names that may end here. `name` is what was found.
    fn names(&self, name: &str, mut each: impl FnMut(&str)) {
        if !self.ends_name() {
            return;
        }
        let before = self.before();
        let text = format!("{before}{name}");
        // ".org" by itself is no name.
        if text.starts_with('.') && name.starts_with('.') {
            return;
        }
        each(text.trim_start_matches('.'));
        if before.len() == 1 && self.character_before_may_be_length() {
            each(name.trim_start_matches('.'));
        }
    }

    /// Whether a name can end here.
    fn ends_name(&self) -> bool {
        match self.character(self.end) {
            None => true,
            Some(b'.') => self.character(self.end + self.width).is_none_or(|next| !in_label(next)),
            // In DER the next octet is a tag: SEQUENCE or SET. No top-level domain ends with a digit.
            Some(b'0' | b'1') if self.width == 1 => true,
            Some(next) => !in_label(next),
        }
    }

    /// The characters before the hit that may belong to its name.
    fn before(&self) -> String {
        let mut start = self.start;
        let mut characters = Vec::new();
        while characters.len() < NAME_OCTETS_MAX
            && let Some(previous) = start.checked_sub(self.width)
            && let Some(character) = self.character(previous)
            && (in_label(character) || matches!(character, b'.' | b'*' | b'?'))
        {
            characters.push(char::from(character.to_ascii_lowercase()));
            start = previous;
        }
        characters.iter().rev().collect()
    }

    /// Whether the one character before the hit may be the length octet of the string. The octet before is its
    /// tag then, which is no character; and not itself the length of the character and the hit.
    fn character_before_may_be_length(&self) -> bool {
        let tag = self.start.checked_sub(2).map(|at| self.bytes[at]);
        self.width == 1
            && tag.is_some_and(|tag| {
                !(b' '..=b'~').contains(&tag) && usize::from(tag) != self.end - self.start + 1
            })
    }

    /// Whether the text of an address is all of an address here, and not part of a longer one.
    fn is_address_text(&self, address: IpAddr) -> bool {
        let continues = |character: Option<u8>| match address {
            IpAddr::V4(_) => character.is_some_and(|c| c.is_ascii_digit()),
            IpAddr::V6(_) => character.is_some_and(|c| c.is_ascii_hexdigit() || c == b':'),
        };
        let before = self.start.checked_sub(self.width).and_then(|at| self.character(at));
        if continues(before) || before == Some(b'.') {
            return false;
        }
        // In DER the next octet may be a tag that is also a digit; then the length before the text decides.
        let length = self.start.checked_sub(1).map(|at| usize::from(self.bytes[at]));
        !continues(self.character(self.end)) || length == Some(self.end - self.start)
    }

    /// The character at an offset, if it is ASCII.
    fn character(&self, at: usize) -> Option<u8> {
        let octets = self.bytes.get(at..at + self.width)?;
        let (character, zeros) = octets.split_last()?;
        (zeros.iter().all(|&octet| octet == 0) && character.is_ascii()).then_some(*character)
    }
}

fn in_label(character: u8) -> bool {
    character.is_ascii_alphanumeric() || character == b'-' || character == b'_'
}

fn add_name(needles: &mut HashSet<Needle>, prefix: &str, name: &str) {
    let meaning = Meaning::Name(format!("{prefix}{name}"));
    add_text(needles, &format!("{prefix}{name}"), &meaning);
    let (unicode, valid) = idna::domain_to_unicode(name);
    if valid.is_err() || unicode == name {
        return;
    }
    // The search folds the letters of ASCII only.
    for unicode in [unicode.to_lowercase(), unicode.to_uppercase()] {
        add_text(needles, &format!("{prefix}{unicode}"), &meaning);
    }
}

fn add_address(needles: &mut HashSet<Needle>, address: IpAddr) {
    let texts = match address {
        IpAddr::V4(_) => vec![address.to_string()],
        IpAddr::V6(address) => {
            let groups = address.segments();
            let short = groups.map(|group| format!("{group:x}")).join(":");
            let long = groups.map(|group| format!("{group:04x}")).join(":");
            vec![address.to_string(), short, long]
        }
    };
    for text in texts {
        add_text(needles, &text, &Meaning::AddressText(address));
    }
    let octets = match address {
        IpAddr::V4(address) => [&[IP_ADDRESS, 4], address.octets().as_slice()].concat(),
        IpAddr::V6(address) => [&[IP_ADDRESS, 16], address.octets().as_slice()].concat(),
    };
    let meaning = Meaning::AddressOctets(address);
    needles.insert(Needle { octets, width: 1, how: How::Address, meaning });
}

/// The tag of `iPAddress` in `GeneralName` (RFC 5280 §4.2.1.6).
const IP_ADDRESS: u8 = 0x87;

/// Adds a text in every encoding.
fn add_text(needles: &mut HashSet<Needle>, text: &str, meaning: &Meaning) {
    let mut add = |octets, width, how| {
        needles.insert(Needle { octets, width, how, meaning: meaning.clone() });
    };
    let how = if text.is_ascii() { How::Ascii } else { How::Utf8 };
    add(text.as_bytes().to_vec(), 1, how);
    let latin1 = text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    if let (false, Some(latin1)) = (text.is_ascii(), latin1) {
        add(latin1, 1, How::Latin1);
    }
    add(text.encode_utf16().flat_map(u16::to_be_bytes).collect(), 2, How::Utf16);
    add(text.chars().map(u32::from).flat_map(u32::to_be_bytes).collect(), 4, How::Utf32);
}

#[cfg(test)]
mod tests;
