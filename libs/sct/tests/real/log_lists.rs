//! The lists of Mozilla, Apple and crt.sh, and the logs that must never be trusted.

use countersign_sct::log_list::Why;
use countersign_sct::{Api, LogKeyError, LogList, Purpose, Standing, State};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::vector;

pub(crate) fn sample(name: &str) -> Option<LogList> {
    Some(LogList::parse(&vector(&format!("loglists/{name}.json"))?).unwrap())
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The list has so many logs of each kind, and nothing was skipped.
fn check_counts(name: &str, rfc6962: usize, static_ct: usize) {
    let Some(list) = sample(name) else { return };
    assert_eq!(list.skipped, []);
    let is_rfc6962 = |api: &Api| matches!(api, Api::Rfc6962 { .. });
    let count = list.logs.iter().filter(|log| is_rfc6962(&log.api)).count();
    assert_eq!((count, list.logs.len() - count), (rfc6962, static_ct), "{name}");
    assert!(list.logs.iter().all(|log| !log.description.is_empty()));
    assert!(list.diff(&list).is_empty());
}

#[test]
fn no_log_of_any_sample_is_skipped() {
    check_counts("mozilla-known-logs-2026-08", 26, 22);
    check_counts("apple-current-2026-08", 135, 31);
    check_counts("crtsh-all-2026-08", 197, 112);
}

#[test] // GoogleChrome/CertificateTransparency, 3p_libraries.md
fn logs_whose_private_keys_are_public_never_get_in() {
    let Some(list) = sample("mimic-logs-deny") else { return };
    assert_eq!(list.logs, []);
    assert_eq!(list.skipped.len(), 2);
    for skipped in &list.skipped {
        assert!(matches!(skipped.why, Why::Key(LogKeyError::PrivateKeyIsPublic(_))), "{skipped:?}");
    }
}

/// So many logs of the list are in these standings at that time, for an SCT made the year before.
fn check_standings(name: &str, now: &str, expected: [usize; 3]) {
    let Some(list) = sample(name) else { return };
    let (promised, now) = (time("2024-06-01T00:00:00Z"), time(now));
    let count =
        |standing| list.logs.iter().filter(|log| log.standing(promised, now) == standing).count();
    let counts = [count(Standing::Current), count(Standing::Former), count(Standing::Untrusted)];
    assert_eq!(counts, expected, "{name}");
}

#[test]
fn standings_are_those_of_the_root_programmes() {
    // Two of the three retired logs do not exist ("Bogus …"), the third is retired for good.
    check_standings("mozilla-known-logs-2026-08", "2026-11-24T00:00:00Z", [45, 1, 2]);
    check_standings("apple-current-2026-08", "2026-11-24T00:00:00Z", [57, 0, 109]);
    // crt.sh states nothing, so it makes nothing trusted.
    check_standings("crtsh-all-2026-08", "2026-11-24T00:00:00Z", [0, 0, 309]);
}

#[test]
fn purposes_are_read() {
    let (Some(mozilla), Some(crtsh)) =
        (sample("mozilla-known-logs-2026-08"), sample("crtsh-all-2026-08"))
    else {
        return;
    };
    let tests = |list: &LogList| list.logs.iter().filter(|l| l.purpose == Purpose::Test).count();
    assert_eq!(tests(&mozilla), 2);
    assert_eq!(tests(&crtsh), 68);
}

#[test]
fn the_union_knows_every_log_once_and_each_list_is_in_it() {
    let names = ["mozilla-known-logs-2026-08", "apple-current-2026-08", "crtsh-all-2026-08"];
    let Some(lists) = names.iter().map(|name| sample(name)).collect::<Option<Vec<_>>>() else {
        return;
    };
    let union = LogList::union(lists.clone());
    assert_eq!(union.logs.len(), 311);
    assert_eq!(union.published, Some(time("2026-08-11T20:05:47Z")));
    let now = time("2026-11-24T00:00:00Z");
    for list in &lists {
        assert_eq!(list.diff(&union).removed.len(), 0);
        for log in &list.logs {
            let merged = union.log(&log.key.id()).unwrap();
            // What one list has withdrawn, the union has withdrawn.
            if let state @ (State::Retired | State::Rejected) = log.state_at(now) {
                assert!([state, State::Rejected].contains(&merged.state_at(now)));
            }
            assert!(merged.purpose >= log.purpose);
        }
    }
    // Mozilla gives no URLs. The others know them, but not for logs that do not exist.
    let unknown = union.logs.iter().filter(|log| match &log.api {
        Api::Rfc6962 { url } => url.is_empty(),
        Api::StaticCt { submission_url, monitoring_url } => {
            submission_url.is_empty() || monitoring_url.is_empty()
        }
    });
    let unknown: Vec<_> = unknown.map(|log| log.description.as_str()).collect();
    assert!(unknown.iter().all(|name| name.starts_with("Bogus")), "{unknown:?}");
    assert_eq!(unknown.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_list_is_judged_and_gains_nothing(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut: prop::sample::Index,
    ) {
        let Some(json) = vector("loglists/mozilla-known-logs-2026-08.json") else { return Ok(()) };
        let original = LogList::parse(&json).unwrap();
        let mut changed = json.clone();
        for (at, octet) in changes {
            changed[at.index(json.len())] = octet;
        }
        if let Ok(list) = LogList::parse(&changed) {
            prop_assert!(original.diff(&list).added.is_empty());
            let _ = LogList::union(vec![original, list]);
        }
        prop_assert!(LogList::parse(&json[..cut.index(json.len())]).is_err());
    }
}
