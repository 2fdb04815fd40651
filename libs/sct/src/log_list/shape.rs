//! Reads the JSON of a list of logs, "log list v3" (www.gstatic.com/ct/log_list/v3/log_list_schema.json).
//!
//! Written by Google, Apple, Mozilla and crt.sh, each a little differently, and it comes from the network. So
//! the outer shape has to be there, unknown fields are ignored, and each log is read by itself: one that
//! cannot be read is named in [`LogList::skipped`], and the others are not lost with it.

use std::collections::{BTreeMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Api, FinalTreeHead, Log, LogList, Purpose, State};
use crate::key::{LogKey, LogKeyError};
use crate::log_id::{LogId, LogIdError};

impl LogList {
    /// Reads one list.
    ///
    /// Two kinds of log never get in: those whose private keys are public (see
    /// [`LogKeyError::PrivateKeyIsPublic`]), and those whose key is not the one that their id names.
    pub fn parse(json: &[u8]) -> Result<Self, LogListError> {
        if json.len() > LIST_BYTES_MAX {
            return Err(LogListError::TooLarge);
        }
        let shape: ListShape<'_> = serde_json::from_slice(json)?;
        let mut list = Self { logs: Vec::new(), published: None, skipped: Vec::new() };
        match shape.log_list_timestamp.map(timestamp).transpose() {
            Ok(published) => list.published = published,
            Err(why) => list.skip("log_list_timestamp".to_owned(), why),
        }
        let mut seen = HashSet::new();
        let mut count = 0;
        for (index, operator) in shape.operators.into_iter().enumerate() {
            let place = format!("operators[{index}]");
            let operator: OperatorShape<'_> = match serde_json::from_str(operator.get()) {
                Ok(operator) => operator,
                Err(error) => {
                    list.skip(place, Why::json(&error));
                    continue;
                }
            };
            let name = match operator_name(operator.name) {
                Ok(name) => name,
                Err(why) => {
                    list.skip(place, why);
                    continue;
                }
            };
            let logs = operator.logs.unwrap_or_default();
            let tiled_logs = operator.tiled_logs.unwrap_or_default();
            count += logs.len() + tiled_logs.len();
            if count > LOGS_MAX {
                return Err(LogListError::TooManyLogs);
            }
            for (key, kind, logs) in
                [("logs", Kind::Rfc6962, logs), ("tiled_logs", Kind::StaticCt, tiled_logs)]
            {
                for (index, log) in logs.into_iter().enumerate() {
                    let place = format!("{place}.{key}[{index}]");
                    list.add(&place, kind, &name, log, &mut seen);
                }
            }
        }
        Ok(list)
    }

    fn add(
        &mut self,
        place: &str,
        kind: Kind,
        operator: &str,
        raw: &RawValue,
        seen: &mut HashSet<LogId>,
    ) {
        let shape: LogShape = match serde_json::from_str(raw.get()) {
            Ok(shape) => shape,
            Err(error) => return self.skip(place.to_owned(), Why::json(&error)),
        };
        // What is shown names the log, if it has a name that can be shown.
        let what = match text(shape.description.clone()) {
            Ok(description) if !description.is_empty() => format!("{place} ({description})"),
            _ => place.to_owned(),
        };
        match shape.log(kind, operator) {
            Ok(log) if !seen.insert(log.key.id()) => self.skip(what, Why::Duplicate),
            Ok(log) => self.logs.push(log),
            Err(why) => self.skip(what, why),
        }
    }

    fn skip(&mut self, what: String, why: Why) {
        self.skipped.push(Skipped { what, why });
    }
}

/// Why some bytes are not a list of logs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogListError {
    /// Longer than [`LIST_BYTES_MAX`].
    #[error("the list of logs is longer than {LIST_BYTES_MAX} bytes")]
    TooLarge,
    /// More than [`LOGS_MAX`] logs.
    #[error("the list has more than {LOGS_MAX} logs")]
    TooManyLogs,
    /// Not JSON, or without an array of operators.
    #[error("the list of logs is not in the log list v3 shape")]
    Json(#[from] serde_json::Error),
}

/// Something in a list that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where in the JSON, and the log's name if it has one.
    pub what: String,
    /// Why.
    pub why: Why,
}

/// Why something was left out of a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// Not the shape that it should have. In the words of the JSON parser, cut at [`TEXT_BYTES_MAX`].
    #[error("not in the log list v3 shape: {0}")]
    Json(String),
    /// A name is empty where it must not be, too long, or has control characters.
    #[error("a name is empty, has control characters or more than {TEXT_BYTES_MAX} bytes")]
    Text,
    /// A URL is not http or https, too long, or has characters that belong in no URL.
    #[error(
        "a URL is neither http nor https, has odd characters or more than {TEXT_BYTES_MAX} bytes"
    )]
    Url,
    /// A time is not as RFC 3339 has it.
    #[error("a time is not as RFC 3339 has it")]
    Time,
    /// The interval ends before it starts.
    #[error("the temporal interval is empty")]
    Interval,
    /// The root hash of the final tree head is not 32 bytes in base64.
    #[error("the final root hash is not 32 bytes in base64")]
    FinalRootHash,
    /// More than [`PREVIOUS_OPERATORS_MAX`] previous operators.
    #[error("more than {PREVIOUS_OPERATORS_MAX} previous operators")]
    TooManyOperators,
    /// More states than a log can go through.
    #[error("more than {STATES_MAX} states that are unknown here")]
    TooManyStates,
    /// The key is not base64.
    #[error("the key is not base64")]
    KeyEncoding(#[source] base64::DecodeError),
    /// The key is not one that is accepted.
    #[error(transparent)]
    Key(#[from] LogKeyError),
    /// The id is no id.
    #[error(transparent)]
    Id(#[from] LogIdError),
    /// The id is not the hash of the key.
    #[error("the log id is not the hash of the key, which is {key}")]
    OtherId {
        /// What it should be.
        key: LogId,
    },
    /// The id has been there before.
    #[error("another log in the list has the same id")]
    Duplicate,
}

impl Why {
    fn json(error: &serde_json::Error) -> Self {
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        // A character has at most four bytes.
        let message = error.to_string();
        Self::Json(message.chars().take(TEXT_BYTES_MAX / 4).map(printable).collect())
    }
}

#[derive(Deserialize)]
struct ListShape<'a> {
    #[serde(borrow)]
    operators: Vec<&'a RawValue>,
    log_list_timestamp: Option<String>,
}

#[derive(Deserialize)]
struct OperatorShape<'a> {
    name: String,
    #[serde(borrow)]
    logs: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    tiled_logs: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct LogShape {
    #[serde(default)]
    description: String,
    log_id: String,
    key: String,
    url: Option<String>,
    submission_url: Option<String>,
    monitoring_url: Option<String>,
    mmd: Option<u64>,
    log_type: Option<String>,
    state: Option<StatesShape>,
    temporal_interval: Option<IntervalShape>,
    previous_operators: Option<Vec<PreviousOperatorShape>>,
}

#[derive(Deserialize)]
struct StatesShape {
    pending: Option<StateShape>,
    qualified: Option<StateShape>,
    usable: Option<StateShape>,
    readonly: Option<StateShape>,
    retired: Option<StateShape>,
    rejected: Option<StateShape>,
    #[serde(flatten)]
    unknown: BTreeMap<String, StateShape>,
}

#[derive(Deserialize)]
struct StateShape {
    timestamp: String,
    final_tree_head: Option<FinalTreeHeadShape>,
}

#[derive(Deserialize)]
struct FinalTreeHeadShape {
    tree_size: u64,
    sha256_root_hash: String,
}

#[derive(Deserialize)]
struct IntervalShape {
    start_inclusive: String,
    end_exclusive: String,
}

#[derive(Deserialize)]
struct PreviousOperatorShape {
    name: String,
    end_time: String,
}

/// Which of the two arrays a log is in.
#[derive(Clone, Copy)]
enum Kind {
    Rfc6962,
    StaticCt,
}

impl LogShape {
    fn log(self, kind: Kind, operator: &str) -> Result<Log, Why> {
        let key = STANDARD.decode(&self.key).map_err(Why::KeyEncoding)?;
        let key = LogKey::from_spki(&key)?;
        if self.log_id.parse::<LogId>()? != key.id() {
            return Err(Why::OtherId { key: key.id() });
        }
        let api = match kind {
            Kind::Rfc6962 => Api::Rfc6962 { url: url(self.url)? },
            Kind::StaticCt => Api::StaticCt {
                submission_url: url(self.submission_url)?,
                monitoring_url: url(self.monitoring_url)?,
            },
        };
        let description = text(self.description)?;
        let purpose = purpose(self.log_type.as_deref(), &description);
        Ok(Log {
            key,
            description,
            operator: operator.to_owned(),
            previous_operators: previous_operators(self.previous_operators.unwrap_or_default())?,
            api,
            mmd_s: self.mmd.filter(|mmd_s| *mmd_s != 0),
            states: self.state.map(states).transpose()?.unwrap_or_default(),
            interval: self.temporal_interval.map(interval).transpose()?,
            purpose,
        })
    }
}

fn purpose(log_type: Option<&str>, description: &str) -> Purpose {
    // Lists carry logs that do not exist, so that old parsers find an entry where they insist on one. Google
    // and Mozilla give them no type; their descriptions begin with this word.
    if description.get(..BOGUS.len()).is_some_and(|word| word.eq_ignore_ascii_case(BOGUS)) {
        return Purpose::Test;
    }
    match log_type {
        None | Some("prod") => Purpose::Production,
        Some("test") => Purpose::Test,
        Some(_) => Purpose::MonitoringOnly,
    }
}

fn states(shape: StatesShape) -> Result<Vec<(State, Timestamp)>, Why> {
    if shape.unknown.len() > STATES_MAX {
        return Err(Why::TooManyStates);
    }
    let final_tree_head = shape.readonly.as_ref().and_then(|shape| shape.final_tree_head.as_ref());
    let final_tree_head = final_tree_head.map(read_final_tree_head).transpose()?;
    let mut states = Vec::new();
    for (state, shape) in [
        (State::Pending, shape.pending),
        (State::Qualified, shape.qualified),
        (State::Usable, shape.usable),
        (State::ReadOnly { final_tree_head }, shape.readonly),
        (State::Retired, shape.retired),
        (State::Rejected, shape.rejected),
    ] {
        if let Some(shape) = shape {
            states.push((state, timestamp(shape.timestamp)?));
        }
    }
    for shape in shape.unknown.into_values() {
        states.push((State::Unstated, timestamp(shape.timestamp)?));
    }
    states.sort_by_key(|(state, since)| (*since, state.rank()));
    Ok(states)
}

fn read_final_tree_head(shape: &FinalTreeHeadShape) -> Result<FinalTreeHead, Why> {
    let root = STANDARD.decode(&shape.sha256_root_hash).map_err(|_| Why::FinalRootHash)?;
    let sha256_root_hash = root.try_into().map_err(|_| Why::FinalRootHash)?;
    Ok(FinalTreeHead { tree_size: shape.tree_size, sha256_root_hash })
}

fn interval(shape: IntervalShape) -> Result<(Timestamp, Timestamp), Why> {
    let (start, end) = (timestamp(shape.start_inclusive)?, timestamp(shape.end_exclusive)?);
    if start < end { Ok((start, end)) } else { Err(Why::Interval) }
}

fn previous_operators(shapes: Vec<PreviousOperatorShape>) -> Result<Vec<(String, Timestamp)>, Why> {
    if shapes.len() > PREVIOUS_OPERATORS_MAX {
        return Err(Why::TooManyOperators);
    }
    let previous =
        |shape: PreviousOperatorShape| Ok((operator_name(shape.name)?, timestamp(shape.end_time)?));
    let mut previous: Vec<_> = shapes.into_iter().map(previous).collect::<Result<_, Why>>()?;
    previous.sort_by_key(|(_, until)| *until);
    Ok(previous)
}

fn timestamp(text: String) -> Result<Timestamp, Why> {
    text.parse().map_err(|_| Why::Time)
}

/// The name of an operator. It must say something: policies ask for SCTs of different operators.
fn operator_name(name: String) -> Result<String, Why> {
    if name.is_empty() { Err(Why::Text) } else { text(name) }
}

/// A text that can be shown on a terminal.
fn text(text: String) -> Result<String, Why> {
    if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(Why::Text);
    }
    Ok(text)
}

/// A URL without the slashes at its end. Lists disagree about these, and RFC 6962 §4 puts one behind.
fn url(url: Option<String>) -> Result<String, Why> {
    let url = url.unwrap_or_default();
    let trimmed = url.trim_end_matches('/');
    let host = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
    let known = host.is_some_and(|host| host.bytes().all(|byte| byte.is_ascii_graphic()));
    if url.len() > TEXT_BYTES_MAX || !(url.is_empty() || known) {
        return Err(Why::Url);
    }
    Ok(trimmed.to_owned())
}

/// Bytes in a list. crt.sh's, with every log there ever was, has 160,000.
pub const LIST_BYTES_MAX: usize = 4 << 20;
/// Logs in a list. There have been some 320 in thirteen years.
pub const LOGS_MAX: usize = 4_000;
/// Bytes in a name or a URL. The longest seen has 89.
pub const TEXT_BYTES_MAX: usize = 512;
/// Previous operators of a log. None has had more than one.
pub const PREVIOUS_OPERATORS_MAX: usize = 16;
/// States of a log that are unknown here, beside the six that are known.
const STATES_MAX: usize = 16;
/// How the description of a log that does not exist begins.
const BOGUS: &str = "bogus";
