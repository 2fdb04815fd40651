//! Follows one append-only log and proves that it is one: what to fetch next, what a reply shows.
//!
//! The machine asks and is fed; it never connects, waits or reads a clock. Every leaf is hashed into the tree, and
//! the root is compared at each signed head. It holds two positions:
//!
//! ```text
//!   start          verified              downloaded        head
//!     |---------------|-----------------------|--------------|
//!     |  in the tree  |  hashed, the root     |  asked for   |
//!     |  of a signed  |  not yet compared     |              |
//!     |  head         |                       |              |
//! ```
//!
//! When a root differs, [`Follower`] goes back to `verified` and asks for a consistency proof, which tells whose
//! fault it is: entries that are not in the tree, or a second tree. Nothing here knows of certificates: any log
//! with RFC 6962 hashing can be followed, whatever its heads and leaves look like.

use std::cmp::Ordering;
use std::collections::VecDeque;

use countersign_tlog::tile::TILE_WIDTH;
use countersign_tlog::{Frontier, Hash, verify_consistency};
use jiff::{SignedDuration, Timestamp};

use crate::head::Head;
use crate::misbehaviour::{Compared, Misbehaviour, ProofAnswer};

mod saved;
mod start;

pub use saved::{Saved, SavedError};
pub use start::{Ask, Start, Started};

/// A leaf of a log.
pub trait Leaf {
    /// The hash by which the tree knows it (RFC 6962 §2.1).
    fn leaf_hash(&self) -> Hash;
}

impl Leaf for crate::entry::Entry<'_> {
    fn leaf_hash(&self) -> Hash {
        Self::leaf_hash(self)
    }
}

/// A leaf in its place in the log. Only [`Follower::feed_leaves`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<L> {
    /// Its index.
    pub index: u64,
    /// Its hash.
    pub hash: Hash,
    /// What was served.
    pub leaf: L,
}

/// What a log promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// How old its newest head may be: the maximum merge delay. None for a log that signs no more.
    pub head_age_max: Option<SignedDuration>,
}

/// What the follower needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing, until the log has signed a newer head.
    Head,
    /// The leaves from `start` to before `end`, or as many of them, from `start` on, as the log gives at once.
    Leaves {
        /// The first index.
        start: u64,
        /// The index after the last.
        end: u64,
    },
    /// A proof that the first `old` of `new` leaves are the tree of `old` leaves (RFC 6962 §2.1.2).
    Consistency {
        /// Size of the smaller tree.
        old: u64,
        /// Size of the larger tree.
        new: u64,
    },
}

/// The state of following one log.
#[derive(Clone, Debug)]
pub struct Follower<H> {
    promise: Promise,
    /// Index of the first leaf that was ever asked for.
    start: u64,
    downloaded: Frontier,
    /// Leaf hashes of the unfinished tile at the end of `downloaded`. A tile is served again and again while it
    /// fills, and each time it must begin as it did before.
    tail: Tail,
    verified: Frontier,
    verified_tail: Tail,
    /// The head whose root is that of `verified`. None only for a log followed from its middle, or not at all yet.
    verified_head: Option<H>,
    /// Heads whose trees are still being downloaded, by rising size.
    pending: VecDeque<H>,
    question: Option<Question<H>>,
    /// The last head known to be an earlier state of the log, so that a lagging replica is asked for one proof.
    earlier: Option<(u64, Hash)>,
}

/// What a consistency proof is needed for.
#[derive(Clone, Debug)]
enum Question<H> {
    /// The log showed a smaller tree than ours. Was ours once like that?
    Earlier { shown: H, held: H },
    /// All leaves up to this head are there, and their root is not the one it signed. Does its tree begin like
    /// the one that we verified?
    Differs { shown: H },
}

impl<H: Head> Follower<H> {
    /// Follows a log from its first entry.
    pub fn from_first(promise: Promise) -> Self {
        Self::from_frontier(promise, Frontier::new())
    }

    /// Follows a log from the end of `frontier`, which the caller has proved.
    fn from_frontier(promise: Promise, frontier: Frontier) -> Self {
        let tail = Tail::starting_at(frontier.size());
        Self {
            promise,
            start: frontier.size(),
            downloaded: frontier.clone(),
            tail: tail.clone(),
            verified: frontier,
            verified_tail: tail,
            verified_head: None,
            pending: VecDeque::new(),
            question: None,
            earlier: None,
        }
    }

    /// What is needed next. The same until the follower is fed.
    pub fn next(&self) -> Next {
        match &self.question {
            Some(Question::Earlier { shown, held }) => {
                return Next::Consistency { old: shown.size(), new: held.size() };
            }
            Some(Question::Differs { shown }) => {
                return Next::Consistency { old: self.verified.size(), new: shown.size() };
            }
            None => {}
        }
        match self.pending.front() {
            Some(head) => Next::Leaves { start: self.downloaded.size(), end: head.size() },
            None => Next::Head,
        }
    }

    /// Whether another head is of use. Not while so many wait that the log cannot be caught up with anyway.
    pub fn wants_head(&self) -> bool {
        self.pending.len() < PENDING_MAX
    }

    /// Takes a head that the log served at `now`. Returns what is wrong with it.
    pub fn feed_head(&mut self, head: H, now: Timestamp) -> Vec<Misbehaviour> {
        let mut found: Vec<_> = self.judge_time(&head, now).into_iter().collect();
        let Some(latest) = self.latest().cloned() else {
            found.extend(self.expect(head));
            return found;
        };
        match head.size().cmp(&latest.size()) {
            Ordering::Greater => found.extend(self.expect(head)),
            Ordering::Equal if head.root() == latest.root() => self.renew(head),
            Ordering::Equal => found.push(twin(Some(&latest), &head)),
            Ordering::Less => {
                if head.timestamp_ms() > latest.timestamp_ms() {
                    let (held, shown) = (latest.bytes().to_owned(), head.bytes().to_owned());
                    found.push(Misbehaviour::Rollback { held, shown });
                }
                self.doubt(head, latest);
            }
        }
        found
    }

    /// Takes leaves that the log served, the first of them at index `start`. Returns those that are new, in
    /// their places, and what is wrong.
    ///
    /// Leaves before the downloaded position are compared with what was there; leaves after a gap, or beyond
    /// the head that is being downloaded, are dropped: they will be asked for in their turn. From a leaf on that
    /// differs from what was there, all are returned and none enters the tree: they may be those of a second
    /// tree, which is where a certificate would be hidden.
    pub fn feed_leaves<L: Leaf>(
        &mut self,
        start: u64,
        leaves: Vec<L>,
    ) -> (Vec<Placed<L>>, Vec<Misbehaviour>) {
        let mut placed = Vec::with_capacity(leaves.len());
        let mut found = Vec::new();
        if matches!(self.question, Some(Question::Differs { .. })) {
            return (placed, found);
        }
        let mut leaves = (start..).zip(leaves);
        while let Some((index, leaf)) = leaves.next() {
            let Some(end) = self.pending.front().map(Head::size) else { break };
            if index > self.downloaded.size() || index >= end {
                break;
            }
            let hash = leaf.leaf_hash();
            if index < self.downloaded.size() {
                let Some(was) = self.tail.hash(index).filter(|was| *was != hash) else { continue };
                let (was, is) = (format!("{was:?}"), format!("{hash:?}"));
                found.push(Misbehaviour::ChangedEntry { index, was, is });
                placed.push(Placed { index, hash, leaf });
                let rest = leaves.take_while(|(index, _)| *index < end);
                placed.extend(rest.map(|(index, leaf)| Placed {
                    index,
                    hash: leaf.leaf_hash(),
                    leaf,
                }));
                // Either this is not what the head was signed over, or it is, and there is a second tree.
                found.extend(self.go_back());
                break;
            }
            self.downloaded.push(hash);
            self.tail.push(hash);
            placed.push(Placed { index, hash, leaf });
            if self.downloaded.size() == end && self.compare_root() == Roots::Differ {
                found.extend(self.go_back());
                break;
            }
        }
        (placed, found)
    }

    /// Takes the answer to a question for a consistency proof. `None`: the log has none to give, which leaves
    /// open whose fault it is and is reported as that.
    pub fn feed_consistency(&mut self, proof: Option<&[Hash]>) -> Vec<Misbehaviour> {
        let found = match self.question.take() {
            None => None,
            Some(Question::Earlier { shown, held }) => self.answer_earlier(&shown, &held, proof),
            Some(Question::Differs { shown }) => Some(self.answer_differs(shown, proof)),
        };
        found.into_iter().collect()
    }

    fn answer_earlier(
        &mut self,
        shown: &H,
        held: &H,
        proof: Option<&[Hash]>,
    ) -> Option<Misbehaviour> {
        let Some(proof) = proof else { return Some(unproved(Some(held), shown)) };
        let (old, new) = ((shown.size(), shown.root()), (held.size(), held.root()));
        if proves(old, new, proof) {
            self.earlier = Some(old);
            return None;
        }
        Some(fork(Compared::Smaller, Some(held), shown, proof))
    }

    fn answer_differs(&mut self, shown: H, proof: Option<&[Hash]>) -> Misbehaviour {
        let held = self.verified_head.as_ref();
        let Some(proof) = proof else {
            let found = unproved(held, &shown);
            self.pending.push_front(shown);
            return found;
        };
        let (old, new) =
            ((self.verified.size(), self.verified.root()), (shown.size(), shown.root()));
        if proves(old, new, proof) {
            let found = wrong_entries(old.0, &shown);
            self.pending.push_front(shown);
            return found;
        }
        let found = fork(Compared::Larger, held, &shown, proof);
        // The other tree's entries after our position were all looked at. What it holds before that cannot be
        // known without reading it anew, which is for people to decide: we stay with the tree that we verified,
        // and look at what each new head of the other brings.
        self.pending.clear();
        found
    }

    /// Index of the first leaf that was followed.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Number of leaves hashed into the tree.
    pub fn downloaded(&self) -> u64 {
        self.downloaded.size()
    }

    /// Number of leaves under a signed head whose root we computed ourselves.
    pub fn verified(&self) -> u64 {
        self.verified.size()
    }

    /// The head whose root was computed last.
    pub fn verified_head(&self) -> Option<&H> {
        self.verified_head.as_ref()
    }

    /// The largest head that the log has shown, and that is not known not to fit.
    pub fn latest(&self) -> Option<&H> {
        let in_question = match &self.question {
            Some(Question::Differs { shown }) => Some(shown),
            Some(Question::Earlier { .. }) | None => None,
        };
        self.pending.back().or(in_question).or(self.verified_head.as_ref())
    }

    /// Changes what the log promises, as when a list says that it is now read-only.
    pub fn set_promise(&mut self, promise: Promise) {
        self.promise = promise;
    }

    /// Holds a head's time against the log's promise (RFC 6962 §3.5: a head is at most one MMD old).
    fn judge_time(&self, head: &H, now: Timestamp) -> Option<Misbehaviour> {
        let Some(signed) = millis(head.timestamp_ms()) else {
            let ahead = SignedDuration::MAX;
            return Some(Misbehaviour::Future { ahead, head: head.bytes().to_owned() });
        };
        let age = now.duration_since(signed);
        if age < -FUTURE_MAX {
            return Some(Misbehaviour::Future { ahead: -age, head: head.bytes().to_owned() });
        }
        let stale = age > self.promise.head_age_max?.saturating_add(LATE_MAX);
        stale.then(|| Misbehaviour::Stale { signed, age, head: head.bytes().to_owned() })
    }

    /// Puts a head at the end of those whose trees are to be downloaded.
    fn expect(&mut self, head: H) -> Option<Misbehaviour> {
        if head.size() > self.downloaded.size() {
            if self.wants_head() {
                self.pending.push_back(head);
            }
            return None;
        }
        // There is nothing to download: the first head of an empty log, or of one that was joined at its end.
        if head.size() < self.downloaded.size() || head.root() != self.downloaded.root() {
            return Some(twin(self.verified_head.as_ref(), &head));
        }
        self.verify(head);
        None
    }

    /// Keeps the newer of two heads over the same tree: time is judged by the newest.
    fn renew(&mut self, head: H) {
        let latest = match (&mut self.question, self.pending.back_mut()) {
            (_, Some(latest)) => Some(latest),
            (Some(Question::Differs { shown }), None) => Some(shown),
            (_, None) => self.verified_head.as_mut(),
        };
        if let Some(latest) = latest.filter(|latest| latest.timestamp_ms() < head.timestamp_ms()) {
            *latest = head;
        }
    }

    /// Asks whether a smaller head is an earlier state, unless that is known.
    fn doubt(&mut self, shown: H, held: H) {
        let known = self.earlier == Some((shown.size(), shown.root()));
        if shown.size() > 0 && !known && self.question.is_none() {
            self.question = Some(Question::Earlier { shown, held });
        }
    }

    /// All leaves of the first pending head are there.
    fn compare_root(&mut self) -> Roots {
        let head = self.pending.front().expect("the caller saw a pending head");
        if head.root() != self.downloaded.root() {
            return Roots::Differ;
        }
        let head = self.pending.pop_front().expect("seen above");
        self.verify(head);
        Roots::Agree
    }

    /// Drops what was downloaded since the last root that was right, and asks why this one was not.
    fn go_back(&mut self) -> Option<Misbehaviour> {
        self.downloaded = self.verified.clone();
        self.tail = self.verified_tail.clone();
        if self.verified.size() == 0 {
            // Every tree begins with the empty tree, so there is nothing to ask: the entries are wrong.
            return self.pending.front().map(|head| wrong_entries(0, head));
        }
        self.question = self.pending.pop_front().map(|shown| Question::Differs { shown });
        None
    }

    fn verify(&mut self, head: H) {
        self.verified = self.downloaded.clone();
        self.verified_tail = self.tail.clone();
        self.verified_head = Some(head);
    }
}

/// How the root that we computed compares with the signed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Roots {
    Agree,
    Differ,
}

/// Leaf hashes from some index to the end of what was downloaded, no further back than one tile.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tail {
    first: u64,
    hashes: Vec<Hash>,
}

impl Tail {
    fn starting_at(first: u64) -> Self {
        Self { first, hashes: Vec::new() }
    }

    fn push(&mut self, hash: Hash) {
        self.hashes.push(hash);
        if self.end().is_multiple_of(u64::from(TILE_WIDTH)) {
            *self = Self::starting_at(self.end());
        }
    }

    fn end(&self) -> u64 {
        self.first + u64::try_from(self.hashes.len()).expect("at most one tile")
    }

    fn hash(&self, index: u64) -> Option<Hash> {
        let offset = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.hashes.get(offset).copied()
    }
}

fn proves(old: (u64, Hash), new: (u64, Hash), proof: &[Hash]) -> bool {
    verify_consistency(old.0, &old.1, new.0, &new.1, proof).is_ok()
}

fn fork<H: Head>(shown_is: Compared, held: Option<&H>, shown: &H, proof: &[Hash]) -> Misbehaviour {
    let hashes: String = proof.iter().map(|hash| format!("{hash:?}\n")).collect();
    Misbehaviour::Fork {
        shown_is,
        held: held.map(|held| held.bytes().to_owned()),
        shown: shown.bytes().to_owned(),
        proof: ProofAnswer::Invalid(hashes.into_bytes()),
    }
}

/// Two heads of one size with two roots.
fn twin<H: Head>(held: Option<&H>, shown: &H) -> Misbehaviour {
    Misbehaviour::Fork {
        shown_is: Compared::Equal,
        held: held.map(|held| held.bytes().to_owned()),
        shown: shown.bytes().to_owned(),
        proof: ProofAnswer::NotNeeded,
    }
}

fn unproved<H: Head>(held: Option<&H>, shown: &H) -> Misbehaviour {
    let held = held.map(|held| held.bytes().to_owned());
    Misbehaviour::Unproved { held, shown: shown.bytes().to_owned() }
}

fn wrong_entries<H: Head>(start: u64, head: &H) -> Misbehaviour {
    Misbehaviour::WrongEntries { start, end: head.size(), head: head.bytes().to_owned() }
}

/// A log's time as a timestamp, if it is within those that have a name (years -9999 to 9999).
fn millis(timestamp_ms: u64) -> Option<Timestamp> {
    i64::try_from(timestamp_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok())
}

/// Heads that may wait for their leaves. At one head a minute that is most of a day; a log that is further behind
/// is reported as such, and more heads would prove nothing more.
const PENDING_MAX: usize = 1024;
/// How far a log's clock may be ahead of ours: the leeway that Certificate Transparency clients commonly give.
const FUTURE_MAX: SignedDuration = SignedDuration::from_mins(5);
/// How late a head may come beyond the promise: caches and clocks between a log and us.
const LATE_MAX: SignedDuration = SignedDuration::from_mins(5);

#[cfg(test)]
mod tests;
