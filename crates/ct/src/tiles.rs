//! Proofs made from the hash tiles of a static log (c2sp.org/tlog-tiles): it serves no others.

use std::collections::BTreeMap;

use countersign_tlog::proof::{Node, consistency_nodes, consistency_proof, peaks};
use countersign_tlog::{Frontier, Hash, HashTile, TileId};

/// Which hashes show that the first `old` leaves begin a tree of `new` leaves, as they are gathered.
#[derive(Debug)]
pub struct TileProof {
    old: u64,
    new: u64,
    missing: Vec<TileId>,
    tiles: BTreeMap<TileId, HashTile>,
}

impl TileProof {
    /// A proof for `old` of `new` leaves, with all tiles still missing. `old` is at most `new`.
    pub fn new(old: u64, new: u64) -> Self {
        assert!(old <= new, "a larger tree does not begin a smaller one");
        let nodes = peaks(old).into_iter().chain(consistency_nodes(old, new));
        let mut missing: Vec<_> = nodes.map(|node| TileId::covering(node, new)).collect();
        missing.sort_unstable();
        missing.dedup();
        Self { old, new, missing, tiles: BTreeMap::new() }
    }

    /// A tile that is still missing. At most two for each level of the tree, some sixteen in all.
    pub fn missing(&self) -> Option<TileId> {
        self.missing.last().copied()
    }

    /// Takes the tile that was [`TileProof::missing`].
    pub fn feed(&mut self, tile: HashTile) {
        let id = self.missing.pop().expect("only a missing tile is fed");
        self.tiles.insert(id, tile);
    }

    /// The frontier of the first `old` leaves and their consistency proof, once no tile is missing. Nothing
    /// vouches for either until the proof is verified against the root of a signed head. None if the tiles
    /// are too narrow.
    pub fn prove(&self) -> Option<(Frontier, Vec<Hash>)> {
        let frontier =
            peaks(self.old).into_iter().map(|node| self.hash(node)).collect::<Option<_>>()?;
        let proof = if self.old == 0 {
            Vec::new()
        } else {
            consistency_proof(self.old, self.new, |node| self.hash(node))?
        };
        Some((Frontier::from_peaks(self.old, frontier)?, proof))
    }

    fn hash(&self, node: Node) -> Option<Hash> {
        let id = TileId::covering(node, self.new);
        self.tiles.get(&id)?.hash_of(id, node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_tlog::tile::TILE_WIDTH;
    use countersign_tlog::{leaf_hash, node_hash, verify_consistency};

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
}
