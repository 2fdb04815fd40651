//! Proofs made from the hash tiles of a static log (c2sp.org/tlog-tiles): it serves no others.

use std::collections::BTreeMap;

use countersign_tlog::proof::{
    Node, consistency_nodes, consistency_proof, inclusion_nodes, inclusion_proof, peaks,
};
use countersign_tlog::{Frontier, Hash, HashTile, TileId};

/// Hash tiles as they are gathered, for some nodes of a tree.
#[derive(Debug)]
struct Tiles {
    size: u64,
    missing: Vec<TileId>,
    tiles: BTreeMap<TileId, HashTile>,
}

impl Tiles {
    fn of(nodes: impl IntoIterator<Item = Node>, size: u64) -> Self {
        let mut missing: Vec<_> =
            nodes.into_iter().map(|node| TileId::covering(node, size)).collect();
        missing.sort_unstable();
        missing.dedup();
        Self { size, missing, tiles: BTreeMap::new() }
    }

    fn missing(&self) -> Option<TileId> {
        self.missing.last().copied()
    }

    fn feed(&mut self, tile: HashTile) {
        let id = self.missing.pop().expect("only a missing tile is fed");
        self.tiles.insert(id, tile);
    }

    fn hash(&self, node: Node) -> Option<Hash> {
        let id = TileId::covering(node, self.size);
        self.tiles.get(&id)?.hash_of(id, node)
    }
}

/// Which hashes show that the first `old` leaves begin a tree of `new` leaves, as they are gathered.
#[derive(Debug)]
pub struct TileProof {
    old: u64,
    tiles: Tiles,
}

impl TileProof {
    /// A proof for `old` of `new` leaves, with all tiles still missing. `old` is at most `new`.
    pub fn new(old: u64, new: u64) -> Self {
        assert!(old <= new, "a larger tree does not begin a smaller one");
        let nodes = peaks(old).into_iter().chain(consistency_nodes(old, new));
        Self { old, tiles: Tiles::of(nodes, new) }
    }

    /// A tile that is still missing. At most two for each level of the tree, some sixteen in all.
    pub fn missing(&self) -> Option<TileId> {
        self.tiles.missing()
    }

    /// Takes the tile that was [`TileProof::missing`].
    pub fn feed(&mut self, tile: HashTile) {
        self.tiles.feed(tile);
    }

    /// The frontier of the first `old` leaves and their consistency proof, once no tile is missing. Nothing
    /// vouches for either until the proof is verified against the root of a signed head. None if the tiles
    /// are too narrow.
    pub fn prove(&self) -> Option<(Frontier, Vec<Hash>)> {
        let hash = |node| self.tiles.hash(node);
        let frontier = peaks(self.old).into_iter().map(hash).collect::<Option<_>>()?;
        let proof = if self.old == 0 {
            Vec::new()
        } else {
            consistency_proof(self.old, self.tiles.size, hash)?
        };
        Some((Frontier::from_peaks(self.old, frontier)?, proof))
    }
}

/// The audit path of one leaf, as it is gathered.
#[derive(Debug)]
pub struct TileInclusion {
    index: u64,
    tiles: Tiles,
}

impl TileInclusion {
    /// The path of leaf `index` in a tree of `size` leaves, with all tiles still missing. `index` is below `size`.
    pub fn new(index: u64, size: u64) -> Self {
        assert!(index < size, "a tree does not hold a leaf that comes after it");
        Self { index, tiles: Tiles::of(inclusion_nodes(index, size), size) }
    }

    /// A tile that is still missing. At most two for each level of the tree.
    pub fn missing(&self) -> Option<TileId> {
        self.tiles.missing()
    }

    /// Takes the tile that was [`TileInclusion::missing`].
    pub fn feed(&mut self, tile: HashTile) {
        self.tiles.feed(tile);
    }

    /// The path, from the leaf up (RFC 9162 §2.1.3), once no tile is missing; not verified. None if the tiles are too
    /// narrow.
    pub fn path(&self) -> Option<Vec<Hash>> {
        inclusion_proof(self.index, self.tiles.size, |node| self.tiles.hash(node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_tlog::tile::TILE_WIDTH;
    use countersign_tlog::{leaf_hash, node_hash, verify_consistency, verify_inclusion};

    /// All the tiles of a tree, straight from their definition.
    fn tile(leaves: &[Hash], id: TileId) -> HashTile {
        let mut row = leaves.to_vec();
        for _ in 0..8 * id.level {
            row = row.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        let start = usize::try_from(id.index).unwrap() * usize::from(TILE_WIDTH);
        let bytes: Vec<_> =
            row[start..][..usize::from(id.width)].iter().flat_map(|hash| hash.0).collect();
        HashTile::parse(&bytes, id.width).unwrap()
    }

    fn check(leaves: &[Hash], old: usize) {
        let (mut before, mut all) = (Frontier::new(), Frontier::new());
        leaves.iter().for_each(|leaf| all.push(*leaf));
        leaves[..old].iter().for_each(|leaf| before.push(*leaf));
        let mut proof = TileProof::new(before.size(), all.size());
        while let Some(id) = proof.missing() {
            proof.feed(tile(leaves, id));
        }
        let (frontier, hashes) = proof.prove().unwrap();
        assert_eq!(frontier, before);
        verify_consistency(before.size(), &before.root(), all.size(), &all.root(), &hashes)
            .unwrap();
    }

    #[test]
    fn tiles_prove_every_beginning() {
        let leaves: Vec<_> =
            (0_u32..70_000).map(|leaf| leaf_hash(&[&leaf.to_be_bytes()])).collect();
        for new in [1, 2, 255, 256, 257, 1000] {
            (0..=new).for_each(|old| check(&leaves[..new], old));
        }
        for old in [0, 1, 255, 256, 65_535, 65_536, 65_537, 69_999, 70_000] {
            check(&leaves, old);
        }
    }

    #[test]
    fn tiles_prove_every_leaf() {
        let leaves: Vec<_> = (0_u32..1000).map(|leaf| leaf_hash(&[&leaf.to_be_bytes()])).collect();
        for size in [1_u64, 2, 255, 256, 257, 513, 1000] {
            let mut all = Frontier::new();
            let leaves = &leaves[..usize::try_from(size).unwrap()];
            leaves.iter().for_each(|leaf| all.push(*leaf));
            for (index, leaf) in (0..).zip(leaves) {
                let mut proof = TileInclusion::new(index, size);
                while let Some(id) = proof.missing() {
                    proof.feed(tile(leaves, id));
                }
                verify_inclusion(index, size, leaf, &proof.path().unwrap(), &all.root()).unwrap();
            }
        }
    }
}
