use countersign_judge::Verdict::{Authorized, Pending, ThirdParty, Unexpected};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::tests::{at, fixture, judge, judged, sighted, sighting};

/// How many judgements there were, the ones that were replaced too.
fn count(store: &Store) -> i64 {
    let connection = store.reader().connection().unwrap();
    connection.query_row("SELECT count(*) FROM judgement", [], |row| row.get(0)).unwrap()
}

/// Judges the certificate of `sighting(3)`. What is in force then.
#[track_caller]
fn check(store: &Store, verdict: Verdict, second: i64) -> Judgement {
    judge(store, 3, verdict, at(second));
    let tbs_sha256 = sighting(3).tbs_sha256;
    let kept = store.reader().judgement(&tbs_sha256).unwrap().unwrap();
    let Judged { told, first_seen_at, title, severity, .. } = judged(3, verdict);
    let judged_at = kept.judged_at;
    let expected = Judgement { tbs_sha256, first_seen_at, told, title, severity, judged_at };
    assert_eq!(kept, expected);
    store.reader().check().unwrap();
    kept
}

#[test]
fn a_decision_is_kept_once_until_there_is_another() {
    let (_directory, store) = sighted();
    assert_eq!(store.reader().judgement(&sighting(3).tbs_sha256).unwrap(), None);
    let pending = Pending { until: at(20) };
    assert_eq!(check(&store, pending, 14).judged_at, at(14));
    assert_eq!(check(&store, pending, 15).judged_at, at(14));
    assert_eq!(count(&store), 1);
    assert_eq!(check(&store, Pending { until: at(21) }, 16).judged_at, at(16));
    assert_eq!(check(&store, Unexpected, 17).judged_at, at(17));
    assert_eq!(check(&store, Authorized, 18).judged_at, at(18));
    assert_eq!(check(&store, Unexpected, 19).judged_at, at(19));
    assert_eq!(count(&store), 5);
}

#[test]
fn all_of_a_batch_is_judged_at_once() {
    let (directory, store) = sighted();
    let reader = Store::open_reader(directory.path()).unwrap();
    let batch = [judged(3, Unexpected), judged(7, Unexpected), judged(3, Authorized)];
    store.judge(&batch, Some(SightingId(4)), at(14)).unwrap();
    assert_eq!(reader.judged_through().unwrap(), SightingId(4));
    let reports = reader.unreported(99).unwrap();
    let told = reports[6..].iter().map(|report| crate::tests::told(&report.event));
    assert_eq!(told.collect::<Vec<_>>(), ["opened 1", "opened 2", "closed 1"]);
    reader.check().unwrap();
}

#[test]
fn what_was_judged_is_not_to_be_judged_again_and_what_is_to_come_is() {
    let (_directory, store) = sighted();
    let through = |id| {
        store.judge(&[], Some(SightingId(id)), at(14)).unwrap();
        store.reader().judged_through().unwrap().0
    };
    assert_eq!(store.reader().judged_through().unwrap(), SightingId(0));
    assert_eq!((through(2), through(1), through(99), through(u64::MAX)), (2, 2, 4, 4));
    store.judge(&[], None, at(15)).unwrap();
    assert_eq!(store.reader().judged_through().unwrap(), SightingId(4));
}

#[test]
fn what_waits_is_listed_by_when_its_hold_ends() {
    let (_directory, store) = sighted();
    judge(&store, 3, Pending { until: at(30) }, at(14));
    judge(&store, 7, Pending { until: at(20) }, at(15));
    let waiting = || -> Vec<_> {
        let pending = store.reader().pending().unwrap();
        pending.into_iter().map(|judgement| judgement.tbs_sha256).collect()
    };
    assert_eq!(waiting(), [7, 3].map(|index| sighting(index).tbs_sha256));
    assert_eq!(store.reader().status().unwrap().pending, 2);
    judge(&store, 7, Unexpected, at(20));
    assert_eq!(waiting(), [sighting(3).tbs_sha256]);
    judge(&store, 3, Authorized, at(21));
    assert_eq!((waiting(), store.reader().status().unwrap().pending), (vec![], 0));
}

#[test]
fn third_parties_certificates_are_counted() {
    let (_directory, store) = sighted();
    judge(&store, 3, ThirdParty, at(14));
    judge(&store, 7, ThirdParty, at(15));
    let since = |second| store.reader().third_party_since(at(second)).unwrap();
    assert_eq!((since(13), since(14), since(15)), (2, 1, 0));
    judge(&store, 7, Authorized, at(16));
    assert_eq!(since(13), 1);
}

fn any_severity() -> impl Strategy<Value = Severity> {
    proptest::sample::select(Severity::ALL.to_vec())
}

fn any_judged() -> impl Strategy<Value = Judged> {
    let until = (-1_000_000..1_000_000i64).prop_map(|second| Pending { until: at(second) });
    let verdict = prop_oneof![Just(Authorized), Just(ThirdParty), Just(Unexpected), until];
    let finding = (any::<String>(), any_severity(), any::<String>());
    let finding = finding.prop_map(|(kind, severity, text)| ToldFinding { kind, severity, text });
    let rule = prop_oneof![
        any::<u64>().prop_map(RuleId::Authorization),
        any::<String>().prop_map(RuleId::ThirdParty)
    ];
    let vectors = (proptest::collection::vec(finding, 0..4), proptest::collection::vec(rule, 0..4));
    let parts = (any::<[u8; 32]>(), verdict, vectors, any::<String>(), any_severity());
    parts.prop_map(|(tbs_sha256, verdict, (findings, by), title, severity)| Judged {
        tbs_sha256,
        first_seen_at: at(1),
        told: Told { verdict, findings, by },
        title,
        severity,
    })
}

#[test]
fn what_is_judged_is_what_is_read() {
    let (_directory, store) = fixture();
    let check = |judged: Judged| {
        store.judge(std::slice::from_ref(&judged), None, at(2)).unwrap();
        let Judged { tbs_sha256, first_seen_at, told, title, severity } = judged;
        let expected =
            Judgement { tbs_sha256, first_seen_at, told, title, severity, judged_at: at(2) };
        prop_assert_eq!(store.reader().judgement(&tbs_sha256).unwrap(), Some(expected));
        Ok(())
    };
    TestRunner::default().run(&any_judged(), check).unwrap();
    store.reader().check().unwrap();
}
