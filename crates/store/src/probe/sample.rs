//! Probes of a made-up service, for tests.

use countersign_judge::Severity;
use countersign_judge::decision::ToldFinding;
use countersign_judge::probe::{Family, Opening, Protocol, Service, Stratum};
use jiff::Timestamp;

use super::{AgreedRow, Found, NewProbe, Noted};
use crate::tests::at;
use crate::{Store, StoreError};

pub(crate) const DOMAIN: &str = "a.example";

pub(crate) fn service() -> Service {
    Service {
        domain: DOMAIN.to_owned(),
        protocol: Protocol::Xmpp,
        opening: Opening::StartTls,
        port: 5222,
    }
}

pub(crate) fn stratum(vantage: &str) -> Stratum {
    Stratum {
        vantage: vantage.to_owned(),
        client: "rustls".to_owned(),
        port: 5222,
        family: Family::V4,
    }
}

pub(crate) fn found(mark: &str) -> Found {
    let kind = mark.split(' ').next().unwrap().to_owned();
    let severity = if kind == "foreign-key" { Severity::Critical } else { Severity::Warning };
    Found {
        mark: mark.to_owned(),
        told: ToldFinding { kind, severity, text: format!("it is {mark}") },
    }
}

pub(crate) fn agreed(client: &str, now: Timestamp) -> AgreedRow {
    AgreedRow {
        client: client.to_owned(),
        at: now,
        version: 0x0304,
        group: Some(29),
        plus: true,
        stack: "a stack".to_owned(),
    }
}

/// From this vantage: what it saw, and what it found.
pub(crate) type Seen<'a> = (&'a str, &'a str, &'a [&'a str]);

/// Writes down a probe with a handshake of its own.
pub(crate) fn note(
    store: &Store,
    (vantage, sight, marks): Seen<'_>,
    now: Timestamp,
) -> Result<Noted, StoreError> {
    let (service, stratum) = (service(), stratum(vantage));
    let mut known = store.reader().probe_known(&service)?;
    let key = (sight != "blind").then_some(if marks.is_empty() { [1; 32] } else { [2; 32] });
    match key {
        Some([2, ..]) if known.foreign.is_empty() => known.foreign.push(([2; 32], now)),
        Some([1, ..]) => known.agreed = vec![agreed("rustls", now)],
        Some(_) | None => {}
    }
    let findings: Vec<_> = marks.iter().map(|mark| found(mark)).collect();
    let exhibit = format!("handshake of {vantage} at {now}").into_bytes();
    let probe = NewProbe {
        at: now,
        service: &service,
        stratum: &stratum,
        host: "xmpp.a.example",
        peer: Some("192.0.2.1:5222".parse().unwrap()),
        sight,
        detail: if sight == "blind" { "no answer" } else { "" },
        key,
        verdict: key.map(|key| if key == [1; 32] { "ours" } else { "foreign" }),
        exhibit: Some(&exhibit),
        findings: &findings,
        foreign: &known.foreign,
        agreed: &known.agreed,
    };
    store.note_probe(&probe, now)
}

/// What is seen, each twelve hours after the one before: in order; somebody; somebody else, elsewhere; nothing; in order
/// again, but for a day not from where somebody else was; from there; somebody.
const PROBES: [Seen<'static>; 9] = [
    ("direct", "as-expected", &[]),
    ("direct", "found", &["foreign-key 02"]),
    ("tor", "found", &["version-lower 0303"]),
    ("tor", "blind", &[]),
    ("direct", "as-expected", &[]),
    ("direct", "nothing-to-compare", &[]),
    ("direct", "as-expected", &[]),
    ("tor", "as-expected", &[]),
    ("tor", "found", &["foreign-key 02"]),
];

/// The probe of this number, unless it was noted before.
pub(crate) fn probe(store: &Store, number: u8) -> Result<(), StoreError> {
    let now = at(100_000 + 43_200 * i64::from(number));
    if store.reader().probes_since(DOMAIN, now)?.is_empty() {
        note(store, PROBES[usize::from(number)], now)?;
    }
    Ok(())
}
