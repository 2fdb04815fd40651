//! What a walk starts from, and what it demands.

use crate::algorithm::Algorithms;
use crate::anchor::Anchors;
use crate::limits::Limits;

/// What a walk starts from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The trust anchors.
    pub anchors: Anchors,
    /// The algorithms that count.
    pub algorithms: Algorithms,
    /// How many of the algorithms that name a zone have to sign it.
    pub demand: Demand,
    /// How much work it may be.
    pub limits: Limits,
}

/// How many of the algorithms in the DS records or anchors of a zone have to sign all of it, of those that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// One: any path that holds is enough (RFC 6840 §5.11).
    #[default]
    One,
    /// Each, as a zone has to sign (RFC 4035 §2.2). Whoever has broken one of several algorithms gains nothing by it
    /// then, and a zone in the middle of a change of algorithms can be lost (Unbound's `harden-algo-downgrade`).
    Each,
}

impl Default for Settings {
    fn default() -> Self {
        let (algorithms, limits) = (Algorithms::Current, Limits::default());
        Self { anchors: Anchors::root(), algorithms, demand: Demand::One, limits }
    }
}
