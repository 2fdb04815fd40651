use countersign_judge::Severity;

use super::sample::{DOMAIN, agreed, note, service, stratum};
use super::*;
use crate::incident::Acknowledged;
use crate::tests::{at, fixture, told};

const HOUR: i64 = 3600;

/// A store with a domain that is probed, and was seen in order at 0 s.
fn probed() -> (tempfile::TempDir, Store) {
    let (directory, store) = fixture();
    store.watch_probes(&[DOMAIN.to_owned()], at(0)).unwrap();
    check(&store, ("direct", "as-expected", &[]), 0, &[]);
    (directory, store)
}

/// Notes a probe: these reports come of it.
#[track_caller]
fn check(store: &Store, seen: sample::Seen<'_>, second: i64, reports: &[&str]) -> ProbeId {
    let before = store.reader().unreported(u32::MAX).unwrap().len();
    let noted = note(store, seen, at(second)).unwrap();
    let all = store.reader().unreported(u32::MAX).unwrap();
    let new: Vec<_> = all[before..].iter().map(|report| told(&report.event)).collect();
    assert_eq!(new, reports);
    assert_eq!(noted.is_news, !reports.is_empty());
    store.reader().check().unwrap();
    noted.id
}

fn first(store: &Store) -> crate::incident::Incident {
    store.reader().incident(IncidentId(1)).unwrap().unwrap()
}

#[test]
fn a_probe_is_read_back_as_it_was() {
    let (_directory, store) = probed();
    check(&store, ("tor", "found", &["foreign-key 02"]), 10, &["opened 1"]);
    let rows = store.reader().probes_since(DOMAIN, at(0)).unwrap();
    assert_eq!(rows.iter().map(|row| row.id.0).collect::<Vec<_>>(), [1, 2]);
    let exhibit = b"handshake of tor at 1970-01-01T00:00:10Z";
    let expected = ProbeRow {
        id: ProbeId(2),
        at: at(10),
        service: service(),
        stratum: stratum("tor"),
        host: "xmpp.a.example".to_owned(),
        peer: Some("192.0.2.1:5222".parse().unwrap()),
        sight: "found".to_owned(),
        detail: String::new(),
        key: Some([2; 32]),
        verdict: Some("foreign".to_owned()),
        found: true,
        incident: Some(IncidentId(1)),
        exhibit: Some(crate::evidence::sha256(exhibit)),
    };
    assert_eq!(rows[1], expected);
    assert_eq!(store.reader().probes_since(DOMAIN, at(1)).unwrap(), [expected]);
    assert_eq!(rows[0].exhibit, None, "what is in order needs no proof");
    assert_eq!(store.reader().probes_since("b.example", at(0)).unwrap(), []);
}

#[test]
fn what_is_known_is_replaced() {
    let (_directory, store) = probed();
    let known = || store.reader().probe_known(&service()).unwrap();
    assert_eq!(known(), ProbeKnown { foreign: vec![], agreed: vec![agreed("rustls", at(0))] });
    check(&store, ("tor", "found", &["foreign-key 02"]), 10, &["opened 1"]);
    check(&store, ("tor", "found", &["foreign-key 02"]), 20, &[]);
    check(&store, ("tor", "as-expected", &[]), 30, &[]);
    let expected =
        ProbeKnown { foreign: vec![([2; 32], at(10))], agreed: vec![agreed("rustls", at(30))] };
    assert_eq!(known(), expected);
    let other = Service { port: 5223, ..service() };
    assert_eq!(store.reader().probe_known(&other).unwrap(), ProbeKnown::default());
    let forgotten = NewProbe {
        at: at(40),
        service: &service(),
        stratum: &stratum("tor"),
        host: "",
        peer: None,
        sight: "blind",
        detail: "",
        key: None,
        verdict: None,
        exhibit: None,
        findings: &[],
        foreign: &[],
        agreed: &[],
    };
    store.note_probe(&forgotten, at(40)).unwrap();
    assert_eq!(known(), ProbeKnown::default());
}

#[test]
fn a_day_of_nothing_closes_what_all_have_looked_at_again() {
    let (_directory, store) = probed();
    check(&store, ("direct", "found", &["version-lower 0303"]), 100, &["opened 1"]);
    let acknowledged = store.desk().acknowledge(IncidentId(1), "on it", at(150)).unwrap();
    assert_eq!(acknowledged, Acknowledged::Now);
    check(&store, ("tor", "found", &["foreign-key 02", "version-lower 0303"]), 200, &["updated 1"]);
    let incident = first(&store);
    assert_eq!(incident.title, "a.example: it is foreign-key 02 (and 1 more)");
    assert_eq!((incident.severity, incident.acknowledged), (Severity::Critical, None));
    assert_eq!((incident.domain.as_deref(), incident.zone), (Some(DOMAIN), None));
    assert_eq!(incident.subject, Subject::of_domain(DOMAIN));
    let labels: Vec<_> = incident.evidence.iter().map(|(label, _)| label.as_str()).collect();
    let expected = [
        "handshake: rustls from direct on port 5222 at 1970-01-01T00:01:40Z",
        "handshake: rustls from tor on port 5222 at 1970-01-01T00:03:20Z",
    ];
    assert_eq!(labels, expected);

    check(&store, ("direct", "as-expected", &[]), HOUR, &[]);
    check(&store, ("tor", "blind", &[]), 2 * HOUR, &[]);
    check(&store, ("tor", "pending", &[]), 3 * HOUR, &[]);
    let row = store.reader().probed().unwrap().remove(0);
    assert_eq!((row.quiet_since, row.incident), (Some(at(HOUR)), Some(IncidentId(1))));
    // A day is over, and one of those that met somebody could not look.
    check(&store, ("direct", "as-expected", &[]), 25 * HOUR, &[]);
    check(&store, ("tor", "blind", &[]), 26 * HOUR, &[]);
    check(&store, ("tor", "nothing-to-compare", &[]), 27 * HOUR, &["closed 1"]);
    let (_, why) = first(&store).closed.unwrap();
    assert!(why.contains("since 1970-01-01T01:00:00Z"), "{why}");
    check(&store, ("tor", "as-expected", &[]), 60 * HOUR, &[]);
    check(&store, ("tor", "found", &["foreign-key 02"]), 61 * HOUR, &["opened 2"]);
}

#[test]
fn each_finding_begins_the_day_anew() {
    let (_directory, store) = probed();
    check(&store, ("direct", "found", &["foreign-key 02"]), 100, &["opened 1"]);
    check(&store, ("direct", "as-expected", &[]), HOUR, &[]);
    check(&store, ("direct", "found", &["foreign-key 02"]), 24 * HOUR, &[]);
    // It began earlier, and is written down later.
    check(&store, ("direct", "as-expected", &[]), 24 * HOUR - 1, &[]);
    check(&store, ("direct", "as-expected", &[]), 24 * HOUR, &[]);
    assert_eq!(store.reader().probed().unwrap()[0].quiet_since, None);
    check(&store, ("direct", "as-expected", &[]), 25 * HOUR, &[]);
    check(&store, ("direct", "as-expected", &[]), 49 * HOUR - 1, &[]);
    check(&store, ("direct", "as-expected", &[]), 49 * HOUR, &["closed 1"]);
}

#[test]
fn a_domain_that_is_not_probed_has_no_incident() {
    let (_directory, store) = probed();
    check(&store, ("direct", "found", &["foreign-key 02"]), 100, &["opened 1"]);
    store.watch_probes(&[], at(200)).unwrap();
    let (_, why) = first(&store).closed.unwrap();
    assert_eq!(why, "the domain is no longer probed");
    // It was under way.
    check(&store, ("tor", "found", &["foreign-key 02"]), 150, &[]);
    let row = store.reader().probes_since(DOMAIN, at(150)).unwrap().remove(0);
    assert_eq!((row.found, row.incident, row.exhibit), (true, None, None));
    store.watch_probes(&[DOMAIN.to_owned()], at(300)).unwrap();
    check(&store, ("tor", "found", &["foreign-key 02"]), 400, &["opened 2"]);
    let row = store.reader().probed().unwrap().remove(0);
    assert_eq!((row.added_at, row.removed_at), (at(0), None));
}

#[test]
fn a_domain_that_was_never_probed_is_named() {
    let (_directory, store) = fixture();
    let error = note(&store, ("direct", "as-expected", &[]), at(0)).unwrap_err();
    assert!(matches!(error, StoreError::UnknownDomain { .. }), "{error:?}");
    assert_eq!(error.to_string(), "the domain a.example was never probed");
}

#[test]
fn a_new_key_at_each_probe_fills_nothing_and_hides_nothing() {
    let (_directory, store) = probed();
    for number in 0..100 {
        let mark = format!("foreign-key {number}");
        note(&store, ("direct", "found", &[&mark]), at(100 + number)).unwrap();
    }
    assert_eq!(first(&store).findings.len(), 16);
    assert_eq!(store.reader().unreported(u32::MAX).unwrap().len(), 16);
    assert_eq!(first(&store).evidence.len(), 64);
    let kept = "SELECT count(*) FROM evidence";
    let kept = |store: &Store| -> i64 {
        store.reader().connection().unwrap().query_row(kept, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(kept(&store), 64);
    check(&store, ("tor", "found", &["not-held 1"]), 300, &["updated 1"]);
    assert_eq!((first(&store).evidence.len(), kept(&store)), (65, 65));
    let (label, _) = first(&store).evidence.pop().unwrap();
    assert!(label.starts_with("handshake: rustls from tor"), "{label}");
}

#[test]
fn what_is_covered_is_counted() {
    let (_directory, store) = probed();
    check(&store, ("tor", "blind", &[]), 10, &[]);
    check(&store, ("direct", "nothing-to-compare", &[]), 20, &[]);
    check(&store, ("direct", "pending", &[]), 30, &[]);
    check(&store, ("direct", "found", &["foreign-key 02"]), 40, &["opened 1"]);
    check(&store, ("direct", "blind", &[]), 50, &[]);
    check(&store, ("direct", "blind", &[]), 60, &[]);
    let rows = store.reader().strata(DOMAIN, at(40)).unwrap();
    let direct = StratumRow {
        service: service(),
        stratum: stratum("direct"),
        ever: Tally { probes: 6, found: 1, as_expected: 1, not_compared: 1, blind: 2 },
        recent: Tally { probes: 3, found: 1, blind: 2, ..Tally::default() },
        first_at: at(0),
        last_at: at(60),
        found_at: Some(at(40)),
        looked_at: Some(at(40)),
        blind: Some(BlindRun { since: at(50), probes: 2, why: "no answer".to_owned() }),
    };
    let tor = StratumRow {
        service: service(),
        stratum: stratum("tor"),
        ever: Tally { probes: 1, blind: 1, ..Tally::default() },
        recent: Tally::default(),
        first_at: at(10),
        last_at: at(10),
        found_at: None,
        looked_at: None,
        blind: Some(BlindRun { since: at(10), probes: 1, why: "no answer".to_owned() }),
    };
    assert_eq!(rows, [direct, tor]);
    assert_eq!(store.reader().strata("b.example", at(0)).unwrap(), []);
}
