//! Rules, a certificate, and what to make of it.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::policy::{Policy, Wildcards};
use crate::rule::{Basis, Origin};
use crate::scope::Scope;

const OURS: [u8; 32] = [1; 32];
const THEIRS: [u8; 32] = [2; 32];
const TBS: [u8; 32] = [3; 32];
const CA: [u8; 32] = [4; 32];
const OTHER_CA: [u8; 32] = [5; 32];
const HOLD_S: i64 = 600;

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn rule(number: u64, basis: Basis, scope: &str) -> Rule {
    Rule {
        id: RuleId::Authorization(number),
        basis,
        scope: scope.parse().unwrap(),
        since: time(0),
        until: None,
        origin: Origin::Command,
    }
}

fn key(scope: &str) -> Rule {
    rule(1, Basis::Key { spki_sha256: OURS }, scope)
}

fn certificate(scope: &str) -> Rule {
    rule(2, Basis::Certificate { tbs_sha256: TBS }, scope)
}

fn cdn(scope: &str) -> Rule {
    let basis = Basis::ThirdParty { issuer_keys: BTreeSet::from([CA]), validity_max: days(90) };
    Rule { id: RuleId::ThirdParty("cdn".into()), ..rule(0, basis, scope) }
}

fn policy(scope: &str) -> Policy {
    Policy {
        scope: scope.parse().unwrap(),
        issuer_keys: Some(BTreeSet::from([CA])),
        wildcards: Wildcards::NotExpected,
        validity_max: Some(days(90)),
        hold: SignedDuration::from_secs(HOLD_S),
    }
}

fn named(name: &str) -> Named {
    Named { name: name.into(), guard: ".example.org".into(), reading: "san-dns".into() }
}

fn seen(spki_sha256: [u8; 32], names: &[&str]) -> Observation {
    Observation {
        tbs_sha256: TBS,
        spki_sha256: Some(spki_sha256),
        issuer_key_sha256: Some(CA),
        names: names.iter().map(|name| named(name)).collect(),
        not_before: Some(time(0)),
        not_after: Some(time(90 * 24 * 3600)),
    }
}

fn expectation(rules: &[Rule], policies: &[Policy]) -> Expectation {
    Expectation::new(rules.to_vec(), policies.to_vec(), SignedDuration::from_secs(HOLD_S))
}

/// Decides right after the sighting; `verdict` is that with the kinds of the findings and the rules.
#[track_caller]
fn check(rules: &[Rule], policies: &[Policy], observation: &Observation, verdict: &str) {
    let decision = decide(&expectation(rules, policies), observation, time(0), time(1));
    let kinds: Vec<&str> = decision.findings.iter().map(Finding::kind).collect();
    let by: Vec<String> = decision.by.iter().map(RuleId::to_string).collect();
    let parts = [decision.verdict.as_str(), &kinds.join(" "), &by.join(" ")];
    let text = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(": ");
    assert_eq!(text, verdict, "{observation:?}");
    // Expected is exactly what has a rule and nothing against it.
    let expected = matches!(decision.verdict, Verdict::Authorized | Verdict::ThirdParty);
    assert_eq!((decision.by.is_empty(), decision.findings.is_empty()), (!expected, expected));
}

#[test]
fn our_key_is_ours_for_its_names() {
    let www = seen(OURS, &["www.example.org"]);
    check(&[key("www.example.org")], &[], &www, "authorized: authorization 1");
    check(&[key(".example.org")], &[], &www, "authorized: authorization 1");
    check(&[key("example.org")], &[], &www, "pending: name-not-covered");
    check(&[], &[], &www, "pending: unknown-key");
    check(&[key(".example.org")], &[], &seen(THEIRS, &["www.example.org"]), "pending: unknown-key");
}

#[test]
fn one_name_outside_is_enough() {
    let two = seen(OURS, &["www.example.org", "mail.example.org"]);
    check(&[key("www.example.org")], &[], &two, "pending: name-not-covered");
    let other = Rule { id: RuleId::Authorization(7), ..key("mail.example.org") };
    let both = [key("www.example.org"), other];
    check(&both, &[], &two, "authorized: authorization 1 authorization 7");
    check(&[key("*.example.org")], &[], &two, "pending: name-not-covered name-not-covered");
}

#[test]
fn a_certificate_rule_helps_where_no_key_can_be_read() {
    let unread = Observation { spki_sha256: None, ..seen(OURS, &["www.example.org"]) };
    check(&[key(".")], &[], &unread, "pending: no-key");
    check(&[certificate("www.example.org")], &[], &unread, "authorized: authorization 2");
    let other = Observation { tbs_sha256: [9; 32], ..unread };
    check(&[certificate("www.example.org")], &[], &other, "pending: no-key");
}

#[test]
fn nothing_is_wrong_with_a_certificate_for_our_key() {
    let odd = Observation {
        issuer_key_sha256: Some(OTHER_CA),
        not_after: Some(time(9_999 * 24 * 3600)),
        ..seen(OURS, &["*.example.org"])
    };
    check(&[key(".example.org")], &[policy(".")], &odd, "authorized: authorization 1");
    check(&[certificate(".example.org")], &[policy(".")], &odd, "authorized: authorization 2");
    let all = "unexpected: unknown-key issuer-not-allowed wildcard-not-expected validity-too-long";
    check(&[], &[policy(".")], &odd, all);
}

#[test]
fn a_third_party_is_known_by_its_issuer_and_is_weak() {
    let www = seen(THEIRS, &["www.example.org"]);
    let rules = [cdn("www.example.org")];
    check(&rules, &[], &www, "third-party: third party \"cdn\"");
    let changed = |change: fn(&mut Observation)| {
        let mut changed = www.clone();
        change(&mut changed);
        changed
    };
    for change in [
        |observed: &mut Observation| observed.issuer_key_sha256 = Some(OTHER_CA),
        |observed: &mut Observation| observed.issuer_key_sha256 = None,
        |observed: &mut Observation| observed.not_after = None,
        |observed: &mut Observation| observed.not_before = None,
        |observed: &mut Observation| observed.not_after = Some(time(90 * 24 * 3600 + 1)),
        |observed: &mut Observation| observed.not_after = Some(time(-1)),
        |observed: &mut Observation| observed.names = vec![named("mail.example.org")],
        |observed: &mut Observation| observed.names = vec![named("*.example.org")],
        |observed: &mut Observation| observed.names[0].reading = "san-dns-split".into(),
        |observed: &mut Observation| observed.names[0].reading = "raw-ascii".into(),
    ] {
        check(&rules, &[], &changed(change), "pending: unknown-key");
    }
    check(
        &rules,
        &[],
        &changed(|observed| observed.spki_sha256 = None),
        "third-party: third party \"cdn\"",
    );
    // One weak name makes all of it weak; our own rule goes first.
    let two = seen(OURS, &["mail.example.org", "www.example.org"]);
    let rules = [cdn(".example.org"), key("mail.example.org")];
    check(&rules, &[], &two, "third-party: authorization 1 third party \"cdn\"");
    let rules = [cdn(".example.org"), key(".example.org")];
    check(&rules, &[], &two, "authorized: authorization 1");
}

#[test]
fn a_rule_that_ran_out_speaks_no_more() {
    let ended = |seconds| Rule { until: Some(time(seconds)), ..key(".example.org") };
    let www = seen(OURS, &["www.example.org"]);
    check(&[ended(0)], &[], &www, "authorized: authorization 1");
    check(&[ended(-1)], &[], &www, "pending: rule-expired");
    check(
        &[Rule { scope: "example.org".parse().unwrap(), ..ended(-1) }],
        &[],
        &www,
        "pending: name-not-covered",
    );
    let third = Rule { until: Some(time(-1)), ..cdn(".example.org") };
    check(&[third], &[], &www, "pending: unknown-key");
    // It is what held at the sighting that counts, however late it is judged.
    let late = decide(&expectation(&[ended(0)], &[]), &www, time(0), time(1_000_000));
    assert_eq!(late.verdict, Verdict::Authorized);
}

#[test]
fn contradictions_are_asked_of_the_names_that_nothing_covers() {
    let two = seen(OURS, &["www.example.org", "*.example.org"]);
    let unexpected = "unexpected: name-not-covered wildcard-not-expected";
    check(&[key("www.example.org")], &[policy("a.example.org")], &two, unexpected);
    check(&[key("*.example.org")], &[policy(".")], &two, "pending: name-not-covered");
}

#[test]
fn what_cannot_be_told_contradicts_nothing_and_is_not_fine() {
    let unknown = Observation {
        issuer_key_sha256: None,
        not_after: None,
        ..seen(THEIRS, &["www.example.org"])
    };
    let findings = "pending: unknown-key issuer-unknown validity-unknown";
    check(&[], &[policy(".")], &unknown, findings);
    // Where no CA at all may issue, it does not matter which one did.
    let none = Policy { issuer_keys: Some(BTreeSet::new()), ..policy(".") };
    let findings = "unexpected: unknown-key issuer-not-allowed validity-unknown";
    check(&[], &[none], &unknown, findings);
}

#[test]
fn odd_names_are_never_quietly_ours() {
    let rules = [key("www.example.org *.example.org 192.0.2.1")];
    for name in [
        "WWW.example.org.evil.test",
        "w*.example.org",
        "*.*.example.org",
        "?.example.org",
        "(private).example.org",
        "www.example.org\0.evil.test",
        "wwẃ.example.org",
        "xn--www-.example.org",
        "192.0.2.10",
        "192.0.2.1.example.org",
        "",
        ".",
        "*",
        "..example.org",
    ] {
        check(&rules, &[], &seen(OURS, &[name]), "pending: name-not-covered");
    }
    check(&rules, &[], &seen(OURS, &["WWW.Example.Org."]), "authorized: authorization 1");
    check(&rules, &[], &seen(OURS, &["192.0.2.1"]), "authorized: authorization 1");
}

#[test]
fn no_names_are_not_all_names_covered() {
    let nothing = seen(OURS, &[]);
    check(&[], &[], &nothing, "pending: unknown-key");
    check(&[key(".example.org")], &[], &nothing, "pending: name-not-covered");
    check(&[key(".")], &[], &nothing, "authorized: authorization 1");
    check(&[cdn(".")], &[], &nothing, "pending: unknown-key");
}

#[test]
fn findings_are_told_once_and_have_an_end() {
    let twice = seen(THEIRS, &["www.example.org", "www.example.org", "mail.example.org"]);
    check(&[], &[policy(".")], &twice, "pending: unknown-key");
    let names: Vec<String> = (0..1000).map(|number| format!("{number}.example.org")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let many =
        decide(&expectation(&[key("example.org")], &[]), &seen(OURS, &names), time(0), time(0));
    assert_eq!(many.findings.len(), FINDINGS_MAX + 1);
    assert_eq!(many.findings.last(), Some(&Finding::More { count: 1000 - FINDINGS_MAX }));
    assert!(many.findings.iter().map(Finding::severity).is_sorted_by(|a, b| a >= b));
    assert_eq!(many.severity(), Some(Severity::High));
    let reused: Vec<Rule> = (0..1000)
        .map(|number| Rule { id: RuleId::Authorization(number), ..key("example.org") })
        .collect();
    let told =
        decide(&expectation(&reused, &[]), &seen(OURS, &["a.example.org"]), time(0), time(0));
    let Finding::NameNotCovered { rules, .. } = &told.findings[0] else { panic!("{told:?}") };
    assert_eq!(rules.len(), RULES_TOLD_MAX);
}

/// `holds` are those of policies for names under a.example.org, b.example.org and so on.
#[track_caller]
fn check_hold(holds: &[i64], names: &[&str], now: i64, expected: Option<i64>) {
    let policies: Vec<Policy> = holds
        .iter()
        .zip(["a", "b", "c"])
        .map(|(hold, label)| Policy {
            hold: SignedDuration::from_secs(*hold),
            ..policy(&format!(".{label}.example.org"))
        })
        .collect();
    let decision = decide(&expectation(&[], &policies), &seen(THEIRS, names), time(0), time(now));
    let until = match decision.verdict {
        Verdict::Pending { until } => Some(until),
        _ => None,
    };
    assert_eq!(until, expected.map(time), "{holds:?} {names:?} {now}");
}

#[test]
fn the_shortest_hold_counts() {
    check_hold(&[], &["x.example.org"], 0, Some(HOLD_S));
    check_hold(&[60], &["x.a.example.org"], 0, Some(60));
    check_hold(&[6000], &["x.a.example.org"], 0, Some(6000));
    check_hold(&[6000], &["x.a.example.org", "x.example.org"], 0, Some(HOLD_S));
    check_hold(&[6000, 60], &["x.a.example.org", "x.b.example.org"], 0, Some(60));
    check_hold(&[0], &["x.a.example.org"], 0, None);
    check_hold(&[i64::MIN], &["x.a.example.org"], 0, None);
    let endless = Policy { hold: SignedDuration::MAX, ..policy(".") };
    let www = seen(THEIRS, &["www.example.org"]);
    let decision = decide(&expectation(&[], &[endless]), &www, time(0), time(1_000_000_000));
    assert_eq!(decision.verdict, Verdict::Pending { until: Timestamp::MAX });
}

#[test]
fn the_hold_ends_whatever_the_clock_does() {
    check_hold(&[], &["x.example.org"], HOLD_S - 1, Some(HOLD_S));
    check_hold(&[], &["x.example.org"], HOLD_S, None);
    check_hold(&[], &["x.example.org"], HOLD_S * 1000, None);
    // A small step back does not shorten it, and a large one cannot make it last for years.
    check_hold(&[], &["x.example.org"], -1, Some(HOLD_S));
    check_hold(&[], &["x.example.org"], 1 - HOLD_S, Some(HOLD_S));
    check_hold(&[], &["x.example.org"], -HOLD_S, None);
    check_hold(&[], &["x.example.org"], -1_000_000, None);
}

/// Whether rules cover all names, said once more and slowly: every rule is asked about every name.
fn slow_verdict(rules: &[Rule], observation: &Observation, seen_at: Timestamp) -> Option<Verdict> {
    let unread = vec![Named::unread()];
    let names = if observation.names.is_empty() { &unread } else { &observation.names };
    let covers = |rule: &Rule, named: &Named| {
        let fits = match &rule.basis {
            Basis::Key { spki_sha256 } => observation.spki_sha256 == Some(*spki_sha256),
            Basis::Certificate { tbs_sha256 } => observation.tbs_sha256 == *tbs_sha256,
            Basis::ThirdParty { issuer_keys, validity_max } => {
                let issuer = observation.issuer_key_sha256;
                !named.is_doubtful()
                    && issuer.is_some_and(|issuer| issuer_keys.contains(&issuer))
                    && observation.validity().is_some_and(|validity| validity <= *validity_max)
            }
        };
        fits && rule.applies_at(seen_at) && rule.scope.covers_named(named)
    };
    let is_own = |rule: &&Rule| !matches!(rule.basis, Basis::ThirdParty { .. });
    if names.iter().all(|named| rules.iter().filter(is_own).any(|rule| covers(rule, named))) {
        return Some(Verdict::Authorized);
    }
    let all = names.iter().all(|named| rules.iter().any(|rule| covers(rule, named)));
    all.then_some(Verdict::ThirdParty)
}

fn any_key() -> impl Strategy<Value = [u8; 32]> {
    prop_oneof![Just(OURS), Just(THEIRS), Just(CA), Just(TBS), any::<[u8; 32]>()]
}

fn any_scope() -> impl Strategy<Value = Scope> {
    let item = prop_oneof![
        4 => "(|\\.|\\*\\.)([ab]\\.){0,2}example\\.org",
        1 => Just(".".to_owned()),
        1 => Just("192.0.2.1".to_owned()),
    ];
    proptest::collection::vec(item, 0..4).prop_map(|items| Scope::new(items).unwrap())
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    let far = (Timestamp::MIN.as_second()..=Timestamp::MAX.as_second())
        .prop_map(|second| Timestamp::from_second(second).unwrap());
    prop_oneof![6 => (-2000_i64..2000).prop_map(time), 1 => far, 1 => Just(Timestamp::MAX), 1 => Just(Timestamp::MIN)]
}

fn any_period() -> impl Strategy<Value = SignedDuration> {
    let any = any::<i64>().prop_map(SignedDuration::from_secs);
    prop_oneof![(0_i64..2000).prop_map(SignedDuration::from_secs), any]
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let issuers = proptest::collection::btree_set(any_key(), 0..3);
    let basis = prop_oneof![
        any_key().prop_map(|spki_sha256| Basis::Key { spki_sha256 }),
        any_key().prop_map(|tbs_sha256| Basis::Certificate { tbs_sha256 }),
        (issuers, any_period()).prop_map(|(issuer_keys, validity_max)| Basis::ThirdParty {
            issuer_keys,
            validity_max
        }),
    ];
    let until = proptest::option::of(any_time());
    (any::<u64>(), basis, any_scope(), until).prop_map(|(number, basis, scope, until)| Rule {
        scope,
        until,
        ..rule(number, basis, "")
    })
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let issuers = proptest::option::of(proptest::collection::btree_set(any_key(), 0..3));
    let wildcards = prop_oneof![Just(Wildcards::Expected), Just(Wildcards::NotExpected)];
    let validity_max = proptest::option::of(any_period());
    (any_scope(), issuers, wildcards, validity_max, any_period()).prop_map(
        |(scope, issuer_keys, wildcards, validity_max, hold)| Policy {
            scope,
            issuer_keys,
            wildcards,
            validity_max,
            hold,
        },
    )
}

fn any_named() -> impl Strategy<Value = Named> {
    let name = prop_oneof![4 => "(\\*\\.)?([ab]\\.){0,3}example\\.org", 1 => "192\\.0\\.2\\.1", 1 => any::<String>()];
    let guard = prop_oneof![4 => "\\.?([ab]\\.)?example\\.org|\\.", 1 => any::<String>()];
    let reading = prop_oneof![4 => "san-dns(-wildcard|-redacted)?|raw-ascii|certificate", 1 => any::<String>()];
    (name, guard, reading).prop_map(|(name, guard, reading)| Named { name, guard, reading })
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let key = || proptest::option::of(any_key());
    let time = || proptest::option::of(any_time());
    let names = proptest::collection::vec(any_named(), 0..4);
    (any_key(), key(), key(), names, time(), time()).prop_map(
        |(tbs_sha256, spki_sha256, issuer_key_sha256, names, not_before, not_after)| Observation {
            tbs_sha256,
            spki_sha256,
            issuer_key_sha256,
            names,
            not_before,
            not_after,
        },
    )
}

fn any_rules() -> impl Strategy<Value = Vec<Rule>> {
    proptest::collection::vec(any_rule(), 0..5)
}

fn any_policies() -> impl Strategy<Value = Vec<Policy>> {
    proptest::collection::vec(any_policy(), 0..3)
}

proptest! {
    #[test]
    fn a_decision_is_what_the_rules_say(
        rules in any_rules(),
        policies in any_policies(),
        observation in any_observation(),
        seen_at in any_time(),
        now in any_time(),
    ) {
        let decision = decide(&expectation(&rules, &policies), &observation, seen_at, now);
        let expected = match decision.verdict {
            Verdict::Authorized | Verdict::ThirdParty => Some(decision.verdict),
            Verdict::Pending { .. } | Verdict::Unexpected => None,
        };
        prop_assert_eq!(expected, slow_verdict(&rules, &observation, seen_at));
        prop_assert_eq!(decision.findings.is_empty(), expected.is_some());
        prop_assert_eq!(decision.by.is_empty(), expected.is_none());
        if let Verdict::Pending { until } = decision.verdict {
            prop_assert!(now < until && !decision.findings.iter().any(Finding::is_contradiction));
        }
    }

    #[test]
    fn a_rule_more_never_takes_a_certificate_away(
        rules in any_rules(),
        more in any_rule(),
        observation in any_observation(),
        seen_at in any_time(),
    ) {
        let rank = |rules: &[Rule]| {
            match decide(&expectation(rules, &[]), &observation, seen_at, seen_at).verdict {
                Verdict::Authorized => 2,
                Verdict::ThirdParty => 1,
                Verdict::Pending { .. } | Verdict::Unexpected => 0,
            }
        };
        let before = rank(&rules);
        prop_assert!(rank(&[rules, vec![more]].concat()) >= before);
    }

    #[test]
    fn no_rule_no_certificate(
        policies in any_policies(),
        observation in any_observation(),
        seen_at in any_time(),
        now in any_time(),
    ) {
        let verdict = decide(&expectation(&[], &policies), &observation, seen_at, now).verdict;
        let expected = matches!(verdict, Verdict::Authorized | Verdict::ThirdParty);
        prop_assert!(!expected);
    }

    #[test]
    fn time_only_ends_the_hold(
        rules in any_rules(),
        policies in any_policies(),
        observation in any_observation(),
        seen_at in any_time(),
        steps in (0_i64..4000, 0_i64..4000),
    ) {
        let expectation = expectation(&rules, &policies);
        let after = |seconds| seen_at.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
        let at = |now| decide(&expectation, &observation, seen_at, now).verdict;
        let (earlier, later) = (at(after(steps.0)), at(after(steps.0 + steps.1)));
        let ended = matches!((earlier, later), (Verdict::Pending { .. }, Verdict::Unexpected));
        prop_assert!(earlier == later || ended, "{earlier:?} {later:?}");
    }
}
