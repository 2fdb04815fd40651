//! The list of logs that clients are shipped with: our own format, signed by several keys.
//!
//! Browser makers' lists are for their browsers. This one is for everybody else, so nobody may have to believe
//! a single keeper of it, and an old or a foreign one must not get in:
//!
//! ```text
//! countersign-log-list/1
//! version 7
//! issued 2026-11-28T00:00:00Z
//! expires 2027-05-27T00:00:00Z
//! suspend way python until 2026-12-05T00:00:00Z chains of the new release are read wrongly
//! operator Cloudflare
//! log rfc6962 2025-08-11T11:33:27Z - VGVz…dA Cloudflare 'Nimbus2026'
//! until 2026-01-01T00:00:00Z Somebody Before
//! (empty line)
//! — name base64(key id, signature)
//! ```
//!
//! It is a signed note (c2sp.org/signed-note). There is one way to write down a list: operators are sorted by
//! name, logs of an operator by id, suspensions by their text, times are in UTC and whole seconds. A text that is
//! not what its own list would be written as is refused, so two lists that say the same are the same bytes.
//!
//! A `log` is served by `rfc6962` or `static-ct`, is trusted from the first time on, and is retired at the
//! second, which may be in the future. Its key is 64 bytes of a P-256 point, or the whole
//! SubjectPublicKeyInfo. An `until` line says who ran the log above it before, and until when.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use crate::key::{LogKey, LogKeyError};
use crate::log_list::{Api, Log, LogList, Purpose, State};

mod build;
mod built_in;
mod keys;
mod note;
mod suspension;

pub use build::{ALIASES, Built, Decided, Refusal, Source, SourceKind, What, build};
pub use keys::TooFewSignatures;
pub use keys::{KEYS_MAX, ListKey, ListKeyError, ListKeys, ListKeysError, RefusedList, SignerKey};
pub use note::{NOTE_BYTES_MAX, Note, NoteError, SIGNATURES_MAX, Signature};
pub use suspension::{SUSPENSION_MAX, SUSPENSIONS_MAX, Scope, Suspension, SuspensionError};

/// A list of logs for clients. Canonical: [`SignedList::parse`] and [`SignedList::to_text`] undo each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedList {
    /// Counts up. A client never goes back to a lower one.
    pub version: u64,
    /// When it was made: the beginning of the ladder.
    pub issued: Timestamp,
    /// When it is too old for anything, if that is before the ladder ends.
    pub expires: Timestamp,
    /// Where enforcement is suspended, and until when.
    pub suspensions: Vec<Suspension>,
    /// The logs. Their `published` is `issued`, their states are usable and retired only.
    pub logs: LogList,
}

impl SignedList {
    /// Reads the text of a list, without its signatures: whoever calls this has them verified
    /// ([`ListKeys::verify`]), or has the list from where it has the program.
    pub fn parse(text: &str) -> Result<Self, SignedListError> {
        if text.len() > LIST_TEXT_BYTES_MAX {
            return Err(SignedListError::TooLarge);
        }
        let mut lines = text.lines().enumerate();
        let (_, first) = lines.next().unwrap_or_default();
        if first != FIRST_LINE {
            return Err(SignedListError::Kind);
        }
        let mut reader = Reader::default();
        for (index, line) in lines {
            let place = |why| SignedListError::Line { line: index + 1, why };
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            reader.line(word, rest).map_err(place)?;
        }
        let list = reader.list()?;
        if list.to_text() == text { Ok(list) } else { Err(SignedListError::NotCanonical) }
    }

    /// Writes it down. What is signed.
    pub fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\nversion {}\n", self.version);
        text += &format!("issued {}\nexpires {}\n", seconds(self.issued), seconds(self.expires));
        let mut suspensions: Vec<_> = self.suspensions.iter().map(ToString::to_string).collect();
        suspensions.sort();
        suspensions.dedup();
        for suspension in suspensions {
            text += &format!("suspend {suspension}\n");
        }
        let mut operators: BTreeMap<&str, Vec<&Log>> = BTreeMap::new();
        for log in &self.logs.logs {
            operators.entry(&log.operator).or_default().push(log);
        }
        for (operator, mut logs) in operators {
            text += &format!("operator {operator}\n");
            logs.sort_by_key(|log| log.key.id());
            for log in logs {
                text += &line_of(log);
            }
        }
        text
    }

    /// Puts `logs` into the order of the text, and keeps of them what the text keeps: the time since when each
    /// is trusted, its retirement, its kind of API without URLs. One that is not trusted has no place in it.
    pub fn new(version: u64, issued: Timestamp, expires: Timestamp, logs: Vec<Log>) -> Self {
        let mut logs: Vec<Log> = logs.into_iter().filter_map(kept).collect();
        logs.sort_by(|one, other| {
            (&one.operator, one.key.id()).cmp(&(&other.operator, other.key.id()))
        });
        let (issued, expires) = (whole(issued), whole(expires));
        let logs = LogList { logs, published: Some(issued), skipped: Vec::new() };
        Self { version, issued, expires, suspensions: Vec::new(), logs }
    }
}

/// Why a text is not a list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignedListError {
    /// Longer than [`LIST_TEXT_BYTES_MAX`].
    #[error("the list is longer than {LIST_TEXT_BYTES_MAX} bytes")]
    TooLarge,
    /// It does not begin as a list of this version begins.
    #[error("the first line is not {FIRST_LINE:?}")]
    Kind,
    /// A line that is none of a list. One bad line costs the whole list: it is signed as a whole.
    #[error("line {line}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        why: LineError,
    },
    /// One of the three lines that every list has is not there.
    #[error("there is no line {0:?}")]
    Lacks(&'static str),
    /// It has more than [`LOGS_MAX`] logs.
    #[error("the list has more than {LOGS_MAX} logs")]
    TooManyLogs,
    /// It would expire before [`VALID_MIN`].
    #[error("the list expires before the 70 days for which every list is good")]
    Expires,
    /// A suspension that the issuer may not ask for.
    #[error(transparent)]
    Suspension(#[from] SuspensionError),
    /// It says what it says in another way than [`SignedList::to_text`]: in another order, with other times.
    #[error("the list is not written in the one way there is")]
    NotCanonical,
}

/// Why a line is none of a list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Its first word.
    #[error("no line of a list begins so")]
    Word,
    /// Not the fields that such a line has.
    #[error("a field is missing, or is not written as it should be")]
    Field,
    /// Not RFC 3339.
    #[error("a time is not as RFC 3339 has it")]
    Time,
    /// Not the key of a log, or of one that never gets in.
    #[error(transparent)]
    Key(#[from] LogKeyError),
    /// A log with the same key has been there before.
    #[error("another log in the list has the same key")]
    Duplicate,
    /// A suspension that cannot be read.
    #[error(transparent)]
    Suspension(#[from] SuspensionError),
}

/// The lines read so far.
#[derive(Default)]
struct Reader {
    version: Option<u64>,
    issued: Option<Timestamp>,
    expires: Option<Timestamp>,
    suspensions: Vec<Suspension>,
    operator: Option<String>,
    logs: Vec<Log>,
}

impl Reader {
    fn line(&mut self, word: &str, rest: &str) -> Result<(), LineError> {
        match word {
            "version" => self.version = Some(rest.parse().map_err(|_| LineError::Field)?),
            "issued" => self.issued = Some(time(rest)?),
            "expires" => self.expires = Some(time(rest)?),
            "suspend" => self.suspensions.push(rest.parse()?),
            "operator" => self.operator = Some(text(rest)?),
            "log" => {
                let log = log(rest, self.operator.as_deref().ok_or(LineError::Field)?)?;
                if self.logs.iter().any(|known| known.key == log.key) {
                    return Err(LineError::Duplicate);
                }
                self.logs.push(log);
            }
            "until" => {
                let (until, operator) = rest.split_once(' ').ok_or(LineError::Field)?;
                let log = self.logs.last_mut().ok_or(LineError::Field)?;
                log.previous_operators.push((text(operator)?, time(until)?));
            }
            _ => return Err(LineError::Word),
        }
        Ok(())
    }

    fn list(self) -> Result<SignedList, SignedListError> {
        let version = self.version.ok_or(SignedListError::Lacks("version"))?;
        let issued = self.issued.ok_or(SignedListError::Lacks("issued"))?;
        let expires = self.expires.ok_or(SignedListError::Lacks("expires"))?;
        if self.logs.len() > LOGS_MAX {
            return Err(SignedListError::TooManyLogs);
        }
        if expires.duration_since(issued) < VALID_MIN {
            return Err(SignedListError::Expires);
        }
        suspension::are_few(&self.suspensions)?;
        for suspension in &self.suspensions {
            suspension.ends_in_time(issued)?;
        }
        let logs = LogList { logs: self.logs, published: Some(issued), skipped: Vec::new() };
        Ok(SignedList { version, issued, expires, suspensions: self.suspensions, logs })
    }
}

/// A log as the list keeps it; `None` for one that is trusted at no time.
fn kept(log: Log) -> Option<Log> {
    let is_rejected = log.states.iter().any(|(state, _)| *state == State::Rejected);
    if is_rejected || log.purpose != Purpose::Production {
        return None;
    }
    let (trusted, retired) = trust(&log)?;
    let api = match log.api {
        Api::Rfc6962 { .. } => api("rfc6962"),
        Api::StaticCt { .. } => api("static-ct"),
    };
    let previous = |(operator, until)| (operator, whole(until));
    let previous_operators = log.previous_operators.into_iter().map(previous).collect();
    let states = states(whole(trusted), retired.map(whole));
    let Log { key, description, operator, .. } = log;
    let (mmd_s, interval, purpose) = (None, None, Purpose::Production);
    Some(Log {
        key,
        description,
        operator,
        previous_operators,
        api: api?,
        mmd_s,
        states,
        interval,
        purpose,
    })
}

/// Since when the log is trusted, and until when.
fn trust(log: &Log) -> Option<(Timestamp, Option<Timestamp>)> {
    let since = |wanted: fn(&State) -> bool| {
        log.states.iter().filter(|(state, _)| wanted(state)).map(|(_, since)| *since).min()
    };
    let trusted =
        since(|state| matches!(state, State::Qualified | State::Usable | State::ReadOnly { .. }));
    let retired = since(|state| *state == State::Retired);
    // A list may give one state only: a retired log was trusted before, for as long as anybody can tell.
    Some((trusted.or(retired.map(|_| Timestamp::UNIX_EPOCH))?, retired))
}

fn states(trusted: Timestamp, retired: Option<Timestamp>) -> Vec<(State, Timestamp)> {
    let retired = retired.map(|retired| (State::Retired, retired));
    [(State::Usable, trusted)].into_iter().chain(retired).collect()
}

fn line_of(log: &Log) -> String {
    let kind = match log.api {
        Api::Rfc6962 { .. } => "rfc6962",
        Api::StaticCt { .. } => "static-ct",
    };
    let (trusted, retired) = trust(log).expect("a list keeps only logs that are trusted");
    let retired = retired.map_or("-".to_owned(), seconds);
    let key = STANDARD_NO_PAD.encode(log.key.short());
    let mut line = format!("log {kind} {} {retired} {key} {}\n", seconds(trusted), log.description);
    // Who ran it at some time is looked up in this order.
    let mut previous: Vec<_> = log.previous_operators.iter().collect();
    previous.sort_by_key(|(operator, until)| (*until, operator));
    previous.dedup();
    for (operator, until) in previous {
        line += &format!("until {} {operator}\n", seconds(*until));
    }
    line
}

fn log(line: &str, operator: &str) -> Result<Log, LineError> {
    let mut fields = line.splitn(5, ' ');
    let mut field = || fields.next().ok_or(LineError::Field);
    let api = api(field()?).ok_or(LineError::Field)?;
    let trusted = time(field()?)?;
    let retired = match field()? {
        "-" => None,
        text => Some(time(text)?),
    };
    let key = STANDARD_NO_PAD.decode(field()?).map_err(|_| LineError::Field)?;
    Ok(Log {
        key: LogKey::from_short(&key)?,
        description: text(field()?)?,
        operator: operator.to_owned(),
        previous_operators: Vec::new(),
        api,
        mmd_s: None,
        states: states(trusted, retired),
        interval: None,
        purpose: Purpose::Production,
    })
}

fn api(kind: &str) -> Option<Api> {
    match kind {
        "rfc6962" => Some(Api::Rfc6962 { url: String::new() }),
        "static-ct" => {
            Some(Api::StaticCt { submission_url: String::new(), monitoring_url: String::new() })
        }
        _ => None,
    }
}

/// A name, for people: something, on one line, without spaces at its ends.
fn text(text: &str) -> Result<String, LineError> {
    let odd = text.is_empty() || text.trim() != text || text.chars().any(char::is_control);
    if odd { Err(LineError::Field) } else { Ok(text.to_owned()) }
}

fn time(text: &str) -> Result<Timestamp, LineError> {
    text.parse().map_err(|_| LineError::Time)
}

/// The time in the one way the list writes it.
fn seconds(time: Timestamp) -> String {
    whole(time).to_string()
}

/// Without the part of a second.
fn whole(time: Timestamp) -> Timestamp {
    let part = SignedDuration::from_nanos(i64::from(time.subsec_nanosecond()));
    time.checked_sub(part).unwrap_or(time)
}

/// Bytes of a list: it is an entry of a log, and those have no more (c2sp.org/tlog-tiles, "Log entries"). With the
/// 64 logs of today it has 10,000.
pub const LIST_TEXT_BYTES_MAX: usize = 0xffff;
/// Logs in a list. In thirteen years there were 320.
pub const LOGS_MAX: usize = 400;
/// How long a list is good for at least. A list that expires enforces nothing in the default profile: one that does so
/// sooner would be a kill switch for everything.
pub const VALID_MIN: SignedDuration = SignedDuration::from_hours(70 * 24);
/// What a list begins with.
const FIRST_LINE: &str = "countersign-log-list/1";

#[cfg(test)]
mod tests;
