//! What the policies make of real certificates, by the list of August 2026.

use countersign_sct::policy::{APPLE, CHROME, COUNTERSIGN, MOZILLA, Policy};
use countersign_sct::{Outcome, Presented, Rung, SignedList, judge, spki_of};
use jiff::Timestamp;

use crate::certificates::{Case, cases};

/// So many of the 390 are accepted, and all of the others for want of logs that the list still knows.
fn check(policy: &Policy, rung: Rung, accepted: usize) {
    let Some(cases) = cases() else { return };
    let logs = SignedList::built_in().logs;
    let now: Timestamp = "2026-08-22T00:00:00Z".parse().unwrap();
    let mut satisfied = 0;
    for Case { certificate, issuer, .. } in &cases {
        let presented = Presented { certificate, issuer_spki: spki_of(issuer).unwrap() };
        let verdict = judge(policy, rung, presented, &logs, now);
        match verdict.outcome {
            Outcome::Satisfied => satisfied += 1,
            Outcome::Missing(_) => {}
            Outcome::NotAsked | Outcome::Unreadable(_) => panic!("{verdict:?}"),
        }
    }
    assert_eq!(satisfied, accepted, "{}", policy.name);
}

#[test]
fn certificates_of_public_cas_satisfy_every_policy() {
    check(&CHROME, Rung::Strict, 386);
    check(&MOZILLA, Rung::Strict, 386);
    check(&APPLE, Rung::Strict, 386);
    check(&COUNTERSIGN, Rung::Strict, 386);
    // Two of the four had expired with their shards, which the lists no longer have; the other two know two logs of three.
    check(&COUNTERSIGN, Rung::Degraded, 388);
}
