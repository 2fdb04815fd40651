//! Certificate Transparency, read with suspicion: what logs serve, what stands in certificates, what a log proves.
//!
//! [`rfc6962`] and [`static_ct`] read the answers of the two kinds of log into [`entry`]s and [`head`]s;
//! [`follower`] keeps a log to its word; [`certificate`] and [`watchlist`] find the guarded names, whatever the
//! shape of the bytes they hide in. Values in, values out: nothing here connects, waits, or reads a clock.

pub mod backlog;
mod bytes;
pub mod certificate;
pub mod entry;
pub mod follower;
pub mod head;
pub mod misbehaviour;
pub mod names;
pub mod rfc6962;
pub mod scan;
pub mod static_ct;
pub mod tiles;
#[cfg(test)]
mod vectors;
pub mod watchlist;

pub use entry::{Content, Entry};
pub use follower::Follower;
pub use head::Head;
pub use misbehaviour::Misbehaviour;
