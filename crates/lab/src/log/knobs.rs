//! What can be wrong with a log: accidents, weak machines, and lies. A scene turns these while the log runs, for
//! each of the two groups of clients that the log can tell apart.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::SignedDuration;

use super::entry::Entry;
use super::signer::Head;

/// Whom the log serves: it has two doors, and knows its guests by the door they come through. A scene sends
/// vantages to different doors to show them different things (a split view).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The clients at the first door.
    A,
    /// The clients at the second door.
    B,
}

impl Group {
    /// Both groups.
    pub const ALL: [Self; 2] = [Self::A, Self::B];
}

/// One of the histories that a log tells. The first, [`Branch::FIRST`], is there from the start; every fork
/// makes one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Branch(pub(crate) usize);

impl Branch {
    /// The history that an honest log has only one of.
    pub const FIRST: Self = Self(0);
}

/// Where an entry goes after its SCT was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merging {
    /// Into every branch: as an honest log does, while it has one.
    Everywhere,
    /// Into this branch only: a coerced log shows Mallory's certificate to nobody but her victims.
    Only(Branch),
    /// Into none: the log withholds it, and the promise of the SCT is broken after the MMD.
    Nowhere,
}

/// How a log answers one group. [`Knobs::default`] is an honest log on a good day.
#[derive(Clone, Debug)]
pub struct Knobs {
    /// Which history is told. Another than the first is a fork, or split view.
    pub branch: Branch,
    /// Which tree head is shown.
    pub shown: Shown,
    /// Added to the head's timestamp before it is signed: a clock that is wrong, or a log that makes an old
    /// head look fresh. Negative is stale, positive is the future.
    pub timestamp_shift: SignedDuration,
    /// Whether the head's signature is good.
    pub head_signature: HeadSignature,
    /// Entries served in place of those in the tree: they do not hash to their leaves. By index.
    pub substitutes: BTreeMap<u64, Entry>,
    /// Leaves whose hash in the level 0 tile is served with a bit flipped: tiles that changed, or disagree with
    /// the root. By index.
    pub altered_hashes: BTreeSet<u64>,
    /// Lines between the root hash and the signatures of a checkpoint. c2sp.org/static-ct-api has none.
    pub extension_lines: Vec<String>,
    /// Further signature lines on a checkpoint; see [`unknown_signature_line`](super::unknown_signature_line).
    pub signature_lines: Vec<String>,
    /// What becomes of partial tiles.
    pub partial_tiles: PartialTiles,
    /// The most entries in one answer to get-entries.
    pub page_max: u64,
    /// Where the pages of get-entries end.
    pub pages: Pages,
    /// Which answers are compressed.
    pub gzip: Gzip,
    /// How many requests are answered.
    pub rate_limit: Option<RateLimit>,
    /// Every answer is held back so long. Of the machine's time, not the scene's: a simulated clock stands
    /// still while somebody waits for bytes.
    pub latency: Duration,
    /// What befalls single answers. The first that applies to a request wins.
    pub faults: Vec<Fault>,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            branch: Branch::FIRST,
            shown: Shown::Latest,
            timestamp_shift: SignedDuration::ZERO,
            head_signature: HeadSignature::Good,
            substitutes: BTreeMap::new(),
            altered_hashes: BTreeSet::new(),
            extension_lines: Vec::new(),
            signature_lines: Vec::new(),
            partial_tiles: PartialTiles::Kept,
            page_max: 256,
            pages: Pages::AsAsked,
            gzip: Gzip::WhenAsked,
            rate_limit: None,
            latency: Duration::ZERO,
            faults: Vec::new(),
        }
    }
}

/// Which tree head a group sees. Entries, proofs and tiles beyond it are not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The latest that was published.
    Latest,
    /// This one for ever: a frozen log, or one that hides what came later.
    Frozen(Head),
    /// A smaller tree under a fresh timestamp: the log lost or hides entries that it had published.
    RolledBack {
        /// The size of the smaller tree.
        size: u64,
    },
}

/// Whether tree heads verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadSignature {
    /// The log's key signed the head.
    Good,
    /// One bit of the signature is wrong.
    Bad,
}

/// What becomes of a partial tile (c2sp.org/tlog-tiles, "Partial tiles").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartialTiles {
    /// Those of every published tree are served for ever.
    Kept,
    /// They are gone as soon as the full tile exists, which the specification allows.
    Vanish,
    /// The full tile is served in their place once it exists, which it does not allow.
    FullInstead,
}

/// Where pages of entries end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// Where the client asks, or after `page_max` entries.
    AsAsked,
    /// At the next multiple of `page_max` at the latest, as Trillian does it.
    Aligned,
}

/// Which answers are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gzip {
    /// Those to clients that say that they accept it.
    WhenAsked,
    /// All: static CT logs may do this (c2sp.org/static-ct-api, "Parameters" and "APIs").
    Always,
    /// None.
    Never,
}

/// So many requests in each window; the others are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many requests in a window are answered. 0 refuses all.
    pub requests_max: u32,
    /// How long a window is, by the log's clock.
    pub window: Duration,
    /// 429 or 503.
    pub status: u16,
    /// What the refusal says about when to come again.
    pub retry_after: RetryAfter,
}

/// The Retry-After header (RFC 9110 §10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// There is none.
    Absent,
    /// A number of seconds.
    Seconds(u64),
    /// A date, so many seconds from now by the log's clock.
    Date(u64),
}

/// What befalls some of the requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    /// Only requests with this in their path.
    path: String,
    /// Each how many of them.
    every: u64,
    /// How many of them there were.
    seen: u64,
}

impl Fault {
    /// This, on every request.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, path: String::new(), every: 1, seen: 0 }
    }

    /// Only where the path contains `part`.
    #[must_use]
    pub fn on(self, part: &str) -> Self {
        Self { path: part.to_owned(), ..self }
    }

    /// Only the nth, the 2nth and so on of the requests that it would befall.
    #[must_use]
    pub fn every(self, n: u64) -> Self {
        assert!(n > 0, "every zeroth request is none");
        Self { every: n, ..self }
    }

    /// Counts a request and says what befalls it.
    pub(crate) fn befall(&mut self, path: &str) -> Option<FaultKind> {
        if !path.contains(&self.path) {
            return None;
        }
        self.seen += 1;
        self.seen.is_multiple_of(self.every).then(|| self.kind.clone())
    }
}

/// What an answer can be instead of what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A web page under status 200: a captive portal, a maintenance notice.
    Html,
    /// The first half of the true answer, with a Content-Length that fits.
    Truncated,
    /// The beginning of an answer, and then white space for ever.
    Endless,
    /// The true answer, one byte at a time.
    Drip {
        /// Between two bytes, of the machine's time.
        pause: Duration,
    },
    /// A Content-Length greater than the body; the connection ends early.
    LengthTooLong,
    /// A Content-Length smaller than the body: the end is cut off.
    LengthTooShort,
    /// The true answer under `image/png`.
    WrongType,
    /// A redirection.
    Redirect {
        /// The Location.
        to: String,
    },
    /// Status 200 and nothing.
    Empty,
    /// This status and a short text.
    Status(u16),
    /// Labelled as gzip, and is not.
    BrokenGzip,
    /// A few bytes that unpack to 256 MiB of white space.
    GzipBomb,
    /// The connection is reset before any answer.
    Reset,
}
