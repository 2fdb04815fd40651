//! What a watch is told to do.

use std::path::PathBuf;
use std::time::Duration;

use countersign_ct::watchlist::Watchlist;
use countersign_net::pace::Rates;
use countersign_sct::LogKey;
use countersign_sct::log_list::Api;
use jiff::Timestamp;

use crate::delegations::Delegations;
use crate::judging::Judging;
use crate::probing::Probing;

/// What to guard, from which logs, how often.
#[derive(Debug)]
pub struct Settings {
    /// The guarded names.
    pub watchlist: Watchlist,
    /// Where the lists of logs come from. Their union is followed.
    pub lists: Vec<ListSource>,
    /// Logs to follow whatever the lists say.
    pub own_logs: Vec<OwnLog>,
    /// How often the lists are fetched.
    pub list_refresh: Duration,
    /// How often each log is asked for its newest head.
    pub poll: Duration,
    /// Requests under way to one log at a time, at least 1.
    pub jobs_per_log: usize,
    /// How fast a log is asked at first, and at most. In between, each log's own pace is learned.
    pub rates: Rates,
    /// The vantage that logs and lists are fetched from, by name.
    pub vantage: String,
    /// Entries appended from this time on are looked at; by default, from when guarding began.
    pub since: Option<Timestamp>,
    /// How long a log or list may fail before it counts as trouble. One lost packet is none.
    pub unreachable_after: Duration,
    /// What is expected, and what to do about what is not.
    pub judging: Judging,
    /// The zones whose delegation is watched.
    pub delegations: Delegations,
    /// The domains whose services are probed.
    pub probing: Probing,
}

/// A list of logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSource {
    /// What reports call it.
    pub name: String,
    /// Where it is.
    pub place: Place,
}

/// Where a list of logs is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the web.
    Url(String),
    /// On this machine.
    File(PathBuf),
}

/// A log that is in no list.
#[derive(Clone, Debug)]
pub struct OwnLog {
    /// What reports call it.
    pub description: String,
    /// Its key.
    pub key: LogKey,
    /// Where it is.
    pub api: Api,
    /// Its maximum merge delay, in seconds, if known.
    pub mmd_s: Option<u64>,
}
