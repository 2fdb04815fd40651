//! What the tests of this crate share: a watch of two small made-up logs, and what must hold of its state at
//! any moment.

mod faults;
mod kill;
mod open;
mod scale;

use std::path::Path;

use countersign_judge::decision::{Told, ToldFinding};
use countersign_judge::promise::Promise;
use countersign_judge::{Origin, RuleId, Severity, Verdict};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use crate::authorization::{AuthorizationId, KeyOrCertificate, NewAuthorization, NewStatement};
use crate::evidence::sha256;
use crate::incident::IncidentId;
use crate::judgement::Judged;
use crate::log::{Api, Log};
use crate::poll::{Head, Poll, Throughput};
use crate::position::Position;
use crate::probe::sample as probes;
use crate::promise::{Broken, Settled};
use crate::proof::Proof;
use crate::report::Event;
use crate::sighting::{MatchRow, NewSighting, SightingFilter, SightingId};
use crate::trouble::{Nature, NewTrouble, TroubleId};
use crate::zone::{ZoneState, sample};
use crate::{Reader, Store, StoreError};

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn log(number: u8) -> Log {
    Log {
        id: [number; 32],
        description: format!("Log {number}"),
        operator: "Operator".into(),
        api: if number.is_multiple_of(2) { Api::Rfc6962 } else { Api::StaticCt },
        url: format!("https://log{number}.example/"),
        mmd_s: Some(86_400),
    }
}

/// An empty store.
pub(crate) fn fixture() -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    (directory, store)
}

/// A store in which two certificates were sighted, those of `sighting(3)` and `sighting(7)`, each in two logs.
pub(crate) fn sighted() -> (TempDir, Store) {
    let (directory, store) = fixture();
    for number in 1..=2 {
        store.upsert_log(&log(number), at(0)).unwrap();
        let sightings = [3, 7].map(sighting);
        store.commit(&[number; 32], None, &position(8), &sightings, at(12)).unwrap();
    }
    (directory, store)
}

/// Judges one certificate, and gives the reports that this made.
#[track_caller]
pub(crate) fn judge(store: &Store, index: u64, verdict: Verdict, now: Timestamp) -> Vec<String> {
    let before = store.reader().unreported(u32::MAX).unwrap().len();
    store.judge(&[judged(index, verdict)], None, now).unwrap();
    let reports = store.reader().unreported(u32::MAX).unwrap();
    reports[before..].iter().map(|report| told(&report.event)).collect()
}

/// What a report tells of, and of which.
pub(crate) fn told(event: &Event) -> String {
    match event {
        Event::Sighting(sighting) => format!("sighting {}", sighting.id.0),
        Event::TroubleOpened(trouble) => format!("trouble opened {}", trouble.id.0),
        Event::TroubleClosed(trouble) => format!("trouble closed {}", trouble.id.0),
        Event::LogAdded(row) => format!("log added {}", row.log.id[0]),
        Event::LogRemoved(row) => format!("log removed {}", row.log.id[0]),
        Event::IncidentOpened(incident) => format!("opened {}", incident.id.0),
        Event::IncidentUpdated(incident) => format!("updated {}", incident.id.0),
        Event::IncidentClosed(incident) => format!("closed {}", incident.id.0),
        Event::Heartbeat(text) => format!("heartbeat {text}"),
    }
}

/// Opens a store that does not sync. It loses to a power cut, but not to a kill, and tests run ten times faster.
pub(crate) fn open(directory: &Path) -> Store {
    let store = Store::open(directory).unwrap();
    store.reader().connection().unwrap().pragma_update(None, "synchronous", "OFF").unwrap();
    store
}

/// Of every four entries the last one matches.
pub(crate) fn is_sighted(index: u64) -> bool {
    index % 4 == 3
}

/// An entry that matches. Neighbours share their chain.
pub(crate) fn sighting(index: u64) -> NewSighting {
    NewSighting {
        index,
        leaf_hash: sha256(&index.to_be_bytes()),
        tbs_sha256: sha256(&[index.to_be_bytes(), [7; 8]].concat()),
        logged_at: Some(at(1_700_000_000)),
        precertificate: index % 8 == 3,
        leaf: format!("leaf {index}").repeat(1000).into_bytes(),
        extra: format!("chain {}", index / 16).repeat(1000).into_bytes(),
        spki_sha256: Some([1; 32]),
        issuer_key_sha256: None,
        not_before: Some(at(1_700_000_000)),
        not_after: Some(at(1_707_776_000)),
        names: vec!["example.org".into(), "*.example.org".into()],
        matches: vec![MatchRow {
            guard: ".example.org".into(),
            name: "*.example.org".into(),
            reading: "dNSName".into(),
        }],
    }
}

/// The one position that a watch writes at this size.
pub(crate) fn position(size: u64) -> Position {
    let hash = |n: u64| sha256(&(size + n).to_be_bytes());
    let head = |n: u64| format!("head {}", size + n).into_bytes();
    Position {
        start: 0,
        downloaded_size: size,
        downloaded_peaks: (0..u64::from(size.count_ones())).map(hash).collect(),
        tail: (0..size % 7).map(hash).collect(),
        verified_size: size,
        verified_peaks: (0..u64::from(size.count_ones())).map(hash).collect(),
        verified_head: size.is_multiple_of(2).then(|| head(0)),
        verified_head_time: size.is_multiple_of(2).then(|| at(1_700_000_000)),
        pending_heads: (1..=size % 5).map(head).collect(),
    }
}

/// How many entries each log has, and how many are read at a time.
pub(crate) const END: u64 = 20;
const BATCH: u64 = 9;

/// How many lines go out before they are marked.
const LINES: u32 = 5;

/// One call of a watch to its store. It may be made again: after an error, after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Begin,
    KeepLogList,
    Add(u8),
    /// Read the batch from this size on, if that is where the position stands.
    Follow(u8, u64),
    /// Somebody who has not read the position commits another.
    Intrude(u8),
    Poll(u8, u64),
    Download(u8),
    Tell,
    Fork(u8),
    AcknowledgeFork,
    /// Another head of it is seen.
    ForkAgain(u8),
    Silence(u8),
    Speak(u8),
    Retire(u8),
    KeepIssuer,
    AddIssuerKeys,
    Register,
    State,
    Revoke,
    /// The first two certificates that were sighted, with these verdicts.
    Judge(Verdict, Verdict),
    Acknowledge,
    Prove,
    Promise,
    PutOff,
    Break,
    Misplace,
    Keep,
    AddSink,
    Fail,
    Deliver,
    Beat,
    Zone,
    /// The look of this number at the zone of [`crate::zone::sample`].
    Look(u8),
    Accept,
    Unzone,
    ProbeDomain,
    /// The probe of this number of the service of [`crate::probe::sample`].
    Probe(u8),
    Unprobe,
}

/// What a watch does from its beginning to its end, or again from any point.
pub(crate) fn acts() -> Vec<Act> {
    let mut acts = vec![Act::Begin, Act::KeepLogList, Act::Add(1), Act::Add(2)];
    for (size, log) in
        (0..END).step_by(usize::try_from(BATCH).unwrap()).flat_map(|size| [(size, 1), (size, 2)])
    {
        acts.extend([
            Act::Follow(log, size),
            Act::Intrude(log),
            Act::Poll(log, size),
            Act::Download(log),
            Act::Tell,
        ]);
    }
    acts.extend([
        Act::Fork(1),
        Act::Silence(2),
        Act::Silence(2),
        Act::Speak(2),
        Act::Retire(2),
        Act::Tell,
        Act::KeepIssuer,
        Act::AddIssuerKeys,
        Act::AddSink,
        Act::Register,
        Act::State,
        Act::Revoke,
        Act::Judge(Verdict::Pending { until: at(20) }, Verdict::ThirdParty),
        Act::Judge(Verdict::Unexpected, Verdict::ThirdParty),
        Act::Judge(Verdict::Unexpected, Verdict::Unexpected),
        Act::Acknowledge,
        Act::AcknowledgeFork,
        Act::ForkAgain(1),
        Act::AcknowledgeFork,
        Act::Fork(1),
        Act::Prove,
        Act::Judge(Verdict::Authorized, Verdict::Unexpected),
        Act::Judge(Verdict::Unexpected, Verdict::Authorized),
        Act::Promise,
        Act::PutOff,
        Act::Break,
        Act::Misplace,
        Act::Keep,
        Act::Fail,
        Act::Deliver,
        Act::Beat,
        Act::Zone,
        Act::Look(0),
        Act::Look(1),
        Act::Look(2),
        Act::Look(3),
        Act::Look(4),
        Act::Look(5),
        Act::Accept,
        Act::Look(6),
        Act::Look(7),
        Act::Unzone,
        Act::ProbeDomain,
    ]);
    acts.extend((0..9).map(Act::Probe));
    acts.extend([Act::Unprobe, Act::Tell]);
    acts.extend([Act::Tell; 5]);
    acts
}

/// A decision on the certificate of [`sighting`].
pub(crate) fn judged(index: u64, verdict: Verdict) -> Judged {
    let (findings, by) = match verdict {
        Verdict::Authorized | Verdict::ThirdParty => (vec![], vec![RuleId::Authorization(1)]),
        Verdict::Pending { .. } | Verdict::Unexpected => (vec![unknown_key()], vec![]),
    };
    Judged {
        tbs_sha256: sighting(index).tbs_sha256,
        first_seen_at: at(12),
        told: Told { verdict, findings, by },
        title: "a certificate".into(),
        severity: Severity::Critical,
    }
}

pub(crate) fn unknown_key() -> ToldFinding {
    let (kind, text) = ("unknown-key".into(), "nobody registered the key".into());
    ToldFinding { kind, severity: Severity::Critical, text }
}

/// What a log has promised about the first certificate: to put it there.
pub(crate) fn promise(leaf_index: u64) -> Promise {
    Promise {
        log: [1; 32],
        tbs_sha256: sighting(3).tbs_sha256,
        timestamp_ms: 1000,
        leaf_index: Some(leaf_index),
        mmd: SignedDuration::from_secs(60),
    }
}

pub(crate) fn broken() -> Broken {
    Broken { title: "a promise".into(), severity: Severity::High, finding: unknown_key() }
}

pub(crate) fn key(number: u8) -> NewAuthorization {
    NewAuthorization {
        basis: KeyOrCertificate::Key([number; 32]),
        scope: "example.org".parse().unwrap(),
        until: None,
        origin: Origin::Command,
        note: String::new(),
    }
}

/// Does everything, from wherever the state stands to the end. The lines go out into `told`.
pub(crate) fn watch(store: &Store, told: &mut Vec<u64>) -> Result<(), StoreError> {
    acts().into_iter().try_for_each(|act| perform(store, act, told))
}

pub(crate) fn perform(store: &Store, act: Act, told: &mut Vec<u64>) -> Result<(), StoreError> {
    let evidence: [(&str, &[u8]); 2] = [("one head", b"head 18"), ("another head", &[8; 5000])];
    match act {
        Act::Begin => store.begin_guarding(at(1)).map(drop),
        Act::KeepLogList => store.keep_log_list("list", &[7; 9000], at(2)),
        Act::Add(number) => store.upsert_log(&log(number), at(3)).map(drop),
        Act::Follow(number, from) => follow(store, number, from),
        Act::Intrude(number) => match store.commit(&[number; 32], None, &position(END), &[], at(4))
        {
            Err(StoreError::Conflict { .. }) => Ok(()),
            result => Err(result.expect_err("a commit on a revision that has passed")),
        },
        Act::Poll(number, size) => {
            let head = Head { size, time: Some(at(5)), bytes: b"head".to_vec() };
            store.note_poll(&[number; 32], &Poll::Head(head), at(6))
        }
        Act::Download(number) => {
            let throughput = Throughput { entries: BATCH, received_bytes: 1, took_ms: 1 };
            store.note_throughput(&[number; 32], &throughput, at(7))
        }
        Act::Tell => tell(store, told),
        Act::Fork(number) => fork(store, number, &evidence, at(8)),
        Act::AcknowledgeFork => {
            store.desk().acknowledge_trouble(TroubleId(1), "known", at(15)).map(drop)
        }
        Act::ForkAgain(number) => fork(store, number, &[("a third head", b"head 19")], at(16)),
        Act::Silence(number) => {
            let (log, nature) = (Some(&[number; 32]), Nature::Condition);
            let silence = NewTrouble {
                log,
                kind: "silence",
                nature,
                detail: "no answer",
                evidence: &evidence,
            };
            store.raise(&silence, at(9)).map(drop)
        }
        Act::Speak(number) => store.clear(Some(&[number; 32]), "silence", at(10)).map(drop),
        Act::Retire(number) => store.retire_log(&[number; 32], at(11)).map(drop),
        Act::KeepIssuer => store.keep_evidence(&[b"an issuer".to_vec()]),
        Act::AddIssuerKeys => store.add_issuer_keys(&[(SightingId(1), [9; 32])]),
        Act::Register => store.desk().register(&[key(1), key(2)], at(13)).map(drop),
        Act::State => {
            let origin = Origin::Statement { host: "mx1".into() };
            let authorization = &NewAuthorization { origin, ..key(3) };
            let (host, sequence, note) = ("mx1", 1, b"a signed note".as_slice());
            let statement = NewStatement { host, sequence, note, authorization };
            store.desk().accept_statement(&statement, at(13)).map(drop)
        }
        Act::Revoke => store.desk().revoke(AuthorizationId(2), at(13)).map(drop),
        Act::Judge(first, second) => {
            let judged = [judged(3, first), judged(7, second)];
            store.judge(&judged, Some(SightingId(4)), at(14))
        }
        Act::Acknowledge => store.desk().acknowledge(IncidentId(1), "seen", at(15)).map(drop),
        Act::Prove => {
            let proof = Proof { tree_size: 20, head: b"head 20".to_vec(), path: vec![[6; 32]; 5] };
            let wanted = store.reader().proofs_wanted(&[1; 32], END, 1)?;
            wanted.iter().try_for_each(|row| store.keep_proof(row.sighting, &proof, at(16)))
        }
        Act::Promise => store.note_promises(&[6, 7, 8].map(promise), at(17)),
        Act::PutOff => {
            let due = store.reader().promises_due(Timestamp::MAX, 1)?;
            due.iter().try_for_each(|(id, _)| store.put_off_promise(*id, at(9000)))
        }
        Act::Break => settle(store, &Settled::Broken(broken())),
        Act::Misplace => settle(store, &Settled::KeptElsewhere { index: 3, broken: broken() }),
        Act::Keep => settle(store, &Settled::Kept),
        Act::AddSink => store.add_sink("mail", at(19)),
        Act::Fail => match store.reader().sink("mail")? {
            Some(sink) if sink.attempts == 0 => {
                store.not_delivered("mail", "no answer", at(30), at(20))
            }
            Some(_) | None => Ok(()),
        },
        Act::Deliver => match store.reader().undelivered("mail", 9)?.last() {
            Some(last) => store.delivered("mail", last.id, at(21)),
            None => Ok(()),
        },
        Act::Beat => match store.reader().heartbeat_at()? {
            None => store.heartbeat("all quiet", at(22)),
            Some(_) => Ok(()),
        },
        Act::Zone => store.watch_zones(&["a.example.".to_owned()], at(23)),
        Act::Look(number) => sample::look(store, number),
        Act::Accept => match store.reader().zones()?.first() {
            Some(zone) if zone.accepted_at.is_none() => {
                match store.reader().zone_state("a.example.")? {
                    Some(ZoneState { revision, .. }) => {
                        store.desk().accept_zone("a.example.", revision, at(30_000)).map(drop)
                    }
                    None => Ok(()),
                }
            }
            Some(_) | None => Ok(()),
        },
        Act::Unzone => store.watch_zones(&[], at(60_000)),
        Act::ProbeDomain => store.watch_probes(&[probes::DOMAIN.to_owned()], at(99_000)),
        Act::Probe(number) => probes::probe(store, number),
        Act::Unprobe => store.watch_probes(&[], at(600_000)),
    }
}

fn fork(
    store: &Store,
    number: u8,
    evidence: &[(&str, &[u8])],
    now: Timestamp,
) -> Result<(), StoreError> {
    let (log, nature) = (Some(&[number; 32]), Nature::Proof);
    let fork = NewTrouble { log, kind: "fork", nature, detail: "two heads", evidence };
    store.raise(&fork, now).map(drop)
}

/// Settles the promise that waits longest.
fn settle(store: &Store, settled: &Settled) -> Result<(), StoreError> {
    let due = store.reader().promises_due(Timestamp::MAX, 1)?;
    due.iter().try_for_each(|(id, promise)| store.settle_promise(*id, promise, settled, at(18)))
}

fn follow(store: &Store, number: u8, from: u64) -> Result<(), StoreError> {
    let (size, revision) = match store.reader().position(&[number; 32])? {
        Some((position, revision)) => (position.downloaded_size, Some(revision)),
        None => (0, None),
    };
    if size != from {
        return Ok(());
    }
    let next = END.min(from + BATCH);
    let sightings: Vec<_> = (from..next).filter(|index| is_sighted(*index)).map(sighting).collect();
    store.commit(&[number; 32], revision, &position(next), &sightings, at(12)).map(drop)
}

/// Lets the first few lines out.
pub(crate) fn tell(store: &Store, told: &mut Vec<u64>) -> Result<(), StoreError> {
    let reports = store.reader().unreported(LINES)?;
    told.extend(reports.iter().map(|report| report.id.0));
    reports.last().map_or(Ok(()), |last| store.mark_reported(last.id))
}

/// What must hold of a watch's state at any moment: positions are whole, below each are exactly the sightings
/// that belong there, with their evidence, nothing is there by half, and each thing that happened has one report.
pub(crate) fn check_state(reader: &Reader) {
    reader.check().unwrap();
    let filter =
        SightingFilter { after: None, guard: Some(".example.org".into()), limit: u32::MAX };
    let sightings = reader.sightings(&filter).unwrap();
    assert_eq!(reader.sightings(&SightingFilter { guard: None, ..filter }).unwrap(), sightings);
    for number in 1..=2 {
        let size = match reader.position(&[number; 32]).unwrap() {
            Some((found, _)) => {
                assert_eq!(found, position(found.downloaded_size));
                found.downloaded_size
            }
            None => 0,
        };
        let found: Vec<u64> =
            sightings.iter().filter(|row| row.log == [number; 32]).map(|row| row.index).collect();
        assert_eq!(found, (0..size).filter(|index| is_sighted(*index)).collect::<Vec<_>>());
    }
    for row in sightings {
        let expected = sighting(row.index);
        assert_eq!(reader.evidence(&row.leaf_sha256).unwrap().unwrap(), expected.leaf);
        assert_eq!(reader.evidence(&row.extra_sha256).unwrap().unwrap(), expected.extra);
        assert_eq!((row.names, row.matches), (expected.names, expected.matches));
    }
    let connection = reader.connection().unwrap();
    // A trouble comes with two pieces of evidence. The third ends its acknowledgement.
    let partial = "SELECT (SELECT count(*) FROM trouble AS t WHERE (SELECT count(*) FROM trouble_evidence WHERE trouble = t.id)
            <> 2 + (SELECT count(ended_at) FROM trouble_acknowledgement WHERE trouble = t.id))
        + (SELECT count(*) FROM incident WHERE (SELECT count(*) FROM incident_finding WHERE incident = id) <> 1 + updates)
        + (SELECT count(*) FROM judgement AS j WHERE (verdict IN ('pending', 'unexpected'))
            <> (SELECT count(*) FROM judgement_finding WHERE judgement = j.id)
            OR (verdict IN ('authorized', 'third-party')) <> (SELECT count(*) FROM judgement_rule WHERE judgement = j.id))
        + abs((SELECT count(*) FROM statement) - (SELECT count(*) FROM authorization WHERE origin = 'statement'))
        + abs((SELECT heartbeat_at IS NOT NULL FROM watch) - (SELECT count(*) FROM report WHERE event = 'heartbeat'))";
    assert_eq!(connection.query_row(partial, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

/// Every report was told, in order. One was told again only if a failure came between it and its mark.
pub(crate) fn check_told(told: &[u64], failures: u64) {
    let mut next = 1;
    let mut repeats = 0;
    for id in told {
        assert!(*id <= next, "the report {next} was left out of {told:?}");
        if *id < next {
            assert!(
                next - id <= u64::from(LINES),
                "the report {id} was told again long after: {told:?}"
            );
            repeats += 1;
        } else {
            next += 1;
        }
    }
    assert!(
        repeats <= u64::from(LINES) * failures,
        "{repeats} reports were told again after {failures} failures"
    );
}
