//! Merkle trees, tiles, signed notes and checkpoints of transparency logs.
//!
//! [`hash`]: how leaves and nodes are hashed. [`frontier`]: a tree that grows, remembered by its right edge.
//! [`proof`]: inclusion and consistency. [`tile`]: the tree as static files. [`note`]: a text and who signed it.
//! [`entry_bundle`]: the entries as files. [`checkpoint`]: the text that logs sign. [`tlog_proof`]: that an entry is in
//! a log, as a file. Values in, values out: nothing here knows of sockets, disks or clocks.

pub mod checkpoint;
pub mod entry_bundle;
pub mod frontier;
pub mod hash;
pub mod note;
pub mod proof;
pub mod tile;
pub mod tlog_proof;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod vectors;

pub use checkpoint::Checkpoint;
pub use frontier::Frontier;
pub use hash::{Hash, leaf_hash, node_hash};
pub use note::Note;
pub use proof::{Node, verify_consistency, verify_inclusion};
pub use tile::{HashTile, TileId};
pub use tlog_proof::TlogProof;
