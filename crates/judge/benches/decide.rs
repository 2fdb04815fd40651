//! What one decision costs, with few rules and with very many.
//!
//! `cargo bench -p countersign-judge --bench decide`. Expected before it was measured, on one core of a small server:
//! under 0.3 µs for a certificate of ours and under 0.6 µs for one that nobody knows, whatever the number of rules,
//! since they are looked up by hash; a few times as much at 100,000 rules, when the rules no longer fit the caches.
//! An unknown one takes longer than expected, 2.5 µs: all its names are held against all policies, for the findings and
//! for the hold. The target is 20 µs with 100,000 rules.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Instant;

use countersign_judge::{
    Basis, Expectation, Named, Observation, Origin, Policy, Rule, RuleId, Scope, Wildcards, decide,
};
use jiff::{SignedDuration, Timestamp};

/// Rules for keys, each for three names, as a certificate manager registers them.
const RULES: [u64; 3] = [0, 1_000, 100_000];
/// A host has a handful of third parties and policies.
const THIRD_PARTIES: u64 = 5;
const DECISIONS: u32 = 200_000;
const TARGET_NS: f64 = 20_000.0;

fn main() {
    println!(
        "{:>8}  {:<12}  {:>12}  {:>12}  target",
        "rules", "certificate", "ns/decision", "ns/start"
    );
    for count in RULES {
        let rules = (0..count).map(own).chain((0..THIRD_PARTIES).map(third_party));
        let rules: Vec<Rule> = rules.collect();
        let started = Instant::now();
        let expectation = Expectation::new(rules, vec![policy()], SignedDuration::from_mins(10));
        let start_ns = started.elapsed().as_nanos();
        for (what, is_ours) in [("ours", true), ("unknown", false)] {
            if is_ours && count == 0 {
                continue;
            }
            let ns = measure(&expectation, count, is_ours);
            let met = if ns < TARGET_NS { "met" } else { "MISSED" };
            println!("{count:>8}  {what:<12}  {ns:>12.0}  {start_ns:>12}  < {TARGET_NS} {met}");
        }
    }
}

/// Nanoseconds for each of many decisions, about as many different certificates.
fn measure(expectation: &Expectation, rules: u64, is_ours: bool) -> f64 {
    let numbers = (0..1024).map(|number: u64| number * 7_919);
    let certificates: Vec<Observation> = numbers
        .map(
            |number| {
                if is_ours { observation(number % rules) } else { observation(u64::MAX - number) }
            },
        )
        .collect();
    let seen_at = Timestamp::UNIX_EPOCH;
    let started = Instant::now();
    for certificate in certificates.iter().cycle().take(DECISIONS.try_into().expect("fits")) {
        black_box(decide(black_box(expectation), black_box(certificate), seen_at, seen_at));
    }
    started.elapsed().as_secs_f64() * 1e9 / f64::from(DECISIONS)
}

/// A hash that differs from others in all of its octets.
fn hash(number: u64) -> [u8; 32] {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31) ^ number;
    let mut hash = [0; 32];
    for (position, part) in hash.chunks_exact_mut(8).enumerate() {
        let turned = mixed.rotate_left(u32::try_from(position * 11).expect("small"));
        part.copy_from_slice(&turned.to_be_bytes());
    }
    hash
}

fn names(number: u64) -> [String; 3] {
    ["", "www.", "mail."].map(|label| format!("{label}host{number}.example.org"))
}

fn rule(id: RuleId, basis: Basis, scope: Scope) -> Rule {
    let since = Timestamp::UNIX_EPOCH;
    Rule { id, basis, scope, since, until: None, origin: Origin::Command }
}

fn own(number: u64) -> Rule {
    let basis = Basis::Key { spki_sha256: hash(number) };
    rule(RuleId::Authorization(number), basis, Scope::new(names(number)).expect("names"))
}

fn third_party(number: u64) -> Rule {
    let issuer_keys = BTreeSet::from([hash(1), hash(2)]);
    let basis =
        Basis::ThirdParty { issuer_keys, validity_max: SignedDuration::from_hours(24 * 90) };
    let scope = Scope::new([format!(".cdn{number}.example.org")]).expect("a name");
    rule(RuleId::ThirdParty(number.to_string()), basis, scope)
}

fn policy() -> Policy {
    Policy {
        scope: Scope::new([".example.org"]).expect("a name"),
        issuer_keys: Some(BTreeSet::from([hash(1)])),
        wildcards: Wildcards::NotExpected,
        validity_max: Some(SignedDuration::from_hours(24 * 90)),
        hold: SignedDuration::from_mins(10),
    }
}

fn observation(number: u64) -> Observation {
    let named = |name| Named { name, guard: ".example.org".into(), reading: "san-dns".into() };
    Observation {
        tbs_sha256: hash(number ^ 0xffff_ffff),
        spki_sha256: Some(hash(number)),
        issuer_key_sha256: Some(hash(1)),
        names: names(number).map(named).into(),
        not_before: Some(Timestamp::UNIX_EPOCH),
        not_after: Some(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 90)),
    }
}
