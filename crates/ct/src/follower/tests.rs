//! A small log to follow, honest or not, and what the follower says of it.

use super::*;
use countersign_tlog::leaf_hash;
use countersign_tlog::node_hash;
use countersign_tlog::proof::{Node, consistency_proof};
use proptest::prelude::*;

/// A head that needs no signature: here nobody but the test makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TestHead {
    size: u64,
    root: Hash,
    timestamp_ms: u64,
    bytes: Vec<u8>,
}

impl Head for TestHead {
    fn size(&self) -> u64 {
        self.size
    }
    fn root(&self) -> Hash {
        self.root
    }
    fn timestamp_ms(&self) -> u64 {
        self.timestamp_ms
    }
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct TestLeaf(u64);

impl Leaf for TestLeaf {
    fn leaf_hash(&self) -> Hash {
        leaf_hash(&[&self.0.to_be_bytes()])
    }
}

/// A log is its leaves; entry i of an honest one is i.
#[derive(Clone)]
struct TestLog(Vec<u64>);

impl TestLog {
    fn honest(size: u64) -> Self {
        Self((0..size).collect())
    }

    /// Like an honest one up to `prefix`, then other entries.
    fn forked(prefix: u64, size: u64) -> Self {
        Self(
            (0..size).map(|index| if index < prefix { index } else { index + 1_000_000 }).collect(),
        )
    }

    fn head(&self, size: u64, at: Timestamp) -> TestHead {
        let mut frontier = Frontier::new();
        self.leaves(0..size).iter().for_each(|leaf| frontier.push(leaf.leaf_hash()));
        let timestamp_ms = u64::try_from(at.as_millisecond()).unwrap();
        let root = frontier.root();
        let bytes = format!("{size} {root:?} {timestamp_ms}").into_bytes();
        TestHead { size, root, timestamp_ms, bytes }
    }

    fn leaves(&self, range: std::ops::Range<u64>) -> Vec<TestLeaf> {
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        self.0[range].iter().map(|leaf| TestLeaf(*leaf)).collect()
    }

    fn node(&self, node: Node) -> Option<Hash> {
        if node.level == 0 {
            return self
                .0
                .get(usize::try_from(node.index).unwrap())
                .map(|leaf| TestLeaf(*leaf).leaf_hash());
        }
        let child = |index| self.node(Node { level: node.level - 1, index });
        Some(node_hash(&child(node.index * 2)?, &child(node.index * 2 + 1)?))
    }

    fn proof(&self, old: u64, new: u64) -> Vec<Hash> {
        consistency_proof(old, new, |node| self.node(node)).unwrap()
    }
}

const PROMISE: Promise = Promise { head_age_max: Some(SignedDuration::from_hours(24)) };

fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// Answers what the follower asks from `log` until it wants a head, at most `page` leaves at a time.
fn catch_up(
    follower: &mut Follower<TestHead>,
    log: &TestLog,
    page: u64,
) -> (Vec<u64>, Vec<Misbehaviour>) {
    let (mut seen, mut found) = (Vec::new(), Vec::new());
    for _ in 0..10_000 {
        match follower.next() {
            Next::Head => return (seen, found),
            Next::Leaves { start, end } => {
                let (placed, more) =
                    follower.feed_leaves(start, log.leaves(start..end.min(start + page)));
                seen.extend(placed.iter().map(|placed| placed.leaf.0));
                if !more.is_empty() {
                    found.extend(more);
                    return (seen, found);
                }
            }
            Next::Consistency { old, new } => {
                let more = follower.feed_consistency(Some(&log.proof(old, new)));
                if !more.is_empty() {
                    found.extend(more);
                    return (seen, found);
                }
            }
        }
    }
    panic!("the follower does not come to an end");
}

/// A follower that has verified the first `size` entries of an honest log.
fn following(size: u64) -> Follower<TestHead> {
    let log = TestLog::honest(size);
    let mut follower = Follower::from_first(PROMISE);
    assert_eq!(follower.feed_head(log.head(size, noon()), noon()), []);
    let (seen, found) = catch_up(&mut follower, &log, 100);
    assert_eq!((seen, found), ((0..size).collect(), Vec::new()));
    assert_eq!((follower.verified(), follower.downloaded()), (size, size));
    follower
}

fn kinds(found: &[Misbehaviour]) -> Vec<&'static str> {
    found.iter().map(Misbehaviour::kind).collect()
}

/// Shows `head` of `log` to a follower of 300 honest entries and lets it ask; names what it finds.
fn check(log: &TestLog, head: TestHead, expected: &[&str]) {
    let mut follower = following(300);
    let mut found = follower.feed_head(head, noon());
    found.extend(catch_up(&mut follower, log, 64).1);
    assert_eq!(kinds(&found), expected);
    assert_eq!(follower.verified_head().unwrap().root, TestLog::honest(300).head(300, noon()).root);
}

#[test]
fn an_honest_log_gives_each_entry_once() {
    let log = TestLog::honest(1000);
    let mut follower = following(300);
    for size in [300, 301, 555, 556, 1000] {
        assert_eq!(follower.feed_head(log.head(size, noon()), noon()), []);
    }
    let (seen, found) = catch_up(&mut follower, &log, 7);
    assert_eq!((seen, found), ((300..1000).collect(), Vec::new()));
    assert_eq!(follower.verified(), 1000);
}

#[test]
fn a_fork_is_found_whatever_its_size() {
    let other = TestLog::forked(200, 600);
    check(&other, other.head(250, noon()), &["fork"]);
    check(&other, other.head(300, noon()), &["fork"]);
    check(&other, other.head(600, noon()), &["fork"]);
}

#[test]
fn a_smaller_head_signed_later_is_a_rollback() {
    let later = noon() + SignedDuration::from_mins(1);
    check(&TestLog::honest(300), TestLog::honest(300).head(250, later), &["rollback"]);
    let other = TestLog::forked(200, 300);
    check(&other, other.head(250, later), &["rollback", "fork"]);
}

#[test]
fn a_lagging_replica_is_none() {
    let earlier = noon() - SignedDuration::from_mins(1);
    let log = TestLog::honest(300);
    check(&log, log.head(250, earlier), &[]);
    check(&log, log.head(0, earlier), &[]);
}

#[test]
fn wrong_entries_are_told_from_a_fork() {
    let (honest, other) = (TestLog::honest(600), TestLog::forked(450, 600));
    let mut follower = following(300);
    assert_eq!(follower.feed_head(honest.head(600, noon()), noon()), []);
    let (placed, found) = follower.feed_leaves(300, other.leaves(300..600));
    assert_eq!((placed.len(), found), (300, Vec::new()));
    assert_eq!(follower.next(), Next::Consistency { old: 300, new: 600 });
    let found = follower.feed_consistency(Some(&honest.proof(300, 600)));
    assert_eq!(kinds(&found), ["wrong-entries"]);
    // The head still stands, and with the right entries all is well.
    let (seen, found) = catch_up(&mut follower, &honest, 256);
    assert_eq!((seen, found), ((300..600).collect(), Vec::new()));
    assert_eq!(follower.verified(), 600);
}

#[test]
fn a_log_that_gives_no_proof_is_not_believed_and_does_not_stop_us() {
    let (honest, other) = (TestLog::honest(600), TestLog::forked(200, 600));
    let mut follower = following(300);
    follower.feed_head(other.head(250, noon()), noon());
    assert_eq!(follower.next(), Next::Consistency { old: 250, new: 300 });
    // Entries are taken even while the question is open.
    follower.feed_head(honest.head(310, noon()), noon());
    assert_eq!(follower.feed_leaves(300, honest.leaves(300..310)).0.len(), 10);
    assert_eq!(kinds(&follower.feed_consistency(None)), ["unproved-head"]);

    follower.feed_head(other.head(600, noon()), noon());
    follower.feed_leaves(310, other.leaves(310..600));
    assert_eq!(kinds(&follower.feed_consistency(None)), ["unproved-head"]);
    assert_eq!((follower.verified(), follower.downloaded()), (310, 310));
}

#[test]
fn a_changed_entry_in_the_unfinished_tile_is_seen() {
    let (honest, other) = (TestLog::honest(310), TestLog::forked(299, 310));
    let mut follower = following(300);
    follower.feed_head(honest.head(310, noon()), noon());
    let (placed, found) = follower.feed_leaves(256, other.leaves(256..310));
    // It and what follows it are shown to whoever looks for names, and nothing of them enters the tree.
    assert_eq!(
        placed.iter().map(|placed| placed.index).collect::<Vec<_>>(),
        (299..310).collect::<Vec<_>>()
    );
    assert_eq!(follower.downloaded(), 300);
    assert!(
        matches!(found.as_slice(), [Misbehaviour::ChangedEntry { index: 299, .. }]),
        "{found:?}"
    );
    // Which of the two is in the log's tree is for its proof to say.
    assert_eq!(follower.next(), Next::Consistency { old: 300, new: 310 });
    let found = follower.feed_consistency(Some(&honest.proof(300, 310)));
    assert_eq!(kinds(&found), ["wrong-entries"]);
    let (placed, found) = follower.feed_leaves(256, honest.leaves(256..310));
    assert_eq!((placed.len(), found), (10, Vec::new()));
}

#[test]
fn heads_have_their_time() {
    let log = TestLog::honest(300);
    let at = |hours| log.head(300, noon() + SignedDuration::from_hours(hours));
    check(&log, at(-24), &[]);
    check(&log, at(-25), &["stale-head"]);
    check(&log, at(1), &["future-head"]);
    let mut absurd = at(0);
    absurd.timestamp_ms = u64::MAX;
    check(&log, absurd, &["future-head"]);

    let mut read_only = following(300);
    read_only.set_promise(Promise { head_age_max: None });
    assert_eq!(read_only.feed_head(at(-9000), noon()), []);
}

#[test]
fn too_many_waiting_heads_are_not_asked_for() {
    let log = TestLog::honest(2000);
    let mut follower = Follower::from_first(PROMISE);
    for size in 1..2000 {
        assert_eq!(follower.wants_head(), size <= 1024);
        follower.feed_head(log.head(size, noon()), noon());
    }
    assert_eq!(catch_up(&mut follower, &log, 100).0, (0..1024).collect::<Vec<_>>());
}

/// Finds the start for entries since `since` in a log whose entry i has time `times[i]`, in minutes after noon.
fn start(times: &[i64], since: i64, delay: i64) -> u64 {
    let log = TestLog::honest(u64::try_from(times.len()).unwrap());
    let head = log.head(u64::try_from(times.len()).unwrap(), noon());
    let minutes = SignedDuration::from_mins;
    let mut start = Start::since(PROMISE, head, noon() + minutes(since), minutes(delay));
    loop {
        match start.next() {
            Ask::Time { index } => {
                let time = noon() + minutes(times[usize::try_from(index).unwrap()]);
                start.feed_time(Some(u64::try_from(time.as_millisecond()).unwrap()));
            }
            Ask::Frontier { size, head_size } => {
                let mut frontier = Frontier::new();
                log.leaves(0..size).iter().for_each(|leaf| frontier.push(leaf.leaf_hash()));
                let proof = if size == 0 { Vec::new() } else { log.proof(size, head_size) };
                let Started::Follower(mut follower) = start.feed_frontier(frontier, &proof) else {
                    panic!("the proof is right");
                };
                let (seen, found) = catch_up(&mut follower, &log, 10);
                assert_eq!((seen, found), ((size..head_size).collect(), Vec::new()));
                assert_eq!(follower.verified(), head_size);
                return size;
            }
        }
    }
}

#[test]
fn a_start_in_the_middle_leaves_no_gap() {
    let times: Vec<_> = (0..1000).collect();
    assert_eq!(start(&times, 500, 0), 500);
    assert_eq!(start(&times, 500, 60), 440);
    assert_eq!(start(&times, -5, 0), 0);
    assert_eq!(start(&times, 5000, 0), 1000);
    assert_eq!(start(&[], 0, 0), 0);
}

#[test]
fn a_start_that_is_not_proved_is_none() {
    let (log, other) = (TestLog::honest(100), TestLog::forked(10, 100));
    let mut start = Start::since(PROMISE, log.head(100, noon()), noon(), SignedDuration::ZERO);
    while let Ask::Time { index } = start.next() {
        start.feed_time((index < 50).then_some(0));
    }
    let mut frontier = Frontier::new();
    other.leaves(0..50).iter().for_each(|leaf| frontier.push(leaf.leaf_hash()));
    let started = start.feed_frontier(frontier, &other.proof(50, 100));
    assert!(matches!(started, Started::Misbehaved(Misbehaviour::UnprovedStart { size: 50, .. })));
}

proptest! {
    /// Merging late, within the delay, never loses an entry that was appended after `since`.
    #[test]
    fn late_entries_are_not_lost(delays in prop::collection::vec(0_i64..60, 1..300), since in 0_i64..300) {
        // Entry i is appended at minute i, with a time up to an hour earlier.
        let times: Vec<_> = (0..).zip(&delays).map(|(at, delay)| at - delay).collect();
        let start = start(&times, since, 60);
        prop_assert!(start <= u64::try_from(since).unwrap());
    }

    /// Whatever is fed in whatever order, the follower never panics and verifies only honest trees.
    #[test]
    fn only_what_is_proved_is_verified(steps in prop::collection::vec((0_u8..6, 0_u64..80, 0_u64..80), 0..60)) {
        let (honest, other) = (TestLog::honest(80), TestLog::forked(30, 80));
        let mut follower = Follower::from_first(PROMISE);
        follower.feed_head(honest.head(20, noon()), noon());
        catch_up(&mut follower, &honest, 10);
        for (step, a, b) in steps {
            let (low, high) = (a.min(b), a.max(b));
            match step {
                0 => drop(follower.feed_head(honest.head(a, noon()), noon())),
                1 => drop(follower.feed_head(other.head(a, noon()), noon())),
                2 => drop(follower.feed_leaves(low, honest.leaves(low..high))),
                3 => drop(follower.feed_leaves(low, other.leaves(low..high))),
                4 if low > 0 => drop(follower.feed_consistency(Some(&honest.proof(low, high)))),
                _ => drop(follower.feed_consistency(None)),
            }
            let verified = follower.verified();
            let head = follower.verified_head().unwrap();
            prop_assert_eq!(head.size, verified);
            let (honest, other) = (honest.head(verified, noon()), other.head(verified, noon()));
            prop_assert!(head.root == honest.root || head.root == other.root);

            let parse = |bytes: &[u8]| {
                [&honest, &other].into_iter().chain(follower.pending.iter()).find(|head| head.bytes == bytes).cloned()
            };
            let restored = Follower::restore(follower.save(), PROMISE, parse).unwrap();
            prop_assert_eq!(restored.save(), follower.save());
        }
    }
}

#[test]
fn damaged_state_is_refused() {
    let head = TestLog::honest(300).head(300, noon());
    let restore = |change: fn(&mut Saved)| {
        let mut saved = following(300).save();
        change(&mut saved);
        Follower::restore(saved, PROMISE, |_| Some(head.clone())).err()
    };
    assert_eq!(restore(|_| {}), None);
    assert_eq!(restore(|saved| saved.start = 301), Some(SavedError::Order));
    assert_eq!(restore(|saved| saved.verified = Frontier::new()), Some(SavedError::Root));
    assert_eq!(restore(|saved| saved.tail = vec![Hash([0; 32]); 301]), Some(SavedError::Order));
    let none = Follower::<TestHead>::restore(following(300).save(), PROMISE, |_| None);
    assert_eq!(none.err(), Some(SavedError::Head));
}
