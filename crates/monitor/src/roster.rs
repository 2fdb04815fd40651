//! Which logs to follow, and why not the others: a function of the lists and the time.

use std::collections::BTreeMap;

use countersign_ct::follower::Promise;
use countersign_judge::plain::plain;
use countersign_sct::log_list::{Api, Log, LogList, Purpose, State};
use countersign_sct::{LogId, LogKey};
use jiff::{SignedDuration, Timestamp};

use crate::settings::OwnLog;

/// A log to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Its key, and by it its id.
    pub key: LogKey,
    /// Its name for people.
    pub description: String,
    /// Who runs it.
    pub operator: String,
    /// How it is read.
    pub api: ReadApi,
    /// Its maximum merge delay.
    pub mmd: Option<SignedDuration>,
    /// What it promises of its heads.
    pub promise: Promise,
}

/// How a log is read, with the URL in front of each path: it ends in a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadApi {
    /// RFC 6962.
    Rfc6962(String),
    /// c2sp.org/static-ct-api, by its monitoring prefix.
    StaticCt(String),
}

/// What a list says of all its logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// To follow, by id.
    pub followed: BTreeMap<LogId, Followed>,
    /// Should be followed, but no list says where they are. By description.
    pub unlocated: Vec<String>,
}

impl Roster {
    /// Picks the logs that browsers accept promises from: qualified, usable and read-only ones, and those for
    /// monitoring only. A shard is followed until its last possible certificate has expired and the merge
    /// delay is over.
    ///
    /// Each list is asked by itself: a log that one browser has retired may still count for another's users.
    /// How a log is read comes from their union, since some lists have no URLs.
    pub fn new(lists: Vec<LogList>, own: &[OwnLog], now: Timestamp) -> Self {
        let mut roster = Self::default();
        let wanted = lists.iter().flat_map(|list| &list.logs).filter(|log| is_wanted(log, now));
        // One list that says usable is enough to expect fresh heads.
        let mut signing = BTreeMap::new();
        for log in wanted {
            *signing.entry(log.key.id()).or_insert(false) |= signs(log.state_at(now));
        }
        for log in LogList::union(lists).logs {
            let Some(signs) = signing.get(&log.key.id()) else { continue };
            let promise = promise(log.mmd_s, *signs);
            roster.add(&log.key, &log.description, &log.operator, &log.api, log.mmd_s, promise);
        }
        for log in own {
            let promise = promise(log.mmd_s, true);
            roster.add(&log.key, &log.description, OWN, &log.api, log.mmd_s, promise);
        }
        roster
    }

    fn add(
        &mut self,
        key: &LogKey,
        description: &str,
        operator: &str,
        api: &Api,
        mmd_s: Option<u64>,
        promise: Promise,
    ) {
        let (url, read): (_, fn(String) -> ReadApi) = match api {
            Api::Rfc6962 { url } => (url, ReadApi::Rfc6962),
            Api::StaticCt { monitoring_url, .. } => (monitoring_url, ReadApi::StaticCt),
        };
        if url.is_empty() {
            self.unlocated.push(plain(description).into_owned());
            return;
        }
        let scheme = if url.contains("://") { "" } else { "https://" };
        let api = read(format!("{scheme}{}/", url.trim_end_matches('/')));
        // Whoever writes a list chooses these, and they are shown in every event.
        let (description, operator) =
            (plain(description).into_owned(), plain(operator).into_owned());
        let mmd = mmd_s.map(seconds);
        let followed = Followed { key: key.clone(), description, operator, api, mmd, promise };
        self.followed.insert(key.id(), followed);
    }
}

impl Followed {
    /// The longest an entry may take from its own time to its place in the log.
    pub fn merge_delay(&self) -> SignedDuration {
        self.mmd.unwrap_or(MMD_DEFAULT)
    }
}

fn is_wanted(log: &Log, now: Timestamp) -> bool {
    if log.purpose == Purpose::Test {
        return false;
    }
    let accepted = match log.state_at(now) {
        State::Qualified | State::Usable | State::ReadOnly { .. } => true,
        State::Unstated => log.purpose == Purpose::MonitoringOnly,
        State::Pending | State::Retired | State::Rejected => false,
    };
    let delay = log.mmd_s.map_or(MMD_DEFAULT, seconds);
    let is_over = |&(_, end): &(Timestamp, Timestamp)| now.duration_since(end) > delay;
    accepted && !log.interval.as_ref().is_some_and(is_over)
}

/// A log that is read-only signs no new heads (RFC 6962 §3 asks that of a log that accepts entries).
fn signs(state: State) -> bool {
    !matches!(state, State::ReadOnly { .. })
}

fn promise(mmd_s: Option<u64>, signs: bool) -> Promise {
    Promise { head_age_max: signs.then(|| mmd_s.map_or(MMD_DEFAULT, seconds)) }
}

fn seconds(seconds: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX).min(MMD_MAX_S))
}

/// Where a list does not say it: what all RFC 6962 logs of the browsers' lists promise.
const MMD_DEFAULT: SignedDuration = SignedDuration::from_hours(24);
/// No log promises less than a month; a list that says so must not switch the judging of heads off.
const MMD_MAX_S: i64 = 31 * 24 * 3600;
/// The operator of logs that the configuration names.
const OWN: &str = "configured";

#[cfg(test)]
mod tests {
    use super::*;

    fn list(state: &str, more: &str) -> LogList {
        let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE15ypB40iQe6ToFJB2vSA8CW86/rzPNJ+kdg/LNpRvcjuKnLj/xhW5DoiDyI8xtUws5toLqtWwkFf1mRXFLFarw==";
        let id = "H7w24ALt6X9AGZ6Gs1c7ikIX2AGHdGrQ2gOgYFTSDfQ=";
        let json = format!(
            r#"{{"operators":[{{"name":"Op","logs":[{{"description":"log","key":"{key}","log_id":"{id}",
            "url":"https://ct.example/log","mmd":86400,"state":{{"{state}":{{"timestamp":"2026-01-01T00:00:00Z"}}}}{more}}}]}}]}}"#
        );
        let list = LogList::parse(json.as_bytes()).unwrap();
        assert_eq!(list.skipped.len(), 0, "{:?}", list.skipped);
        list
    }

    /// Whether a log in this state is followed at noon, and how old its heads may be.
    fn check(state: &str, more: &str, expected: Option<Option<SignedDuration>>) {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let roster = Roster::new(vec![list(state, more)], &[], now);
        let promise = roster.followed.values().next().map(|log| log.promise.head_age_max);
        assert_eq!(promise, expected, "{state} {more}");
    }

    #[test]
    fn logs_are_followed_by_state_and_interval() {
        let day = Some(SignedDuration::from_hours(24));
        check("usable", "", Some(day));
        check("qualified", "", Some(day));
        check("readonly", "", Some(None));
        check("pending", "", None);
        check("retired", "", None);
        check("rejected", "", None);
        check("usable", r#","log_type":"test""#, None);
        let interval = |end: &str| {
            format!(
                r#","temporal_interval":{{"start_inclusive":"2026-01-01T00:00:00Z","end_exclusive":"{end}"}}"#
            )
        };
        check("usable", &interval("2026-11-23T12:00:00Z"), Some(day));
        check("usable", &interval("2026-11-23T11:59:59Z"), None);
    }

    #[test]
    fn a_log_without_a_place_is_said() {
        let mut list = list("usable", "");
        list.logs[0].api = Api::Rfc6962 { url: String::new() };
        let roster = Roster::new(
            vec![list],
            &[],
            Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000),
        );
        assert_eq!(roster.unlocated, ["log"]);
    }
}
