//! The Merkle tree of a log, all of it in memory, with the proofs as RFC 6962 §2.1 defines them: by recursion.
//!
//! The monitor verifies by other algorithms, in `crates/tlog`. Nothing is shared, so that one checks the other.

use aws_lc_rs::digest::{Context, SHA256};

use crate::certificates::sha256;

/// An append-only tree that remembers the hash of every complete subtree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    /// `levels[k][i]` is the hash over the leaves from `i * 2^k` to `(i + 1) * 2^k`.
    levels: Vec<Vec<[u8; 32]>>,
}

impl Tree {
    /// How many leaves there are.
    pub(crate) fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| count(leaves.len()))
    }

    /// Appends a leaf.
    pub(crate) fn push(&mut self, leaf: [u8; 32]) {
        let mut hash = leaf;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(hash);
            let [.., left, right] = self.levels[level][..] else { return };
            if self.levels[level].len() % 2 == 1 {
                return;
            }
            hash = node(&left, &right);
        }
    }

    /// The hash over the leaves from `index * 2^level`. `None` if that subtree is not complete.
    pub(crate) fn subtree(&self, level: usize, index: u64) -> Option<[u8; 32]> {
        self.levels.get(level)?.get(usize::try_from(index).ok()?).copied()
    }

    /// The root of the first `size` leaves: MTH(D[size]) of RFC 6962 §2.1.
    pub(crate) fn root(&self, size: u64) -> [u8; 32] {
        assert!(size <= self.size(), "no root beyond the tree");
        if size == 0 { sha256(&[]) } else { self.hash(0, size) }
    }

    /// PATH(index, D[size]) of RFC 6962 §2.1.1.
    pub(crate) fn inclusion_proof(&self, index: u64, size: u64) -> Vec<[u8; 32]> {
        assert!(index < size && size <= self.size(), "no proof beyond the tree");
        let (mut start, mut end, mut path) = (0, size, Vec::new());
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                path.push(self.hash(middle, end));
                end = middle;
            } else {
                path.push(self.hash(start, middle));
                start = middle;
            }
        }
        path.reverse();
        path
    }

    /// PROOF(first, D[second]) of RFC 6962 §2.1.2. Empty for `first` 0: the empty tree is in every tree.
    pub(crate) fn consistency_proof(&self, first: u64, second: u64) -> Vec<[u8; 32]> {
        assert!(first <= second && second <= self.size(), "no proof beyond the tree");
        let mut proof = Vec::new();
        if first > 0 {
            self.sub_proof(first, 0, second, true, &mut proof);
        }
        proof
    }

    /// SUBPROOF(first - start, D[start:end], complete) of RFC 6962 §2.1.2.
    fn sub_proof(
        &self,
        first: u64,
        start: u64,
        end: u64,
        complete: bool,
        proof: &mut Vec<[u8; 32]>,
    ) {
        if first == end {
            if !complete {
                proof.push(self.hash(start, end));
            }
            return;
        }
        let middle = start + split(end - start);
        if first <= middle {
            self.sub_proof(first, start, middle, complete, proof);
            proof.push(self.hash(middle, end));
        } else {
            self.sub_proof(first, middle, end, false, proof);
            proof.push(self.hash(start, middle));
        }
    }

    /// MTH(D[start:end]) of RFC 6962 §2.1, for ranges that its recursion meets.
    fn hash(&self, start: u64, end: u64) -> [u8; 32] {
        let leaves = end - start;
        if leaves.is_power_of_two() && start.is_multiple_of(leaves) {
            let level = usize::try_from(leaves.ilog2()).expect("at most 63");
            return self.subtree(level, start / leaves).expect("within the tree");
        }
        let middle = start + split(leaves);
        node(&self.hash(start, middle), &self.hash(middle, end))
    }
}

/// The largest power of two smaller than `leaves`.
fn split(leaves: u64) -> u64 {
    leaves.next_power_of_two() / 2
}

/// The hash of a node with two children.
fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&[1]);
    context.update(left);
    context.update(right);
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// A length as the protocols count.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).expect("lengths fit 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_tlog::{Hash, verify_consistency, verify_inclusion};

    #[test]
    fn another_implementation_verifies_every_proof() {
        let leaf = |index: u64| sha256(&index.to_be_bytes());
        let hashes = |proof: Vec<[u8; 32]>| proof.into_iter().map(Hash).collect::<Vec<_>>();
        let mut tree = Tree::default();
        for index in 0..70 {
            tree.push(leaf(index));
        }
        assert_eq!(Hash(tree.root(0)), Hash::EMPTY_ROOT);
        for size in 0..=tree.size() {
            let root = Hash(tree.root(size));
            for index in 0..size {
                let path = hashes(tree.inclusion_proof(index, size));
                verify_inclusion(index, size, &Hash(leaf(index)), &path, &root).unwrap();
            }
            for first in 0..=size {
                let proof = hashes(tree.consistency_proof(first, size));
                verify_consistency(first, &Hash(tree.root(first)), size, &root, &proof).unwrap();
            }
        }
    }
}
