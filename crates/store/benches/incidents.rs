//! What it takes to look at a store with ten thousand incidents, and to read a hundred thousand rules.
//!
//! `cargo bench -p countersign-store --bench incidents`. Expected before it was measured: a few milliseconds for a list
//! of a hundred, far less for one, since both go through indices; some hundred milliseconds for the rules, which are
//! read once at the start and again when they change. The target is 50 ms for the first two.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench ends where its world is not as it made it")]

use std::hint::black_box;
use std::time::Instant;

use countersign_judge::decision::{Told, ToldFinding};
use countersign_judge::{Origin, Severity, Verdict};
use countersign_store::Store;
use countersign_store::authorization::{KeyOrCertificate, NewAuthorization};
use countersign_store::incident::{IncidentFilter, IncidentId, Which};
use countersign_store::judgement::Judged;
use countersign_store::log::{Api, Log};
use countersign_store::position::Position;
use countersign_store::sighting::{MatchRow, NewSighting};
use jiff::Timestamp;

const INCIDENTS: u64 = 10_000;
const LOGS: u8 = 3;
const RULES: u64 = 100_000;
const TARGET_MS: f64 = 50.0;
const TURNS: u32 = 20;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    fill(&store);
    drop(store);
    // As the commands do: open, look, close.
    println!("{:<44}{:>10}  {:<8}", "with 10,000 incidents, 3 entries each", "ms", "target");
    let list = |which| {
        let reader = Store::open_reader(directory.path()).unwrap();
        let filter = IncidentFilter { after: None, which, limit: 100 };
        black_box((reader.incidents(&filter).unwrap(), reader.pending().unwrap()));
    };
    row("incidents: open the store, list 100", Some(TARGET_MS), || list(Which::Open));
    row("incidents --all: the same", Some(TARGET_MS), || list(Which::All));
    row("show: open the store, one with its entries", Some(TARGET_MS), || {
        let reader = Store::open_reader(directory.path()).unwrap();
        let incident = reader.incident(IncidentId(INCIDENTS / 2)).unwrap().unwrap();
        black_box(
            reader.sightings_of(incident.subject.tbs_sha256().expect("a certificate")).unwrap(),
        );
    });
    row("rules: 100,000 of them, after a change", None, || {
        let reader = Store::open_reader(directory.path()).unwrap();
        black_box(reader.rules().unwrap());
    });
}

fn row(what: &str, target_ms: Option<f64>, mut turn: impl FnMut()) {
    let mut times: Vec<f64> = Vec::new();
    for _turn in 0..TURNS {
        let began = Instant::now();
        turn();
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    let met = target_ms.map_or(String::new(), |target| {
        format!("< {target} {}", if median < target { "met" } else { "MISSED" })
    });
    println!("{what:<44}{median:>10.2}  {met}");
}

fn fill(store: &Store) {
    let now = Timestamp::UNIX_EPOCH;
    let hash = |number: u64| {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_le_bytes());
        hash
    };
    let scope: countersign_judge::Scope = ".xmpp.example".parse().unwrap();
    let rules = (0..RULES).map(|number| NewAuthorization {
        basis: KeyOrCertificate::Key(hash(number)),
        scope: scope.clone(),
        until: None,
        origin: Origin::Command,
        note: String::new(),
    });
    store.desk().register(&rules.collect::<Vec<_>>(), now).unwrap();
    for number in 1..=LOGS {
        let log = Log {
            id: [number; 32],
            description: format!("Log {number}"),
            operator: "Operator".into(),
            api: Api::StaticCt,
            url: format!("https://log{number}.example/"),
            mmd_s: Some(60),
        };
        store.upsert_log(&log, now).unwrap();
        let sightings = (0..INCIDENTS).map(|index| NewSighting {
            index,
            leaf_hash: hash(index),
            tbs_sha256: hash(index),
            logged_at: Some(now),
            precertificate: true,
            leaf: index.to_be_bytes().repeat(150),
            extra: b"chain".to_vec(),
            spki_sha256: Some(hash(index)),
            issuer_key_sha256: Some([1; 32]),
            not_before: Some(now),
            not_after: Some(now),
            names: vec!["xmpp.example".into(), "www.xmpp.example".into()],
            matches: vec![MatchRow {
                guard: ".xmpp.example".into(),
                name: "xmpp.example".into(),
                reading: "san-dns".into(),
            }],
        });
        let sightings: Vec<_> = sightings.collect();
        store.commit(&[number; 32], None, &Position::default(), &sightings, now).unwrap();
    }
    let finding = ToldFinding {
        kind: "unknown-key".into(),
        severity: Severity::Critical,
        text: "nobody here has registered its key".into(),
    };
    let judged = (0..INCIDENTS).map(|number| Judged {
        tbs_sha256: hash(number),
        first_seen_at: now,
        told: Told {
            verdict: Verdict::Unexpected,
            findings: vec![finding.clone()],
            by: Vec::new(),
        },
        title: "unexpected certificate for xmpp.example".into(),
        severity: Severity::Critical,
    });
    store.judge(&judged.collect::<Vec<_>>(), None, now).unwrap();
}
