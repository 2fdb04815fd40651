//! What `countersign watch` must not forget: how far each log was read, what was sighted, what was wrong, what
//! was told, and the bytes that prove it.
//!
//! The state is one directory: `countersign.db`, an SQLite database with its write-ahead log beside it, and
//! `lock`, which one [`Store`] at a time holds. A [`Reader`] looks in without the lock, also while a watch runs.
//!
//! What holds after a crash at any point:
//!
//! - No entry is skipped and no sighting is made twice. A position and the sightings below it are one
//!   transaction ([`Store::commit`]), and the position moves only from the revision that its writer had read.
//! - Whatever is to be told has exactly one report, with one id that never changes, written in the transaction
//!   that made it true. The reporter marks it after the line went out; a crash between the two repeats that
//!   line with the same id, and loses none.
//! - Evidence is kept for ever, as the bytes seen, once for each SHA-256.
//!
//! The calls block: an async caller runs them where blocking is allowed. SQL does not leave this crate.
//!
//! # Limitations
//!
//! The directory must be on a local file system: SQLite's write-ahead log needs memory shared between
//! processes. Evidence grows with what matches the watchlist and is not pruned.

pub mod authorization;
mod check;
mod column;
pub mod error;
pub mod evidence;
pub mod head;
pub mod incident;
pub mod judgement;
pub mod log;
pub mod log_list;
pub mod poll;
pub mod position;
pub mod probe;
pub mod promise;
pub mod proof;
pub mod report;
mod schema;
pub mod sighting;
pub mod sink;
pub mod status;
mod store;
pub mod trouble;
pub mod zone;

#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use store::{Desk, Reader, Store};
