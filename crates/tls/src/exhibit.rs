//! A handshake for others: what anybody needs to see for themselves that the holder of a certificate's key took part in it,
//! in one text, without the network and without trust in who recorded it.
//!
//! ```text
//! countersign-handshake/v1
//! service: xmpp-client of example.org at xmpp.example.org, port 5222
//! at: 2026-11-29T00:12:00Z
//! vantage: direct
//! client: openssl-plain
//!
//! sent:
//! FgMBAJgBAACUAwPSFwVr5+z37sSo0hbCD/7kqTdk7oUp…       base64, 76 characters a line
//!
//! received:
//! FgMDAHoCAAB2AwMtqV…
//!
//! key:
//! SERVER_HANDSHAKE_TRAFFIC_SECRET <client random> <secret>     in TLS 1.3 only
//! ```
//!
//! Of the recording it has the hellos of the client, and the server's part of the handshake. Each exhibit has one text.
//!
//! # What it proves
//!
//! The holder of the key in the first certificate signed a handshake in which these random bytes of a client are: in
//! TLS 1.3 all of it, so also the name that was asked for and the whole chain; in TLS 1.2 nothing but the random bytes of
//! both and the share for the key exchange.
//!
//! # What it does not
//!
//! Neither when that was, nor where, nor on whose network: the lines before the first empty one are what the recorder says.
//! He could have shaken hands with that server from anywhere. So it convicts the key, not the path: whoever holds that key
//! answered for the name, and where the owner of the name knows all his keys, that was somebody else.
//!
//! The line of the key log opens the server's messages up to its Finished, and nothing that was said later: the keys
//! for that come from another secret (RFC 8446 §7.1). It can be given away.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::handshake::{Handshake, Shown};
use crate::key_log::{KeyLog, Label};
use crate::names::TLS13;
use crate::reading;
use crate::recording::{Recording, TAPE_BYTES_MAX};

/// A handshake, as it is handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhibit {
    about: Vec<(String, String)>,
    sent: Vec<u8>,
    received: Vec<u8>,
    key: Option<String>,
}

/// Larger texts are not read, in bytes: both directions of a recording in base64, and all else.
pub const EXHIBIT_BYTES_MAX: usize = 3 * TAPE_BYTES_MAX;

/// The most lines about the recording.
pub const ABOUT_MAX: usize = 16;

/// The longest key of such a line, in bytes.
const ABOUT_KEY_MAX: usize = 32;

/// The longest value of such a line, in bytes: two host names, and some words.
const ABOUT_VALUE_MAX: usize = 600;

/// Why a text is no exhibit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExhibitError {
    /// More than an exhibit has.
    #[error("it has more than {EXHIBIT_BYTES_MAX} bytes")]
    TooLarge,
    /// The first line is another one.
    #[error("it does not begin with {HEADER}")]
    Header,
    /// A line about the recording that is none, or too many of them.
    #[error("one of the lines at the top is not of the form `key: value`")]
    About,
    /// A part is missing, or is no base64.
    #[error("the part {0:?} is missing or cannot be read")]
    Part(&'static str),
    /// It could be written in another way, the right one.
    #[error("it is not spelled as exhibits are")]
    Spelling,
}

/// What an exhibit proves to who has nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The holder of the first certificate's key signed this.
    Proved(Box<Proved>),
    /// Nothing.
    Nothing {
        /// What the bytes show all the same.
        shown: Box<Handshake>,
    },
}

/// What was signed, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The certificates, in DER; the first one's key signed.
    pub chain: Vec<Vec<u8>>,
    /// The signature scheme.
    pub scheme: u16,
    /// How much of the handshake is signed.
    pub covers: Covers,
    /// The random bytes of the client.
    pub client_random: [u8; 32],
    /// The name that the client asked for, with what is not printable ASCII escaped.
    pub server_name: Option<String>,
    /// All that the bytes show.
    pub shown: Handshake,
}

/// How much of a handshake is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covers {
    /// TLS 1.3: everything, with the name that was asked for and the whole chain.
    Everything,
    /// TLS 1.2: both random values and the share for the key exchange. Neither the name nor the certificates are: only the
    /// key in the first one is certain.
    Randoms,
}

impl fmt::Display for Covers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Everything => {
                "the signature covers the whole handshake: the client's random bytes, the name that it asked for, and the chain"
            }
            Self::Randoms => {
                "the signature covers the random bytes of both and the server's share; neither the name that was asked for nor the certificates, of which only the key is certain"
            }
        })
    }
}

impl Exhibit {
    /// Takes out of a recording what proves its handshake. None if nothing does. What is said about it is made fit: each
    /// text one line of printable ASCII, all else in it escaped, the rest of a long one cut off.
    pub fn new(
        about: &[(String, String)],
        recording: &Recording,
        key_log: &KeyLog,
    ) -> Option<Self> {
        let read = reading::read(recording, key_log);
        let (Shown::Proved { .. }, Some(client)) = (&read.shown.chain, &read.shown.client) else {
            return None;
        };
        let label = Label::ServerHandshake;
        let secret = key_log.secret(label, &client.random);
        let exhibit = Self {
            about: about.iter().take(ABOUT_MAX).filter_map(fit).collect(),
            sent: recording.sent.bytes().get(read.sent)?.to_vec(),
            received: recording.received.bytes().get(read.received)?.to_vec(),
            key: (read.shown.version == Some(TLS13))
                .then(|| secret.map(|secret| secret.line(label, &client.random)))
                .flatten(),
        };
        // It must be enough for others too.
        matches!(exhibit.verify(), Verdict::Proved(_)).then_some(exhibit)
    }

    /// Reads an exhibit. Whether it proves anything, [`Exhibit::verify`] says.
    pub fn parse(text: &str) -> Result<Self, ExhibitError> {
        if text.len() > EXHIBIT_BYTES_MAX {
            return Err(ExhibitError::TooLarge);
        }
        let mut parts = text.split("\n\n");
        let mut top = parts.next().unwrap_or_default().lines();
        if top.next() != Some(HEADER) {
            return Err(ExhibitError::Header);
        }
        let lines = top.map(|line| {
            let (key, value) = line.split_once(": ")?;
            let line = (key.to_owned(), value.to_owned());
            fit(&line).filter(|fitting| *fitting == line)
        });
        let about: Option<Vec<_>> = lines.take(ABOUT_MAX + 1).collect();
        let about = about.filter(|about| about.len() <= ABOUT_MAX).ok_or(ExhibitError::About)?;
        let mut octets = |name| {
            let part = parts.next().and_then(|part| part.strip_prefix(name)?.strip_prefix(':'));
            let joined: Option<String> = part.map(|part| part.lines().collect());
            joined.and_then(|joined| STANDARD.decode(joined).ok()).ok_or(ExhibitError::Part(name))
        };
        let (sent, received) = (octets("sent")?, octets("received")?);
        let key = match parts.next() {
            None => None,
            Some(part) => Some(key(part).ok_or(ExhibitError::Part("key"))?),
        };
        let exhibit = Self { about, sent, received, key };
        if exhibit.print() == text { Ok(exhibit) } else { Err(ExhibitError::Spelling) }
    }

    /// Its text.
    pub fn print(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for (key, value) in &self.about {
            writeln!(text, "{key}: {value}").expect("a String takes all that is written");
        }
        for (name, octets) in [("sent", &self.sent), ("received", &self.received)] {
            write!(text, "\n{name}:\n").expect("a String takes all that is written");
            let mut rest = &STANDARD.encode(octets)[..];
            while !rest.is_empty() {
                let (line, after) = rest.split_at(rest.len().min(LINE_CHARACTERS));
                writeln!(text, "{line}").expect("a String takes all that is written");
                rest = after;
            }
        }
        if let Some(key) = &self.key {
            write!(text, "\nkey:\n{key}\n").expect("a String takes all that is written");
        }
        text
    }

    /// What the recorder says about it. Nothing of it is proved.
    pub fn about(&self) -> &[(String, String)] {
        &self.about
    }

    /// Says what is proved, by its bytes alone.
    pub fn verify(&self) -> Verdict {
        let key_log = KeyLog::read(self.key.as_deref().unwrap_or_default().as_bytes());
        let mut recording = Recording::default();
        // Both begin with TLS.
        recording.send(&self.sent);
        recording.receive(&self.received);
        let shown = Handshake::of(&recording, &key_log);
        let (Shown::Proved { chain, scheme }, Some(client)) = (&shown.chain, &shown.client) else {
            return Verdict::Nothing { shown: Box::new(shown) };
        };
        let covers =
            if shown.version == Some(TLS13) { Covers::Everything } else { Covers::Randoms };
        Verdict::Proved(Box::new(Proved {
            chain: chain.clone(),
            scheme: *scheme,
            covers,
            client_random: client.random,
            server_name: client.server_name().map(|name| name.escape_ascii().to_string()),
            shown,
        }))
    }
}

/// A line about the recording as it may stand there. None if its key is none.
fn fit((key, value): &(String, String)) -> Option<(String, String)> {
    let is_key = (1..=ABOUT_KEY_MAX).contains(&key.len())
        && key.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-');
    let mut fitting = String::new();
    for character in value.trim().chars() {
        let shown = match character {
            ' '..='~' => character.to_string(),
            other => other.escape_unicode().to_string(),
        };
        if fitting.len() + shown.len() > ABOUT_VALUE_MAX {
            break;
        }
        fitting.push_str(&shown);
    }
    let length = fitting.trim_end().len();
    fitting.truncate(length);
    (is_key && !fitting.is_empty()).then(|| (key.clone(), fitting))
}

/// The line of a key log, which must be one that can be given away.
fn key(part: &str) -> Option<String> {
    let line = part.strip_prefix("key:\n")?.strip_suffix('\n')?;
    let random: [u8; 32] = crate::key_log::octets(line.split(' ').nth(1)?)?.try_into().ok()?;
    let log = KeyLog::read(line.as_bytes());
    let secret = log.secret(Label::ServerHandshake, &random)?;
    let printed = secret.line(Label::ServerHandshake, &random);
    (printed == line).then_some(printed)
}

/// The first line. No other text of ours begins with it.
/// The first line.
pub const HEADER: &str = "countersign-handshake/v1";

/// What mail programs leave as it is (RFC 2045 §6.8).
const LINE_CHARACTERS: usize = 76;

#[cfg(test)]
mod tests {
    use super::*;

    fn exhibit() -> Exhibit {
        let about = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        Exhibit {
            about: vec![about("service", "a.example"), about("at", "2026-11-29T00:00:00Z")],
            sent: vec![1; 60],
            received: vec![2; 57],
            key: Some(format!(
                "SERVER_HANDSHAKE_TRAFFIC_SECRET {} {}",
                "0a".repeat(32),
                "0b".repeat(48)
            )),
        }
    }

    #[test]
    fn printed_and_parsed_it_is_the_same() {
        let check = |exhibit: Exhibit| {
            assert_eq!(Exhibit::parse(&exhibit.print()), Ok(exhibit));
        };
        check(exhibit());
        check(Exhibit { key: None, ..exhibit() });
        check(Exhibit { about: Vec::new(), ..exhibit() });
        check(Exhibit { sent: Vec::new(), received: Vec::new(), ..exhibit() });
    }

    #[test]
    fn each_has_one_text() {
        let text = exhibit().print();
        let check = |from: &str, to: &str, error: ExhibitError| {
            assert!(text.contains(from), "{from}");
            assert_eq!(Exhibit::parse(&text.replacen(from, to, 1)), Err(error), "{from} {to}");
        };
        check("/v1", "/v2", ExhibitError::Header);
        check("service: ", "Service: ", ExhibitError::About);
        check("service: ", "service:  ", ExhibitError::About);
        check("a.example", "a.example\u{202e}", ExhibitError::About);
        check("\n\nsent:", "\n\n\nsent:", ExhibitError::Part("sent"));
        check("AQEB", "AQ\nEB", ExhibitError::Spelling);
        check("AQEB", "AQ*B", ExhibitError::Part("sent"));
        check("SERVER_", "CLIENT_", ExhibitError::Part("key"));
        check("0a0a", "0A0a", ExhibitError::Part("key"));
        check("\n\nkey:", "\n\nmore:", ExhibitError::Part("key"));
        assert_eq!(Exhibit::parse(&format!("{text}\n")), Err(ExhibitError::Part("key")));
        assert_eq!(Exhibit::parse(text.trim_end()), Err(ExhibitError::Part("key")));
    }

    #[test]
    fn what_is_said_about_it_is_made_fit() {
        let check = |key: &str, value: &str, expected: Option<&str>| {
            let fitting = fit(&(key.to_owned(), value.to_owned()));
            assert_eq!(fitting.map(|(_, value)| value).as_deref(), expected);
        };
        check("at", " noon ", Some("noon"));
        check("at", "a\nkey: b", Some(r"a\u{a}key: b"));
        check("at", "", None);
        check("a b", "noon", None);
        check("at", &"é".repeat(500), Some(&r"\u{e9}".repeat(100)));
    }
}
