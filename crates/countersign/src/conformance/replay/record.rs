//! Records in presentation format (RFC 1035 §5.1), as octets of a message.

use std::str::FromStr as _;

use countersign_dns::{Name, Rtype};
use domain::base::iana::Class;
use domain::zonefile::inplace::{Entry, Zonefile};

use super::line::{Line, Lines, ReplayError, Wrong};

/// What a record need not say itself.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    /// `$ORIGIN`: what names end with that have no dot at their end.
    pub(super) origin: Name,
    /// `$TTL`: the time to live where there is none, in seconds.
    pub(super) ttl_s: u32,
}

impl Default for Zone {
    /// The root and an hour, as in testbound.
    fn default() -> Self {
        Self { origin: Name::root(), ttl_s: 3600 }
    }
}

impl Zone {
    /// One record as octets, its names uncompressed.
    ///
    /// Data in generic form (RFC 3597 §5) is taken as it is, even if it is none of that type: then it is malformed
    /// on purpose, and whoever reads the message has to deal with it. All else that cannot be read is an error.
    pub(super) fn record(&self, text: &str) -> Result<Vec<u8>, Wrong> {
        let Some((head, data)) = text.split_once(r"\#") else {
            return self.scan(text).or_else(|wrong| self.scan_padded(text).ok_or(wrong));
        };
        // Only as the first of the data: elsewhere it is a name or a text that happens to have it.
        let (before, rtype) = head.trim_end().rsplit_once(char::is_whitespace).unwrap_or_default();
        let Ok(rtype) = Rtype::from_str(rtype) else {
            return self.scan(text);
        };
        // The reader checks data of types that it knows; of others it takes what is there.
        let mut wire = self.scan(&format!(r"{before} {UNKNOWN} \#{data}"))?;
        let owner = Name::read(&wire).map_err(|error| Wrong::Record(error.to_string()))?.0;
        let at = owner.wire().len();
        if wire[at..at + 2] != UNKNOWN_CODE.to_be_bytes() {
            return self.scan(text);
        }
        wire[at..at + 2].copy_from_slice(&rtype.to_int().to_be_bytes());
        Ok(wire)
    }

    fn scan(&self, text: &str) -> Result<Vec<u8>, Wrong> {
        let text = algorithm_in_digits(text);
        let text = format!("$ORIGIN {}\n$TTL {}\n{text}\n", self.origin, self.ttl_s);
        let mut zonefile = Zonefile::from(text.as_str()).allow_invalid();
        zonefile.set_default_class(Class::IN);
        let none = || Wrong::Record("there is none".to_owned());
        let wrong = |error: domain::zonefile::inplace::Error| {
            // It counts lines and columns of a text that only we see.
            let error = error.to_string();
            let what = error.splitn(3, ':').nth(2).unwrap_or_default();
            Wrong::Record(what.trim().to_owned())
        };
        let Entry::Record(record) = zonefile.next_entry().map_err(wrong)?.ok_or_else(none)? else {
            return Err(Wrong::Record("it is none".to_owned()));
        };
        if zonefile.next_entry().map_err(wrong)?.is_some() {
            return Err(Wrong::Record("another follows it".to_owned()));
        }
        let mut wire = Vec::new();
        record.compose(&mut wire).expect("a vector takes what is written");
        Ok(wire)
    }

    /// Reads a record whose data ends with base64 that is not padded, as Unbound does.
    fn scan_padded(&self, text: &str) -> Option<Vec<u8>> {
        let (record, _comment) = text.split_once(';').unwrap_or((text, ""));
        if text.contains(['"', '(']) {
            return None;
        }
        let padded = |padding: &str| self.scan(&format!("{}{padding}", record.trim_end())).ok();
        padded("=").or_else(|| padded("=="))
    }

    /// A question as octets: a name, a class that may be missing, and a type.
    pub(super) fn question(&self, line: &mut Line<'_>) -> Result<Vec<u8>, ReplayError> {
        let name = self.name(line.word().unwrap_or_default());
        let mut wire = name.ok_or_else(|| line.unknown("name"))?.wire().to_vec();
        let mut word = line.word().unwrap_or_default();
        let mut class = Class::IN;
        // ANY is a type in questions, and seldom meant as a class.
        if let Ok(stated) = Class::from_str(word)
            && stated != Class::ANY
        {
            class = stated;
            word = line.word().unwrap_or_default();
        }
        let rtype = Rtype::from_str(word).map_err(|_| line.unknown("type"))?;
        line.end()?;
        wire.extend(rtype.to_int().to_be_bytes());
        wire.extend(class.to_int().to_be_bytes());
        Ok(wire)
    }

    fn name(&self, text: &str) -> Option<Name> {
        let is_absolute = text.ends_with('.') && !text.ends_with(r"\.");
        match is_absolute || text.is_empty() {
            true => text.parse().ok().filter(|_| is_absolute),
            false if self.origin.is_root() => text.parse().ok(),
            false => format!("{text}.{}", self.origin).parse().ok(),
        }
    }
}

/// The algorithm of a DS, DNSKEY or RRSIG record may be a mnemonic (RFC 4034 §2.2, §3.2, §5.3), but the reader only
/// knows numbers.
fn algorithm_in_digits(record: &str) -> String {
    let words: Vec<&str> = record.split_inclusive(char::is_whitespace).collect();
    // Each has the white space after it; what is nothing else counts as no word.
    let mut places = (0..words.len()).filter(|at| !words[*at].trim_end().is_empty());
    // The owner, and class and time to live in any order, if they are there.
    let rtype = places.by_ref().take(4).skip(1).find_map(|at| match words[at].trim_end() {
        "DS" | "RRSIG" => Some(1),
        "DNSKEY" => Some(2),
        _ => None,
    });
    let place = rtype.and_then(|between| places.nth(between));
    let mnemonic = place.map_or("", |at| words[at].trim_end());
    let Some((_, number)) = MNEMONICS.iter().find(|(known, _)| *known == mnemonic) else {
        return record.to_owned();
    };
    let at = place.expect("the mnemonic stands somewhere");
    [&words[..at], &[number, " "], &words[at + 1..]].concat().concat()
}

/// A record's text: the line, and those after it until every parenthesis is closed.
pub(super) fn text(line: &Line<'_>, lines: &mut Lines<'_>) -> Result<String, ReplayError> {
    let mut text = line.text.to_owned();
    let mut open = Open::default();
    open.see(line.text);
    while open.parentheses > 0 {
        let Some(next) = lines.raw() else {
            return Err(line.wrong(Wrong::Missing("a closing parenthesis")));
        };
        text.push('\n');
        text.push_str(next.text);
        open.see(next.text);
    }
    Ok(text)
}

/// How many parentheses are open.
#[derive(Default)]
struct Open {
    parentheses: usize,
}

impl Open {
    fn see(&mut self, line: &str) {
        let (mut is_quoted, mut characters) = (false, line.chars());
        while let Some(character) = characters.next() {
            match character {
                '\\' => {
                    characters.next();
                }
                '"' => is_quoted = !is_quoted,
                ';' if !is_quoted => return,
                '(' if !is_quoted => self.parentheses += 1,
                ')' if !is_quoted => self.parentheses = self.parentheses.saturating_sub(1),
                _ => {}
            }
        }
    }
}

/// The algorithms of DNSSEC (RFC 4034 §A.1, RFC 5155 §2, RFC 5702 §7, RFC 6605 §5, RFC 8080 §6).
const MNEMONICS: [(&str, &str); 12] = [
    ("RSAMD5", "1"),
    ("DSA", "3"),
    ("RSASHA1", "5"),
    ("DSA-NSEC3-SHA1", "6"),
    ("RSASHA1-NSEC3-SHA1", "7"),
    ("RSASHA256", "8"),
    ("RSASHA512", "10"),
    ("ECC-GOST", "12"),
    ("ECDSAP256SHA256", "13"),
    ("ECDSAP384SHA384", "14"),
    ("ED25519", "15"),
    ("ED448", "16"),
];

/// Of the types for private use (RFC 6895 §3.1).
const UNKNOWN: &str = "TYPE65280";
const UNKNOWN_CODE: u16 = 65280;
