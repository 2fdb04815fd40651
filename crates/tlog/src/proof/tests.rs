use super::*;
use crate::{Frontier, reference, vectors};
use proptest::prelude::*;
use proptest::sample::Index;

/// Produces the inclusion proof, compares it with the RFC's definition, and verifies it. `leaves` must be the
/// first of `tree`.
fn check_inclusion(index: u64, leaves: &[Hash], tree: &reference::Tree) {
    let size = u64::try_from(leaves.len()).unwrap();
    let position = usize::try_from(index).unwrap();
    let mut asked = Vec::new();
    let path = inclusion_proof(index, size, |node| {
        asked.push(node);
        tree.read(node)
    });
    let path = path.unwrap();
    assert_eq!(asked, inclusion_nodes(index, size));
    assert_eq!(path, reference::inclusion_proof(position, leaves), "leaf {index} of {size}");

    let root = reference::root(leaves);
    let verify =
        |index, size, path: &[Hash]| verify_inclusion(index, size, &leaves[position], path, &root);
    assert_eq!(verify(index, size, &path), Ok(()), "leaf {index} of {size}");
    for (at, bit) in each_hash(&path) {
        assert_eq!(verify(index, size, &flipped(&path, at, bit)), Err(ProofError::Root));
    }
    assert!(matches!(verify(index, size, &longer(&path)), Err(ProofError::Length { .. })));
    if let Some((_, shorter)) = path.split_last() {
        assert!(matches!(verify(index, size, shorter), Err(ProofError::Length { .. })));
    }
    for other in 0..size {
        assert_eq!(verify(other, size, &path).is_ok(), other == index);
    }
    assert_eq!(verify(size, size, &path), Err(ProofError::Index { index: size, size }));
}

/// The same for the consistency proof.
fn check_consistency(old: u64, leaves: &[Hash], tree: &reference::Tree) {
    let new = u64::try_from(leaves.len()).unwrap();
    let old_leaves = &leaves[..usize::try_from(old).unwrap()];
    let mut asked = Vec::new();
    let path = consistency_proof(old, new, |node| {
        asked.push(node);
        tree.read(node)
    });
    let path = path.unwrap();
    assert_eq!(asked, consistency_nodes(old, new));
    if old > 0 {
        assert_eq!(path, reference::consistency_proof(old_leaves.len(), leaves), "{old} to {new}");
    }

    let (old_root, new_root) = (reference::root(old_leaves), reference::root(leaves));
    let verify = |old_root: &Hash, new_root: &Hash, path: &[Hash]| {
        verify_consistency(old, old_root, new, new_root, path)
    };
    assert_eq!(verify(&old_root, &new_root, &path), Ok(()), "{old} to {new}");
    for (at, bit) in each_hash(&path) {
        assert!(verify(&old_root, &new_root, &flipped(&path, at, bit)).is_err());
    }
    assert!(matches!(verify(&old_root, &new_root, &longer(&path)), Err(ProofError::Length { .. })));
    if let Some((_, shorter)) = path.split_last() {
        assert!(matches!(verify(&old_root, &new_root, shorter), Err(ProofError::Length { .. })));
    }
    let other = leaf_of_nothing();
    assert!(verify(&other, &new_root, &path).is_err());
    // The empty tree says nothing of what it grows into.
    assert_eq!(verify(&old_root, &other, &path).is_ok(), old == 0 && new > 0);
    if old < new {
        assert_eq!(
            verify_consistency(new, &new_root, old, &old_root, &path),
            Err(ProofError::Shrunk { old: new, new: old })
        );
    }
}

/// Each hash of a path, and a bit to flip in it: every bit of short paths, another one for each hash of long ones.
fn each_hash(path: &[Hash]) -> Vec<(usize, usize)> {
    let bits = if path.len() <= 2 { 256 } else { 1 };
    (0..path.len()).flat_map(|at| (0..bits).map(move |bit| (at, bit + (37 * at) % 256))).collect()
}

fn flipped(path: &[Hash], at: usize, bit: usize) -> Vec<Hash> {
    let mut path = path.to_vec();
    path[at].0[(bit / 8) % 32] ^= 1 << (bit % 8);
    path
}

fn longer(path: &[Hash]) -> Vec<Hash> {
    [path, &[leaf_of_nothing()]].concat()
}

fn leaf_of_nothing() -> Hash {
    crate::leaf_hash(&[])
}

#[test]
fn every_leaf_of_every_small_tree_is_included() {
    let leaves = reference::leaves(70);
    let tree = reference::Tree::new(&leaves);
    for size in 1..=70 {
        for index in 0..size {
            check_inclusion(index, &leaves[..usize::try_from(size).unwrap()], &tree);
        }
    }
}

#[test]
fn every_small_tree_is_consistent_with_every_smaller_one() {
    let leaves = reference::leaves(70);
    let tree = reference::Tree::new(&leaves);
    for new in 0..=70 {
        for old in 0..=new {
            check_consistency(old, &leaves[..usize::try_from(new).unwrap()], &tree);
        }
    }
}

#[test]
fn every_flipped_bit_of_a_long_proof_is_noticed() {
    let leaves = reference::leaves(1000);
    let tree = reference::Tree::new(&leaves);
    let (root, old_root) = (reference::root(&leaves), reference::root(&leaves[..619]));
    let inclusion = inclusion_proof(777, 1000, |node| tree.read(node)).unwrap();
    let consistency = consistency_proof(619, 1000, |node| tree.read(node)).unwrap();
    for bit in 0..256 {
        for at in 0..inclusion.len() {
            let path = flipped(&inclusion, at, bit);
            let verdict = verify_inclusion(777, 1000, &leaves[777], &path, &root);
            assert_eq!(verdict, Err(ProofError::Root));
        }
        for at in 0..consistency.len() {
            let path = flipped(&consistency, at, bit);
            assert!(verify_consistency(619, &old_root, 1000, &root, &path).is_err());
        }
    }
}

#[test]
fn a_proof_for_other_sizes_does_not_pass() {
    let leaves = reference::leaves(40);
    let tree = reference::Tree::new(&leaves);
    let path = consistency_proof(13, 29, |node| tree.read(node)).unwrap();
    let (old_root, new_root) = (reference::root(&leaves[..13]), reference::root(&leaves[..29]));
    for new in 0..=40 {
        for old in 1..=40 {
            // Sizes of one shape ask for the same hashes in the same order: a proof binds roots, not sizes. The
            // sizes are bound by what the log signs.
            let same_shape = old <= new
                && siblings_of(old, new) == siblings_of(13, 29)
                && !u64::is_power_of_two(old);
            let passes = verify_consistency(old, &old_root, new, &new_root, &path).is_ok();
            assert_eq!(passes, same_shape, "{old} to {new}");
        }
    }
}

fn siblings_of(old: u64, new: u64) -> Vec<Side> {
    let level = old.trailing_zeros();
    siblings((old - 1) >> level, (new - 1) >> level)
}

#[test] // Hashes of the well-known test tree of RFC 6962 implementations.
fn the_well_known_proofs_are_produced() {
    let data: [&[u8]; 8] =
        [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];
    let leaves: Vec<Hash> = data.iter().map(|leaf| crate::leaf_hash(&[leaf])).collect();
    let tree = reference::Tree::new(&leaves);
    let starts = |path: Option<Vec<Hash>>| -> Vec<String> {
        path.unwrap().iter().map(|hash| format!("{hash:?}")[..8].to_owned()).collect()
    };
    let inclusion = |index, size| starts(inclusion_proof(index, size, |node| tree.read(node)));
    let consistency = |old, new| starts(consistency_proof(old, new, |node| tree.read(node)));
    assert_eq!(inclusion(0, 8), ["96a296d2", "5f083f0a", "6b47aaf2"]);
    assert_eq!(inclusion(5, 8), ["bc1a0643", "ca854ea1", "d37ee418"]);
    assert_eq!(inclusion(2, 3), ["fac54203"]);
    assert_eq!(inclusion(1, 5), ["6e340b9c", "5f083f0a", "bc1a0643"]);
    assert_eq!(consistency(1, 8), ["96a296d2", "5f083f0a", "6b47aaf2"]);
    assert_eq!(consistency(6, 8), ["0ebc5d34", "ca854ea1", "d37ee418"]);
    assert_eq!(consistency(2, 5), ["5f083f0a", "bc1a0643"]);
}

#[test]
fn the_empty_tree_has_one_root_and_grows_into_any() {
    let other = leaf_of_nothing();
    let empty = Hash::EMPTY_ROOT;
    assert_eq!(verify_consistency(0, &empty, 0, &empty, &[]), Ok(()));
    assert_eq!(verify_consistency(0, &empty, 5, &other, &[]), Ok(()));
    assert_eq!(verify_consistency(0, &other, 5, &other, &[]), Err(ProofError::OldRoot));
    assert_eq!(verify_consistency(0, &other, 0, &other, &[]), Err(ProofError::OldRoot));
    assert_eq!(verify_consistency(0, &empty, 0, &other, &[]), Err(ProofError::TwoRoots));
    assert!(verify_consistency(0, &empty, 5, &other, &[other]).is_err());
}

#[test]
fn one_size_with_two_roots_is_named_as_such() {
    let (one, two) = (leaf_of_nothing(), Hash::EMPTY_ROOT);
    assert_eq!(verify_consistency(7, &one, 7, &two, &[]), Err(ProofError::TwoRoots));
    let expected = Err(ProofError::Length { expected: 0, found: 1 });
    assert_eq!(verify_consistency(7, &one, 7, &one, &[two]), expected);
}

#[test]
fn what_cannot_be_proved_or_read_is_none() {
    let leaves = reference::leaves(9);
    let tree = reference::Tree::new(&leaves);
    assert_eq!(inclusion_proof(9, 9, |node| tree.read(node)), None);
    assert_eq!(inclusion_proof(0, 0, |node| tree.read(node)), None);
    assert_eq!(inclusion_proof(3, 10, |node| tree.read(node)), None);
    assert_eq!(consistency_proof(9, 8, |node| tree.read(node)), None);
    assert_eq!(consistency_proof(3, 10, |node| tree.read(node)), None);
    assert_eq!(consistency_proof(0, 10, |node| tree.read(node)), Some(Vec::new()));
    assert_eq!(inclusion_nodes(9, 9), []);
    assert_eq!(consistency_nodes(9, 8), []);
}

#[test]
fn the_largest_sizes_are_taken() {
    for index in [0, 1, 1 << 63, u64::MAX - 1] {
        let read = |node: Node| Some(crate::leaf_hash(&[&[node.level], &node.index.to_be_bytes()]));
        let leaf = read(Node { level: 0, index }).unwrap();
        let path = inclusion_proof(index, u64::MAX, read).unwrap();
        let verdict = verify_inclusion(index, u64::MAX, &leaf, &path, &Hash::EMPTY_ROOT);
        assert_eq!(verdict, Err(ProofError::Root));
    }
    assert_eq!(peaks(u64::MAX).len(), 64);
    assert_eq!(peaks(1 << 63), [Node { level: 63, index: 0 }]);
}

#[test] // One answer of the log Argon2020: leaf 10,000 and the tree head of the same day.
fn a_recorded_proof_of_a_real_log_verifies() {
    let Some(folder) = vectors::folder("ct/rfc6962") else {
        return;
    };
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
    let hashes_in = |json: &str| -> Vec<Hash> {
        json.split('"').filter_map(|text| text.parse().ok()).collect()
    };
    let size = 961_984_011;
    let head = read("get-sth.json");
    assert!(head.contains(&size.to_string()));
    let root = hashes_in(&head)[0];

    let entry = read("get-entries-start-10000-end-10000.json");
    let leaf_input = entry.split('"').skip_while(|text| *text != "leaf_input").nth(2).unwrap();
    let leaf_input = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, leaf_input).unwrap();
    let leaf = crate::leaf_hash(&[&leaf_input]);
    let path = hashes_in(&read("get-proof-by-hash.json"));
    assert_eq!(verify_inclusion(10_000, size, &leaf, &path, &root), Ok(()));
    assert_eq!(verify_inclusion(10_001, size, &leaf, &path, &root), Err(ProofError::Root));

    // The old root is not on record, but the proof has to lead to the new one before it can be missed.
    let path = hashes_in(&read("get-sth-consistency-first-3654490-second-961984011.json"));
    let verdict = |path: &[Hash]| {
        let old_root = old_root_of(3_654_490, path);
        verify_consistency(3_654_490, &old_root, size, &root, path)
    };
    assert_eq!(verdict(&path), Ok(()));
    assert_eq!(verdict(&flipped(&path, path.len() - 2, 5)), Err(ProofError::Root));
}

/// The old root that a path claims, by RFC 9162 §2.1.4.2 as it is written there (fn, sn, fr; step 2 aside).
fn old_root_of(old: u64, path: &[Hash]) -> Hash {
    let mut first = old - 1;
    while first % 2 == 1 {
        first >>= 1;
    }
    let mut root = path[0];
    for hash in &path[1..] {
        if first == 0 {
            break;
        }
        if first % 2 == 1 {
            root = node_hash(hash, &root);
        }
        first >>= 1;
    }
    root
}

/// A stored tree of tlog_tiles.
struct Oracle(Vec<tlog_tiles::Hash>);

impl tlog_tiles::HashReader for Oracle {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

impl Oracle {
    fn new(leaves: &[Hash]) -> Self {
        let mut oracle = Self(Vec::new());
        for (index, leaf) in (0..).zip(leaves) {
            let leaf = tlog_tiles::Hash(leaf.0);
            let stored = tlog_tiles::stored_hashes_for_record_hash(index, leaf, &oracle).unwrap();
            oracle.0.extend(stored);
        }
        oracle
    }
}

fn to_oracle(path: &[Hash]) -> Vec<tlog_tiles::Hash> {
    path.iter().map(|hash| tlog_tiles::Hash(hash.0)).collect()
}

/// The leaves under a node of ct-merkle, which counts all nodes of the tree from left to right: leaves have even
/// numbers, and a node of level k has k ones at the end of its own.
fn leaves_of_ct_merkle(number: u64, size: u64) -> Range<u64> {
    let level = number.trailing_ones();
    let first = (number >> (level + 1)) << level;
    first..size.min(first + (1 << level))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn proofs_of_larger_trees_verify(size in 1_u64..=2000, index: Index, old: Index) {
        let leaves = reference::leaves(size);
        let tree = reference::Tree::new(&leaves);
        let count = leaves.len();
        check_inclusion(u64::try_from(index.index(count)).unwrap(), &leaves, &tree);
        check_consistency(u64::try_from(old.index(count + 1)).unwrap(), &leaves, &tree);
    }

    #[test]
    fn proofs_are_those_of_tlog_tiles(size in 1_u64..=2000, index: Index, old: Index) {
        let leaves = reference::leaves(size);
        let (tree, oracle) = (reference::Tree::new(&leaves), Oracle::new(&leaves));
        let mut frontier = Frontier::new();
        leaves.iter().for_each(|leaf| frontier.push(*leaf));
        let root = frontier.root();
        prop_assert_eq!(root.0, tlog_tiles::tree_hash(size, &oracle).unwrap().0);

        let index = u64::try_from(index.index(leaves.len())).unwrap();
        let path = inclusion_proof(index, size, |node| tree.read(node)).unwrap();
        prop_assert_eq!(to_oracle(&path), tlog_tiles::prove_record(size, index, &oracle).unwrap());

        let old = 1 + u64::try_from(old.index(leaves.len())).unwrap();
        let path = consistency_proof(old, size, |node| tree.read(node)).unwrap();
        prop_assert_eq!(to_oracle(&path), tlog_tiles::prove_tree(size, old, &oracle).unwrap());
    }

    #[test]
    fn proofs_cover_the_leaves_that_those_of_ct_merkle_cover(size in 2_u64..=2000, index: Index, old: Index) {
        let most = usize::try_from(size).unwrap();
        let index = u64::try_from(index.index(most)).unwrap();
        let theirs = ct_merkle::indices_for_inclusion_proof(size, index);
        let theirs: Vec<_> = theirs.into_iter().map(|node| leaves_of_ct_merkle(node, size)).collect();
        prop_assert_eq!(inclusion_ranges(index, size), theirs);

        let old = 1 + u64::try_from(old.index(most - 1)).unwrap();
        let theirs = ct_merkle::indices_for_consistency_proof(old, size - old);
        let theirs: Vec<_> = theirs.into_iter().map(|node| leaves_of_ct_merkle(node, size)).collect();
        prop_assert_eq!(consistency_ranges(old, size), theirs);
    }

    #[test]
    fn verdicts_are_those_of_tlog_tiles(
        old in 0_u64..20,
        new in 0_u64..20,
        length in 0_u64..7,
        root_of in 1_usize..20,
    ) {
        // Paths without sense, except that some are the right ones.
        let leaves = reference::leaves(20);
        let tree = reference::Tree::new(&leaves);
        let path = consistency_proof(old, new, |node| tree.read(node))
            .filter(|_| length > 5)
            .unwrap_or_else(|| reference::leaves(length));
        let old_root = reference::root(&leaves[..root_of]);
        let new_root = reference::root(&leaves[..usize::try_from(new).unwrap()]);
        let ours = verify_consistency(old, &old_root, new, &new_root, &path).is_ok();
        let (theirs_new, theirs_old) = (tlog_tiles::Hash(new_root.0), tlog_tiles::Hash(old_root.0));
        if old > 0 {
            let theirs = tlog_tiles::check_tree(&to_oracle(&path), new, theirs_new, old, theirs_old);
            prop_assert_eq!(ours, theirs.is_ok());
        }
        if let Some(leaf) = leaves.get(usize::try_from(old).unwrap()) {
            let path = inclusion_proof(old, new, |node| tree.read(node))
                .filter(|_| length > 3)
                .unwrap_or(path);
            let ours = verify_inclusion(old, new, leaf, &path, &new_root).is_ok();
            let leaf = tlog_tiles::Hash(leaf.0);
            let theirs = tlog_tiles::check_record(&to_oracle(&path), new, theirs_new, old, leaf);
            prop_assert_eq!(ours, theirs.is_ok());
        }
    }

    #[test]
    fn any_numbers_and_hashes_are_judged(old: u64, new: u64, path in 0_u64..130) {
        let path = reference::leaves(path);
        let root = leaf_of_nothing();
        prop_assert!(verify_inclusion(old, new, &root, &path, &root).is_err());
        prop_assert!(verify_consistency(old, &root, new, &root, &path).is_err());
        prop_assert!(inclusion_nodes(old, new).len() <= 128);
        prop_assert!(consistency_nodes(old, new).len() <= 128);
    }
}
