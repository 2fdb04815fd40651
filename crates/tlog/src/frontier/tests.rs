use super::*;
use crate::hash::leaf_hash;
use crate::{proof, reference};
use proptest::prelude::*;

/// Pushes the leaves and compares every tree on the way with the RFC's definition.
fn check(leaves: &[Hash]) {
    let mut frontier = Frontier::new();
    let tree = reference::Tree::new(leaves);
    for size in 0..=leaves.len() {
        if size > 0 {
            frontier.push(leaves[size - 1]);
        }
        let count = u64::try_from(size).unwrap();
        assert_eq!(frontier.size(), count);
        assert_eq!(frontier.root(), reference::root(&leaves[..size]), "root of {size}");
        let peaks: Vec<Hash> =
            proof::peaks(count).into_iter().map(|node| tree.read(node).unwrap()).collect();
        assert_eq!(frontier.peaks(), peaks, "peaks of {size}");
        assert_eq!(Frontier::from_peaks(count, peaks).as_ref(), Some(&frontier));
    }
}

fn pushed(leaves: &[Hash]) -> Frontier {
    let mut frontier = Frontier::new();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier
}

#[test]
fn every_small_tree_has_the_rfcs_root() {
    check(&reference::leaves(300));
}

#[test] // The tree that all implementations of RFC 6962 test with.
fn the_well_known_tree_has_its_well_known_roots() {
    let leaves: [&[u8]; 8] =
        [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::new();
    for (leaf, root) in leaves.iter().zip(roots) {
        frontier.push(leaf_hash(&[leaf]));
        assert_eq!(format!("{:?}", frontier.root()), root);
    }
}

#[test]
fn a_wrong_number_of_peaks_is_no_frontier() {
    let hashes = reference::leaves(65);
    for size in [0, 1, 2, 3, 7, 8, 255, 1 << 62, FRONTIER_SIZE_MAX] {
        for count in 0..hashes.len() {
            let right = u32::try_from(count) == Ok(size.count_ones());
            assert_eq!(Frontier::from_peaks(size, hashes[..count].to_vec()).is_some(), right);
        }
    }
    assert_eq!(Frontier::from_peaks(u64::MAX, hashes[..64].to_vec()), None);
}

#[test]
fn a_path_of_the_wrong_length_is_no_frontier() {
    let leaves = reference::leaves(40);
    assert_eq!(Frontier::from_last_leaf(0, leaves[0], &[]), None);
    for size in 1..=leaves.len() {
        let path = reference::inclusion_proof(size - 1, &leaves[..size]);
        let size = u64::try_from(size).unwrap();
        for length in 0..leaves.len() {
            let frontier = Frontier::from_last_leaf(size, leaves[0], &leaves[..length]);
            assert_eq!(frontier.is_some(), length == path.len(), "{length} hashes for {size}");
        }
    }
    assert_eq!(Frontier::from_last_leaf(u64::MAX, leaves[0], &reference::leaves(63)), None);
}

#[test]
fn a_frontier_at_the_limit_still_grows() {
    let mut frontier = Frontier::from_peaks(FRONTIER_SIZE_MAX, reference::leaves(1)).unwrap();
    reference::leaves(100).into_iter().for_each(|leaf| frontier.push(leaf));
    assert_eq!(frontier.size(), FRONTIER_SIZE_MAX + 100);
}

#[test]
fn the_last_leaf_and_its_path_determine_the_frontier() {
    let leaves = reference::leaves(300);
    for size in 1..=leaves.len() {
        check_last_leaf(&leaves[..size]);
    }
}

fn check_last_leaf(leaves: &[Hash]) {
    let path = reference::inclusion_proof(leaves.len() - 1, leaves);
    let size = u64::try_from(leaves.len()).unwrap();
    let frontier = Frontier::from_last_leaf(size, leaves[leaves.len() - 1], &path);
    assert_eq!(frontier, Some(pushed(leaves)), "{size} leaves");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_large_tree_is_found_again_from_its_last_leaf(size in 1_u64..=2000) {
        check_last_leaf(&reference::leaves(size));
    }

    #[test]
    fn any_last_leaf_and_path_are_taken_or_refused(size: u64, path in 0_u64..70) {
        let _ = Frontier::from_last_leaf(size, Hash::EMPTY_ROOT, &reference::leaves(path));
    }
}
