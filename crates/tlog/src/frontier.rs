//! The right edge of a Merkle tree: enough to append leaves and to name the root (RFC 6962 §2.1).
//!
//! A tree of n leaves splits, from the left, into complete subtrees, one for each bit that is set in n and
//! each smaller than the one before. Their roots are the *peaks*:
//!
//! ```text
//!          P0
//!       /      \
//!     *          *         P1
//!   /   \      /   \     /    \
//!  0     1    2     3   4      5   P2 = 6        7 leaves = 4 + 2 + 1
//! ```

use crate::hash::{Hash, node_hash};

/// A tree that can grow, remembered by its peaks alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// From left to right; as many as `size` has bits set.
    peaks: Vec<Hash>,
}

/// The largest tree that is taken up. Pushes count one by one: from here none can reach the end of 64 bits.
pub const FRONTIER_SIZE_MAX: u64 = 1 << 63;

impl Frontier {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` leaves with these peaks, from left to right. `None` if that size has another number
    /// of peaks, or is above [`FRONTIER_SIZE_MAX`]. Nothing vouches for the peaks until [`Frontier::root`] is
    /// compared with a root that the log signed.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        if size > FRONTIER_SIZE_MAX || u32::try_from(peaks.len()) != Ok(size.count_ones()) {
            return None;
        }
        Some(Self { size, peaks })
    }

    /// The tree of `size` leaves, from its last leaf's hash and that leaf's inclusion proof. `None` if the proof
    /// has another length, or the tree is empty or above [`FRONTIER_SIZE_MAX`]. Nothing vouches for the result
    /// until [`Frontier::root`] is compared with a root that the log signed.
    pub fn from_last_leaf(size: u64, leaf: Hash, audit_path: &[Hash]) -> Option<Self> {
        if size == 0 {
            return None;
        }
        // All siblings of the last leaf and of its ancestors are to the left, and all are complete. The lowest
        // complete the last peak, as many as it has levels; the others are the peaks before it, from the right.
        let levels = usize::try_from(size.trailing_zeros()).ok()?;
        let (within, beside) = audit_path.split_at_checked(levels)?;
        let last = within.iter().fold(leaf, |right, left| node_hash(left, &right));
        let peaks = beside.iter().rev().copied().chain([last]).collect();
        Self::from_peaks(size, peaks)
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, from left to right; [`crate::proof::peaks`] says where they stand.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        // Each bit set at the low end of the size is a peak that the new leaf completes to the next level,
        // as in counting; so two hashes are made for two leaves, whatever the size.
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("each bit of the size has a peak");
            hash = node_hash(&left, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root of the tree: the Merkle Tree Hash of all leaves pushed (RFC 6962 §2.1).
    pub fn root(&self) -> Hash {
        root_of(&self.peaks)
    }
}

/// The root over complete subtrees of falling size, from left to right.
pub(crate) fn root_of(peaks: &[Hash]) -> Hash {
    let Some((last, others)) = peaks.split_last() else {
        return Hash::EMPTY_ROOT;
    };
    others.iter().rfold(*last, |right, left| node_hash(left, &right))
}

#[cfg(test)]
mod tests;
