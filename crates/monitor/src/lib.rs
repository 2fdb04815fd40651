//! The loops of `countersign watch`: keep the lists of logs, follow each log, report what was seen.
//!
//! ```text
//!  lists ──> roster ──> one follower task a log ──> store ──> reporter ──> whoever asked
//!                        fetch, feed, match, commit     (evidence first, then the report)
//!  zones ──> one task a zone ──> store ──> reporter
//!                        ask, verify, judge, commit
//! ```
//!
//! The loops ask, send and feed; what a reply means is judged below, in `ct`. A task ends when it is stopped, or
//! on a bug. What the world does wrong is noted and survived: one log's trouble never touches another's task.

pub mod caa;
mod chance;
mod contents;
mod context;
pub mod delegations;
mod delivery;
pub mod directories;
pub mod dossier;
mod follow;
pub mod judging;
mod lists;
pub mod message;
mod position;
pub mod probing;
mod protocol;
mod report;
pub mod roster;
pub mod settings;
mod sight;
pub mod sink;
pub mod survey;
mod tell;
mod trouble;
mod watch;

pub use chance::Chance;
pub use contents::contents;
pub use delegations::{Delegations, WatchedZone, Way};
pub use probing::Probing;
pub use report::{Hooks, Outlet, Progress};
pub use settings::{ListSource, OwnLog, Settings};
pub use watch::{Ended, Extent, World, watch};
