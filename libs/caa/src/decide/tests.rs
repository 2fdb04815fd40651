//! Requests held against made-up records.

use proptest::prelude::*;

use super::*;
use crate::account::Account;
use crate::climb::{Failure, FailureSide, Hop, Lookup, Outcome, Step};
use crate::method::Method;
use crate::name::Identifier;
use crate::profile::Failures;

fn request(name: &str) -> Request {
    Request {
        identifier: Identifier::parse(name).expect("a name"),
        purpose: Purpose::Tls,
        issuers: vec![Name::parse("ca.example").expect("a name")],
        accounts: vec![Account::own("https://ca.example/1")],
        method: Some(Method::parse("dns-01").expect("a label")),
        constrained: Vec::new(),
    }
}

fn climbed(request: &Request, records: Vec<Record>, security: Security) -> Climbed {
    let name = request.identifier.name.clone();
    let hops = vec![Hop { name: name.to_string(), security }];
    let lookup = Lookup { hops, outcome: Outcome::Records(records), ttl_s: 60 };
    Climbed { steps: vec![Step { name, lookup }], end: End::Relevant }
}

fn decided(request: &Request, records: &[Record], profile: &Profile) -> Decision {
    decide(request, climbed(request, records.to_vec(), Security::Secure), profile)
}

/// Each record as its flags, tag and value.
fn check(name: &str, records: &[(u8, &str, &str)], expected: &str) {
    let records: Vec<_> =
        records.iter().map(|(flags, tag, value)| Record::new(*flags, tag, value)).collect();
    let decision = decided(&request(name), &records, &Profile::default());
    assert_eq!(decision.reason.as_str(), expected, "{name} {records:?}");
    assert_eq!(decision.judged.len(), records.len());
}

#[test] // RFC 8659 §4.3
fn issuewild_hides_issue_for_wildcards_only() {
    let both = [(0, "issue", "ca.example"), (0, "issuewild", ";")];
    check("*.a.example", &both, "empty-issuer");
    check("a.example", &both, "authorized");
    check("*.a.example", &both[..1], "authorized");
    check("a.example", &both[1..], "no-relevant-property");
}

#[test] // RFC 8659 §4.1, §4.2
fn the_strictest_word_counts_and_permissions_add_up() {
    check("a.example", &[(0, "issue", "b.example"), (0, "ISSUE", "Ca.Example")], "authorized");
    check("a.example", &[(0, "issue", "ca.example"), (128, "tbs", "x")], "critical-unknown");
    check("a.example", &[(0, "issue", "ca.example"), (127, "tbs", "x")], "authorized");
    check("a.example", &[(0, "issue", "ca.example."), (0, "issue", ";")], "empty-issuer");
    check("a.example", &[(0, "issue", "x.ca.example")], "other-issuer");
    check("a.example", &[(128, "issue", "ca.example"), (0, "iodef", "\u{0}")], "authorized");
    check("a.example", &[(0, "issue", "ca.example"), (0, "is-sue", "x")], "unreadable-record");
}

#[test] // RFC 8657 §3, §4
fn parameters_bind() {
    let one = |value: &str, expected| check("a.example", &[(0, "issue", value)], expected);
    one("ca.example; accounturi=https://ca.example/1", "authorized");
    one("ca.example; AccountUri=https://ca.example/2", "accounturi-mismatch");
    one("ca.example; accounturi=https://ca.example/1/", "accounturi-mismatch");
    one("ca.example; accounturi=HTTPS://ca.example/1", "accounturi-mismatch");
    one("ca.example; accounturi=1", "accounturi-invalid");
    one("ca.example; ValidationMethods=http-01", "validationmethods-mismatch");
    one("ca.example; validationmethods=http-01,ca-tbr-7", "authorized");
    one("ca.example; unknown=x", "authorized");
}

#[test]
fn a_parent_account_permits_and_is_told() {
    let mut request = request("a.example");
    request.accounts.push(Account::parent("acct:customer@ca.example"));
    let records = [Record::new(0, "issue", "ca.example; accounturi=acct:customer@ca.example")];
    let decision = decided(&request, &records, &Profile::default());
    assert_eq!(decision.verdict(), Verdict::Allow);
    assert_eq!(decision.account(), Some(&request.accounts[1]));
}

#[test]
fn only_secure_answers_count_where_that_is_demanded() {
    let request = request("a.example");
    let records = vec![Record::new(0, "issue", "ca.example")];
    let strict = Profile { demand: Demand::Secure, ..Profile::default() };
    for (security, default, demanded) in [
        (Security::Secure, "authorized", "authorized"),
        (Security::Insecure, "authorized", "not-secure"),
        (Security::Indeterminate, "lookup-failure", "lookup-failure"),
        (Security::Bogus, "dnssec-bogus", "dnssec-bogus"),
    ] {
        for (profile, expected) in [(Profile::default(), default), (strict, demanded)] {
            // Even if whoever climbed took it for an answer.
            let climbed = climbed(&request, records.clone(), security);
            assert_eq!(decide(&request, climbed, &profile).reason.as_str(), expected);
        }
    }
}

#[test]
fn a_climb_of_another_name_or_of_none_is_no_permission() {
    let other = request("b.example");
    let records = vec![Record::new(0, "issue", "ca.example")];
    let climbed = climbed(&other, records, Security::Secure);
    let profile = Profile::default();
    let reason = decide(&request("a.example"), climbed, &profile).reason;
    assert_eq!(reason, Reason::LookupFailure);
    for end in [End::NoRecords, End::UnderWay, End::Relevant] {
        let nothing = Climbed { steps: Vec::new(), end };
        assert_eq!(decide(&other, nothing, &profile).reason, Reason::LookupFailure);
    }
}

#[test]
fn a_climb_put_together_by_hand_permits_nothing_that_a_climb_would_not() {
    let request = request("a.b.example");
    let step = |name: &str, outcome: Outcome, security| {
        let hops = vec![Hop { name: name.to_owned(), security }];
        let name = Name::parse(name).expect("a name");
        Step { name, lookup: Lookup { hops, outcome, ttl_s: 60 } }
    };
    let none = |name: &str| step(name, Outcome::None, Security::Secure);
    let failed = |name: &str| {
        let failure = Failure { why: String::new(), tries: 2, side: FailureSide::Outside };
        step(name, Outcome::Failed(failure), Security::Insecure)
    };
    let own = || Outcome::Records(vec![Record::new(0, "issue", "ca.example")]);
    let whole = vec![none("a.b.example"), none("b.example"), none("example")];
    let check = |steps: Vec<Step>, end, profile: &Profile, expected| {
        let reason = decide(&request, Climbed { steps, end }, profile).reason;
        assert_eq!(reason.as_str(), expected);
    };
    let strict = Profile::default();
    check(whole.clone(), End::NoRecords, &strict, "no-caa");
    for cut in 0..3 {
        check(whole[..cut].to_vec(), End::NoRecords, &strict, "lookup-failure");
        // One name is left out.
        let mut gap = whole.clone();
        gap.remove(cut);
        check(gap, End::NoRecords, &strict, "lookup-failure");
        // One lookup failed, and whoever climbed went on.
        let mut gone_on = whole.clone();
        gone_on[cut] = failed(gone_on[cut].name.as_str());
        check(gone_on.clone(), End::NoRecords, &strict, "lookup-failure");
        let lenient = Profile { failures: Failures::BaselineRequirements, ..Profile::default() };
        check(gone_on, End::NoRecords, &lenient, "no-caa");
    }
    check(vec![failed("a.b.example")], End::Relevant, &strict, "lookup-failure");
    // Past records that end it.
    let closed = Outcome::Records(vec![Record::new(0, "issue", ";")]);
    let past = vec![
        step("a.b.example", closed, Security::Secure),
        step("b.example", own(), Security::Secure),
    ];
    check(past, End::Relevant, &strict, "lookup-failure");
    check(vec![step("a.b.example", own(), Security::Secure)], End::Relevant, &strict, "authorized");
}

#[test]
fn what_is_too_much_is_refused() {
    let records = vec![Record::new(0, "issue", "ca.example"); 1_001];
    let decision = decided(&request("a.example"), &records, &Profile::default());
    assert_eq!(decision.reason, Reason::TooMany);
    let long = [Record::new(0, "issue", format!("ca.example; a={}", "b".repeat(70_000)))];
    let decision = decided(&request("a.example"), &long, &Profile::default());
    assert_eq!(decision.reason, Reason::TooMany);
}

#[test] // draft-ietf-lamps-caa-security-00 §3
fn the_security_property_is_honoured_on_demand() {
    let honoured = Profile { security_property: SecurityProperty::Honoured, ..Profile::default() };
    let check = |value: &str, constrained: &[Constrained], issue: &str, expected| {
        let request = Request { constrained: constrained.to_vec(), ..request("a.example") };
        let records = [Record::new(0, "issue", issue), Record::new(128, "security", value)];
        assert_eq!(decided(&request, &records, &honoured).reason.as_str(), expected, "{value}");
        let unknown = decided(&request, &records, &Profile::default());
        assert_eq!(unknown.reason.as_str(), "critical-unknown");
    };
    let bound = "ca.example; accounturi=https://ca.example/1";
    let by_dns = &[Constrained::SecureDnsRecordChange][..];
    check("", &[], "ca.example", "security-unmet");
    check("", by_dns, "ca.example", "authorized");
    check("", &[], bound, "authorized");
    check("methods=private-key-control", by_dns, bound, "security-unmet");
    check("methods=x,known-account-specifier", &[], bound, "authorized");
    let option = "options-critical=authenticated-policy-retrieval";
    check(option, by_dns, "ca.example", "authorized");
    check("options-critical=ca-x-y", by_dns, "ca.example", "security-unmet");
    check("methods", by_dns, "ca.example", "security-unmet");
}

#[test]
fn reserved_flags_can_be_taken_for_critical() {
    let records = [Record::new(0, "issue", "ca.example"), Record::new(1, "tbs", "x")];
    let strict = Profile { reserved_flags: ReservedFlags::LowestIsCritical, ..Profile::default() };
    let request = request("a.example");
    assert_eq!(decided(&request, &records, &strict).reason.as_str(), "critical-unknown");
    assert_eq!(decided(&request, &records, &Profile::default()).reason.as_str(), "authorized");
}

proptest! {
    /// Another record can take a permission away only by being critical or unreadable, and whatever is there, somebody
    /// else's account never gets in.
    #[test]
    fn permissions_only_add_up(others in proptest::collection::vec(
        (0u8..=127, "[a-z]{1,9}", "[ -~]{0,40}"), 0..6,
    )) {
        let others: Vec<_> =
            others.iter().map(|(flags, tag, value)| Record::new(*flags, tag, value)).collect();
        let own = Record::new(0, "issue", "ca.example; accounturi=https://ca.example/1");
        let all = [others.clone(), vec![own]].concat();
        let profile = Profile::default();
        let decision = decided(&request("a.example"), &all, &profile);
        prop_assert_eq!(decision.verdict(), Verdict::Allow);
        let foreign = Request { accounts: vec![Account::own("https://ca.example/2")], ..request("a.example") };
        let is_issue = |record: &Record| record.parts().is_ok_and(|parts| parts.known() == Tag::Issue);
        if !others.iter().any(is_issue) {
            prop_assert_eq!(decided(&foreign, &all, &profile).verdict(), Verdict::Deny);
        }
    }

    /// Any octets: a decision, and each record in it.
    #[test]
    fn anything_is_decided(rdatas: Vec<Vec<u8>>) {
        let records: Vec<_> = rdatas.into_iter().map(Record::from_rdata).collect();
        let decision = decided(&request("a.example"), &records, &Profile::default());
        prop_assert_eq!(decision.judged.len(), records.len());
    }
}
