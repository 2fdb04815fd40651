//! Signed statements of other hosts: "I ask for certificates for this key and these names."
//!
//! The host that orders certificates is often not the one that watches the logs. It says ahead which key it will
//! use, in a signed note (c2sp.org/signed-note) of exactly this form:
//!
//! ```text
//! countersign.statement/v1
//! host mail.example.org
//! sequence 17
//! at 2026-11-24T05:00:00Z
//! until 2027-02-24T05:00:00Z
//! key 4fd9…                          SHA-256 of the SubjectPublicKeyInfo, 64 digits
//! names example.org *.example.org    in the order in which a Scope prints them
//!
//! — mail.example.org base64(key id || Ed25519 signature)
//! ```
//!
//! The line `until` may be missing; all else is there, once, in this order, and has one spelling. Any other byte
//! makes it another note, and an unsigned one.
//!
//! Whoever breaks into a host has its key and can state what they like, so a host is believed for its own names
//! only ([`Host::scope`]). A statement names its host under the signature, and carries a number that grows: it
//! cannot be passed off as another host's, nor be played again after it was withdrawn.
//!
//! # Limitations
//!
//! A statement that somebody holds back counts from when it arrives. One that was never delivered can be delivered
//! later, until a newer one of that host has been; [`Statement::until`] bounds that.

mod host_key;

use std::fmt::Write as _;

use countersign_tlog::note::{KeyName, Note, NoteError, SignerKey, VerifierKey};
use jiff::{SignedDuration, Timestamp};

use crate::plain::{hex, plain};
use crate::scope::{Scope, ScopeError};

pub use host_key::{HostKey, HostKeyError};

/// The first line. No other signed text starts with it, so that a signature is never good for two things.
const HEADER: &str = "countersign.statement/v1";

/// Longer statements are not read, in bytes: [`ITEMS_MAX`] names of 253 octets, and all else.
pub const STATEMENT_BYTES_MAX: usize = 30_000;

/// The most names in a statement: what large CAs put into one certificate.
pub const ITEMS_MAX: usize = 100;

/// How far a host's clock may be ahead of ours. Kerberos allows the same (RFC 4120 §8.2).
pub const CLOCK_AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// What a host says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    host: KeyName,
    sequence: u64,
    at: Timestamp,
    until: Option<Timestamp>,
    spki_sha256: [u8; 32],
    names: Scope,
}

/// A host whose statements are heard.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its key, and by it its name.
    pub key: VerifierKey,
    /// The names that it may speak for.
    pub scope: Scope,
}

/// Why something cannot be stated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The host's name would not be safe to show.
    #[error("the host's name is not plain ASCII")]
    HostName,
    /// Times are in whole seconds, in years of four digits.
    #[error("a time is not in whole seconds, or too far away")]
    Time,
    /// It would end before it begins.
    #[error("it ends before it is made")]
    Order,
    /// For no names, or for more than [`ITEMS_MAX`].
    #[error("it has {0} names; a statement has from 1 to {ITEMS_MAX}")]
    Names(usize),
    /// A line is missing, or there is another one in its place.
    #[error("the line {0:?} is not where it should be")]
    Line(&'static str),
    /// A number, time or digest cannot be read.
    #[error("what the line {0:?} says cannot be read")]
    Value(&'static str),
    /// A name cannot be read.
    #[error("a name cannot be read")]
    Name(#[source] ScopeError),
    /// It could be written in another way, the right one.
    #[error("it is not spelled as statements are")]
    Spelling,
}

/// Why a statement is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// More than a statement needs.
    #[error("it has more than {STATEMENT_BYTES_MAX} bytes")]
    TooLarge,
    /// Not a signed note.
    #[error("it is not a signed note")]
    NotANote(#[source] NoteError),
    /// A statement has one signature, its host's, and nothing else below the text.
    #[error("it does not have exactly one signature")]
    Signatures,
    /// A signed note of another kind, or a damaged one.
    #[error("it is not a statement")]
    NotAStatement(#[source] StatementError),
    /// Nobody's key is known for it.
    #[error("no host {host:?} is configured")]
    UnknownHost {
        /// The host that it names.
        host: String,
    },
    /// Not signed by the host that it names.
    #[error("it is not signed with the key of the host {host:?}")]
    BadSignature {
        /// The host that it names.
        host: String,
    },
    /// Made later than now.
    #[error("it was made at {at}, which is yet to come; is the clock of {host:?} right?")]
    FromTheFuture {
        /// Whose.
        host: String,
        /// When it says it was made.
        at: Timestamp,
    },
    /// No longer in force.
    #[error("it was in force until {until}")]
    Expired {
        /// When it ended.
        until: Timestamp,
    },
    /// Not one of the host's names. No part of the statement counts.
    #[error("the host {host:?} may not speak for {name:?}")]
    OutOfScope {
        /// Whose.
        host: String,
        /// The first such name.
        name: String,
    },
    /// This one, or a later one, was accepted before.
    #[error("it has the sequence number {sequence}, but {last} of {host:?} was accepted before")]
    Replayed {
        /// Whose.
        host: String,
        /// Its number.
        sequence: u64,
        /// The last one that was accepted.
        last: u64,
    },
}

impl Statement {
    /// A statement. `names` is what certificates for the key may be for.
    pub fn new(
        host: KeyName,
        sequence: u64,
        (at, until): (Timestamp, Option<Timestamp>),
        spki_sha256: [u8; 32],
        names: Scope,
    ) -> Result<Self, StatementError> {
        if !host.as_str().bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(StatementError::HostName);
        }
        for time in [Some(at), until].into_iter().flatten() {
            if time.subsec_nanosecond() != 0 || !TIMES.contains(&time.as_second()) {
                return Err(StatementError::Time);
            }
        }
        if until.is_some_and(|until| until <= at) {
            return Err(StatementError::Order);
        }
        let items = names.items().count();
        if items == 0 || items > ITEMS_MAX {
            return Err(StatementError::Names(items));
        }
        Ok(Self { host, sequence, at, until, spki_sha256, names })
    }

    /// Who speaks.
    pub fn host(&self) -> &str {
        self.host.as_str()
    }

    /// Larger than that of all statements of this host before.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When it was made, by the host's clock.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The last moment at which it holds.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The key.
    pub fn spki_sha256(&self) -> [u8; 32] {
        self.spki_sha256
    }

    /// What certificates for the key may be for.
    pub fn names(&self) -> &Scope {
        &self.names
    }

    /// What is signed.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}\nhost {}\n", self.host);
        write!(text, "sequence {}\nat {}\n", self.sequence, self.at).expect(STRINGS);
        if let Some(until) = self.until {
            writeln!(text, "until {until}").expect(STRINGS);
        }
        let key = hex(&self.spki_sha256);
        write!(text, "key {key}\nnames {}\n", self.names).expect(STRINGS);
        text
    }

    /// Reads what was signed. It has one text: what is read prints the same.
    pub fn parse(text: &str) -> Result<Self, StatementError> {
        let mut lines = text.lines().peekable();
        if lines.next() != Some(HEADER) {
            return Err(StatementError::Line(HEADER));
        }
        let ends = lines.clone().any(|line| line.starts_with("until "));
        let mut value = |what| {
            let value = lines.next().and_then(|line| line.strip_prefix(what)?.strip_prefix(' '));
            value.ok_or(StatementError::Line(what))
        };
        let host = value("host")?.parse().map_err(|_| StatementError::Value("host"))?;
        let sequence = value("sequence")?.parse();
        let sequence = sequence.map_err(|_| StatementError::Value("sequence"))?;
        let at = time(value("at")?, "at")?;
        let until = if ends { Some(time(value("until")?, "until")?) } else { None };
        let spki_sha256 = digest(value("key")?).ok_or(StatementError::Value("key"))?;
        // The work on each is bounded by the length of the text, and that by whoever read it.
        let names = value("names")?.parse().map_err(StatementError::Name)?;
        let statement = Self::new(host, sequence, (at, until), spki_sha256, names)?;
        if statement.to_text() != text {
            return Err(StatementError::Spelling);
        }
        Ok(statement)
    }

    /// The signed note, ready to be sent. The key is that of the host that it names.
    pub fn sign(&self, key: &SignerKey) -> String {
        let name = key.verifier_key().name().clone();
        assert_eq!(name, self.host, "a host signs its own statements only");
        let text = self.to_text();
        let signature = key.sign(&text);
        let note = Note::new(text, vec![signature]).expect("a statement is text, and signed");
        note.to_text()
    }

    /// Reads a signed note and says why not to believe it, if so. `last_sequence` is the number of the last
    /// statement of a host that was accepted; whoever accepts this one has to keep its number, in one step.
    pub fn open(
        note: &[u8],
        hosts: &[Host],
        last_sequence: impl Fn(&str) -> Option<u64>,
        now: Timestamp,
    ) -> Result<Self, Refused> {
        if note.len() > STATEMENT_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        let (bytes, note) = (note, Note::parse(note).map_err(Refused::NotANote)?);
        let single = note.signatures().len() == 1 && note.unknown_lines().is_empty();
        if !single || note.to_text().as_bytes() != bytes {
            return Err(Refused::Signatures);
        }
        let statement = Self::parse(note.text()).map_err(Refused::NotAStatement)?;
        let host = statement.host().to_owned();
        let known = hosts.iter().filter(|known| *known.key.name() == statement.host);
        let mut known = known.peekable();
        if known.peek().is_none() {
            return Err(Refused::UnknownHost { host });
        }
        // A host may have two keys while one takes over from the other, each with its own scope.
        let Some(signer) = known.find(|known| known.key.verify(&note).is_ok()) else {
            return Err(Refused::BadSignature { host });
        };
        statement.judge(signer, last_sequence(&host), now)?;
        Ok(statement)
    }

    /// Whether a statement with a good signature is to be believed.
    fn judge(&self, signer: &Host, last: Option<u64>, now: Timestamp) -> Result<(), Refused> {
        let host = || self.host().to_owned();
        if self.at.duration_since(now) > CLOCK_AHEAD_MAX {
            return Err(Refused::FromTheFuture { host: host(), at: self.at });
        }
        if let Some(until) = self.until
            && until < now
        {
            return Err(Refused::Expired { until });
        }
        if !signer.scope.holds(&self.names) {
            let may = |item: &String| Scope::new([item]).is_ok_and(|one| signer.scope.holds(&one));
            let name = self.names.items().find(|item| !may(item)).unwrap_or_default();
            return Err(Refused::OutOfScope { host: host(), name: plain(&name).into_owned() });
        }
        if let Some(last) = last
            && self.sequence <= last
        {
            return Err(Refused::Replayed { host: host(), sequence: self.sequence, last });
        }
        Ok(())
    }
}

/// Why writing into a text cannot fail.
const STRINGS: &str = "a String takes all that is written";

/// The years 1970 to 9998, in seconds: times of the text form `YYYY-MM-DDThh:mm:ssZ`.
const TIMES: std::ops::Range<i64> = 0..253_370_764_800;

fn time(text: &str, line: &'static str) -> Result<Timestamp, StatementError> {
    text.parse().map_err(|_| StatementError::Value(line))
}

fn digest(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let mut digest = [0; 32];
    for (octet, digits) in digest.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
        *octet = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests;
