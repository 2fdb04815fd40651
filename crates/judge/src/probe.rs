//! What was seen of a service from outside, and what to make of it.
//!
//! An [`observation`] is what one probe saw; [`expected`] is what it is held against: keys, roots, logs, the signed zone,
//! and what the service was known to have. [`judging`] makes [`finding`]s of the difference, [`compare`] of several
//! probes among themselves.

pub mod compare;
pub mod coverage;
pub mod dane;
pub mod exits;
pub mod expected;
pub mod finding;
pub mod judging;
pub mod observation;
pub mod schedule;
pub mod service;
pub mod share;
pub mod trust;

pub use coverage::Coverage;
pub use expected::{Expected, Keys, Known, Roots};
pub use finding::ProbeFinding;
pub use judging::{Judged, Sight, judge, learn};
pub use observation::{Family, Observation, Outcome, Stratum};
pub use schedule::Plan;
pub use service::{Opening, Protocol, Service};
