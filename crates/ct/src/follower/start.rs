//! Where to begin a log that is followed from its middle, and how that place is proved.
//!
//! A log appends an entry at most one maximum merge delay after the entry's own time (RFC 6962 §3), so the
//! entries appended since some time all have a time of at least that, less the delay. A binary search finds a
//! leaf before that whose successor is not; what precedes it was appended earlier. Some thirty single entries
//! are read for it. The hashes of what is left out come from the log and are proved under its own head.

use countersign_tlog::{Frontier, Hash, verify_consistency};
use jiff::{SignedDuration, Timestamp};

use super::{Follower, Promise, millis};
use crate::head::Head;
use crate::misbehaviour::Misbehaviour;

/// The search for the place to begin.
#[derive(Clone, Debug)]
pub struct Start<H> {
    promise: Promise,
    head: H,
    /// Entries from this time on are wanted.
    since: Timestamp,
    /// All leaves before this index are older.
    low: u64,
    /// The leaf at this index is not older, or it is the end.
    high: u64,
}

/// What the search needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The time of the entry at this index.
    Time {
        /// The index.
        index: u64,
    },
    /// The frontier of the first `size` leaves, and the proof that they begin the tree of `head_size` leaves.
    Frontier {
        /// Number of leaves to leave out.
        size: u64,
        /// Size of the head's tree.
        head_size: u64,
    },
}

/// How the search ended.
#[derive(Clone, Debug)]
pub enum Started<H> {
    /// The place is proved.
    Follower(Box<Follower<H>>),
    /// What the log gave does not lead to its own head.
    Misbehaved(Misbehaviour),
}

impl<H: Head> Start<H> {
    /// Begins where the log stood when `head` was signed: for a log that is watched from now on.
    pub fn at_end(promise: Promise, head: H) -> Self {
        let size = head.size();
        Self { promise, head, since: Timestamp::MAX, low: size, high: size }
    }

    /// Begins at the entries that were appended from `since` on, for a log that merges within `merge_delay`.
    pub fn since(promise: Promise, head: H, since: Timestamp, merge_delay: SignedDuration) -> Self {
        let since = since.saturating_sub(merge_delay).expect("a span without calendar units");
        let size = head.size();
        Self { promise, head, since, low: 0, high: size }
    }

    /// Size of the tree that is searched.
    pub fn head_size(&self) -> u64 {
        self.head.size()
    }

    /// Number of leaves among which the place still is, less one. Falls with each answer.
    pub fn left(&self) -> u64 {
        self.high - self.low
    }

    /// What is needed next. The same until the search is fed.
    pub fn next(&self) -> Ask {
        if self.low == self.high {
            return Ask::Frontier { size: self.low, head_size: self.head.size() };
        }
        Ask::Time { index: self.low.midpoint(self.high) }
    }

    /// Takes the time of the entry that was asked for, in milliseconds since 1970. `None`, for an entry that
    /// cannot be read, counts as wanted: it is better to begin too early.
    pub fn feed_time(&mut self, timestamp_ms: Option<u64>) {
        let middle = self.low.midpoint(self.high);
        let older = timestamp_ms.and_then(millis).is_some_and(|time| time < self.since);
        if older {
            self.low = middle + 1;
        } else {
            self.high = middle;
        }
    }

    /// Takes the frontier that was asked for and its consistency proof, and ends the search.
    pub fn feed_frontier(self, frontier: Frontier, proof: &[Hash]) -> Started<H> {
        let (size, root) = (frontier.size(), frontier.root());
        let asked = self.low;
        let proved = verify_consistency(size, &root, self.head.size(), &self.head.root(), proof);
        if size != asked || proved.is_err() {
            let head = self.head.bytes().to_owned();
            return Started::Misbehaved(Misbehaviour::UnprovedStart { size: asked, head });
        }
        let mut follower = Follower::from_frontier(self.promise, frontier);
        match follower.expect(self.head) {
            Some(misbehaviour) => Started::Misbehaved(misbehaviour),
            None => Started::Follower(Box::new(follower)),
        }
    }
}
