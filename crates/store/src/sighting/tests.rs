use std::slice::from_ref;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::evidence::sha256;
use crate::position::Position;
use crate::tests::{at, fixture, log, position, sighting};

#[test]
fn an_entry_seen_again_is_the_same_sighting() {
    let (_directory, store) = fixture();
    store.upsert_log(&log(1), at(0)).unwrap();
    let first = sighting(3);
    let revision = store.commit(&[1; 32], None, &position(4), from_ref(&first), at(1)).unwrap();

    // The position goes back, the watchlist has grown, the log serves another chain.
    let mut again = NewSighting { extra: b"another chain".to_vec(), ..first.clone() };
    again.matches.push(MatchRow {
        guard: ".".into(),
        name: "example.org".into(),
        reading: "dNSName".into(),
    });
    let forged =
        NewSighting { leaf_hash: [9; 32], leaf: b"another entry".to_vec(), ..first.clone() };
    let revision = store.commit(&[1; 32], Some(revision), &position(0), &[], at(2)).unwrap();
    store
        .commit(&[1; 32], Some(revision), &position(4), &[again.clone(), forged.clone()], at(3))
        .unwrap();

    let filter = SightingFilter { after: None, guard: None, limit: 9 };
    let sightings = store.reader().sightings(&filter).unwrap();
    assert_eq!(sightings.len(), 2);
    assert_eq!((sightings[0].found_at, &sightings[0].matches), (at(1), &again.matches));
    assert_eq!(store.reader().evidence(&sightings[0].extra_sha256).unwrap(), Some(first.extra));
    assert_eq!((sightings[1].index, sightings[1].leaf_hash), (3, forged.leaf_hash));
    assert_eq!(store.reader().unreported(9).unwrap().len(), 1 + 2);
    let filter = SightingFilter { guard: Some(".".into()), ..filter };
    assert_eq!(store.reader().sightings(&filter).unwrap(), [sightings[0].clone()]);
}

#[test]
fn the_same_entry_in_two_logs_is_two_sightings_and_one_evidence() {
    let (_directory, store) = fixture();
    for number in 1..=2 {
        store.upsert_log(&log(number), at(0)).unwrap();
        store.commit(&[number; 32], None, &position(4), &[sighting(3)], at(1)).unwrap();
    }
    let sightings =
        store.reader().sightings(&SightingFilter { after: None, guard: None, limit: 9 }).unwrap();
    assert_eq!(sightings.len(), 2);
    let count = "SELECT count(*) FROM evidence WHERE bytes LIKE 'leaf%'";
    let count: i64 =
        store.reader().connection().unwrap().query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
}

#[test]
fn an_issuer_that_comes_late_is_added_where_there_was_none() {
    let (_directory, store) = fixture();
    for number in 1..=2 {
        store.upsert_log(&log(number), at(0)).unwrap();
    }
    let known = NewSighting { issuer_key_sha256: Some([7; 32]), ..sighting(7) };
    store.commit(&[1; 32], None, &position(8), &[sighting(3), known.clone()], at(1)).unwrap();
    store.commit(&[2; 32], None, &position(4), &[sighting(3)], at(1)).unwrap();

    let served = store.reader().served(&[1; 32], None, 9).unwrap();
    let all: Vec<_> =
        served.iter().map(|one| (&one.leaf, &one.extra, one.precertificate)).collect();
    assert_eq!(
        all,
        [(&sighting(3).leaf, &sighting(3).extra, true), (&known.leaf, &known.extra, false)]
    );
    assert_eq!(store.reader().served(&[1; 32], Some(served[0].id), 9).unwrap(), served[1..]);
    assert_eq!(store.reader().served(&[1; 32], None, 1).unwrap(), served[..1]);

    let issuer = b"an issuer".to_vec();
    store.keep_evidence(&[issuer.clone(), issuer.clone()]).unwrap();
    assert_eq!(store.reader().evidence(&sha256(&issuer)).unwrap(), Some(issuer));
    store.add_issuer_keys(&[(served[0].id, [9; 32]), (served[1].id, [9; 32])]).unwrap();
    let key = |id| store.reader().sighting(id).unwrap().unwrap().issuer_key_sha256;
    assert_eq!([key(served[0].id), key(served[1].id)], [Some([9; 32]), Some([7; 32])]);
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    let (first, last) = (Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond());
    (first..=last).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
}

/// Names come from certificates, and may hold any character.
fn any_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![Just('\0'), any::<char>()], 0..6)
        .prop_map(String::from_iter)
}

fn any_sighting() -> impl Strategy<Value = NewSighting> {
    let time = || proptest::option::of(any_time());
    let hash = || proptest::option::of(any::<[u8; 32]>());
    let row = (any_text(), any_text(), any_text());
    let matches = proptest::collection::btree_set(row, 0..4).prop_map(|rows| {
        rows.into_iter().map(|(guard, name, reading)| MatchRow { guard, name, reading }).collect()
    });
    let bytes = || proptest::collection::vec(any::<u8>(), 0..64);
    let names = proptest::collection::vec(any_text(), 0..4);
    let where_ = (any::<u64>(), any::<[u8; 32]>(), any::<bool>());
    let parts =
        (where_, [time(), time(), time()], [hash(), hash()], [bytes(), bytes()], names, matches);
    parts.prop_map(
        |((index, leaf_hash, precertificate), times, keys, [leaf, extra], names, matches)| {
            NewSighting {
                index,
                leaf_hash,
                tbs_sha256: sha256(&leaf),
                logged_at: times[0],
                precertificate,
                leaf,
                extra,
                spki_sha256: keys[0],
                issuer_key_sha256: keys[1],
                not_before: times[1],
                not_after: times[2],
                names,
                matches,
            }
        },
    )
}

#[test]
fn what_is_committed_is_what_is_read() {
    let (_directory, store) = fixture();
    store.upsert_log(&log(1), at(0)).unwrap();
    let check = |(made, found_at): (NewSighting, Timestamp)| {
        let revision = store.reader().position(&[1; 32]).unwrap().map(|(_, revision)| revision);
        store.commit(&[1; 32], revision, &Position::default(), from_ref(&made), found_at).unwrap();
        let last = SightingFilter { after: None, guard: None, limit: 1 };
        let read = store.reader().sightings(&last).unwrap().remove(0);
        prop_assert_eq!(store.reader().sighting(read.id).unwrap(), Some(read.clone()));
        let expected = Sighting {
            id: read.id,
            log: [1; 32],
            found_at,
            index: made.index,
            leaf_hash: made.leaf_hash,
            tbs_sha256: made.tbs_sha256,
            logged_at: made.logged_at,
            precertificate: made.precertificate,
            leaf_sha256: sha256(&made.leaf),
            extra_sha256: sha256(&made.extra),
            spki_sha256: made.spki_sha256,
            issuer_key_sha256: made.issuer_key_sha256,
            not_before: made.not_before,
            not_after: made.not_after,
            names: made.names,
            matches: made.matches,
        };
        prop_assert_eq!(read, expected);
        prop_assert_eq!(store.reader().evidence(&sha256(&made.leaf)).unwrap(), Some(made.leaf));
        prop_assert_eq!(store.reader().evidence(&sha256(&made.extra)).unwrap(), Some(made.extra));
        Ok(())
    };
    TestRunner::default().run(&(any_sighting(), any_time()), check).unwrap();
}
