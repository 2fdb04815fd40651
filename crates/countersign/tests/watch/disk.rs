//! A disk that is full.

use std::fs;
use std::time::Duration;

use crate::logs::{GUARD, PROTOCOLS, SmallLog};
use crate::place::{Place, Progress, until};

/// A limit on the size of files stands in for the disk: to make one that is full takes root.
#[tokio::test]
async fn on_a_full_disk_a_watch_says_so_and_goes_on_when_there_is_room() {
    let (protocol, description) = PROTOCOLS[0];
    let mut log = SmallLog::start(protocol, description).await;
    log.grow(10);
    let place = Place::new(&[GUARD], &[log.extra()]);
    assert_eq!(place.run("watch --once").await.status, Some(1));
    log.grow(2_000);

    let database = fs::metadata(place.path("countersign-state/countersign.db")).unwrap().len();
    // In blocks of 512 bytes; the rest of them is too small for what is to be kept of the new entries.
    let blocks = (database + 16 * 1024) / 512;
    let limit = format!("trap '' XFSZ; ulimit -f {blocks}");
    let mut full = place.start_after(&limit, "watch --json");
    until("the failure is told", async || full.stderr().contains("going back to what is stored"))
        .await;
    // It is neither over nor given up.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(full.is_running(), "{}", full.stderr());
    let stopped = full.stopped().await;
    assert_eq!(stopped.status, Some(0), "{}", stopped.stderr);
    assert!(stopped.stderr.lines().count() < 100, "{}", stopped.stderr);

    let ended = place.run("watch --once --json").await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert_eq!(place.progress(description).await, Some(Progress::all(log.size())));
    assert_eq!(place.seen(description).await, log.guarded);
}
