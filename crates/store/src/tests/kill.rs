//! The process is killed, at any point.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

/// Names the directory to the child, and makes it one.
const DIRECTORY: &str = "COUNTERSIGN_STORE_TEST_DIRECTORY";

/// This process, when it is the child: reads a log without end, and says on stdout what is committed and what is
/// told. In any other process nothing.
#[test]
fn child() {
    let Some(directory) = env::var_os(DIRECTORY) else {
        return;
    };
    let store = Store::open(Path::new(&directory)).unwrap();
    let mut out = std::io::stdout().lock();
    store.upsert_log(&log(1), at(1)).unwrap();
    loop {
        let (size, revision) = match store.reader().position(&[1; 32]).unwrap() {
            Some((position, revision)) => (position.downloaded_size, Some(revision)),
            None => (0, None),
        };
        let next = size + BATCH;
        let sightings: Vec<_> =
            (size..next).filter(|index| is_sighted(*index)).map(sighting).collect();
        store.commit(&[1; 32], revision, &position(next), &sightings, at(2)).unwrap();
        writeln!(out, "\nsize {next}").unwrap();
        for report in store.reader().unreported(LINES).unwrap() {
            writeln!(out, "\nreport {}", report.id.0).unwrap();
            out.flush().unwrap();
            store.mark_reported(report.id).unwrap();
        }
    }
}

/// A small generator (xorshift): when to kill need not be good chance, only various.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn a_killed_watch_skips_nothing_and_repeats_nothing() {
    const KILLS: u64 = 100;
    let directory = tempfile::tempdir().unwrap();
    let mut chance = Chance(u64::from(std::process::id()) | 1 << 40);
    let (mut size, mut told) = (0, Vec::new());
    for _ in 0..KILLS {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "tests::kill::child", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // A few lines let pass, then a few microseconds, so that any step may be the last. With no line let pass
        // it is one of opening.
        let mut seen: Vec<String> =
            lines.by_ref().take(usize::try_from(chance.below(12)).unwrap()).collect();
        for _ in 0..chance.below(200_000) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        seen.extend(lines);
        assert!(child.wait().unwrap().code().is_none(), "the child failed before it was killed");
        for line in seen {
            match line.split_once(' ') {
                Some(("size", committed)) => size = committed.parse().unwrap(),
                Some(("report", id)) => told.push(id.parse().unwrap()),
                _ => {} // The test harness's own.
            }
        }

        let store = open(directory.path());
        check_state(store.reader());
        let found = store
            .reader()
            .position(&[1; 32])
            .unwrap()
            .map_or(0, |(position, _)| position.downloaded_size);
        // The commit may have gone through with no time left to say so.
        assert!(found == size || found == size + BATCH, "committed {size}, found {found}");
        size = found;
    }
    let store = open(directory.path());
    while store.reader().status().unwrap().unreported > 0 {
        tell(&store, &mut told).unwrap();
    }
    check_told(&told, KILLS);
    let sightings = (0..size).filter(|index| is_sighted(*index)).count();
    assert_eq!(told.last().copied(), Some(u64::try_from(sightings).unwrap() + 1)); // One is of the log.
    eprintln!("{size} entries, {sightings} sightings, {} lines", told.len());
}
