//! What was seen of a service from outside.

pub mod observation;
pub mod service;

pub use observation::{Family, Observation, Outcome, Stratum};
pub use service::{Opening, Protocol, Service};
