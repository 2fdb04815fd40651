//! Real entries, over both protocols.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::logs::{PROTOCOLS, Real, serve_both};
use crate::place::{Place, Progress};

/// Where the lines of a watch report what is guarded in one log.
fn reported(rows: &[Value], description: &str) -> BTreeSet<u64> {
    let rows = rows.iter().filter(|row| row["event"] == "sighting" && row["log"] == description);
    rows.map(|row| row["index"].as_u64().unwrap()).collect()
}

/// Watches logs of so many entries and reports where it says each guard to be.
async fn check(entries: u64, guards: &[(&str, BTreeSet<u64>)], real: &Real) {
    let (_logs, extras) = serve_both(real, entries).await;
    for (guard, expected) in guards {
        let place = Place::new(&[guard], &extras);
        let ended = place.run("watch --once --json").await;
        let status = if expected.is_empty() { 0 } else { 1 };
        assert_eq!(ended.status, Some(status), "{ended:?}");
        for (_, description) in PROTOCOLS {
            assert_eq!(reported(&ended.rows(), description), *expected, "{description}: {guard}");
            assert_eq!(place.seen(description).await, *expected, "{description}: {guard}");
            assert_eq!(place.progress(description).await, Some(Progress::all(entries)));
        }
        // There is nothing to read any more, and nothing to tell. That certificates are pending stays a finding.
        let again = place.run("watch --once --json").await;
        assert_eq!((again.status, again.rows()), (Some(status), vec![]));
    }
}

#[tokio::test]
async fn names_in_real_entries_are_reported_where_they_are() {
    let Some(real) = Real::read() else { return };
    let name = real.repeated();
    // The last tile is full; ends after ten entries, where the real log once ended; begins anew.
    for entries in [1024, 778, 1034] {
        let exact = real.with(entries, |found| found == name);
        let below = real.with(entries, |found| found.ends_with(".dev"));
        assert!(exact.len() > 1 && below.len() > 1);
        let guards = [(name, exact), (".dev", below), ("www.xmpp.example", BTreeSet::new())];
        check(entries, &guards, &real).await;
    }
}
