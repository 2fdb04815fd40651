use super::*;
use crate::{Frontier, proof, reference, vectors, verify_consistency, verify_inclusion};
use proptest::prelude::*;
use proptest::sample::Index;

fn id(level: u8, index: u64, width: u16) -> TileId {
    TileId { level, index, width }
}

fn check_path(tile: TileId, path: &str) {
    assert_eq!(tile.path(), path);
    assert_eq!(TileId::parse_path(path), Some(tile));
}

#[test]
fn a_path_has_groups_of_three_digits() {
    check_path(id(0, 0, 256), "tile/0/000");
    check_path(id(0, 999, 255), "tile/0/999.p/255");
    check_path(id(0, 1067, 12), "tile/0/x001/067.p/12");
    check_path(id(1, 1000, 256), "tile/1/x001/000");
    check_path(id(63, 1_234_067, 1), "tile/63/x001/x234/067.p/1");
    check_path(id(0, u64::MAX, 256), "tile/0/x018/x446/x744/x073/x709/x551/615");
    assert_eq!(id(0, 1067, 12).data_path(), "tile/data/x001/067.p/12");
    assert_eq!(TileId::parse_data_path("tile/data/x001/067"), Some(id(0, 1067, 256)));
    assert_eq!(id(0, 1067, 12).entries_path(), "tile/entries/x001/067.p/12");
    assert_eq!(TileId::parse_entries_path("tile/entries/x001/067"), Some(id(0, 1067, 256)));
    for path in
        ["tile/data/x001/067", "tile/entries067", "tile/entries/67", "tile/entries/067.p/256"]
    {
        assert_eq!(TileId::parse_entries_path(path), None, "{path}");
    }
}

#[test]
fn other_texts_of_a_path_are_refused() {
    let wrong = [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/+00",
        "tile/+0/000",
        "tile/00/000",
        "tile/64/000",
        "tile/256/000",
        "tile/-1/000",
        "tile/0/x000/001",
        "tile/0/x001/x002",
        "tile/0/001/002",
        "tile/0/xx01/002",
        "tile/0/x001//002",
        "tile/0/000/",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/+1",
        "tile/0/000.p/256",
        "tile/0/000.p/65536",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
        "tile/data/000",
        "tile/entries/000",
    ];
    for path in wrong {
        assert_eq!(TileId::parse_path(path), None, "{path}");
        let data = path.replacen("tile/0", "tile/data", 1);
        assert_eq!(TileId::parse_data_path(&data).is_some(), path == "tile/data/000", "{data}");
    }
}

fn at(level: u8, index: u64) -> Node {
    Node { level, index }
}

#[test] // The example of c2sp.org/tlog-tiles, "Partial Tiles".
fn a_tree_of_70000_has_the_tiles_of_the_specification() {
    let tile = |node| TileId::covering(node, 70_000);
    assert_eq!(tile(at(0, 272 * 256)), id(0, 272, 256));
    assert_eq!(tile(at(0, 69_999)), id(0, 273, 112));
    assert_eq!(tile(at(8, 0)), id(1, 0, 256));
    assert_eq!(tile(at(8, 272)), id(1, 1, 17));
    assert_eq!(tile(at(16, 0)), id(2, 0, 1));
    assert_eq!(TileId::covering(at(8, 0), 256), id(1, 0, 1));
    assert_eq!(tile(at(0, 69_999)).full(), id(0, 273, 256));
}

#[test]
fn nodes_between_two_tile_levels_are_read_from_the_lower() {
    assert_eq!(TileId::covering(at(7, 1), 300), id(0, 0, 256));
    assert_eq!(TileId::covering(at(5, 8), 300), id(0, 1, 44));
    assert_eq!(TileId::covering(at(63, 0), 1 << 63), id(7, 0, 128));
    assert_eq!(TileId::covering(at(0, u64::MAX - 1), u64::MAX), id(0, u64::MAX >> 8, 255));
}

/// The tiles of a log, as it would serve them.
struct Tiles<'a> {
    tree: &'a reference::Tree,
    size: u64,
}

impl Tiles<'_> {
    fn fetch(&self, tile: TileId) -> HashTile {
        let start = usize::try_from(tile.index * 256).unwrap();
        let hashes = &self.tree.tile_level(tile.level)[start..start + usize::from(tile.width)];
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        HashTile::parse(&bytes, tile.width).unwrap()
    }

    fn hash_of(&self, node: Node) -> Option<Hash> {
        let tile = TileId::covering(node, self.size);
        self.fetch(tile).hash_of(tile, node)
    }
}

/// Makes proofs and a frontier out of tiles alone, as a monitor of a static log does.
fn check_proofs(old: usize, index: usize, leaves: &[Hash], tree: &reference::Tree) {
    let number = |n: usize| u64::try_from(n).unwrap();
    let size = number(leaves.len());
    let tiles = Tiles { tree, size };
    let (old_root, root) = (reference::root(&leaves[..old]), reference::root(leaves));

    let nodes = proof::consistency_nodes(number(old), size);
    let fetched: Vec<(Node, Hash)> =
        nodes.into_iter().map(|node| (node, tiles.hash_of(node).unwrap())).collect();
    let read = |node| fetched.iter().find(|(known, _)| *known == node).map(|(_, hash)| *hash);
    let path = proof::consistency_proof(number(old), size, read).unwrap();
    assert_eq!(verify_consistency(number(old), &old_root, size, &root, &path), Ok(()));

    let path = proof::inclusion_proof(number(index), size, |node| tiles.hash_of(node)).unwrap();
    assert_eq!(verify_inclusion(number(index), size, &leaves[index], &path, &root), Ok(()));

    let peaks = proof::peaks(size).into_iter().map(|node| tiles.hash_of(node).unwrap()).collect();
    assert_eq!(Frontier::from_peaks(size, peaks).unwrap().root(), root);
}

#[test]
fn tiles_alone_prove_a_tree_of_three_tile_levels() {
    let leaves = reference::leaves(65_536 + 300);
    let tree = reference::Tree::new(&leaves);
    check_proofs(65_535, 256, &leaves, &tree);
    check_proofs(65_600, 65_800, &leaves, &tree);
}

fn check_hash_of(tile: TileId, node: Node, expected: Option<Hash>) {
    let held = HashTile { hashes: reference::leaves(tile.width.into()) };
    assert_eq!(held.hash_of(tile, node), expected, "{node:?} of {tile:?}");
}

#[test]
fn a_tile_knows_its_own_nodes_only() {
    let hashes = reference::leaves(256);
    let root = |from: usize, to: usize| Some(reference::root(&hashes[from..to]));
    let (full, partial) = (id(1, 3, 256), id(1, 3, 100));
    check_hash_of(full, at(8, 768), Some(hashes[0]));
    check_hash_of(full, at(8, 1023), Some(hashes[255]));
    check_hash_of(full, at(15, 6), root(0, 128));
    check_hash_of(full, at(15, 7), root(128, 256));
    check_hash_of(full, at(10, 193), root(4, 8));
    for elsewhere in [at(8, 767), at(8, 1024), at(15, 5), at(15, 8), at(7, 0), at(16, 3)] {
        check_hash_of(full, elsewhere, None);
    }
    // These stand in the fourth tile too, but of another level.
    for level in [at(0, 768), at(7, 6), at(16, 768), at(248, 768), at(255, 6)] {
        check_hash_of(full, level, None);
    }
    check_hash_of(partial, at(8, 867), Some(hashes[99]));
    check_hash_of(partial, at(13, 26), root(64, 96));
    for beyond in [at(8, 868), at(13, 27), at(14, 13), at(15, 6)] {
        check_hash_of(partial, beyond, None);
    }
}

#[test]
fn a_tile_is_exactly_its_hashes() {
    let bytes = [7; 257 * HASH_BYTES];
    for width in 1..=TILE_WIDTH {
        let expected = usize::from(width) * HASH_BYTES;
        let tile = HashTile::parse(&bytes[..expected], width).unwrap();
        assert_eq!(tile.hashes().len(), usize::from(width));
        for found in [0, expected - HASH_BYTES, expected - 1, expected + 1, expected + HASH_BYTES] {
            let error = Err(TileError::Length { expected, found });
            assert_eq!(HashTile::parse(&bytes[..found], width), error);
        }
    }
    assert_eq!(HashTile::parse(&[], 0), Err(TileError::Width(0)));
    assert_eq!(HashTile::parse(&bytes, 257), Err(TileError::Width(257)));
}

#[test] // Tiles of a real log: 1,024 entries, and a partial tile from when it had 778.
fn real_tiles_are_read() {
    let Some(folder) = vectors::folder("ct/static-tiles/navigli2025h2") else {
        return;
    };
    let read = |path: &str| {
        let tile = TileId::parse_path(path).unwrap();
        let bytes = std::fs::read(format!("{folder}/{}", tile.path())).unwrap();
        assert!(HashTile::parse(&bytes, tile.width - 1).is_err());
        assert!(HashTile::parse(&bytes[1..], tile.width).is_err());
        (tile, HashTile::parse(&bytes, tile.width).unwrap())
    };
    let full: Vec<(TileId, HashTile)> =
        ["tile/0/000", "tile/0/001", "tile/0/002", "tile/0/003"].map(read).into();
    let (partial_id, partial) = read("tile/0/003.p/10");
    assert_eq!(partial_id, TileId::covering(at(0, 777), 778));
    assert_eq!(partial.hashes(), &full[3].1.hashes()[..10]);

    let leaves: Vec<Hash> = full.iter().flat_map(|(_, tile)| tile.hashes()).copied().collect();
    let mut frontier = Frontier::new();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    assert_eq!(frontier.size(), 1024);
    // The log's tile of level 1 is not among the vectors, but follows from the others.
    let roots = leaves.chunks(256).flat_map(|leaves| reference::root(leaves).0);
    let above = HashTile::parse(&roots.collect::<Vec<u8>>(), 4).unwrap();
    let of_tiles = |node| {
        let tile = TileId::covering(node, 1024);
        let hashes =
            if tile.level == 0 { &full[usize::try_from(tile.index).unwrap()].1 } else { &above };
        hashes.hash_of(tile, node)
    };
    let path = proof::consistency_proof(778, 1024, of_tiles).unwrap();
    let old_root = reference::root(&leaves[..778]);
    assert_eq!(verify_consistency(778, &old_root, 1024, &frontier.root(), &path), Ok(()));
}

/// The path of a tile of tlog_tiles, which also names the height, always 8 here.
fn with_height(path: &str) -> String {
    path.replacen("tile/", "tile/8/", 1)
}

proptest! {
    #[test]
    fn paths_are_those_of_tlog_tiles(level in 0_u8..64, index: u64, shift in 0_u32..64, width in 1_u16..=256) {
        let index = index >> shift;
        let tile = id(level, index, width);
        let theirs = tlog_tiles::Tile::new(8, level, index, width.into(), false);
        prop_assert_eq!(with_height(&tile.path()), theirs.path());
        prop_assert_eq!(TileId::parse_path(&tile.path()), Some(tile));
        let theirs = tlog_tiles::Tile::new(8, 0, index, width.into(), true);
        let tile = id(0, index, width);
        prop_assert_eq!(with_height(&tile.data_path()), theirs.path());
        prop_assert_eq!(TileId::parse_data_path(&tile.data_path()), Some(tile));
    }

    #[test]
    fn what_looks_like_a_path_is_read_as_tlog_tiles_reads_it(
        path in "tile/[0-5]?[0-9]/(x?[0-9]{3}/){0,3}x?[0-9]{2,4}(\\.p/[1-9][0-9]{0,3})?",
    ) {
        let theirs = tlog_tiles::Tile::from_path(&with_height(&path)).ok();
        let theirs = theirs.map(|tile| {
            id(tile.level(), tile.level_index(), tile.width().try_into().unwrap())
        });
        prop_assert_eq!(TileId::parse_path(&path), theirs);
    }

    #[test]
    fn any_text_is_a_path_or_none(text in ".*", digits in "tile/[0-9x.p/+]{0,60}") {
        for path in [text, digits] {
            if let Some(tile) = TileId::parse_path(&path) {
                prop_assert_eq!(tile.path(), path.as_str());
            }
            if let Some(tile) = TileId::parse_data_path(&path) {
                prop_assert_eq!(tile.data_path(), path.as_str());
            }
        }
    }

    #[test]
    fn any_node_is_in_the_tile_or_not(level: u8, index: u64, tile_level: u8, tile_index: u64, width in 1_u64..=256) {
        let held = HashTile { hashes: reference::leaves(width) };
        let _ = held.hash_of(id(tile_level, tile_index, 256), at(level, index));
        let (level, index) = (level % 64, index >> (level % 64));
        let home = id(level / 8, index >> (8 - level % 8), 256);
        let place = u16::try_from(index % (256 >> (level % 8))).unwrap();
        let fits = u64::from(place + 1) << (level % 8) <= width;
        prop_assert_eq!(held.hash_of(home, at(level, index)).is_some(), fits);
    }

    #[test]
    fn any_bytes_are_a_tile_or_not(bytes: Vec<u8>, width: u16) {
        let right = bytes.len() == usize::from(width) * HASH_BYTES && (1..=256).contains(&width);
        prop_assert_eq!(HashTile::parse(&bytes, width).is_ok(), right);
    }

    #[test]
    fn nodes_are_in_the_tiles_of_tlog_tiles(level in 0_u8..40, index in 0_u64..1 << 20) {
        let stored = tlog_tiles::stored_hash_index(level, index);
        let theirs = tlog_tiles::Tile::from_index(8, stored);
        // The smallest tree that has the node is the one that ends with it.
        let ours = TileId::covering(at(level, index), (index + 1) << level);
        prop_assert_eq!(with_height(&ours.path()), theirs.path());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn tiles_alone_prove_any_tree(size in 1_u64..=2000, old: Index, index: Index) {
        let leaves = reference::leaves(size);
        let tree = reference::Tree::new(&leaves);
        check_proofs(old.index(leaves.len() + 1), index.index(leaves.len()), &leaves, &tree);
    }
}
