//! What a watch takes when nothing happens.

use std::fs;
use std::time::Duration;

use crate::logs::{GUARD, PROTOCOLS, SmallLog};
use crate::place::{Place, until};

#[tokio::test]
async fn forty_idle_logs_take_little_memory() {
    let mut logs = Vec::new();
    for (number, (protocol, _)) in (0..40).zip(PROTOCOLS.iter().cycle()) {
        let mut log = SmallLog::start(*protocol, &format!("log {number}")).await;
        log.grow(300);
        logs.push(log);
    }
    let extras: Vec<_> = logs.iter().map(SmallLog::extra).collect();
    let place = Place::polling("1m", &[GUARD], &extras);
    let watch = place.start("watch");
    until("all logs are read", async || {
        let rows = place.run("status --json").await.rows();
        let is_read = |row: &&serde_json::Value| row["verified"] == 300 && row["head"] == 300;
        rows.iter().filter(is_read).count() == logs.len()
    })
    .await;
    let proc = format!("/proc/{}", watch.id());
    let ticks = || {
        let stat = fs::read_to_string(format!("{proc}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let before = ticks();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let spent = ticks() - before;
    let status = fs::read_to_string(format!("{proc}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let resident_kib: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    eprintln!("40 idle logs: {resident_kib} KiB resident, {spent} ticks of the processor in 10 s");
    assert!(resident_kib < 64 * 1024, "{resident_kib} KiB");
    assert_eq!(watch.stopped().await.status, Some(0));
}
