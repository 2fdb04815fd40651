use countersign_judge::Severity;
use countersign_judge::delegation::Piece;

use super::sample::{ZONE, note, snapshot, topic};
use super::*;
use crate::incident::{Acknowledged, IncidentFilter, Which};
use crate::tests::{at, fixture, told};

/// A store with a zone that is watched, and was seen in order at 0 s.
fn watched() -> (tempfile::TempDir, Store) {
    let (directory, store) = fixture();
    store.watch_zones(&[ZONE.to_owned()], at(0)).unwrap();
    check(&store, ("01", "0a"), 0, &[]);
    (directory, store)
}

/// Looks at the zone: these reports come of it.
#[track_caller]
fn check(store: &Store, (ds, caa): (&str, &str), second: i64, reports: &[&str]) {
    let before = store.reader().unreported(u32::MAX).unwrap().len();
    let (looked, _) = note(store, &snapshot(ds, caa, at(second)), None).unwrap().unwrap();
    assert_eq!(looked, Looked::Noted { blind_since: None, is_news: !reports.is_empty() });
    let all = store.reader().unreported(u32::MAX).unwrap();
    let new: Vec<_> = all[before..].iter().map(|report| told(&report.event)).collect();
    assert_eq!(new, reports);
    store.reader().check().unwrap();
}

/// Accepts what was seen by now.
fn accept(store: &Store, now: Timestamp) -> Result<Accepted, StoreError> {
    let state = store.reader().zone_state(ZONE)?.unwrap();
    store.desk().accept_zone(ZONE, state.revision, now)
}

#[test]
fn what_was_known_is_read_back() {
    let (_directory, store) = watched();
    let state = store.reader().zone_state(ZONE).unwrap().unwrap();
    let seen = snapshot("01", "0a", at(0));
    let (_, judged) = note(&store, &seen, None).unwrap().unwrap();
    assert_eq!(state.before, judged.before);
    assert_eq!(state.learned.len(), 2);
    let again = store.reader().zone_state(ZONE).unwrap().unwrap();
    assert_eq!((again.before, again.learned), (state.before.clone(), state.learned));
    let rows = store.reader().zone_seen(ZONE).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].witnesses, ["ns.example. (192.0.2.1) from direct"]);
    for (_, sha256) in state.before.known.values().flat_map(|known| &known.evidence) {
        assert!(store.reader().evidence(sha256).unwrap().is_some());
    }
}

#[test]
fn one_event_is_one_incident_that_is_updated_and_closed() {
    let (_directory, store) = watched();
    check(&store, ("02", "0a"), 600, &["opened 1"]);
    check(&store, ("02", "0a"), 1200, &[]);
    let id = IncidentId(1);
    let acknowledge = || store.desk().acknowledge(id, "on it", at(1300)).unwrap();
    assert_eq!(acknowledge(), Acknowledged::Now);
    assert_eq!(store.reader().open_incidents().unwrap(), (1, 0));
    check(&store, ("02", "0b"), 1800, &["updated 1"]);
    check(&store, ("02", "0b"), 2400, &[]);
    // Whoever is on it knew less.
    let incident = store.reader().incident(id).unwrap().unwrap();
    assert_eq!((incident.acknowledged, incident.updated_at), (None, Some(at(1800))));
    assert_eq!(store.reader().open_incidents().unwrap(), (1, 1));
    assert_eq!(incident.zone.as_deref(), Some(ZONE));
    assert_eq!(incident.severity, Severity::Critical);
    let kinds: Vec<_> = incident.findings.iter().map(|found| found.kind.as_str()).collect();
    assert_eq!(kinds, ["ds-changed", "caa-changed"]);
    let labels: Vec<_> = incident.evidence.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(
        labels,
        [
            "before: proof: parent a.example. DS",
            "now: proof: parent a.example. DS",
            "before: proof: zone a.example. CAA",
            "now: proof: zone a.example. CAA"
        ]
    );
    let bytes = store.reader().evidence(&incident.evidence[0].1).unwrap().unwrap();
    assert_eq!(bytes, b"proof of 01");
    // Gone for a while is not over.
    check(&store, ("01", "0a"), 3000, &[]);
    check(&store, ("02", "0a"), 3600, &[]);
    check(&store, ("01", "0a"), 4200, &[]);
    check(&store, ("01", "0a"), 4200 + 3599, &[]);
    check(&store, ("01", "0a"), 4200 + 3600, &["closed 1"]);
    check(&store, ("01", "0a"), 9000, &[]);
    check(&store, ("02", "0a"), 9600, &["opened 2"]);
    let filter = IncidentFilter { after: None, which: Which::Open, limit: 9 };
    assert_eq!(store.reader().incidents(&filter).unwrap().len(), 1);
    assert_eq!(store.reader().zones().unwrap()[0].incident, Some(IncidentId(2)));
}

#[test]
fn who_saw_nothing_closes_nothing() {
    let (_directory, store) = watched();
    check(&store, ("02", "0a"), 600, &["opened 1"]);
    let mut nothing = snapshot("01", "0a", at(1200));
    nothing.views.clear();
    for second in [1200, 9000] {
        nothing.at = at(second);
        let (looked, _) = note(&store, &nothing, Some("the servers: no answer")).unwrap().unwrap();
        assert_eq!(looked, Looked::Noted { blind_since: Some(at(1200)), is_news: false });
    }
    let row = store.reader().zones().unwrap().remove(0);
    assert_eq!(row.looked_at, Some(at(600)));
    assert_eq!(row.blind, Some((at(1200), "the servers: no answer".to_owned())));
    assert_eq!(store.reader().status().unwrap().zones, [row]);
    check(&store, ("02", "0a"), 9600, &[]);
    assert_eq!(store.reader().zones().unwrap()[0].blind, None);
}

#[test]
fn what_is_accepted_is_expected_at_once() {
    let (_directory, store) = watched();
    check(&store, ("02", "0a"), 600, &["opened 1"]);
    let accepted = accept(&store, at(700)).unwrap();
    let topics = ["parent a.example. DS", "zone a.example. CAA"].map(topic);
    assert_eq!(accepted, Accepted::Now(topics.to_vec()));
    check(&store, ("02", "0a"), 1200, &["closed 1"]);
    check(&store, ("01", "0a"), 1800, &["opened 2"]);
    assert_eq!(store.desk().accept_zone("b.example.", 0, at(1900)).unwrap(), Accepted::Unknown);
}

#[test]
fn only_what_was_shown_is_accepted() {
    let (_directory, store) = watched();
    check(&store, ("02", "0a"), 600, &["opened 1"]);
    let shown = store.reader().zone_state(ZONE).unwrap().unwrap();
    check(&store, ("03", "0a"), 700, &["updated 1"]);
    let accepted = store.desk().accept_zone(ZONE, shown.revision, at(800)).unwrap();
    assert_eq!(accepted, Accepted::Overtaken);
    assert_eq!(store.reader().zone_state(ZONE).unwrap().unwrap().learned, shown.learned);
    // Nor what does not verify.
    for trust in [Trust::Bogus, Trust::Unknown] {
        let mut seen = snapshot("02", "0a", at(900));
        seen.views.get_mut(&topic("parent a.example. DS")).unwrap()[0].trust = trust;
        note(&store, &seen, None).unwrap();
        let accepted = accept(&store, at(901)).unwrap();
        assert_eq!(accepted, Accepted::Now(vec![topic("zone a.example. CAA")]));
    }
}

#[test]
fn that_a_zone_is_insecure_now_is_accepted() {
    let (_directory, store) = watched();
    let look = |second: i64| {
        let mut seen = snapshot("01", "0a", at(second));
        seen.views.values_mut().flatten().for_each(|view| view.trust = Trust::Insecure);
        let (looked, judged) = note(&store, &seen, None).unwrap().unwrap();
        assert!(matches!(looked, Looked::Noted { .. }));
        judged.findings.len()
    };
    // Of the parent's side and of the zone's.
    assert_eq!([look(600), look(1200)], [2, 2]);
    accept(&store, at(1300)).unwrap();
    assert_eq!([look(1400), look(1500)], [0, 0]);
    assert_eq!(store.reader().zones().unwrap()[0].incident, None);
    store.reader().check().unwrap();
}

#[test]
fn a_look_that_was_overtaken_counts_for_nothing() {
    let (_directory, store) = watched();
    let state = store.reader().zone_state(ZONE).unwrap().unwrap();
    let seen = snapshot("02", "0a", at(600));
    let (_, judged) = note(&store, &seen, None).unwrap().unwrap();
    let learned = BTreeMap::new();
    let look = Look {
        revision: state.revision,
        seen: &seen,
        judged: &judged,
        learned: &learned,
        blind: None,
    };
    assert_eq!(store.note_look(&look).unwrap(), Looked::Overtaken);
    store.watch_zones(&["b.example.".to_owned()], at(900)).unwrap();
    assert_eq!(store.reader().zone_state(ZONE).unwrap(), None);
    let row = store.reader().zones().unwrap().remove(0);
    assert_eq!((row.removed_at, row.incident), (Some(at(900)), None));
    assert_eq!(store.desk().accept_zone("b.example.", 0, at(950)).unwrap(), Accepted::Unseen);
    store.reader().check().unwrap();
}

#[test]
fn what_is_made_up_anew_at_each_look_fills_nothing() {
    let (_directory, store) = watched();
    for number in 0..100_u8 {
        let data = format!("{number:02x}ff");
        note(&store, &snapshot("01", &data, at(600 + i64::from(number))), None).unwrap();
    }
    let incident = || store.reader().incident(IncidentId(1)).unwrap().unwrap();
    assert_eq!(incident().findings.len(), 16);
    assert_eq!(store.reader().unreported(u32::MAX).unwrap().len(), 16);
    // Nor does it hide anything else.
    let acknowledged = store.desk().acknowledge(IncidentId(1), "noise", at(700)).unwrap();
    assert_eq!(acknowledged, Acknowledged::Now);
    check(&store, ("02", "ffff"), 800, &["updated 1"]);
    assert_eq!(incident().acknowledged, None);
    assert_eq!(incident().findings[16].kind, "ds-changed");
    let labels: Vec<_> = incident().evidence.into_iter().map(|(label, _)| label).collect();
    assert!(labels.contains(&"now: proof: parent a.example. DS".to_owned()), "{labels:?}");
}

#[test]
fn many_pieces_leave_room_for_the_first_of_another_kind() {
    let (_directory, store) = watched();
    let mut noise = snapshot("01", "0b", at(600));
    let views = noise.views.get_mut(&topic("zone a.example. CAA")).unwrap();
    let pieces = (0..200_u8).map(|number| Piece { label: "proof".to_owned(), bytes: vec![number] });
    views[0].pieces = pieces.collect();
    note(&store, &noise, None).unwrap();
    let count = || store.reader().incident(IncidentId(1)).unwrap().unwrap().evidence.len();
    assert_eq!(count(), 128);
    note(&store, &snapshot("02", "0b", at(700)), None).unwrap();
    assert_eq!(count(), 130);
}

#[test]
fn who_does_not_see_everything_closes_nothing() {
    let (_directory, store) = watched();
    check(&store, ("01", "0b"), 600, &["opened 1"]);
    // The server says nothing of CAA any more.
    let caa = "CAA of a.example.: it answered with the code 2";
    let blind = |second: i64| {
        let mut seen = snapshot("01", "0a", at(second));
        seen.views.remove(&topic("zone a.example. CAA"));
        let (looked, _) = note(&store, &seen, Some(caa)).unwrap().unwrap();
        assert!(matches!(looked, Looked::Noted { is_news: false, .. }), "{looked:?}");
    };
    blind(1200);
    blind(9000);
    // The time begins anew with each look that missed something.
    check(&store, ("01", "0a"), 9600, &[]);
    blind(10_200);
    check(&store, ("01", "0a"), 9600 + 3600, &[]);
    assert_eq!(
        accept(&store, at(13_300)).unwrap(),
        Accepted::Now(vec![topic("parent a.example. DS"), topic("zone a.example. CAA"),])
    );
    blind(13_400);
    check(&store, ("01", "0a"), 13_500, &["closed 1"]);
}
