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
    /// Which of several anchors above a name count.
    pub nested: Nested,
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

/// Which of several anchors at and above a name count (RFC 6840 §5.10, app. C).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nested {
    /// The deepest: whoever has an anchor for a zone that the tree above does not know trusts its keys for what is in
    /// it, and nobody who could deny all of it.
    #[default]
    Closest,
    /// Any that leads to an answer, as in Unbound: a zone above can deny one that has an anchor of its own.
    Any,
}

impl Default for Settings {
    fn default() -> Self {
        let (algorithms, limits) = (Algorithms::Current, Limits::default());
        let (demand, nested) = (Demand::One, Nested::Closest);
        Self { anchors: Anchors::root(), algorithms, demand, nested, limits }
    }
}
