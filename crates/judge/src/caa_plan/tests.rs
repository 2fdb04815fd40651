use countersign_caa::climb::{Climb, Hop, Lookup, Next, Outcome, Security};
use countersign_caa::{
    Account, Identifier, IssueValue, Method, Profile, Purpose, Request, Verdict, decide,
};
use jiff::civil::date;
use proptest::prelude::*;

use super::authority::Organization;
use super::*;

pub(super) const NOW: &str = "2026-11-28T12:00:00Z";
const LE: &str = "https://acme-v02.api.letsencrypt.org/acme/acct/1234";
const LE_OTHER: &str = "https://acme-v02.api.letsencrypt.org/acme/acct/12345";
const GOOGLE: &str = "https://dv.acme-v02.api.pki.goog/account/Aa-_0123456789abcdefgh";
const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/acme/acct/1";
const OWN: &str = "https://acme.ca.example:14000/my-account/1";

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn url(text: &str) -> AccountUrl {
    AccountUrl::parse(text).expect("a URL")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn only(challenges: &[Challenge]) -> Choices {
    Choices { challenges: challenges.iter().copied().collect(), ..Choices::default() }
}

pub(super) fn plan(accounts: &[&str], choices: &Choices) -> Result<Plan, NoPlan> {
    let accounts: Vec<_> = accounts.iter().map(|text| url(text)).collect();
    let known = Authorities::built_in();
    Plan::of(&name("xmpp.example"), &accounts, &known, &Practice::default(), choices, at(NOW))
}

#[track_caller]
fn check(accounts: &[&str], choices: &Choices, expected: &[&str]) -> Plan {
    let plan = plan(accounts, choices).expect("a plan");
    let records: Vec<_> = plan.records.iter().map(PlannedRecord::presentation).collect();
    assert_eq!(records, expected);
    plan
}

#[test]
fn an_account_is_bound_and_wildcards_are_forbidden() {
    let records = [&format!("0 issue \"letsencrypt.org; accounturi={LE}\""), "0 issuewild \";\""];
    let plan = check(&[LE, LE], &Choices::default(), &records);
    assert!(plan.binds_all() && plan.warnings.is_empty() && plan.left_out.is_empty());
}

#[test]
fn several_hosts_have_several_records() {
    let choices = Choices {
        wildcards: Wildcards::Expected,
        iodef: Some(ReportTo::parse("mailto:ct@xmpp.example").expect("an address")),
        ..only(&[Challenge::Http01, Challenge::Dns01])
    };
    let record = |property, issuer, account, methods| {
        format!("0 {property} \"{issuer}; accounturi={account}; validationmethods={methods}\"")
    };
    let both = "http-01,dns-01";
    let plan = check(
        &[GOOGLE, LE],
        &choices,
        &[
            &record("issue", "letsencrypt.org", LE, both),
            &record("issue", "pki.goog", GOOGLE, both),
            &record("issuewild", "letsencrypt.org", LE, "dns-01"),
            &record("issuewild", "pki.goog", GOOGLE, "dns-01"),
            "0 iodef \"mailto:ct@xmpp.example\"",
        ],
    );
    assert!(!plan.binds_all());
}

#[test]
fn an_account_for_tests_gets_no_record() {
    let records = [&format!("0 issue \"letsencrypt.org; accounturi={LE}\""), "0 issuewild \";\""];
    let plan = check(&[STAGING, LE], &Choices::default(), &records);
    assert_eq!(plan.left_out, [LeftOut { account: url(STAGING), why: LeftOutWhy::Staging }]);
}

#[test]
fn a_ca_of_ones_own_is_named() {
    let mut choices = Choices::default();
    choices.issuers.insert("acme.ca.example:14000".to_owned(), name("ca.example"));
    let plan = check(
        &[OWN],
        &choices,
        &[&format!("0 issue \"ca.example; accounturi={OWN}\""), "0 issuewild \";\""],
    );
    assert!(!plan.binds_all());
}

#[test]
fn a_plan_that_locks_out_is_refused() {
    let refused =
        |accounts: &[&str], choices: &Choices| plan(accounts, choices).expect_err("no plan");
    let choices = Choices::default();
    assert_eq!(refused(&[], &choices), NoPlan::NoAccount);
    assert_eq!(refused(&[STAGING], &choices), NoPlan::AllLeftOut);
    assert_eq!(refused(&[LE, OWN], &choices), NoPlan::UnknownAuthority(url(OWN)));
    let left_out = ["acme.ca.example:14000".to_owned()].into();
    let without = Choices { left_out, ..Choices::default() };
    assert_eq!(refused(&[OWN], &without), NoPlan::AllLeftOut);
    assert!(plan(&[LE, OWN], &without).is_ok());
    let wildcards = Choices { wildcards: Wildcards::Expected, ..only(&[Challenge::Http01]) };
    assert_eq!(refused(&[LE], &wildcards), NoPlan::WildcardWithoutDns);
    let many: Vec<_> = (0..=ACCOUNTS_MAX).map(|number| format!("{LE}{number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(refused(&many, &choices), NoPlan::TooMany);
    assert!(plan(&many[1..], &choices).is_ok());
}

#[track_caller]
fn check_warnings(known: &Authorities, practice: &Practice, choices: &Choices, expected: &[&str]) {
    let accounts = [url(LE), url(OWN)];
    let mut choices = choices.clone();
    choices.issuers.insert("acme.ca.example:14000".to_owned(), name("ca.example"));
    let plan = Plan::of(&name("xmpp.example"), &accounts, known, practice, &choices, at(NOW));
    let warnings = plan.expect("a plan").warnings;
    assert_eq!(warnings.iter().map(PlanWarning::kind).collect::<Vec<_>>(), expected);
    assert!(warnings.iter().all(|one| !one.text().is_empty() && !one.next_step().is_empty()));
}

#[test]
fn what_would_no_longer_be_renewed_is_a_warning() {
    let known = Authorities::built_in();
    let renewals = vec![
        ("a.conf".to_owned(), [Challenge::Http01].into()),
        ("b.conf".to_owned(), [Challenge::Http01, Challenge::Dns01].into()),
        ("c.conf".to_owned(), BTreeSet::new()),
    ];
    let wildcards =
        ["*.xmpp.example", "*.a.xmpp.example", "*.elsewhere.example", "*.notxmpp.example"];
    let wildcards = wildcards.map(str::to_owned).into();
    let practice = Practice { renewals, wildcards };
    let dns = only(&[Challenge::Dns01]);
    check_warnings(&known, &practice, &dns, &["renewal-forbidden", "wildcard-forbidden"]);
    let with = Choices { wildcards: Wildcards::Expected, ..Choices::default() };
    check_warnings(&known, &practice, &with, &[]);
    let elsewhere =
        Practice { wildcards: ["*.elsewhere.example".to_owned()].into(), ..Practice::default() };
    check_warnings(&known, &elsewhere, &dns, &[]);
    check_warnings(&known, &elsewhere, &only(&[Challenge::DnsPersist01]), &["method-not-offered"]);
}

#[test]
fn a_name_that_no_ca_has_is_a_warning_once_there_is_a_report() {
    let report = |issuer| vec![Organization { name: "A".to_owned(), issuers: vec![name(issuer)] }];
    let practice = Practice::default();
    let with = |issuer| Authorities::built_in().with(report(issuer), date(2026, 11, 27));
    check_warnings(&with("other.example"), &practice, &Choices::default(), &["issuer-unknown"]);
    check_warnings(&with("ca.example"), &practice, &Choices::default(), &[]);
}

#[test]
fn what_is_said_of_a_record_depends_on_its_ca_and_method() {
    let of = |account, choices: &Choices, now: &str| {
        let known = Authorities::built_in();
        let practice = Practice::default();
        let plan =
            Plan::of(&name("xmpp.example"), &[url(account)], &known, &practice, choices, at(now));
        let record = plan.expect("a plan").records.remove(0);
        (record.stops.join(" "), record.leaves.join(" "))
    };
    let any = Choices::default();
    let (stops, leaves) = of(LE, &any, NOW);
    assert!(stops.contains("to this account alone") && leaves.contains("Any way to validate"));
    let (stops, leaves) = of(GOOGLE, &any, NOW);
    assert!(!stops.contains("account alone") && leaves.contains("Until 2027-03-15"));
    let (stops, leaves) = of(GOOGLE, &any, "2027-03-15T00:00:00Z");
    assert!(stops.contains("must give") && !leaves.contains("is not known"));
    // Who does not heed one of the two parameters is not known to heed the other.
    let (stops, leaves) = of(GOOGLE, &only(&[Challenge::Dns01]), NOW);
    assert!(!stops.contains("only a record in the DNS") && leaves.contains("any challenge"));
    let (stops, leaves) = of(LE, &only(&[Challenge::Dns01]), NOW);
    assert!(
        stops.contains("only a record in the DNS counts") && leaves.contains("change the zone")
    );
    let (stops, leaves) = of(LE, &only(&[Challenge::Dns01, Challenge::Http01]), NOW);
    assert!(
        !stops.contains("only a record in the DNS") && leaves.contains("With http-01, to divert")
    );
}

/// What a CA that heeds all of it makes of the records.
fn asked(plan: &Plan, identifier: &str, issuer: &str, account: &str, method: &str) -> Verdict {
    let request = Request {
        identifier: Identifier::parse(identifier).expect("a name"),
        purpose: Purpose::Tls,
        issuers: vec![name(issuer)],
        accounts: vec![Account::own(account)],
        method: Some(Method::parse(method).expect("a label")),
        constrained: Vec::new(),
    };
    let profile = Profile::default();
    let mut climb = Climb::new(request.identifier.name.clone(), profile.failures);
    // A name has fewer labels than that.
    for _ in 0..128 {
        match climb.next() {
            Next::Done(climbed) => return decide(&request, climbed.clone(), &profile).verdict(),
            Next::Ask(at) => {
                let is_planned = at.as_str() == plan.name.as_str();
                let records = plan.records.iter().map(PlannedRecord::record);
                let hops = vec![Hop { name: at.as_str().to_owned(), security: Security::Secure }];
                let outcome = match is_planned {
                    true => Outcome::Records(records.collect()),
                    false => Outcome::Records(Vec::new()),
                };
                climb.feed(Lookup { hops, outcome, ttl_s: 300 });
            }
        }
    }
    panic!("the climb does not end");
}

#[test]
fn cas_read_the_records_as_they_are_meant() {
    let plan = plan(&[LE, GOOGLE], &only(&[Challenge::Dns01])).expect("a plan");
    for at in ["xmpp.example", "deep.below.xmpp.example"] {
        let asked = |issuer, account, method| asked(&plan, at, issuer, account, method);
        assert_eq!(asked("letsencrypt.org", LE, "dns-01"), Verdict::Allow);
        assert_eq!(asked("letsencrypt.org", LE, "ca-tbr-7"), Verdict::Allow);
        assert_eq!(asked("pki.goog", GOOGLE, "dns-01"), Verdict::Allow);
        assert_eq!(asked("letsencrypt.org", LE, "http-01"), Verdict::Deny);
        assert_eq!(asked("letsencrypt.org", LE_OTHER, "dns-01"), Verdict::Deny);
        assert_eq!(asked("letsencrypt.org", GOOGLE, "dns-01"), Verdict::Deny);
        assert_eq!(asked("pki.goog", LE, "dns-01"), Verdict::Deny);
        assert_eq!(asked("other.example", LE, "dns-01"), Verdict::Deny);
    }
    assert_eq!(asked(&plan, "*.xmpp.example", "letsencrypt.org", LE, "dns-01"), Verdict::Deny);
}

#[test]
fn reports_go_to_a_mailbox_or_a_page() {
    for good in ["mailto:ct@xmpp.example", "https://xmpp.example/caa?a=b;c"] {
        assert_eq!(ReportTo::parse(good).expect(good).as_str(), good);
    }
    let long = format!("mailto:{}@xmpp.example", "a".repeat(255));
    for bad in [
        "ct@xmpp.example",
        "mailto:ct",
        "http://a.b",
        "mailto:a@b.c\"",
        "https://a.b\\",
        "mailto:ü@b.c",
        &long,
    ] {
        assert_eq!(ReportTo::parse(bad), Err(NoReportTo), "{bad}");
    }
}

proptest! {
    #[test]
    fn each_account_of_ours_is_let_in_and_no_other(
        numbers in prop::collection::btree_set(0_u32..1000, 1..6),
        google in "[A-Za-z0-9_-]{1,22}",
        methods in prop::collection::btree_set(0..Challenge::ALL.len(), 0..4),
        expected in any::<bool>(),
    ) {
        let challenges: Vec<_> = methods.iter().map(|one| Challenge::ALL[*one]).collect();
        let wildcards = if expected { Wildcards::Expected } else { Wildcards::NotExpected };
        let choices = Choices { wildcards, ..only(&challenges) };
        let base = "https://acme-v02.api.letsencrypt.org/acme/acct/";
        let mut ours: Vec<_> = numbers.iter().map(|number| ("letsencrypt.org", format!("{base}{number}"))).collect();
        ours.push(("pki.goog", format!("https://dv.acme-v02.api.pki.goog/account/{google}")));
        let urls: Vec<_> = ours.iter().map(|(_, url)| url.as_str()).collect();
        let Ok(plan) = plan(&urls, &choices) else {
            prop_assert!(expected && challenges.iter().all(|one| !one.is_in_dns()));
            return Ok(());
        };
        for record in plan.records.iter().filter(|record| record.property != Property::Iodef) {
            prop_assert!(IssueValue::parse(record.value.as_bytes()).is_ok(), "{}", record.value);
        }
        for (issuer, account) in &ours {
            for challenge in Challenge::ALL {
                let permitted = challenges.is_empty() || challenges.contains(&challenge);
                let verdict = |permitted| if permitted { Verdict::Allow } else { Verdict::Deny };
                let got = asked(&plan, "xmpp.example", issuer, account, challenge.as_str());
                prop_assert_eq!(got, verdict(permitted));
                let foreign = format!("{account}0000");
                let got = asked(&plan, "xmpp.example", issuer, &foreign, challenge.as_str());
                prop_assert_eq!(got, Verdict::Deny);
                let got = asked(&plan, "*.xmpp.example", issuer, account, challenge.as_str());
                let permitted = expected && permitted && (challenges.is_empty() || challenge.is_in_dns());
                prop_assert_eq!(got, verdict(permitted));
            }
        }
    }
}
