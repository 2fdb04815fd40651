use countersign_judge::Verdict::{self, Authorized, Pending, Unexpected};

use super::*;
use crate::sighting::NewSighting;
use crate::tests::{at, judge, position, sighted, sighting};

fn wanted(store: &Store, log: u8, below: u64) -> Vec<u64> {
    let rows = store.reader().proofs_wanted(&[log; 32], below, 9).unwrap();
    rows.iter().map(|row| row.index).collect()
}

/// Judges the certificate of `sighting(3)`: proofs of these entries are wanted then, from each of the two logs.
#[track_caller]
fn check(store: &Store, verdict: Verdict, expected: [&[u64]; 2]) {
    judge(store, 3, verdict, at(14));
    assert_eq!([wanted(store, 1, 99), wanted(store, 2, 99)], expected);
    store.reader().check().unwrap();
}

#[test]
fn proofs_are_wanted_of_what_nobody_asked_for() {
    let (_directory, store) = sighted();
    check(&store, Authorized, [&[], &[]]);
    check(&store, Pending { until: at(20) }, [&[3], &[3]]);
    check(&store, Unexpected, [&[3], &[3]]);
    let (sighting, leaf_hash) = (SightingId(1), sighting(3).leaf_hash);
    let rows = store.reader().proofs_wanted(&[1; 32], 4, 9).unwrap();
    assert_eq!(rows, [Wanted { sighting, index: 3, leaf_hash }]);
    assert_eq!((wanted(&store, 1, 3), wanted(&store, 3, 99)), (vec![], vec![]));
    check(&store, Authorized, [&[], &[]]);
    // Who asked for it may be found out to have been somebody else.
    check(&store, Unexpected, [&[3], &[3]]);
    judge(&store, 7, Unexpected, at(15));
    check(&store, Unexpected, [&[3, 7], &[3, 7]]);
    assert_eq!(store.reader().proofs_wanted(&[1; 32], 99, 1).unwrap().len(), 1);
}

#[test]
fn the_first_proof_that_is_kept_stays() {
    let (_directory, store) = sighted();
    check(&store, Unexpected, [&[3], &[3]]);
    let proof = Proof { tree_size: u64::MAX, head: b"head".into(), path: vec![[1; 32], [2; 32]] };
    store.keep_proof(SightingId(1), &proof, at(15)).unwrap();
    let later = Proof { tree_size: 9, ..proof.clone() };
    store.keep_proof(SightingId(1), &later, at(16)).unwrap();
    for verdict in [Unexpected, Authorized, Unexpected] {
        let rest: &[u64] = if verdict == Authorized { &[] } else { &[3] };
        check(&store, verdict, [&[], rest]);
        assert_eq!(store.reader().proof(SightingId(1)).unwrap(), Some(proof.clone()));
    }
    assert_eq!(store.reader().proof(SightingId(3)).unwrap(), None);
    // One that was not wanted is kept too; one of nothing is not.
    let alone = Proof { path: vec![], ..later };
    store.keep_proof(SightingId(2), &alone, at(17)).unwrap();
    store.keep_proof(SightingId(99), &alone, at(17)).unwrap();
    assert_eq!(store.reader().proof(SightingId(2)).unwrap(), Some(alone));
    assert_eq!(store.reader().proof(SightingId(99)).unwrap(), None);
    judge(&store, 7, Unexpected, at(18));
    check(&store, Unexpected, [&[], &[3, 7]]);
}

#[test]
fn an_index_that_no_tree_reaches_is_not_below_any() {
    let (_directory, store) = sighted();
    let (_, revision) = store.reader().position(&[1; 32]).unwrap().unwrap();
    let far = [i64::MAX.cast_unsigned() + 1, u64::MAX, i64::MAX.cast_unsigned()];
    let made = far.map(|index| NewSighting { index, ..sighting(3) });
    store.commit(&[1; 32], Some(revision), &position(10), &made, at(15)).unwrap();
    check(&store, Unexpected, [&[3], &[3]]);
    assert_eq!(wanted(&store, 1, 0), [0u64; 0]);
    assert_eq!(wanted(&store, 1, u64::MAX), [3]);
}
