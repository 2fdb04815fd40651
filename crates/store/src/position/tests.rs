use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::tests::{at, fixture, log, position, sighting};

#[test]
fn a_position_moves_only_from_the_revision_that_was_read() {
    let (_directory, store) = fixture();
    store.upsert_log(&log(1), at(0)).unwrap();
    let commit = |expected, size| {
        store.commit(&[1; 32], expected, &position(size), &[sighting(size)], at(1))
    };
    assert_eq!(store.reader().position(&[1; 32]).unwrap(), None);
    let first = commit(None, 4).unwrap();
    let second = commit(Some(first), 8).unwrap();
    for passed in [None, Some(first)] {
        match commit(passed, 12) {
            Err(StoreError::Conflict { expected, found }) => {
                assert_eq!((expected, found), (passed, Some(second)))
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(store.reader().position(&[1; 32]).unwrap(), Some((position(8), second)));
    assert_eq!(store.reader().unreported(9).unwrap().len(), 1 + 2);
}

#[test]
fn a_position_needs_a_log() {
    let (_directory, store) = fixture();
    let error = store.commit(&[1; 32], None, &position(4), &[], at(1)).unwrap_err();
    assert!(matches!(error, StoreError::UnknownLog { id } if id == [1; 32]));
}

#[test]
fn what_is_committed_is_what_is_read() {
    let (_directory, store) = fixture();
    store.upsert_log(&log(1), at(0)).unwrap();
    let hashes = || vec(any::<[u8; 32]>(), 0..5);
    let bytes = || vec(any::<u8>(), 0..64);
    let (first, last) = (Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond());
    let time = (first..=last).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap());
    let head = (proptest::option::of(bytes()), proptest::option::of(time));
    let parts = (any::<[u64; 3]>(), [hashes(), hashes(), hashes()], head, vec(bytes(), 0..4));
    let any_position =
        parts.prop_map(|(sizes, [downloaded_peaks, tail, verified_peaks], head, pending_heads)| {
            let ([start, downloaded_size, verified_size], (verified_head, verified_head_time)) =
                (sizes, head);
            Position {
                start,
                downloaded_size,
                downloaded_peaks,
                tail,
                verified_size,
                verified_peaks,
                verified_head,
                verified_head_time,
                pending_heads,
            }
        });
    let check = |made: Position| {
        let before = store.reader().position(&[1; 32]).unwrap().map(|(_, revision)| revision);
        let revision = store.commit(&[1; 32], before, &made, &[], at(1)).unwrap();
        prop_assert_eq!(store.reader().position(&[1; 32]).unwrap(), Some((made.clone(), revision)));
        let progress = store.reader().status().unwrap().logs.remove(0).progress.unwrap();
        prop_assert_eq!(
            (progress.start, progress.downloaded_size),
            (made.start, made.downloaded_size)
        );
        prop_assert_eq!(
            (progress.verified_size, progress.verified_head_time),
            (made.verified_size, made.verified_head_time)
        );
        Ok(())
    };
    TestRunner::default().run(&any_position, check).unwrap();
}
