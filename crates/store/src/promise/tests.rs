use jiff::ToSpan;

use super::*;
use crate::incident::{Incident, IncidentFilter, Which};
use crate::tests::{at, broken, promise, sighted};

/// Settles the first promise that is due, and gives the ids of the incidents there are then.
#[track_caller]
fn check(store: &Store, settled: &Settled, expected: &[u64]) -> (PromiseId, Promise) {
    let (id, found) = store.reader().promises_due(Timestamp::MAX, 1).unwrap().remove(0);
    store.settle_promise(id, &found, settled, at(6000)).unwrap();
    let ids: Vec<_> = incidents(store).iter().map(|incident| incident.id.0).collect();
    assert_eq!(ids, expected);
    let told = store.reader().unreported(99).unwrap();
    assert_eq!(told.len(), 6 + expected.len(), "each has one report");
    store.reader().check().unwrap();
    (id, found)
}

fn incidents(store: &Store) -> Vec<Incident> {
    let filter = IncidentFilter { after: None, which: Which::Open, limit: 9 };
    store.reader().incidents(&filter).unwrap()
}

#[test]
fn a_promise_is_noted_once() {
    let (_directory, store) = sighted();
    let made = [promise(7), promise(8), Promise { leaf_index: None, ..promise(7) }];
    for second in 1..=2 {
        store.note_promises(&made, at(second)).unwrap();
        store.note_promises(&[made, made].concat(), at(second)).unwrap();
    }
    store.note_promises(&[], at(3)).unwrap();
    let due = store.reader().promises_due(Timestamp::MAX, 9).unwrap();
    assert_eq!(due.into_iter().map(|(_, promise)| promise).collect::<Vec<_>>(), made);
}

#[test]
fn a_promise_is_looked_at_when_it_is_due_and_not_before() {
    let (_directory, store) = sighted();
    let reader = store.reader();
    assert_eq!(reader.next_promise_at().unwrap(), None);
    let later = Promise { timestamp_ms: 2000, ..promise(8) };
    store.note_promises(&[later, promise(7)], at(1)).unwrap();
    let due = promise(7).due().unwrap();
    assert_eq!(reader.next_promise_at().unwrap(), Some(due));
    assert_eq!(reader.promises_due(due - 1.millisecond(), 9).unwrap(), []);
    let all = reader.promises_due(due + 1.second(), 9).unwrap();
    assert_eq!((all[0].1, all[1].1), (promise(7), later));
    assert_eq!(reader.promises_due(due + 1.second(), 1).unwrap(), all[..1]);
    store.put_off_promise(all[0].0, at(5000)).unwrap();
    assert_eq!(reader.promises_due(at(5000), 9).unwrap(), [all[1], all[0]]);
    assert_eq!(reader.next_promise_at().unwrap(), Some(due + 1.second()));
}

#[test]
fn a_promise_without_an_end_waits_for_ever() {
    let (_directory, store) = sighted();
    let endless = [
        Promise { timestamp_ms: u64::MAX, ..promise(7) },
        Promise { mmd: SignedDuration::MAX, ..promise(8) },
    ];
    store.note_promises(&endless, at(1)).unwrap();
    let next = store.reader().next_promise_at().unwrap().unwrap();
    assert_eq!(next.as_millisecond(), Timestamp::MAX.as_millisecond());
    let found = store.reader().promises_due(Timestamp::MAX, 9).unwrap();
    let mmd = SignedDuration::from_millis(i64::MAX);
    assert_eq!([found[0].1, found[1].1], [endless[0], Promise { mmd, ..endless[1] }]);
}

#[test]
fn a_promise_that_was_not_kept_is_an_incident() {
    let (_directory, store) = sighted();
    let elsewhere = Promise { log: [9; 32], ..promise(7) };
    store.note_promises(&[promise(6), promise(7), promise(8), elsewhere], at(1)).unwrap();
    check(&store, &Settled::Kept, &[]);
    check(&store, &Settled::Broken(broken()), &[1]);
    // One log's word about one certificate is one incident, also where it gave it twice.
    check(&store, &Settled::KeptElsewhere { index: 3, broken: broken() }, &[1]);
    check(&store, &Settled::Broken(broken()), &[1, 2]);
    assert_eq!(store.reader().next_promise_at().unwrap(), None);
    let subject = Subject::Promise { tbs_sha256: promise(7).tbs_sha256, log: [1; 32] };
    let Broken { title, severity, finding } = broken();
    let found = incidents(&store).remove(0);
    assert_eq!((found.subject, found.severity, found.title), (subject, severity, title));
    assert_eq!(found.findings, [finding]);
}

#[test]
fn a_promise_is_settled_once() {
    let (_directory, store) = sighted();
    store.note_promises(&[promise(7), promise(8)], at(1)).unwrap();
    let (kept, found) = check(&store, &Settled::Kept, &[]);
    store.settle_promise(kept, &found, &Settled::Broken(broken()), at(6001)).unwrap();
    store.put_off_promise(kept, at(6002)).unwrap();
    let (lost, found) = check(&store, &Settled::Broken(broken()), &[1]);
    store.settle_promise(lost, &found, &Settled::Kept, at(6001)).unwrap();
    assert_eq!(store.reader().promises_due(Timestamp::MAX, 9).unwrap(), []);
    assert_eq!(incidents(&store).len(), 1);
    store.note_promises(&[promise(7), promise(8)], at(6003)).unwrap();
    assert_eq!(store.reader().next_promise_at().unwrap(), None);
    store.reader().check().unwrap();
}
