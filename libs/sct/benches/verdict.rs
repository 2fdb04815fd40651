//! What a verdict costs: over the signature checks that the policy needs, from the cache, and in memory over a million
//! of them. `cargo bench -p countersign-sct`. It reads real certificates (`../shared/vectors/sct`).
//!
//! Expected before it was measured: uncached at most 1.1 times the signature checks; taking a certificate apart and
//! rebuilding what was signed under 5 µs; cached under 3 µs, a hundredth of a handshake; nothing grows.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_sct::enforcer::Memory;
use countersign_sct::policy::COUNTERSIGN;
use countersign_sct::{
    Anchor, Chain, DigitallySigned, Enforcer, LogKey, LogList, Outcome, Presented, PublicRoots,
    Rung, Settings, SignedEntry, SignedList, Trust, Worth, embedded_list, issuer_key_hash, judge,
    parse_list, precert_tbs, signed_bytes, spki_of, validity_of,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// A certificate that satisfies the policy, and the checks that make it so.
struct Case {
    certificate: Vec<u8>,
    issuer: Vec<u8>,
    /// The key, what was signed, and the signature, of each SCT that counted.
    checks: Vec<(LogKey, Vec<u8>, DigitallySigned)>,
}

fn main() {
    let logs = SignedList::built_in().logs;
    let now: Timestamp = "2026-08-22T00:00:00Z".parse().expect("a time");
    let cases = cases(&logs, now);
    if cases.is_empty() {
        println!("no test data");
        return;
    }
    let checks: usize = cases.iter().map(|case| case.checks.len()).sum();
    println!("{} real certificates, {checks} signatures that the policy needs", cases.len());

    // In turns, so that whatever else the machine does hits both.
    let (mut floor, mut uncached) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        floor.push(timed(|| {
            for (key, message, signature) in cases.iter().flat_map(|case| &case.checks) {
                black_box(key.verify(message, signature)).expect("it was verified before");
            }
        }));
        uncached.push(timed(|| {
            for case in &cases {
                let spki = spki_of(&case.issuer).expect("it was read before");
                let presented = Presented { certificate: &case.certificate, issuer_spki: spki };
                black_box(judge(&COUNTERSIGN, Rung::Strict, presented, &logs, now));
            }
        }));
    }
    let (floor, uncached) = (median(floor), median(uncached));
    let per = |time: Duration| {
        time.as_secs_f64() * 1e6 / f64::from(u32::try_from(cases.len()).expect("few"))
    };
    println!("signature checks alone: {:.1} µs a certificate", per(floor));
    println!(
        "a verdict, uncached: {:.1} µs, {:.3} times the checks; expected at most 1.1",
        per(uncached),
        uncached.as_secs_f64() / floor.as_secs_f64()
    );

    let apart = median((0..ROUNDS).map(|_| timed(|| cases.iter().for_each(take_apart))).collect());
    println!("take apart and splice: {:.2} µs, expected less than 5", per(apart));

    let enforcer = enforcer(&cases, now);
    let judged = |case: &Case| {
        let certificates = &[&case.certificate[..], &case.issuer];
        let chain = Chain {
            certificates,
            anchor: Anchor::Last,
            host: Some("xmpp.example"),
            trust: Trust::Roots,
        };
        black_box(enforcer.judge(chain, now));
    };
    let cached = median((0..ROUNDS).map(|_| timed(|| cases.iter().for_each(judged))).collect());
    println!("a decision, cached: {:.2} µs, expected less than 3", per(cached));

    let before = resident();
    let mut certificate = cases[0].certificate.clone();
    let last = certificate.len() - 4;
    let mut at_tenth = 0;
    for number in 0..MILLION {
        // Another certificate each time, for another host: the signature of the CA is not looked at.
        certificate[last..].copy_from_slice(&number.to_be_bytes());
        let host = format!("{number}.example");
        let certificates = &[&certificate[..], &cases[0].issuer];
        let chain =
            Chain { certificates, anchor: Anchor::Last, host: Some(&host), trust: Trust::Roots };
        let later = now + SignedDuration::from_secs(i64::from(number));
        black_box(enforcer.judge(chain, later));
        if number == MILLION / 10 {
            at_tenth = resident();
        }
    }
    println!(
        "resident: {before} KiB before, {at_tenth} KiB after a tenth of a million verdicts, {} KiB after all",
        resident()
    );
}

/// The real certificates that the built-in list is enough for.
fn cases(logs: &LogList, now: Timestamp) -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors/sct");
    let lines = |name: &str| {
        let text = fs::read_to_string(format!("{folder}/{name}")).unwrap_or_default();
        let parsed = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        parsed.collect::<Vec<Value>>()
    };
    let der =
        |line: &Value| STANDARD.decode(line["der"].as_str().expect("a text")).expect("base64");
    let issuers = lines("issuers.jsonl");
    let issuers: HashMap<_, _> =
        issuers.iter().map(|line| (line["sha256"].as_str(), der(line))).collect();
    let case = |line: &Value| {
        let (certificate, issuer) = (der(line), issuers[&line["issuer_sha256"].as_str()].clone());
        let issuer_spki = spki_of(&issuer).ok()?;
        let presented = Presented { certificate: &certificate, issuer_spki };
        let verdict = judge(&COUNTERSIGN, Rung::Strict, presented, logs, now);
        if verdict.outcome != Outcome::Satisfied {
            return None;
        }
        let tbs = precert_tbs(&certificate).ok()?;
        let entry =
            SignedEntry::Precert { issuer_key_hash: issuer_key_hash(issuer_spki), tbs: &tbs };
        let scts = parse_list(embedded_list(&certificate).ok()??).ok()?;
        let counted = scts.into_iter().flatten().zip(&verdict.scts);
        let counted = counted.filter(|(_, weighed)| matches!(weighed.worth, Worth::Counted(_)));
        let check = |(sct, _): (countersign_sct::Sct, _)| {
            let message = signed_bytes(sct.timestamp_ms, &sct.extensions, &entry).ok()?;
            Some((logs.log(&sct.log_id)?.key.clone(), message, sct.signature))
        };
        let checks = counted.map(check).collect::<Option<_>>()?;
        Some(Case { certificate, issuer, checks })
    };
    lines("certs.jsonl").iter().filter_map(case).collect()
}

fn take_apart(case: &Case) {
    let list = embedded_list(&case.certificate).expect("it was read before").expect("it has one");
    let scts = parse_list(list).expect("it was read before");
    let tbs = precert_tbs(&case.certificate).expect("it was read before");
    let validity = validity_of(&case.certificate).expect("it was read before");
    black_box((scts, tbs, validity));
}

/// One that takes the issuers for public roots.
fn enforcer(cases: &[Case], now: Timestamp) -> Enforcer {
    let mut roots = PublicRoots::default();
    for case in cases {
        roots.add_certificate(&case.issuer).expect("it was read before");
    }
    let mut list = SignedList::built_in();
    list.issued = now;
    Enforcer::new(Settings::new("bench"), list, roots, Memory::default())
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Resident memory of this process in KiB; 0 where the system does not tell.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}

const ROUNDS: usize = 41;
const MILLION: u32 = 1_000_000;
