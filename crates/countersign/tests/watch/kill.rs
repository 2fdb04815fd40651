//! kill -9, over and over, during a backlog.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::logs::{PROTOCOLS, Real, serve_both};
use crate::place::{Extra, Place, Progress};

/// Reads both logs to their ends under a hail of kills, as often as it takes for so many of them.
async fn check(guard: &str, logs: &[Extra], entries: u64, expected: &BTreeSet<u64>, kills: u32) {
    let mut delays = Delays(1);
    let (mut killed, mut rounds) = (0, 0);
    while killed < kills {
        rounds += 1;
        let place = Place::new(&[guard], logs);
        let mut lines = Vec::new();
        while killed < kills && !is_read(&place, entries).await {
            let ended = place.start("watch --json").killed_after(delays.next()).await;
            assert_eq!(ended.status, None, "it ended by itself: {}", ended.stderr);
            lines.extend(ended.rows());
            killed += 1;
        }
        for (_, description) in PROTOCOLS {
            let reached = place.progress(description).await;
            eprintln!("{guard}: {description} after {killed} kills: {reached:?}");
        }
        let ended = place.run("watch --once --json").await;
        assert!(matches!(ended.status, Some(0 | 1)), "{ended:?}");
        lines.extend(ended.rows());
        for (_, description) in PROTOCOLS {
            assert_eq!(place.progress(description).await, Some(Progress::all(entries)));
            assert_eq!(&place.seen(description).await, expected, "{description}");
        }
        check_lines(&place, &lines).await;
    }
    eprintln!("{killed} kills in {rounds} rounds");
}

/// Whether both logs were read to their ends.
async fn is_read(place: &Place, entries: u64) -> bool {
    for (_, description) in PROTOCOLS {
        if place.progress(description).await != Some(Progress::all(entries)) {
            return false;
        }
    }
    true
}

/// Every sighting was told. What was told twice, since the kill came before it was noted that it had been told, is
/// the same both times.
async fn check_lines(place: &Place, lines: &[Value]) {
    let mut reports: BTreeMap<u64, &Value> = BTreeMap::new();
    for line in lines {
        let first = reports.entry(line["report"].as_u64().unwrap()).or_insert(line);
        assert_eq!(*first, line);
    }
    let told: Vec<u64> = reports
        .values()
        .filter(|line| line["event"] == "sighting")
        .map(|line| line["id"].as_u64().unwrap())
        .collect();
    let told_once: BTreeSet<u64> = told.iter().copied().collect();
    assert_eq!(told_once.len(), told.len(), "one sighting, two reports");
    let rows = place.run("sightings --json --limit 1000000").await.rows();
    let kept: BTreeSet<u64> = rows.iter().map(|row| row["id"].as_u64().unwrap()).collect();
    assert_eq!(told_once, kept);
}

/// How long processes live: from before they have opened the store to well into the backlog. The numbers look
/// random and are the same in each run; where they hit is left to the machine.
pub(crate) struct Delays(pub(crate) u64);

impl Delays {
    pub(crate) fn next(&mut self) -> Duration {
        // Knuth's MMIX generator.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis(20 + (self.0 >> 33) % 500)
    }
}

#[tokio::test]
async fn kills_lose_nothing_where_sightings_are_rare() {
    let Some(real) = Real::read() else { return };
    let (entries, name) = (20_000, real.repeated());
    let expected = real.with(entries, |found| found == name);
    let (_logs, extras) = serve_both(&real, entries).await;
    check(name, &extras, entries, &expected, 50).await;
}

#[tokio::test]
async fn kills_lose_nothing_where_every_entry_is_one() {
    let Some(real) = Real::read() else { return };
    let entries = 8_000;
    let expected = real.with(entries, |_| true);
    let (_logs, extras) = serve_both(&real, entries).await;
    check(".", &extras, entries, &expected, 50).await;
}
