//! A transparency log of few entries, in a folder of static files: the only crate that signs checkpoints.
//!
//! ```text
//! folder/
//!   list           what is published, a signed note        ┐
//!   list.proof     that its text is in the log             │ served to anybody, by [`serve`] or by any
//!   keys           whose signatures it needs               │ other web server
//!   keys-1, …      each set of keys that there was         │
//!   log/           [`log`]: checkpoint, tiles, entries     ┘
//!   log/position   the head that the log has promised; the checkpoint is made from it
//!   log/lock       held by whoever appends
//! ```
//!
//! [`publication`] knows what a publication consists of, and not what it says: whoever publishes has verified that.
//! What is logged is the text without its signatures: clients that were shown a list that others were not find that
//! it is in no log.

mod disk;
pub mod log;
pub mod publication;
pub mod serve;

pub use log::{Log, LogError};
pub use publication::{Publication, Published, Publisher};
pub use serve::Door;
