//! Inclusion and consistency proofs: verified after RFC 9162 §2.1.3.2 and §2.1.4.2, produced after the
//! definitions of RFC 6962 §2.1.1 and §2.1.2. The two RFCs describe the same proofs.
//!
//! Every step costs at most one hash a level of the tree, and a path of the wrong length is refused before
//! anything is hashed.

use std::ops::Range;

use crate::frontier::root_of;
use crate::hash::{Hash, node_hash};

/// A complete subtree of `2^level` leaves, the first of which is leaf `index * 2^level`. Levels go to 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// 0 for a leaf.
    pub level: u8,
    /// The number of such subtrees to its left.
    pub index: u64,
}

/// What is wrong with a proof, and so with who served it or the heads it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The tree is too small to have the leaf.
    #[error("a tree of {size} leaves has no leaf {index}")]
    Index {
        /// The leaf, counted from zero.
        index: u64,
        /// The leaves of the tree.
        size: u64,
    },
    /// The tree that should be the older is the larger.
    #[error("a tree of {old} leaves cannot have grown into one of {new}")]
    Shrunk {
        /// The leaves of the tree that was seen first.
        old: u64,
        /// The leaves of the tree that was seen later.
        new: u64,
    },
    /// The proof is too short or too long.
    #[error("the proof has {found} hashes where {expected} are due")]
    Length {
        /// As many as the sizes ask for.
        expected: usize,
        /// As many as there are.
        found: usize,
    },
    /// The leaf and the path hash to another root, or the new tree does.
    #[error("the proof leads to another root")]
    Root,
    /// The proof is about another old tree.
    #[error("the proof starts from another old root")]
    OldRoot,
    /// Two trees of one size differ: no proof can reconcile them.
    #[error("two roots for one tree size")]
    TwoRoots,
}

/// Checks that leaf `index` of the tree with this size and root has the hash `leaf` (RFC 9162 §2.1.3.2).
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Hash,
    path: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Index { index, size });
    }
    let siblings = siblings(index, size - 1);
    check_length(siblings.len(), path)?;
    let computed = siblings.iter().zip(path).fold(*leaf, |hash, (side, sibling)| match side {
        Side::Left => node_hash(sibling, &hash),
        Side::Right => node_hash(&hash, sibling),
    });
    if computed != *root {
        return Err(ProofError::Root);
    }
    Ok(())
}

/// Checks that the old tree is what the new tree began with (RFC 9162 §2.1.4.2). For an old tree without leaves
/// and for two trees of one size the path must be empty.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Shrunk { old: old_size, new: new_size });
    }
    if old_size == 0 {
        check_length(0, path)?;
        // Every tree began empty, but there is one empty tree only.
        if *old_root != Hash::EMPTY_ROOT {
            return Err(ProofError::OldRoot);
        }
        if new_size == 0 && *new_root != Hash::EMPTY_ROOT {
            return Err(ProofError::TwoRoots);
        }
        return Ok(());
    }
    if old_size == new_size {
        check_length(0, path)?;
        return if old_root == new_root { Ok(()) } else { Err(ProofError::TwoRoots) };
    }

    // The climb starts from the last complete subtree of the old tree, which the new tree has too. Where that
    // is the whole old tree, the verifier knows its root and the proof leaves it out.
    let level = old_size.trailing_zeros();
    let siblings = siblings((old_size - 1) >> level, (new_size - 1) >> level);
    let (start, path) = if old_size.is_power_of_two() {
        check_length(siblings.len(), path)?;
        (old_root, path)
    } else {
        check_length(1 + siblings.len(), path)?;
        path.split_first().expect("the path has at least one hash")
    };
    let (mut old, mut new) = (*start, *start);
    for (side, sibling) in siblings.iter().zip(path) {
        match side {
            // What is to the left of the old tree's end belongs to both trees, what is to the right to the new.
            Side::Left => {
                old = node_hash(sibling, &old);
                new = node_hash(sibling, &new);
            }
            Side::Right => new = node_hash(&new, sibling),
        }
    }
    if old != *old_root {
        return Err(ProofError::OldRoot);
    }
    if new != *new_root {
        return Err(ProofError::Root);
    }
    Ok(())
}

/// The complete subtrees that a tree splits into, from left to right: the places of [`crate::Frontier::peaks`].
pub fn peaks(size: u64) -> Vec<Node> {
    complete_subtrees(0..size)
}

/// The inclusion proof of leaf `index` in the tree of `size` leaves, from hashes that `read` knows. `None` if
/// there is no such leaf, or `read` has a gap.
pub fn inclusion_proof(
    index: u64,
    size: u64,
    read: impl FnMut(Node) -> Option<Hash>,
) -> Option<Vec<Hash>> {
    if index >= size {
        return None;
    }
    hashes_of(inclusion_ranges(index, size), read)
}

/// The consistency proof from the first `old` leaves to the first `new`, from hashes that `read` knows. `None` if
/// `old` is above `new`, or `read` has a gap.
pub fn consistency_proof(
    old: u64,
    new: u64,
    read: impl FnMut(Node) -> Option<Hash>,
) -> Option<Vec<Hash>> {
    if old > new {
        return None;
    }
    hashes_of(consistency_ranges(old, new), read)
}

/// What [`inclusion_proof`] will read, in its order. Empty if there is no such leaf.
pub fn inclusion_nodes(index: u64, size: u64) -> Vec<Node> {
    if index >= size {
        return Vec::new();
    }
    inclusion_ranges(index, size).into_iter().flat_map(complete_subtrees).collect()
}

/// What [`consistency_proof`] will read, in its order. Empty if `old` is above `new`.
pub fn consistency_nodes(old: u64, new: u64) -> Vec<Node> {
    if old > new {
        return Vec::new();
    }
    consistency_ranges(old, new).into_iter().flat_map(complete_subtrees).collect()
}

/// On which side of a node its sibling stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// The siblings met on the way from node `index` up to the root, where `last` is the last node of the same level.
fn siblings(mut index: u64, mut last: u64) -> Vec<Side> {
    let mut sides = Vec::new();
    while last > 0 {
        if !index.is_multiple_of(2) {
            sides.push(Side::Left);
        } else if index < last {
            sides.push(Side::Right);
        }
        // Else the node ends its level without a sibling, and is taken to the next level as it is.
        index /= 2;
        last /= 2;
    }
    sides
}

fn check_length(expected: usize, path: &[Hash]) -> Result<(), ProofError> {
    let found = path.len();
    if found == expected { Ok(()) } else { Err(ProofError::Length { expected, found }) }
}

/// The leaves under each hash of an inclusion proof, in the proof's order: PATH(m, D\[n\]) of RFC 6962 §2.1.1, which
/// goes from the root to the leaf, turned round.
fn inclusion_ranges(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    let mut tree = 0..size;
    while tree.end - tree.start > 1 {
        let middle = split(&tree);
        if index < middle {
            ranges.push(middle..tree.end);
            tree.end = middle;
        } else {
            ranges.push(tree.start..middle);
            tree.start = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The leaves under each hash of a consistency proof, in the proof's order: SUBPROOF(m, D\[n\], b) of RFC 6962
/// §2.1.2, turned round.
fn consistency_ranges(old: u64, new: u64) -> Vec<Range<u64>> {
    if old == 0 {
        return Vec::new();
    }
    let mut ranges = Vec::new();
    let mut tree = 0..new;
    while old < tree.end {
        let middle = split(&tree);
        if old <= middle {
            ranges.push(middle..tree.end);
            tree.end = middle;
        } else {
            ranges.push(tree.start..middle);
            tree.start = middle;
        }
    }
    // The subtree that ends where the old tree ends. Once to the right of anything, it is not the whole old tree
    // (the flag b of the RFC), and so the verifier has to be told its hash.
    if tree.start > 0 {
        ranges.push(tree);
    }
    ranges.reverse();
    ranges
}

/// Where a tree of more than one leaf splits: after the largest power of two that is less than its size
/// (RFC 6962 §2.1).
fn split(tree: &Range<u64>) -> u64 {
    tree.start + (1 << (tree.end - tree.start - 1).ilog2())
}

/// Covers leaves from left to right. The subtree of `leaves` must be one of a Merkle tree: then its start is a
/// multiple of every power of two used here.
fn complete_subtrees(leaves: Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut start = leaves.start;
    while start < leaves.end {
        let level = (leaves.end - start).ilog2();
        nodes.push(Node { level: u8::try_from(level).expect("at most 63"), index: start >> level });
        start += 1 << level;
    }
    nodes
}

fn hashes_of(
    ranges: Vec<Range<u64>>,
    mut read: impl FnMut(Node) -> Option<Hash>,
) -> Option<Vec<Hash>> {
    let mut hash_of = |leaves| {
        let peaks: Option<Vec<Hash>> =
            complete_subtrees(leaves).into_iter().map(&mut read).collect();
        peaks.map(|peaks| root_of(&peaks))
    };
    ranges.into_iter().map(&mut hash_of).collect()
}

#[cfg(test)]
mod tests;
