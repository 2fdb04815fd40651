use countersign_judge::Verdict::{Authorized, Unexpected};

use super::*;
use crate::tests::{at, judge, log, open, position, sighted, sighting, told};
use crate::trouble::{Nature, NewTrouble};

/// What waits for a sink is this.
#[track_caller]
fn check(store: &Store, name: &str, expected: &[&str]) -> Vec<ReportId> {
    let reports = store.reader().undelivered(name, 99).unwrap();
    assert_eq!(reports.iter().map(|report| told(&report.event)).collect::<Vec<_>>(), expected);
    assert_eq!(store.reader().undelivered(name, 1).unwrap(), reports[..expected.len().min(1)]);
    store.reader().check().unwrap();
    reports.iter().map(|report| report.id).collect()
}

#[test]
fn a_sink_gets_what_people_are_to_know_from_when_it_was_added() {
    let (_directory, store) = sighted();
    judge(&store, 7, Unexpected, at(12));
    check(&store, "mail", &[]);
    store.add_sink("mail", at(13)).unwrap();
    check(&store, "mail", &[]);
    judge(&store, 3, Unexpected, at(14));
    store.upsert_log(&log(3), at(15)).unwrap();
    store.commit(&[3; 32], None, &position(12), &[sighting(11)], at(15)).unwrap();
    let (nature, evidence) = (Nature::Condition, &[][..]);
    let silence = NewTrouble { log: None, kind: "silence", nature, detail: "", evidence };
    store.raise(&silence, at(16)).unwrap();
    store.retire_log(&[3; 32], at(17)).unwrap();
    store.heartbeat("all quiet", at(18)).unwrap();
    store.clear(None, "silence", at(19)).unwrap();
    judge(&store, 3, Authorized, at(20));
    let all =
        ["opened 2", "trouble opened 1", "heartbeat all quiet", "trouble closed 1", "closed 2"];
    check(&store, "mail", &all);
    // Added again, it goes on; another one begins at the end; what one has had is nothing to the other.
    store.add_sink("mail", at(21)).unwrap();
    store.add_sink("pager", at(21)).unwrap();
    let ids = check(&store, "mail", &all);
    check(&store, "pager", &[]);
    store.delivered("mail", ids[2], at(22)).unwrap();
    store.heartbeat("still", at(23)).unwrap();
    check(&store, "mail", &["trouble closed 1", "closed 2", "heartbeat still"]);
    check(&store, "pager", &["heartbeat still"]);
    check(&store, "nobody", &[]);
}

#[test]
fn a_sink_keeps_its_place() {
    let (directory, store) = sighted();
    store.add_sink("mail", at(13)).unwrap();
    judge(&store, 3, Unexpected, at(14));
    judge(&store, 7, Unexpected, at(14));
    let ids = check(&store, "mail", &["opened 1", "opened 2"]);
    store.delivered("mail", ids[0], at(15)).unwrap();
    drop(store);
    let store = open(directory.path());
    check(&store, "mail", &["opened 2"]);
    store.delivered("mail", ReportId(1), at(16)).unwrap();
    check(&store, "mail", &["opened 2"]);
    // Never past the end: what is yet to come would be lost.
    store.delivered("mail", ReportId(u64::MAX), at(17)).unwrap();
    check(&store, "mail", &[]);
    store.heartbeat("all quiet", at(18)).unwrap();
    check(&store, "mail", &["heartbeat all quiet"]);
    store.delivered("nobody", ids[1], at(19)).unwrap();
    assert_eq!(store.reader().sink("nobody").unwrap(), None);
}

#[test]
fn attempts_in_vain_are_counted_until_one_is_not() {
    let (_directory, store) = sighted();
    store.add_sink("pager", at(13)).unwrap();
    store.add_sink("mail", at(13)).unwrap();
    let pager = Sink {
        name: "pager".into(),
        delivered_through: ReportId(6),
        last_delivered_at: None,
        attempts: 0,
        failing_since: None,
        next_at: None,
        last_error: None,
    };
    let mail = Sink { name: "mail".into(), ..pager.clone() };
    let is = |mail: &Sink| {
        let expected = [mail.clone(), pager.clone()];
        assert_eq!(store.reader().sinks().unwrap(), expected);
        assert_eq!(store.reader().status().unwrap().sinks, expected);
        assert_eq!(store.reader().sink("mail").unwrap().as_ref(), Some(mail));
    };
    is(&mail);
    store.not_delivered("mail", "no answer", at(30), at(20)).unwrap();
    store.not_delivered("mail", "still none", at(40), at(21)).unwrap();
    is(&Sink {
        attempts: 2,
        failing_since: Some(at(20)),
        next_at: Some(at(40)),
        last_error: Some("still none".into()),
        ..mail.clone()
    });
    store.delivered("mail", ReportId(6), at(41)).unwrap();
    is(&Sink { last_delivered_at: Some(at(41)), ..mail });
}

#[test]
fn the_last_heartbeat_is_known() {
    let (_directory, store) = sighted();
    assert_eq!(store.reader().heartbeat_at().unwrap(), None);
    store.heartbeat("one", at(20)).unwrap();
    store.heartbeat("two", at(21)).unwrap();
    assert_eq!(store.reader().heartbeat_at().unwrap(), Some(at(21)));
    assert_eq!(store.reader().status().unwrap().heartbeat_at, Some(at(21)));
    let reports = store.reader().unreported(99).unwrap();
    let beats: Vec<_> = reports[6..].iter().map(|report| told(&report.event)).collect();
    assert_eq!(beats, ["heartbeat one", "heartbeat two"]);
}
