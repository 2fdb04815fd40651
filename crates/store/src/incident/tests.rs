use countersign_judge::Verdict::{self, Authorized, Pending, ThirdParty, Unexpected};

use super::*;
use crate::Store;
use crate::tests::{at, judge, position, sighted, sighting, unknown_key};

/// Judges the certificate of `sighting(3)`: these reports, and so many open incidents, come of it.
#[track_caller]
fn check(store: &Store, verdict: Verdict, reports: &[&str], open: u64) {
    assert_eq!(judge(store, 3, verdict, at(14)), reports);
    assert_eq!(store.reader().open_incidents().unwrap().0, open);
    assert_eq!(store.reader().status().unwrap().open, open);
    store.reader().check().unwrap();
}

fn list(store: &Store, after: Option<u64>, which: Which, limit: u32) -> Vec<u64> {
    let filter = IncidentFilter { after: after.map(IncidentId), which, limit };
    store.reader().incidents(&filter).unwrap().iter().map(|incident| incident.id.0).collect()
}

#[test]
fn one_certificate_has_one_incident_whatever_logs_carry_it() {
    let (_directory, store) = sighted();
    check(&store, Pending { until: at(20) }, &[], 0);
    check(&store, Unexpected, &["opened 1"], 1);
    check(&store, Unexpected, &[], 1);
    let expected = Incident {
        id: IncidentId(1),
        subject: Subject::Certificate { tbs_sha256: sighting(3).tbs_sha256 },
        severity: Severity::Critical,
        title: "a certificate".into(),
        findings: vec![unknown_key()],
        opened_at: at(14),
        closed: None,
        acknowledged: None,
        sightings: vec![SightingId(1), SightingId(3)],
        zone: None,
        domain: None,
        updated_at: None,
        evidence: vec![],
    };
    assert_eq!(store.reader().incident(IncidentId(1)).unwrap(), Some(expected.clone()));

    // It turns up at another place, which is the same certificate, and is judged otherwise for a while.
    let (_, revision) = store.reader().position(&[2; 32]).unwrap().unwrap();
    let again = sighting::NewSighting { index: 9, ..sighting(3) };
    store.commit(&[2; 32], Some(revision), &position(10), &[again], at(15)).unwrap();
    check(&store, Pending { until: at(30) }, &[], 1);
    check(&store, Unexpected, &[], 1);
    let sightings = [1, 3, 5].map(SightingId).to_vec();
    let now = store.reader().incident(IncidentId(1)).unwrap();
    assert_eq!(now, Some(Incident { sightings, ..expected }));
    assert_eq!(store.reader().unexpected().unwrap(), [sighting(3).tbs_sha256]);
}

#[test]
fn an_incident_closes_once_with_its_reason_and_another_has_another_number() {
    let (_directory, store) = sighted();
    check(&store, Authorized, &[], 0);
    check(&store, Unexpected, &["opened 1"], 1);
    check(&store, Authorized, &["closed 1"], 0);
    check(&store, Authorized, &[], 0);
    check(&store, ThirdParty, &[], 0);
    let closed = store.reader().incident(IncidentId(1)).unwrap().unwrap().closed;
    let why = "it is authorized after all, by authorization 1";
    assert_eq!(closed, Some((at(14), why.into())));
    assert_eq!(store.reader().unexpected().unwrap(), [[0; 32]; 0]);
    check(&store, Unexpected, &["opened 2"], 1);
    check(&store, ThirdParty, &["closed 2"], 0);
}

#[test]
fn what_somebody_has_taken_on_stays_so() {
    let (directory, store) = sighted();
    check(&store, Unexpected, &["opened 1"], 1);
    let id = IncidentId(1);
    assert_eq!(store.reader().open_incidents().unwrap(), (1, 1));
    assert_eq!(store.desk().acknowledge(id, "mine", at(15)).unwrap(), Acknowledged::Now);
    assert_eq!(store.desk().acknowledge(id, "or mine", at(16)).unwrap(), Acknowledged::Already);
    assert_eq!(store.desk().acknowledge(IncidentId(2), "", at(16)).unwrap(), Acknowledged::Unknown);
    let none = store.desk().acknowledge(IncidentId(u64::MAX), "", at(16)).unwrap();
    assert_eq!(none, Acknowledged::Unknown);
    assert_eq!(store.reader().open_incidents().unwrap(), (1, 0));
    check(&store, Unexpected, &[], 1);
    check(&store, Authorized, &["closed 1"], 0);
    drop(store);
    let store = crate::tests::open(directory.path());
    let acknowledged = store.reader().incident(id).unwrap().unwrap().acknowledged;
    assert_eq!(acknowledged, Some((at(15), "mine".into())));
    // The next one is nobody's yet.
    check(&store, Unexpected, &["opened 2"], 1);
    assert_eq!(store.reader().status().unwrap().unacknowledged, 1);
}

#[test]
fn incidents_are_listed_in_pages() {
    let (_directory, store) = sighted();
    for _ in 0..3 {
        judge(&store, 3, Unexpected, at(14));
        judge(&store, 3, Authorized, at(14));
    }
    judge(&store, 7, Unexpected, at(14));
    judge(&store, 3, Unexpected, at(14));
    assert_eq!(list(&store, None, Which::All, 9), [1, 2, 3, 4, 5]);
    assert_eq!(list(&store, None, Which::All, 2), [4, 5]);
    assert_eq!(list(&store, Some(0), Which::All, 2), [1, 2]);
    assert_eq!(list(&store, Some(2), Which::All, 2), [3, 4]);
    assert_eq!(list(&store, Some(5), Which::All, 2), [0; 0]);
    assert_eq!(list(&store, Some(u64::MAX), Which::All, 2), [0; 0]);
    assert_eq!(list(&store, None, Which::Open, 9), [4, 5]);
    assert_eq!(list(&store, None, Which::Open, 1), [5]);
    assert_eq!(list(&store, Some(0), Which::Open, 1), [4]);
    assert_eq!(list(&store, Some(4), Which::Open, 9), [5]);
}
