use std::slice::from_ref;

use super::*;
use crate::evidence::sha256;
use crate::report::Event;
use crate::tests::{at, fixture, log};

fn silent() -> NewTrouble<'static> {
    NewTrouble {
        log: None,
        kind: "silent",
        nature: Nature::Condition,
        detail: "no answer",
        evidence: &[],
    }
}

fn events(store: &Store) -> Vec<(&'static str, TroubleId)> {
    let reports = store.reader().unreported(99).unwrap();
    let events = reports.into_iter().filter_map(|report| match report.event {
        Event::TroubleOpened(trouble) => Some(("opened", trouble.id)),
        Event::TroubleClosed(trouble) => Some(("closed", trouble.id)),
        Event::Sighting(_)
        | Event::LogAdded(_)
        | Event::LogRemoved(_)
        | Event::IncidentOpened(_)
        | Event::IncidentClosed(_)
        | Event::IncidentUpdated(_)
        | Event::Heartbeat(_) => None,
    });
    events.collect()
}

#[test]
fn a_condition_opens_and_closes_once_and_may_come_back() {
    let (_directory, store) = fixture();
    let (one, two) = (TroubleId(1), TroubleId(2));
    assert_eq!(store.clear(None, "silent", at(0)).unwrap(), Cleared::NotOpen);
    assert_eq!(store.raise(&silent(), at(1)).unwrap(), Raised::Opened(one));
    let still = NewTrouble { detail: "still no answer", ..silent() };
    assert_eq!(store.raise(&still, at(2)).unwrap(), Raised::Again(one));
    let expected = Trouble {
        id: one,
        log: None,
        kind: "silent".into(),
        nature: Nature::Condition,
        detail: "still no answer".into(),
        opened_at: at(1),
        seen_at: at(2),
        seen_count: 2,
        cleared_at: None,
        acknowledged: None,
        evidence: Vec::new(),
        evidence_not_kept: 0,
    };
    assert_eq!(store.reader().open_troubles().unwrap(), from_ref(&expected));
    assert_eq!(store.reader().status().unwrap().troubles, from_ref(&expected));
    assert_eq!(store.clear(None, "silent", at(3)).unwrap(), Cleared::Closed(one));
    assert_eq!(store.clear(None, "silent", at(4)).unwrap(), Cleared::NotOpen);
    assert_eq!(store.reader().open_troubles().unwrap(), []);
    let closed = Trouble { cleared_at: Some(at(3)), ..expected };
    assert_eq!(store.reader().trouble(one).unwrap(), Some(closed));
    assert_eq!(store.raise(&silent(), at(5)).unwrap(), Raised::Opened(two));
    assert_eq!(events(&store), [("opened", one), ("closed", one), ("opened", two)]);
    assert_eq!(store.reader().troubles(Some(one), 9).unwrap()[0].id, two);
    assert_eq!(store.reader().troubles(None, 1).unwrap()[0].id, two);
}

#[test]
fn troubles_differ_by_log_and_kind() {
    let (_directory, store) = fixture();
    for number in 1..=2 {
        store.upsert_log(&log(number), at(0)).unwrap();
    }
    let logs = [None, Some(&[1; 32]), Some(&[2; 32])];
    for (log, kind) in logs.into_iter().flat_map(|log| [(log, "silent"), (log, "slow")]) {
        let raised = store.raise(&NewTrouble { log, kind, ..silent() }, at(1)).unwrap();
        assert!(matches!(raised, Raised::Opened(_)));
    }
    store.clear(Some(&[1; 32]), "slow", at(2)).unwrap();
    let open: Vec<_> =
        store.reader().open_troubles().unwrap().iter().map(|trouble| trouble.id.0).collect();
    assert_eq!(open, [1, 2, 3, 5, 6]);
    let status = store.reader().status().unwrap();
    let of_logs = status.logs.iter().map(|log| log.troubles.len()).collect::<Vec<_>>();
    assert_eq!((status.troubles.len(), of_logs), (2, vec![1, 2]));
    let unknown = store.raise(&NewTrouble { log: Some(&[3; 32]), ..silent() }, at(3));
    assert!(matches!(unknown, Err(StoreError::UnknownLog { .. })));
}

#[test]
fn a_proof_never_closes_nor_becomes_less() {
    let (_directory, store) = fixture();
    let proof = NewTrouble { nature: Nature::Proof, ..silent() };
    store.raise(&silent(), at(1)).unwrap();
    store.raise(&proof, at(2)).unwrap();
    store.raise(&silent(), at(3)).unwrap();
    assert_eq!(store.clear(None, "silent", at(4)).unwrap(), Cleared::Proof(TroubleId(1)));
    let open = store.reader().open_troubles().unwrap();
    assert_eq!((open[0].nature, open[0].seen_count), (Nature::Proof, 3));
}

/// Raises a trouble, acknowledges it, and raises it again. Whether it is acknowledged still, and outstanding.
#[track_caller]
fn check_acknowledged(was: &NewTrouble<'_>, is: &NewTrouble<'_>, expected: (bool, bool)) {
    let (_directory, store) = fixture();
    store.raise(was, at(1)).unwrap();
    let id = TroubleId(1);
    assert!(store.reader().trouble(id).unwrap().unwrap().is_outstanding());
    store.desk().acknowledge_trouble(id, "known", at(2)).unwrap();
    assert_eq!(store.raise(is, at(3)).unwrap(), Raised::Again(id));
    let trouble = store.reader().trouble(id).unwrap().unwrap();
    assert_eq!((trouble.acknowledged.is_some(), trouble.is_outstanding()), expected);
    assert_eq!(trouble.seen_count, 2);
    assert_eq!(events(&store), [("opened", id)]);
    store.reader().check().unwrap();
}

#[test]
fn what_is_seen_again_is_acknowledged_still_and_what_happened_again_is_not() {
    let other = |was| NewTrouble { detail: "something else", ..was };
    let head = NewTrouble { evidence: &[("head", b"a")], ..silent() };
    let proof = NewTrouble { nature: Nature::Proof, ..head };
    check_acknowledged(&silent(), &silent(), (true, true));
    check_acknowledged(&silent(), &other(silent()), (true, true));
    check_acknowledged(&silent(), &head, (false, true));
    check_acknowledged(&head, &proof, (false, true));
    check_acknowledged(&proof, &head, (true, false));
    check_acknowledged(&proof, &proof, (true, false));
    check_acknowledged(&proof, &other(proof), (true, false));
    let more = NewTrouble { evidence: &[("head", b"a"), ("head", b"b")], ..proof };
    check_acknowledged(&proof, &more, (false, true));
    check_acknowledged(&more, &proof, (true, false));
    let bare = NewTrouble { evidence: &[], ..proof };
    check_acknowledged(&bare, &bare, (true, false));
    check_acknowledged(&bare, &other(bare), (false, true));
}

#[test]
fn of_what_came_after_the_limit_nobody_can_say_that_it_was_known() {
    let pieces: Vec<_> = (0..=EVIDENCE_PIECES_MAX).map(u64::to_be_bytes).collect();
    let pieces: Vec<(&str, &[u8])> = pieces.iter().map(|piece| ("head", &piece[..])).collect();
    let proof = NewTrouble { nature: Nature::Proof, ..silent() };
    let (all, last) = (&pieces[..], &pieces[pieces.len() - 1..]);
    let all = NewTrouble { evidence: all, ..proof };
    check_acknowledged(&all, &NewTrouble { evidence: &pieces[..1], ..proof }, (true, false));
    check_acknowledged(&all, &NewTrouble { evidence: last, ..proof }, (false, true));
}

#[test]
fn a_trouble_is_acknowledged_beside_a_watch_each_time_that_it_happened() {
    let (directory, store) = fixture();
    let desk = Store::open_desk(directory.path()).unwrap();
    let raise = |piece: &[u8], now| {
        let evidence = [("head", piece)];
        let proof = NewTrouble { nature: Nature::Proof, evidence: &evidence, ..silent() };
        store.raise(&proof, now).unwrap();
    };
    let (id, none) = (TroubleId(1), TroubleId(u64::MAX));
    let acknowledge = |id, note, now| desk.acknowledge_trouble(id, note, now).unwrap();
    let acknowledged = || store.reader().trouble(id).unwrap().unwrap().acknowledged;
    assert_eq!(acknowledge(id, "", at(0)), Acknowledged::Unknown);
    raise(b"a", at(1));
    assert_eq!(acknowledge(id, "told them", at(2)), Acknowledged::Now);
    assert_eq!(acknowledge(id, "I, too", at(3)), Acknowledged::Already);
    assert_eq!(acknowledge(none, "", at(3)), Acknowledged::Unknown);
    assert_eq!(acknowledged(), Some((at(2), "told them".into())));
    raise(b"b", at(4));
    assert_eq!(acknowledged(), None);
    assert_eq!(acknowledge(id, "", at(5)), Acknowledged::Now);
    assert_eq!(store.reader().open_troubles().unwrap()[0].acknowledged, Some((at(5), "".into())));
    // What was said before is kept.
    let connection = store.reader().connection().unwrap();
    let all = "SELECT group_concat(acknowledged || ' ' || coalesce(ended_at, 'in force'), ', ')
        FROM trouble_acknowledgement";
    let all: String = connection.query_row(all, [], |row| row.get(0)).unwrap();
    assert_eq!(all, "told them 4000,  in force");
}

#[test]
fn a_condition_that_comes_back_is_another_and_nobody_knows_of_it() {
    let (_directory, store) = fixture();
    store.raise(&silent(), at(1)).unwrap();
    store.desk().acknowledge_trouble(TroubleId(1), "known", at(2)).unwrap();
    store.clear(None, "silent", at(3)).unwrap();
    store.raise(&silent(), at(4)).unwrap();
    let troubles = store.reader().troubles(None, 9).unwrap();
    let are = troubles.iter().map(|it| (it.acknowledged.is_some(), it.is_outstanding()));
    assert_eq!(are.collect::<Vec<_>>(), [(true, false), (false, true)]);
}

#[test]
fn evidence_is_kept_once_and_up_to_a_limit() {
    let (_directory, store) = fixture();
    let raise = |evidence: &[(&str, &[u8])]| {
        store.raise(&NewTrouble { evidence, ..silent() }, at(1)).unwrap()
    };
    raise(&[("head", b"a"), ("head", b"a"), ("entry", b"a"), ("head", b"b")]);
    raise(&[("head", b"b")]);
    let (a, b) = (sha256(b"a"), sha256(b"b"));
    let trouble = || store.reader().open_troubles().unwrap().remove(0);
    assert_eq!(trouble().evidence, [("head".into(), a), ("entry".into(), a), ("head".into(), b)]);
    assert_eq!(store.reader().evidence(&b).unwrap().unwrap(), b"b");

    for number in 0..40u8 {
        raise(&[("head", &[number]), ("head", b"a")]);
    }
    let trouble = trouble();
    assert_eq!(trouble.evidence.len(), 32);
    assert_eq!(trouble.evidence_not_kept, 40 - (32 - 3));
    assert_eq!(store.reader().evidence(&sha256(&[39])).unwrap(), None);
    store.reader().check().unwrap();
}
