//! The Merkle tree as RFC 6962 §2.1 writes it down: slow, and recursive as the RFC is. For tests to compare with.

use crate::hash::{Hash, leaf_hash, node_hash};
use crate::proof::Node;

/// Some leaves that all differ.
pub(crate) fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(&[&index.to_be_bytes()])).collect()
}

/// MTH(D\[n\]), over leaf hashes.
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&root(left), &root(right))
        }
    }
}

/// PATH(m, D\[n\]).
pub(crate) fn inclusion_proof(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let middle = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(middle);
    let (mut path, sibling) = if index < middle {
        (inclusion_proof(index, left), root(right))
    } else {
        (inclusion_proof(index - middle, right), root(left))
    };
    path.push(sibling);
    path
}

/// PROOF(m, D\[n\]), for m above 0.
pub(crate) fn consistency_proof(old: usize, leaves: &[Hash]) -> Vec<Hash> {
    subproof(old, leaves, true)
}

fn subproof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let middle = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(middle);
    let (mut path, sibling) = if old <= middle {
        (subproof(old, left, whole), root(right))
    } else {
        (subproof(old - middle, right, false), root(left))
    };
    path.push(sibling);
    path
}

/// All complete subtrees over some leaves, by level.
pub(crate) struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    pub(crate) fn new(leaves: &[Hash]) -> Self {
        let mut levels = vec![leaves.to_vec()];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            levels.push(below.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect());
        }
        Self { levels }
    }

    pub(crate) fn read(&self, node: Node) -> Option<Hash> {
        self.levels.get(usize::from(node.level))?.get(usize::try_from(node.index).ok()?).copied()
    }

    /// The hashes that a tile of this level would have, were it as wide as the tree.
    pub(crate) fn tile_level(&self, level: u8) -> &[Hash] {
        self.levels.get(usize::from(level) * 8).map_or(&[], Vec::as_slice)
    }
}
