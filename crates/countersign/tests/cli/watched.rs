//! A watch that has seen something.

use countersign_net::Clock;
use countersign_store::Store;
use countersign_store::log::{Api, Log};
use countersign_store::poll::{Head, Poll};
use countersign_store::position::Position;
use countersign_store::sighting::{MatchRow, NewSighting};
use countersign_store::trouble::{Nature, NewTrouble};
use jiff::{SignedDuration, Timestamp};

use crate::place::{Place, log_id};

/// So many hours ago, to the second.
pub(crate) fn ago(hours: i64) -> Timestamp {
    let now = Clock::system().now();
    Timestamp::from_second(now.as_second()).unwrap() - SignedDuration::from_hours(hours)
}

/// A watch that has seen something: one log, verified three hours ago; one sighting.
pub(crate) fn watched(place: &Place) -> Store {
    let store = Store::open(&place.path("countersign-state")).unwrap();
    store.begin_guarding("2026-11-01T00:00:00Z".parse().unwrap()).unwrap();
    let log = Log {
        id: log_id(),
        description: "Log 1".into(),
        operator: "Operator".into(),
        api: Api::Rfc6962,
        url: "https://log.example".into(),
        mmd_s: Some(86_400),
    };
    store.upsert_log(&log, ago(9)).unwrap();
    let head = Head { size: 12_400, time: Some(ago(2)), bytes: b"head".into() };
    store.note_poll(&log.id, &Poll::Head(head), ago(2)).unwrap();
    let position = Position {
        start: 1_000,
        downloaded_size: 12_345,
        verified_size: 12_300,
        verified_head_time: Some(ago(3)),
        verified_head: Some(b"older head".into()),
        ..Position::default()
    };
    let found = "2026-11-24T01:02:03Z".parse().unwrap();
    store.commit(&log.id, None, &position, &[sighting(12_298)], found).unwrap();
    store
}

/// Raises a proof, whose text is meant to harm a terminal.
pub(crate) fn forked(store: &Store) {
    let fork = NewTrouble {
        log: Some(&log_id()),
        kind: "fork",
        nature: Nature::Proof,
        detail: "the log forked\u{1b}[2J",
        evidence: &[("head held", b"one"), ("head shown", b"other")],
    };
    store.raise(&fork, "2026-11-24T02:00:00Z".parse().unwrap()).unwrap();
}

/// Raises a condition: one hour ago, a list of logs could not be read.
pub(crate) fn list_failed(store: &Store) {
    let failed = NewTrouble {
        log: None,
        kind: "log-list-file",
        nature: Nature::Condition,
        detail: "cannot read logs.json",
        evidence: &[],
    };
    store.raise(&failed, ago(1)).unwrap();
}

/// A certificate that names what is guarded.
pub(crate) fn sighting(index: u64) -> NewSighting {
    NewSighting {
        index,
        leaf_hash: [1; 32],
        tbs_sha256: [4; 32],
        logged_at: Some(ago(4)),
        precertificate: true,
        leaf: b"leaf".into(),
        extra: b"extra".into(),
        spki_sha256: Some([2; 32]),
        issuer_key_sha256: Some([3; 32]),
        not_before: Some("2026-11-20T00:00:00Z".parse().unwrap()),
        not_after: Some("2027-02-18T00:00:00Z".parse().unwrap()),
        names: vec!["xmpp.example".into(), "www.xmpp.example".into()],
        matches: vec![MatchRow {
            guard: ".xmpp.example".into(),
            name: "xmpp.example".into(),
            reading: "san-dns".into(),
        }],
    }
}
