//! Logs that fail, and stores that are taken.

use countersign_lab::log::{Fault, FaultKind, Group, Gzip};

use crate::logs::{GUARD, PROTOCOLS, SmallLog};
use crate::place::{Place, Progress};

/// What is tried on each log.
const KINDS: [FaultKind; 4] =
    [FaultKind::Html, FaultKind::Truncated, FaultKind::Reset, FaultKind::Status(500)];

/// A log for each protocol, each with so many entries.
async fn both(entries: u64) -> Vec<SmallLog> {
    let mut logs = Vec::new();
    for (protocol, description) in PROTOCOLS {
        let mut log = SmallLog::start(protocol, description).await;
        log.grow(entries);
        logs.push(log);
    }
    logs
}

/// Lets every nth request fail from now on, or none.
fn fail(log: &SmallLog, fault: Option<Fault>) {
    log.server.turn(Group::A, |knobs| knobs.faults = fault.clone().into_iter().collect());
}

/// All of a log was read, and each sighting is there once.
async fn check_read(place: &Place, log: &SmallLog) {
    let description = log.extra().description;
    assert_eq!(place.progress(&description).await, Some(Progress::all(log.size())));
    assert_eq!(place.seen(&description).await, log.guarded, "{description}");
}

#[tokio::test]
async fn a_log_that_only_fails_is_named_and_holds_up_no_other() {
    let spoilt = both(600).await;
    let healthy = {
        let mut log = SmallLog::start(PROTOCOLS[0].0, "healthy").await;
        log.grow(600);
        log
    };
    for kind in KINDS {
        for log in &spoilt {
            fail(log, Some(Fault::new(kind.clone())));
        }
        let extras: Vec<_> = spoilt.iter().chain([&healthy]).map(SmallLog::extra).collect();
        let place = Place::new(&["other.example"], &extras);
        let ended = place.run("watch --once --json").await;
        assert_eq!(ended.status, Some(2), "{kind:?}: {ended:?}");
        for log in &spoilt {
            let description = log.extra().description;
            let named = ended.rows().iter().any(|row| {
                row["event"] == "trouble-opened"
                    && row["log"] == *description
                    && row["kind"] == "unreachable"
            });
            assert!(named, "{kind:?}: {ended:?}");
        }
        let progress = place.progress("healthy").await;
        assert_eq!(progress, Some(Progress::all(healthy.size())), "{kind:?}");
    }
}

#[tokio::test]
async fn whichever_requests_fail_each_entry_is_seen_once() {
    let logs = both(300).await;
    let extras: Vec<_> = logs.iter().map(SmallLog::extra).collect();
    let calm = Place::new(&[GUARD], &extras);
    assert_eq!(calm.run("watch --once").await.status, Some(1));
    let requests = logs.iter().map(|log| log.server.requests("")).max().unwrap();
    assert!(requests > 5);
    for (n, kind) in (2..=requests + 1).zip(KINDS.iter().cycle()) {
        for log in &logs {
            fail(log, Some(Fault::new(kind.clone()).every(n)));
        }
        let place = Place::new(&[GUARD], &extras);
        let ended = place.run("watch --once").await;
        // What takes n requests in a row cannot be done; below that nothing may be given up.
        if n > 4 {
            assert!(!ended.stderr.contains("could not look"), "{kind:?}, {n}: {}", ended.stderr);
        }
        for log in &logs {
            fail(log, None);
        }
        place.run("watch --once").await;
        for log in &logs {
            check_read(&place, log).await;
        }
    }
}

/// A data tile that is not one, beside a hash tile that is, must not pass for a tile of unknown entries.
#[tokio::test]
async fn an_accident_with_a_data_tile_costs_no_entry() {
    let (protocol, description) = PROTOCOLS[1];
    let mut log = SmallLog::start(protocol, description).await;
    log.grow(600);
    for kind in [FaultKind::Html, FaultKind::Truncated] {
        log.server.turn(Group::A, |knobs| {
            knobs.gzip = Gzip::Never;
            knobs.faults = vec![Fault::new(kind.clone()).on("tile/data").every(5)];
        });
        let place = Place::new(&[GUARD], &[log.extra()]);
        let ended = place.run("watch --once --json").await;
        assert!(!ended.stdout.contains(r#""nature":"proof""#), "{kind:?}");
        check_read(&place, &log).await;
    }
}

#[tokio::test]
async fn a_long_backlog_is_read_from_a_log_that_often_fails() {
    let logs = both(5_000).await;
    let extras: Vec<_> = logs.iter().map(SmallLog::extra).collect();
    for n in [2, 3] {
        for log in &logs {
            fail(log, Some(Fault::new(FaultKind::Reset).every(n)));
        }
        let place = Place::new(&[GUARD], &extras);
        let ended = place.run("watch --once").await;
        assert!(!ended.stderr.contains("could not look"), "{n}: {}", ended.stderr);
        for log in &logs {
            check_read(&place, log).await;
        }
    }
}

#[tokio::test]
async fn a_store_belongs_to_one_watch() {
    let log = SmallLog::start(PROTOCOLS[0].0, "log").await;
    let place = Place::new(&[GUARD], &[log.extra()]);
    let first = place.start("watch");
    crate::place::until("the log is followed", async || place.progress("log").await.is_some())
        .await;
    let second = place.run("watch --once").await;
    let lines: Vec<&str> = second.stderr.lines().collect();
    assert_eq!(second.status, Some(2));
    assert!(
        matches!(&lines[..], [error, hint] if error.starts_with("error: ") && hint.starts_with("hint: ")),
        "{lines:?}"
    );
    assert_eq!(first.stopped().await.status, Some(0));
    assert_eq!(place.run("watch --once").await.status, Some(0));
}
