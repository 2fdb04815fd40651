//! Makes a list for clients out of what root programmes and others publish.
//!
//! A log gets in when two sources agree on its key and operator, and one of them is a root programme that trusts
//! it. It is retired when any programme says so, at the earliest time that any says. What is for tests, what only
//! fills a place in somebody's list ("Bogus …"), and what anybody can sign for never gets in, whoever asks.
//!
//! ```text
//! Mozilla ┐
//! Apple   ├──> by key ──> trusted by a programme? known to another? same operator? ──> in, with what was decided
//! others  ┘                                  │ no
//!                                            └──> out, with why
//! ```
//!
//! Google's lists are not asked for: they may not be used for this, and have entries that are there to break
//! those who do (GoogleChrome/CertificateTransparency, 3p_libraries.md).

use jiff::{SignedDuration, Timestamp};

use super::SignedList;
use crate::log_id::LogId;
use crate::log_list::{Log, LogList, Purpose, State};

/// A list that is asked about logs.
#[derive(Clone, Debug)]
pub struct Source {
    /// Whose it is, for people.
    pub name: String,
    /// What its word is worth.
    pub kind: SourceKind,
    /// What it says.
    pub list: LogList,
}

/// What a source's word is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A root programme: it decides which logs its browser trusts.
    Programme,
    /// Somebody who knows logs and decides nothing: a monitor, or the operator of a log.
    Observer,
}

/// A list, and what was decided about every log that any source trusts or the last list had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// For clients.
    pub list: SignedList,
    /// In the order of the sources.
    pub decided: Vec<Decided>,
}

/// What was decided about a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Which log.
    pub log_id: LogId,
    /// Its name, in the first source that has one.
    pub description: String,
    /// Who runs it.
    pub operator: String,
    /// Whether it is in.
    pub what: What,
}

/// Whether a log is in a list, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// In, and was not in the last list.
    Added,
    /// In, as before.
    Kept,
    /// In, and retired from that time on. It counts for what it promised before.
    Retired(Timestamp),
    /// Out.
    Refused(Refusal),
    /// Out, and was in the last list. A person should look at these: certificates may depend on them.
    Dropped,
}

/// Why a log is not in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Some source says it is for tests, for monitoring only, or it is called "Bogus".
    NotForProduction,
    /// A programme has rejected it.
    Rejected,
    /// Only this source knows it.
    OneSource(String),
    /// The sources name different operators.
    OtherOperator(String),
}

/// Operators that go by several names; the second is the one that lists get. A log of one operator that counts as
/// two would let one company vouch alone.
pub const ALIASES: &[(&str, &str)] =
    &[("IPng GmbH", "IPng Networks"), ("Filippo Valsorda", "Geomys")];

/// How long a list may be used: to the end of the ladder.
const VALID: SignedDuration = SignedDuration::from_hours(180 * 24);

/// Makes the next list. `last` is the one before; its version is counted up.
pub fn build(sources: &[Source], last: Option<&SignedList>, issued: Timestamp) -> Built {
    let mut decided = Vec::new();
    let mut logs = Vec::new();
    for log in candidates(sources, last) {
        let opinions: Vec<Opinion<'_>> = sources
            .iter()
            .filter_map(|source| Some(Opinion { source, log: source.list.log(&log.key.id())? }))
            .collect();
        let was_in = last.is_some_and(|last| last.logs.log(&log.key.id()).is_some());
        let what = match decide(&opinions, issued) {
            None if was_in => What::Dropped,
            None => continue,
            Some(Err(refusal)) => What::Refused(refusal),
            Some(Ok(log)) => {
                let retired = log.states.iter().find(|(state, _)| *state == State::Retired);
                let what = match retired {
                    Some((_, retired)) => What::Retired(*retired),
                    None if was_in => What::Kept,
                    None => What::Added,
                };
                logs.push(log);
                what
            }
        };
        let description = name(&opinions).unwrap_or_else(|| log.description.clone());
        let operator = canonical(&log.operator).to_owned();
        decided.push(Decided { log_id: log.key.id(), description, operator, what });
    }
    let version = last.map_or(0, |last| last.version).saturating_add(1);
    let expires = issued.saturating_add(VALID).expect("no span of the calendar");
    Built { list: SignedList::new(version, issued, expires, logs), decided }
}

/// Each log that somebody names, once.
fn candidates<'a>(sources: &'a [Source], last: Option<&'a SignedList>) -> Vec<&'a Log> {
    let lists = sources.iter().map(|source| &source.list).chain(last.map(|last| &last.logs));
    let mut logs: Vec<&Log> = Vec::new();
    for log in lists.flat_map(|list| &list.logs) {
        if !logs.iter().any(|known| known.key == log.key) {
            logs.push(log);
        }
    }
    logs
}

/// What one source says of a log.
struct Opinion<'a> {
    source: &'a Source,
    log: &'a Log,
}

/// The log as the list has it. `None`: no programme trusts it, or has trusted it.
fn decide(opinions: &[Opinion<'_>], issued: Timestamp) -> Option<Result<Log, Refusal>> {
    let programmes = || opinions.iter().filter(|one| one.source.kind == SourceKind::Programme);
    let trusts = |one: &Opinion<'_>| match one.log.state_at(issued) {
        State::Qualified | State::Usable | State::ReadOnly { .. } | State::Retired => true,
        State::Pending | State::Unstated | State::Rejected => false,
    };
    let first = programmes().find(|one| trusts(one))?;
    if opinions.iter().any(|one| one.log.purpose != Purpose::Production) {
        return Some(Err(Refusal::NotForProduction));
    }
    let mut states = programmes().flat_map(|one| &one.log.states);
    if states.any(|(state, _)| *state == State::Rejected) {
        return Some(Err(Refusal::Rejected));
    }
    if opinions.len() < 2 {
        return Some(Err(Refusal::OneSource(first.source.name.clone())));
    }
    let operator = canonical(&first.log.operator);
    let other =
        opinions.iter().map(|one| canonical(&one.log.operator)).find(|other| *other != operator);
    if let Some(other) = other {
        return Some(Err(Refusal::OtherOperator(other.to_owned())));
    }
    let mut log = first.log.clone();
    log.description = name(opinions).unwrap_or_else(|| log.key.id().to_string());
    operator.clone_into(&mut log.operator);
    log.states = programmes().flat_map(|one| one.log.states.clone()).collect();
    log.states.sort_by_key(|(_, since)| *since);
    log.previous_operators = opinions
        .iter()
        .flat_map(|one| &one.log.previous_operators)
        .map(canonical_previous)
        .collect();
    log.previous_operators.sort_by(|(one, at), (other, then)| (at, one).cmp(&(then, other)));
    log.previous_operators.dedup();
    // Who goes by two names has sold nothing.
    log.previous_operators.retain(|(previous, _)| *previous != log.operator);
    Some(Ok(log))
}

/// The name that the first source has that has one.
fn name(opinions: &[Opinion<'_>]) -> Option<String> {
    let mut names = opinions.iter().map(|one| one.log.description.trim());
    names.find(|name| !name.is_empty()).map(str::to_owned)
}

fn canonical_previous((operator, until): &(String, Timestamp)) -> (String, Timestamp) {
    (canonical(operator).to_owned(), *until)
}

fn canonical(operator: &str) -> &str {
    let operator = operator.trim();
    ALIASES.iter().find(|(alias, _)| *alias == operator).map_or(operator, |(_, name)| name)
}
