//! Lists of logs: whose keys, where, and how far each is trusted.
//!
//! Browser makers publish such lists, in the "log list v3" JSON of Google. [`LogList::parse`] reads one,
//! [`LogList::union`] makes one of several, [`LogList::diff`] tells what a new one changes.

use jiff::Timestamp;

use crate::key::LogKey;
use crate::log_id::LogId;

mod diff;
mod shape;
mod union;

pub use diff::{Changed, Diff, Field};
pub use shape::{LIST_BYTES_MAX, LOGS_MAX, PREVIOUS_OPERATORS_MAX, TEXT_BYTES_MAX};
pub use shape::{LogListError, Skipped, Why};

/// Logs, each id once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogList {
    /// In the list's order.
    pub logs: Vec<Log>,
    /// When the list was made, if it says so. Of a union, the oldest: it is no fresher than that.
    pub published: Option<Timestamp>,
    /// What was left out and why, for somebody to read: a log that is not followed is a blind spot.
    pub skipped: Vec<Skipped>,
}

impl LogList {
    /// The log with this id.
    pub fn log(&self, id: &LogId) -> Option<&Log> {
        self.logs.iter().find(|log| log.key.id() == *id)
    }
}

/// One log, as one list or a union of lists has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its key, and so its id.
    pub key: LogKey,
    /// Its name, for people.
    pub description: String,
    /// Who runs it.
    pub operator: String,
    /// Who ran it before, and until when; sorted by that time.
    pub previous_operators: Vec<(String, Timestamp)>,
    /// How to talk to it.
    pub api: Api,
    /// Maximum merge delay in seconds: it has promised to publish an entry that soon. `None`: unknown.
    pub mmd_s: Option<u64>,
    /// What the list says of it, and since when or from when on; sorted by that time. See [`Log::state_at`].
    pub states: Vec<(State, Timestamp)>,
    /// It takes certificates that expire from the first time on and before the second. `None`: all.
    pub interval: Option<(Timestamp, Timestamp)>,
    /// What the log is for.
    pub purpose: Purpose,
}

impl Log {
    /// The state at `now`. Each state holds from its time on, and not before: a retirement is listed days
    /// ahead. Of those whose time has come, it is the one that is furthest in the life of a log, as [`State`]
    /// sorts them, for a log never goes back.
    ///
    /// Before the first of all times the log is [`State::Unstated`], unless that first state can only follow
    /// upon trust: a log that *will be* read-only or retired, in a list that gives one state only, is
    /// [`State::Usable`] until then.
    pub fn state_at(&self, now: Timestamp) -> State {
        let begun = self.states.iter().filter(|(_, since)| *since <= now);
        if let Some((state, _)) = begun.max_by_key(|(state, _)| state.rank()) {
            return state.clone();
        }
        match self.states.first() {
            Some((State::ReadOnly { .. } | State::Retired, _)) => State::Usable,
            _ => State::Unstated,
        }
    }

    /// What an SCT of this log, made at `promised`, is worth at `now`, if its signature is good.
    pub fn standing(&self, promised: Timestamp, now: Timestamp) -> Standing {
        match self.purpose {
            Purpose::Production => {}
            Purpose::MonitoringOnly | Purpose::Test => return Standing::Untrusted,
        }
        match self.state_at(now) {
            State::Qualified | State::Usable | State::ReadOnly { .. } => Standing::Current,
            State::Retired if self.retired_at().is_some_and(|retired| promised < retired) => {
                Standing::Former
            }
            State::Retired | State::Pending | State::Unstated | State::Rejected => {
                Standing::Untrusted
            }
        }
    }

    /// Who ran it at that time: the earliest of the previous operators whose time was not over, or today's.
    pub fn operator_at(&self, at: Timestamp) -> &str {
        let previous = self.previous_operators.iter().find(|(_, until)| at < *until);
        previous.map_or(&self.operator, |(operator, _)| operator)
    }

    /// From when on its SCTs are no longer trusted: the earliest retirement.
    fn retired_at(&self) -> Option<Timestamp> {
        let retired = self.states.iter().filter(|(state, _)| *state == State::Retired);
        retired.map(|(_, from)| *from).min()
    }
}

/// How to talk to a log. URLs have no slash at the end; an empty one is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Api {
    /// The API of RFC 6962 §4: `{url}/ct/v1/get-sth` and so on.
    Rfc6962 {
        /// The prefix of all its URLs.
        url: String,
    },
    /// c2sp.org/static-ct-api.
    StaticCt {
        /// Where certificates go, and, without `https://`, the origin of its checkpoints.
        submission_url: String,
        /// Where checkpoints and tiles are.
        monitoring_url: String,
    },
}

/// How far a root programme trusts a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It has applied.
    Pending,
    /// It is trusted, but old clients do not know it yet.
    Qualified,
    /// It is trusted.
    Usable,
    /// It takes no more entries; what it has promised counts.
    ReadOnly {
        /// The last tree it will ever have, if the list says so.
        final_tree_head: Option<FinalTreeHead>,
    },
    /// The list says nothing, or nothing that is known here. Never trusted.
    Unstated,
    /// It is no longer trusted, but what it had promised before still counts.
    Retired,
    /// It was never trusted, or everything it ever promised has lost its worth.
    Rejected,
}

impl State {
    /// How far in the life of a log. A state that is unknown here comes after all that is trusted, since it
    /// may take that trust away.
    fn rank(&self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Qualified => 1,
            Self::Usable => 2,
            Self::ReadOnly { .. } => 3,
            Self::Unstated => 4,
            Self::Retired => 5,
            Self::Rejected => 6,
        }
    }
}

/// The last tree head of a log that takes no more entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalTreeHead {
    /// Entries in the tree.
    pub tree_size: u64,
    /// SHA-256 root of the tree.
    pub sha256_root_hash: [u8; 32],
}

/// What a log is for, from the most trusting to the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Vouching for certificates.
    Production,
    /// To be watched, but its SCTs do not count. A purpose that is unknown here is read as this one: nothing
    /// is trusted that need not be, and nothing is overlooked.
    MonitoringOnly,
    /// Trying things out, or filling a place in the list ("Bogus …"). Its SCTs never count.
    Test,
}

/// What an SCT with a good signature is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The log is trusted now.
    Current,
    /// The log is retired, and says that it made the SCT before that. Only the log vouches for that time, so
    /// policies count such an SCT only beside one that is [`Standing::Current`].
    Former,
    /// Nothing.
    Untrusted,
}

#[cfg(test)]
mod tests;
