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
    /// How much work it may be.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        let (algorithms, limits) = (Algorithms::Current, Limits::default());
        Self { anchors: Anchors::root(), algorithms, limits }
    }
}
