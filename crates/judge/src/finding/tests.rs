//! What people read about each kind of finding.

use std::collections::BTreeSet;

use super::*;

#[track_caller]
fn check(finding: &Finding, kind: &str, severity: Severity, text: &str) {
    assert_eq!(finding.to_string(), text);
    assert_eq!((finding.kind(), finding.severity()), (kind, severity));
}

/// One of each.
fn all() -> Vec<Finding> {
    let name = || "a.example".to_owned();
    vec![
        Finding::UnknownKey { spki_sha256: [0xab; 32] },
        Finding::NoKey,
        Finding::NameNotCovered { name: name(), rules: vec![RuleId::Authorization(17)] },
        Finding::RuleExpired {
            rule: RuleId::ThirdParty("cdn".into()),
            until: Timestamp::UNIX_EPOCH,
        },
        Finding::IssuerNotAllowed { issuer_key_sha256: Some([0xcd; 32]) },
        Finding::IssuerUnknown,
        Finding::WildcardNotExpected { name: "*.a.example".to_owned() },
        Finding::ValidityTooLong { validity: days(398), validity_max: days(90) },
        Finding::ValidityUnknown,
        Finding::PromiseNotKept { log: [0; 32], timestamp_ms: 0, due: Timestamp::UNIX_EPOCH },
        Finding::PromiseKeptElsewhere { log: [0; 32], promised: Some(7), index: 8 },
        Finding::More { count: 3 },
    ]
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_secs(days * DAY_S)
}

#[test]
fn each_finding_has_a_sentence() {
    let text: String = all()
        .iter()
        .map(|found| format!("{} [{}]: {found}\n", found.kind(), found.severity()))
        .collect();
    insta::assert_snapshot!(text, @r#"
    unknown-key [critical]: nobody here has registered its key (SHA-256 abababababababababababababababababababababababababababababababab)
    no-key [critical]: its key cannot be read, so it cannot be one of yours
    name-not-covered [high]: its key or certificate is registered (authorization 17), but not for a.example
    rule-expired [high]: third party "cdn" had run out at 1970-01-01T00:00:00Z, before it was first seen
    issuer-not-allowed [critical]: its CA (key SHA-256 cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd) may not issue for this name
    issuer-unknown [warning]: only some CAs may issue for this name, and which one did cannot be told
    wildcard-not-expected [high]: it is for *.a.example, and wildcards are not used here
    validity-too-long [high]: it is valid for 398 days; at most 90 days are expected
    validity-unknown [warning]: how long it is valid cannot be read
    promise-not-kept [high]: the log AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= promised to have it by 1970-01-01T00:00:00Z, and does not have it
    promise-kept-elsewhere [high]: the log AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= promised it at index 7, and has it at 8
    more [notice]: and 3 more findings like these
    "#);
}

#[test]
fn kinds_are_different() {
    let kinds: BTreeSet<&str> = all().iter().map(Finding::kind).collect();
    assert_eq!(kinds.len(), all().len());
}

#[test]
fn foreign_names_are_harmless_and_short() {
    let name = format!("\u{202e}gro.elpmaxe\u{1b}[2J{}", "x".repeat(5000));
    let text = Finding::WildcardNotExpected { name }.to_string();
    assert!(text.starts_with(r"it is for \u{202e}gro.elpmaxe\u{1b}[2Jxxx"), "{text}");
    assert!(text.chars().count() < 400);
    let rules = (0..1000).map(RuleId::Authorization).collect();
    check(
        &Finding::NameNotCovered { name: String::new(), rules },
        "name-not-covered",
        Severity::High,
        "its key or certificate is registered (authorization 0, authorization 1, authorization 2, \
         authorization 3, authorization 4 and 995 more), but not for names that could not be read",
    );
}

#[test]
fn periods_are_in_units_that_people_use() {
    for (seconds, text) in [
        (0, "0 seconds"),
        (90 * DAY_S, "90 days"),
        (90 * DAY_S - 1, "89 days 23 hours 3599 seconds"),
        (HOUR_S, "1 hours"),
    ] {
        assert_eq!(period(SignedDuration::from_secs(seconds)), text);
    }
}
