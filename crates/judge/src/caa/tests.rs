//! Lints over made-up views, one for each kind of finding; and what a walk says to a climb.

use countersign_caa::Record;
use countersign_dns::Security;
use countersign_dns::proof::Link;
use countersign_dns::security::{Bogus, Fault, Indeterminate, Insecure};
use countersign_dns::{Query, Rrsig, Rtype};

use super::*;

const BOUND: &str = "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01";

/// A view of `a.b.example` with these records at the name, each as flags, tag and value.
fn view(records: &[(u8, &str, &str)]) -> CaaView {
    let records =
        records.iter().map(|(flags, tag, value)| Record::new(*flags, tag, value)).collect();
    let issuer = Issuer {
        names: vec!["ca.example".to_owned()],
        accounts: vec!["https://ca.example/acct/".to_owned()],
        staging: vec!["https://staging.ca.example/acct/".to_owned()],
        binds: true,
    };
    let other = Issuer {
        names: vec!["other.example".to_owned()],
        accounts: vec!["https://other.example/".to_owned()],
        staging: Vec::new(),
        binds: false,
    };
    CaaView {
        name: name("a.b.example"),
        seen: vec![
            seen("a.b.example", records),
            seen("b.example", Vec::new()),
            seen("example", Vec::new()),
        ],
        fresh: Some(SeenName { is_there: false, ..seen("x.a.b.example", Vec::new()) }),
        challenges: vec![Challenge { label: "_acme-challenge".to_owned(), elsewhere: None }],
        unsure: Vec::new(),
        grants: Vec::new(),
        unsigned_cuts: Vec::new(),
        is_partial: false,
        accounts: Some(vec!["https://ca.example/acct/1".to_owned()]),
        ended: vec!["https://ca.example/acct/8".to_owned()],
        issuers: vec![issuer, other],
        source: Source::Dns,
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn seen(at: &str, records: Vec<Record>) -> SeenName {
    let hops = vec![hop(at, Security::Secure)];
    SeenName { name: name(at), hops, records, is_there: true, ttl_s: 300 }
}

fn hop(at: &str, security: Security) -> SeenHop {
    SeenHop { name: at.to_owned(), security: Some(security) }
}

fn insecure(zone: &str) -> Security {
    Security::Insecure(Insecure::NoDs { zone: zone.parse().expect("a name") })
}

fn check(view: &CaaView, expected: &[&str]) {
    let found = lint(view);
    let mut kinds: Vec<_> = found.iter().map(CaaFinding::kind).collect();
    let severities: Vec<_> = found.iter().map(CaaFinding::severity).collect();
    assert!(severities.iter().rev().is_sorted());
    kinds.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(kinds, expected, "{found:#?}");
    for finding in found {
        let sentence = finding.to_string();
        assert!(sentence.len() > 20 && !sentence.contains('\n'), "{sentence}");
        assert!(finding.attack().len() > 10 && finding.fix().len() > 10);
    }
}

/// The same, of records at the name.
fn check_records(records: &[(u8, &str, &str)], expected: &[&str]) {
    check(&view(records), expected);
}

#[test]
fn what_is_right_raises_nothing() {
    check_records(&[(0, "issue", BOUND), (0, "issuewild", ";"), (0, "iodef", "mailto:a@b")], &[]);
    check_records(&[(0, "issue", ";"), (0, "issuewild", ";")], &[]);
}

#[test]
fn what_lets_everybody_in_is_told_first() {
    check_records(&[], &["open"]);
    check_records(&[(0, "iodef", "mailto:a@b.example")], &["open"]);
    let mut shielded = view(&[(0, "issuemail", ";")]);
    shielded.seen[1].records = vec![Record::new(0, "issue", BOUND)];
    check(&shielded, &["shielded"]);
    check_records(&[(0, "issue", "ca.example"), (0, "issuewild", ";")], &["unbound"]);
}

#[test]
fn what_can_be_forged_is_told() {
    let records = [(0, "issue", BOUND), (0, "issuewild", ";")];
    let mut unsigned = view(&records);
    for seen in &mut unsigned.seen[..2] {
        seen.hops = vec![hop(seen.name.as_str(), insecure("b.example"))];
    }
    check(&unsigned, &["unsigned"]);
    let mut delegated = view(&records);
    delegated.seen[0].hops = vec![hop("a.b.example", insecure("a.b.example"))];
    check(&delegated, &["insecure-delegation"]);
    let mut alias = view(&records);
    alias.seen[0].hops =
        vec![hop("a.b.example", Security::Secure), hop("cdn.example", insecure("cdn.example"))];
    check(&alias, &["insecure-alias"]);
    let mut below = view(&records);
    let fresh = below.fresh.as_mut().expect("it was asked");
    fresh.is_there = true;
    fresh.hops =
        vec![hop("x.a.b.example", Security::Secure), hop("cdn.example", insecure("cdn.example"))];
    check(&below, &["insecure-alias", "wildcard-node"]);
    let sentence = lint(&below)[0].to_string();
    assert!(sentence.starts_with("*.a.b.example is signed and leads to cdn.example"), "{sentence}");
    // As every unsigned domain below a registry that opts out.
    let mut left_out = view(&records);
    let why = Insecure::OptOut {
        zone: "example".parse().expect("a name"),
        name: "b.example".parse().expect("a name"),
    };
    for seen in &mut left_out.seen[..2] {
        seen.hops = vec![hop(seen.name.as_str(), Security::Insecure(why.clone()))];
    }
    left_out.fresh.as_mut().expect("it was asked").hops =
        vec![hop("x.a.b.example", Security::Insecure(why))];
    check(&left_out, &["unsigned"]);
    // Without records the climb comes as far as the registry, which signs, and leaves no hole of its own.
    left_out.seen[0].records.clear();
    check(&left_out, &["open", "unsigned"]);
    let mut opt_out = view(&records);
    let why = Insecure::OptOut {
        zone: "b.example".parse().expect("a name"),
        name: "x.a.b.example".parse().expect("a name"),
    };
    let fresh = opt_out.fresh.as_mut().expect("it was asked");
    fresh.hops = vec![hop("x.a.b.example", Security::Insecure(why))];
    check(&opt_out, &["opt-out"]);
    // The name itself is not there, so nobody has delegated it.
    let mut missing = view(&[]);
    let why = Insecure::OptOut {
        zone: "b.example".parse().expect("a name"),
        name: "a.b.example".parse().expect("a name"),
    };
    missing.seen[0].hops = vec![hop("a.b.example", Security::Insecure(why))];
    check(&missing, &["insecure-delegation", "open"]);
    missing.seen[0].is_there = false;
    check(&missing, &["open", "opt-out"]);
}

#[test] // RFC 9824 §3.1
fn a_name_that_is_denied_compactly_is_not_there() {
    let check = |types: &str, expected: bool| {
        let owner = "x.a.b.example".parse().expect("a name");
        let text = format!("x.a.b.example. 300 IN NSEC \\000.x.a.b.example. {types}\n");
        let nsec = countersign_dns::zone_text::records(&text, &owner).expect("a record");
        let rrsig = Rrsig {
            type_covered: Rtype::NSEC,
            algorithm: 13,
            labels: 4,
            original_ttl_s: 300,
            expiration: 0,
            inception: 0,
            key_tag: 1,
            signer: "b.example".parse().expect("a name"),
            signature: Vec::new(),
        };
        let signed_data = rrsig.signed_data(&nsec[0]).expect("it is its own");
        let links = vec![Link { signed_data, signature: vec![1] }];
        let about = Query { name: owner.clone(), rtype: Rtype::CAA };
        let hop = walk::Hop {
            name: owner,
            outcome: walk::Outcome::NoData,
            security: Security::Secure,
            steps: vec![0],
        };
        let walked = Walked {
            security: Security::Secure,
            hops: vec![hop],
            steps: vec![walk::Step { about, parent: None, links }],
            spent: [0; 3],
        };
        assert_eq!(SeenName::of_walk(name("a.b.example"), &walked).is_there, expected, "{types}");
    };
    check("RRSIG NSEC TYPE128", false);
    check("A RRSIG NSEC", true);
}

#[test]
fn what_could_not_be_seen_is_told() {
    let mut bogus = view(&[]);
    let why = Bogus {
        name: "a.b.example".parse().expect("a name"),
        rtype: Rtype::CAA,
        fault: Fault::NotDenied,
    };
    bogus.seen[0].hops = vec![hop("a.b.example", Security::Bogus(why))];
    check(&bogus, &["bogus"]);
    let mut silent = view(&[]);
    let query = Query { name: "a.b.example".parse().expect("a name"), rtype: Rtype::CAA };
    let why = Indeterminate::NoAnswer { query, why: "time-out\u{1b}[2J\n".to_owned() };
    let silence = Security::Indeterminate(why);
    silent.seen[0].hops = vec![hop("a.b.example", silence.clone())];
    check(&silent, &["not-looked"]);
    assert!(lint(&silent)[0].is_blindness());
    let mut below = view(&[(0, "issue", BOUND), (0, "issuewild", ";")]);
    below.fresh.as_mut().expect("it was asked").hops = vec![hop("x.a.b.example", silence.clone())];
    check(&below, &["not-looked"]);
    let mut beside = view(&[(0, "issue", BOUND), (0, "issuewild", ";")]);
    let what = "TXT of _acme-challenge.a.b.example".to_owned();
    beside.unsure = vec![Unsure { what, security: silence }];
    check(&beside, &["not-looked"]);
}

#[test]
fn values_are_read_as_cas_read_them() {
    let one = |value: &str, expected: &[&str]| {
        check_records(&[(0, "issue", value), (0, "issuewild", ";")], expected);
    };
    one("ca.example.; accounturi=https://ca.example/acct/1", &["malformed"]);
    one(&format!("{BOUND};"), &["malformed"]);
    one(&BOUND.replace("accounturi", "accountUri"), &["parameter-case"]);
    one(&BOUND.replace("accounturi", "account-uri"), &["unbound", "unknown-parameter"]);
    one(&format!("{BOUND}; policy=x"), &["unknown-parameter"]);
    one(&BOUND.replace("dns-01", ""), &["never-met"]);
    one(&BOUND.replace("dns-01", "dns-01,"), &["never-met"]);
    one(&BOUND.replace("https://ca.example/acct/1", "1"), &["never-met"]);
    one(&format!("{BOUND}; accounturi=https://ca.example/acct/2"), &["never-met"]);
    one("ca.example; accounturi=https://ca.example/acct/1", &["any-method"]);
    one(&BOUND.replace("acct/1", "acct/2"), &["foreign-account"]);
    one(&BOUND.replace("acct/1", "acct/8"), &["ended-account"]);
    one(&BOUND.replace("//ca", "//staging.ca"), &["staging-account"]);
    one(&BOUND.replace("https://ca.example", "https://other.example"), &["other-issuer-account"]);
    let other = "other.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01";
    one(other, &["other-issuer-account", "unconfirmed"]);
    one(&BOUND.replace("ca.example;", "ca-2.example;"), &["unknown-issuer"]);
    check_records(&[(128, "issue", BOUND), (0, "issuewild", ";")], &["critical-issue"]);
    check_records(&[(0, "issue", ";"), (128, "tbs", "x")], &["critical-unknown"]);
    check_records(&[(0, "issue", ";"), (0, "is-sue", "x")], &["unreadable"]);
    check_records(&[(0, "issue", ";"), (0, "contactemail", "a@b.example")], &["contact"]);
}

#[test] // As sectigo.com is Sectigo's and ZeroSSL's.
fn cas_can_share_a_name() {
    let records = [(0, "issue", BOUND), (0, "issuewild", ";")];
    let mut shared = view(&records);
    shared.issuers[0].accounts = vec!["https://one.ca.example/".to_owned()];
    check(&shared, &[]);
    let second = Issuer {
        accounts: vec!["https://ca.example/acct/".to_owned()],
        ..shared.issuers[0].clone()
    };
    shared.issuers.push(second);
    check(&shared, &[]);
    shared.issuers[2].binds = false;
    check(&shared, &["unconfirmed"]);
    shared.issuers[2].binds = true;
    shared.issuers[2].staging = vec!["https://ca.example/acct/1".to_owned()];
    check(&shared, &["staging-account"]);
}

#[test]
fn more_than_anybody_looks_at_is_not_gone_through() {
    let numbered = |number| (0, "issue", format!("ca{number}.example"));
    let records: Vec<_> = (0..1_001).map(numbered).collect();
    let borrowed: Vec<_> =
        records.iter().map(|(flags, tag, value)| (*flags, *tag, &**value)).collect();
    check_records(&borrowed, &["too-many-records"]);
    assert_eq!(lint(&view(&borrowed[..1_000])).len(), 2 * 1_000 + 1);
    check_records(&[(0, "issue", &"a".repeat(66_000))], &["too-many-records"]);
    // One record can tell of no more than eight of its parameters, and keeps no more than is shown.
    let parameters: String = (0..5_000).map(|number| format!("; p{number}=1")).collect();
    let value = format!("{BOUND}{parameters}; accountid=1");
    let found = lint(&view(&[(0, "issue", &value), (0, "issuewild", ";")]));
    assert_eq!(found.len(), 8);
    assert!(found[0].to_string().contains("accounturi may be meant"), "{}", found[0]);
    assert!(found.iter().all(|one| format!("{one:?}").len() < 600));
}

#[test]
fn wildcards_are_held_against_names() {
    check_records(&[(0, "issue", BOUND)], &["wildcards-unsaid"]);
    check_records(&[(0, "issue", BOUND), (0, "issuewild", BOUND)], &[]);
    check_records(
        &[(0, "issue", BOUND), (0, "issuewild", "ca.example")],
        &["unbound", "wildcards-laxer"],
    );
    let by_http = BOUND.replace("dns-01", "http-01,ca-tbr-20");
    check_records(&[(0, "issue", BOUND), (0, "issuewild", &by_http)], &["wildcards-unreachable"]);
    // Another list is as good if it adds only methods in the DNS, and another account if it is the operator's own.
    let http = BOUND.replace("dns-01", "http-01");
    check_records(&[(0, "issue", &http), (0, "issuewild", BOUND)], &[]);
    let by_mail = BOUND.replace("dns-01", "dns-01,ca-tbr-4");
    check_records(&[(0, "issue", BOUND), (0, "issuewild", &by_mail)], &["wildcards-laxer"]);
    check_records(&[(0, "issue", &by_mail), (0, "issuewild", &by_mail)], &[]);
    let second = "https://ca.example/acct/2".to_owned();
    let other = BOUND.replace("acct/1", "acct/2");
    let mut own = view(&[(0, "issue", BOUND), (0, "issuewild", &other)]);
    check(&own, &["foreign-account", "wildcards-laxer"]);
    own.accounts.as_mut().expect("they are known").push(second);
    check(&own, &[]);
    check_records(&[(0, "issue", ";"), (0, "issuewild", BOUND)], &["wildcards-laxer"]);
}

#[test]
fn what_stands_below_is_told() {
    let records = [(0, "issue", BOUND), (0, "issuewild", ";")];
    let mut wildcard = view(&records);
    wildcard.fresh.as_mut().expect("it was asked").is_there = true;
    check(&wildcard, &["wildcard-node"]);
    let fresh = wildcard.fresh.as_mut().expect("it was asked");
    fresh.records = vec![Record::new(0, "issue", "other.example")];
    check(&wildcard, &["wildcard-records"]);
    let same = wildcard.seen[0].records.iter().rev().cloned();
    wildcard.fresh.as_mut().expect("it was asked").records = same.collect();
    check(&wildcard, &["wildcard-node"]);
    let mut elsewhere = view(&records);
    elsewhere.challenges[0].elsewhere = Some("acme.host.example".to_owned());
    check(&elsewhere, &["challenge-elsewhere"]);
    assert_eq!(lint(&elsewhere)[0].severity(), crate::Severity::Notice);
    elsewhere.seen[0].records =
        vec![Record::new(0, "issue", "ca.example"), Record::new(0, "issuewild", ";")];
    check(&elsewhere, &["challenge-elsewhere", "unbound"]);
    assert_eq!(lint(&elsewhere)[0].severity(), crate::Severity::High);
    let mut standing = view(&records);
    let grant =
        |at: &str, text: &str| vec![SeenGrant { at: name(at), text: text.as_bytes().to_vec() }];
    let narrow = "ca.example; accounturi=https://ca.example/acct/1";
    let wide = &format!("{narrow}; policy=wildcard");
    for (at, text, expected) in [
        ("a.b.example", narrow, &["standing-permission"][..]),
        ("a.b.example", wide, &["standing-permission"]),
        ("a.b.example", "v=spf1 -all", &["standing-malformed"]),
        ("b.example", wide, &["standing-permission"]),
        ("b.example", narrow, &[]),
        ("b.example", "v=spf1 -all", &[]),
    ] {
        standing.grants = grant(at, text);
        check(&standing, expected);
    }
    let mut slow = view(&records);
    slow.seen[0].ttl_s = 86_400;
    check(&slow, &["slow-to-change"]);
}

#[test]
fn a_zone_file_is_read_like_a_zone() {
    let text = "@ 3600 IN SOA ns.b.example. h.b.example. 1 2 3 4 5\n\
                a 300 IN CNAME www\nwww 300 IN A 192.0.2.1\n\
                www 300 IN CAA 0 issue \"ca.example\"\n\
                out 300 IN CNAME cdn.example.\n*.www 300 IN A 192.0.2.1\n\
                _acme-challenge.www 300 IN NS acme.example.\n\
                _validation-persist.www 300 IN TXT \"ca.example; accounturi=\" \"https://ca.example/1\"\n";
    let origin = "b.example".parse().expect("a name");
    let records = countersign_dns::zone_text::records(text, &origin).expect("a zone");
    let zone = ZoneFile::new(&records);
    let of = |at: &str| zone.view(&name(at));
    check(&of("a.b.example"), &["unbound", "wildcards-unsaid"]);
    check(&of("out.b.example"), &["alias-not-seen", "open-as-seen"]);
    check(&of("b.example"), &["open", "unsigned-cut"]);
    let www = [
        "challenge-elsewhere",
        "standing-permission",
        "unbound",
        "wildcard-node",
        "wildcards-unsaid",
    ];
    check(&of("www.b.example"), &www);
}

#[test]
fn a_zone_file_says_nothing_of_what_is_not_its_own() {
    let soa = "@ 3600 IN SOA ns.b.example. h.b.example. 1 2 3 4 5\n@ 300 IN CAA 0 issue \";\"\n";
    let text = "child 300 IN NS ns.child\nns.child 300 IN A 192.0.2.1\nchild 300 IN CAA 0 issue \"x.example\"\n\
                deep.child 300 IN NS elsewhere.example.\n\
                signed 300 IN NS elsewhere.example.\n\
                signed 300 IN DS 1 13 2 aa000000000000000000000000000000000000000000000000000000000000aa\n\
                to 300 IN CNAME ns.child\nelsewhere.example. 300 IN A 192.0.2.1\n\
                *.wild 300 IN CNAME cdn.example.\n*._tcp 300 IN A 192.0.2.1\n\
                _validation-persist 300 IN TXT \"ca.example; accounturi=https://ca.example/1; policy=wildcard\"\n";
    let origin = "b.example".parse().expect("a name");
    let read = |text: &str| countersign_dns::zone_text::records(text, &origin).expect("a zone");
    let records = read(&format!("{soa}{text}"));
    let zone = ZoneFile::new(&records);
    let names = zone.names();
    let names: Vec<_> = names.iter().map(Name::as_str).collect();
    assert_eq!(names, ["b.example", "to.b.example", "wild.b.example"]);
    assert_eq!(zone.view(&name("b.example")).unsigned_cuts, ["child.b.example"]);
    check(&zone.view(&name("to.b.example")), &["alias-not-seen", "standing-permission"]);
    let wild = zone.view(&name("wild.b.example"));
    // The wildcard stands for the names of challenges as well.
    let elsewhere = ["challenge-elsewhere"; 4];
    let expected = [&["alias-not-seen", "standing-permission", "wildcard-node"], &elsewhere[..]];
    check(&wild, &expected.concat());
    assert!(lint(&wild).iter().any(|one| one.to_string().starts_with("*.wild.b.example leads to")));
    // Without SOA it is not known what is above.
    let records = read("www 300 IN A 192.0.2.1\nto 300 IN CNAME out.b.example.\n");
    let zone = ZoneFile::new(&records);
    check(&zone.view(&name("www.b.example")), &["open-as-seen"]);
    check(&zone.view(&name("to.b.example")), &["alias-not-seen", "open-as-seen"]);
    // Nor what a name above a zone that is not just below a top-level domain has.
    let records = read("www 300 IN SOA ns.b.example. h.b.example. 1 2 3 4 5\n");
    check(&ZoneFile::new(&records).view(&name("www.b.example")), &["open-as-seen"]);
}

#[test]
fn strings_are_joined() {
    assert_eq!(strings(b"\x02ab\x00\x01c"), b"abc");
    assert_eq!(strings(b"\x09ab"), b"ab");
}
