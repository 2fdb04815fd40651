//! Climbs over made-up answers.

use super::*;

use Security::{Bogus, Indeterminate, Insecure, Secure};

fn hops(securities: &[Security]) -> Vec<Hop> {
    securities.iter().map(|security| Hop { name: "x".to_owned(), security: *security }).collect()
}

fn failed(tries: u32, side: FailureSide) -> Outcome {
    Outcome::Failed(Failure { why: "no answer".to_owned(), tries, side })
}

/// Climbs from `a.b.c`; each name has the answer of its place.
fn check(
    failures: Failures,
    answers: &[(&[Security], Outcome)],
    expected: End,
    expected_names: &[&str],
) {
    let mut climb = Climb::new(Name::parse("a.b.c").expect("a name"), failures);
    let mut answers = answers.iter();
    let climbed = loop {
        match climb.next() {
            Next::Done(climbed) => break climbed.clone(),
            Next::Ask(_) => {
                let (securities, outcome) = answers.next().expect("nothing more is asked");
                climb.feed(Lookup { hops: hops(securities), outcome: outcome.clone(), ttl_s: 60 });
            }
        }
    };
    assert_eq!(climbed.end, expected);
    let names: Vec<_> = climbed.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, expected_names);
    // Nothing is taken at the end.
    climb.feed(Lookup { hops: hops(&[Secure]), outcome: Outcome::None, ttl_s: 60 });
    assert!(matches!(climb.next(), Next::Done(found) if *found == climbed));
}

#[test] // RFC 8659 §3
fn a_climb_ends_where_there_are_records() {
    let records = Outcome::Records(vec![Record::new(0, "iodef", "mailto:a@b.c")]);
    let none = || (&[Secure][..], Outcome::None);
    check(Failures::Deny, &[none(), none(), none()], End::NoRecords, &["a.b.c", "b.c", "c"]);
    check(Failures::Deny, &[(&[Secure], records.clone())], End::Relevant, &["a.b.c"]);
    check(Failures::Deny, &[none(), (&[Insecure], records)], End::Relevant, &["a.b.c", "b.c"]);
    let empty = (&[Secure][..], Outcome::Records(Vec::new()));
    check(Failures::Deny, &[empty, none(), none()], End::NoRecords, &["a.b.c", "b.c", "c"]);
}

#[test]
fn what_is_not_known_ends_it() {
    let records = || Outcome::Records(vec![Record::new(0, "issue", "ca.example")]);
    for failures in [Failures::Deny, Failures::BaselineRequirements] {
        for outcome in [records(), Outcome::None, failed(9, FailureSide::Outside)] {
            check(failures, &[(&[Secure, Bogus], outcome.clone())], End::Bogus, &["a.b.c"]);
            check(failures, &[(&[Indeterminate], outcome.clone())], End::Failed, &["a.b.c"]);
            check(failures, &[(&[], outcome)], End::Failed, &["a.b.c"]);
        }
    }
}

#[test] // Baseline Requirements §3.2.2.8.1
fn a_failure_is_permission_under_three_conditions() {
    let outside = FailureSide::Outside;
    let none = || (&[Secure][..], Outcome::None);
    let rest = [none(), none()];
    let check = |failures, securities: &[Security], outcome, is_permission: bool| {
        let answers = [&[(securities, outcome)][..], &rest].concat();
        match is_permission {
            true => check(failures, &answers, End::NoRecords, &["a.b.c", "b.c", "c"]),
            false => check(failures, &answers, End::Failed, &["a.b.c"]),
        }
    };
    let br = Failures::BaselineRequirements;
    check(br, &[Insecure], failed(2, outside), true);
    check(br, &[Secure, Insecure], failed(2, outside), true);
    check(br, &[Insecure], failed(1, outside), false);
    check(br, &[Insecure], failed(2, FailureSide::Ours), false);
    check(br, &[Secure], failed(2, outside), false);
    // The zone that failed is the last one, and that is signed.
    check(br, &[Insecure, Secure], failed(2, outside), false);
    check(Failures::Deny, &[Insecure], failed(2, outside), false);
}
