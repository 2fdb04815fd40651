//! What people read.

use proptest::prelude::*;

use super::*;
use crate::caa::CaaThen;
use crate::decision::decide;
use crate::expectation::Expectation;
use crate::observation::Named;
use crate::plain::steers;
use crate::rule::{Basis, Origin, Rule, RuleId};

fn observation(names: &[&str]) -> Observation {
    let named = |name: &&str| Named {
        name: (*name).to_owned(),
        guard: ".example.org".to_owned(),
        reading: "san-dns".to_owned(),
    };
    Observation {
        tbs_sha256: [2; 32],
        spki_sha256: Some([0xab; 32]),
        issuer_key_sha256: Some([4; 32]),
        names: names.iter().map(named).collect(),
        not_before: Some("2026-11-20T00:00:00Z".parse().unwrap()),
        not_after: Some("2027-02-18T00:00:00Z".parse().unwrap()),
    }
}

fn seen_at() -> Timestamp {
    "2026-11-20T00:05:00Z".parse().unwrap()
}

fn facts() -> Facts {
    Facts {
        incident: Some(7),
        issuer_organization: "Let's Encrypt".into(),
        issuer_common_name: "R13".into(),
        serial: "0123456789abcdef".into(),
        logs: vec!["Sunlight 'Example2026h2'".into()],
        caa: None,
    }
}

/// Explained after the hold, if `rules` do not cover it.
fn explained(rules: Vec<Rule>, observation: &Observation, facts: &Facts) -> Explanation {
    let expectation = Expectation::new(rules, Vec::new(), SignedDuration::ZERO);
    let decision = decide(&expectation, observation, seen_at(), seen_at());
    explain(observation, &decision.told(), facts, seen_at())
}

fn ours(scope: &str) -> Rule {
    Rule {
        id: RuleId::Authorization(17),
        basis: Basis::Key { spki_sha256: [0xab; 32] },
        scope: scope.parse().unwrap(),
        since: seen_at(),
        until: None,
        origin: Origin::Command,
    }
}

#[test]
fn an_unexpected_certificate() {
    let text = explained(Vec::new(), &observation(&["chat.example.org"]), &facts()).to_text();
    insta::assert_snapshot!(text, @r#"
    unexpected certificate for chat.example.org, issued by Let's Encrypt (R13)

    What happened
      Let's Encrypt (R13) has issued a certificate for chat.example.org, and nobody here has said that it is theirs.

    Why we think so
      - Nobody here has registered its key (SHA-256 abababababababababababababababababababababababababababababababab).
      - It is in public logs, which cannot take it back: Sunlight 'Example2026h2'.

    Since when
      First seen here at 2026-11-20T00:05:00Z. By its own words it is valid from 2026-11-20T00:00:00Z to 2027-02-18T00:00:00Z.

    What it lets an attacker do
      Whoever holds its private key can be chat.example.org to everybody whose connection they can redirect, and read and change all that is sent, until 2027-02-18T00:00:00Z at the latest. Users see no warning. That the certificate exists does not yet prove that this happens.

    What to do now
      1. Ask everybody who may order certificates for these names, on a path that does not depend on them. If it was one of you, say so: countersign authorize --spki abababababababababababababababababababababababababababababababab --name 'chat.example.org'
      2. If it was not you, keep what was seen, and give it to those whom you ask for help: countersign evidence 7 --out incident-7.tar
      3. Revoke it yourself over ACME: whoever proves control of all names in a certificate may revoke it, also one that another account ordered (RFC 8555 §7.6). With certbot: certbot revoke --cert-path FILE, after an order for the same names.
      4. Tell the CA: Let's Encrypt takes problem reports at cert-prob-reports@letsencrypt.org (from its practice statement, section 1.5.2, as of November 2026; if that fails, see https://ccadb.my.salesforce-sites.com/ccadb/AllProblemReportingMechanismsReport). Say that the certificate (serial number 0123456789abcdef) was not ordered by the holder of the names, and attach it. The CA must look into it within 24 hours.
      5. Find out how they proved to be chat.example.org: look at the DNS records (A, AAAA, NS, MX, CAA) and their history, the accounts at the registrar and the DNS provider, the files and logs of the web server, and ask the hoster about redirected traffic. Ask on paths that do not depend on these names.
      6. Look at the service from outside, from several networks: if it shows a key that is not yours, or takes longer to reach than it should, traffic is being redirected. Write down the time and what you saw.
      7. If traffic may have been redirected: tell your users what was at risk and since when, have passwords and tokens that were used since then changed, and put new keys on hosts that may have been entered.
      8. Make it harder to do again: sign the zone (DNSSEC), and name your CA and your account there in a CAA record with accounturi (RFC 8657).
    "#);
}

#[test]
fn what_caa_would_have_stopped_is_told_of_what_nobody_expects() {
    let caa = Some(CaaThen::AnyAccount { at: "example.org".into() });
    let facts = Facts { caa, ..facts() };
    let sentence = "The CAA records at example.org allowed any account of Let's Encrypt: accounturi is what would \
                    have stopped it.";
    let observation = observation(&["www.example.org"]);
    let told = |rules| explained(rules, &observation, &facts).why.contains(&sentence.to_owned());
    assert!(told(Vec::new()));
    assert!(!told(vec![ours("www.example.org")]));
}

#[test]
fn our_key_with_another_name() {
    let facts = Facts { issuer_organization: "Unheard Of".into(), ..facts() };
    let explanation =
        explained(vec![ours("www.example.org")], &observation(&["chat.example.org"]), &facts);
    insta::assert_snapshot!(explanation.to_text(), @r#"
    unexpected certificate for chat.example.org, issued by Unheard Of (R13)

    What happened
      Unheard Of (R13) has issued a certificate for chat.example.org, and nobody here has said that it is theirs.

    Why we think so
      - Its key or certificate is registered (authorization 17), but not for chat.example.org.
      - It is in public logs, which cannot take it back: Sunlight 'Example2026h2'.

    Since when
      First seen here at 2026-11-20T00:05:00Z. By its own words it is valid from 2026-11-20T00:00:00Z to 2027-02-18T00:00:00Z.

    What it lets an attacker do
      Whoever holds this private key can be chat.example.org to everybody, until 2027-02-18T00:00:00Z at the latest. The key is, or was, one of yours: it is harmless as long as only your own hosts hold it, and serious if one of them was broken into.

    What to do now
      1. Ask everybody who may order certificates for these names, on a path that does not depend on them. If it was one of you, say so: countersign authorize --spki abababababababababababababababababababababababababababababababab --name 'chat.example.org'
      2. If it was not you, keep what was seen, and give it to those whom you ask for help: countersign evidence 7 --out incident-7.tar
      3. Tell the CA: where it takes problem reports is listed at https://ccadb.my.salesforce-sites.com/ccadb/AllProblemReportingMechanismsReport. Say that the certificate (serial number 0123456789abcdef) was not ordered by the holder of the names, and attach it. The CA must look into it within 24 hours.
      4. If that CA speaks ACME, that is quicker. Revoke it yourself over ACME: whoever proves control of all names in a certificate may revoke it, also one that another account ordered (RFC 8555 §7.6). With certbot: certbot revoke --cert-path FILE, after an order for the same names.
      5. Find out how they proved to be chat.example.org: look at the DNS records (A, AAAA, NS, MX, CAA) and their history, the accounts at the registrar and the DNS provider, the files and logs of the web server, and ask the hoster about redirected traffic. Ask on paths that do not depend on these names.
      6. Look at every host that holds this key for signs of a break-in, and replace the key there.
      7. Look at the service from outside, from several networks: if it shows a key that is not yours, or takes longer to reach than it should, traffic is being redirected. Write down the time and what you saw.
      8. If traffic may have been redirected: tell your users what was at risk and since when, have passwords and tokens that were used since then changed, and put new keys on hosts that may have been entered.
      9. Make it harder to do again: sign the zone (DNSSEC), and name your CA and your account there in a CAA record with accounturi (RFC 8657).
    "#);
}

#[test]
fn one_of_ours() {
    let explanation = explained(vec![ours(".")], &observation(&["chat.example.org"]), &facts());
    insta::assert_snapshot!(explanation.to_text(), @r#"
    expected certificate for chat.example.org, issued by Let's Encrypt (R13)

    What happened
      Let's Encrypt (R13) has issued a certificate for chat.example.org, and it is one of yours.

    Why we think so
      - Authorization 17 covers it.
      - It is in public logs, which cannot take it back: Sunlight 'Example2026h2'.

    Since when
      First seen here at 2026-11-20T00:05:00Z. By its own words it is valid from 2026-11-20T00:00:00Z to 2027-02-18T00:00:00Z.

    What it lets an attacker do
      Nothing: it is of use only to who holds the private key, and that is you.
    "#);
}

#[test]
fn a_broken_promise() {
    let mmd = SignedDuration::from_hours(24);
    let timestamp_ms = 1_790_000_000_000;
    let promise =
        Promise { log: [1; 32], tbs_sha256: [2; 32], timestamp_ms, leaf_index: None, mmd };
    assert_eq!(explain_promise(&promise, &PromiseVerdict::Kept, "a log"), None);
    let explanation = explain_promise(&promise, &PromiseVerdict::Broken, "a log").unwrap();
    insta::assert_snapshot!(explanation.to_text(), @r#"
    the log a log did not keep its promise

    What happened
      The log a log signed for one of your own certificates and does not show it to us, although it should by now. It has broken its promise, or it shows us another tree than others, or we are blind to some of it.

    Why we think so
      - The log AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE= promised to have it by 2026-09-22T14:23:20Z, and does not have it.
      - The SCT in the certificate (TBS SHA-256 0202020202020202020202020202020202020202020202020202020202020202) is the log's own signature.
      - All entries of a tree that should have it were verified and searched.

    Since when
      Promised at 2026-09-21T14:13:20Z, for 24 hours later at the latest.

    What it lets an attacker do
      A log that hides one certificate can hide another: what an attacker gets logged only there, nobody sees. Your own certificate is not harmed.

    What to do now
      1. Look whether other monitors see the entry in this log. If they do, the log shows you another tree, or something on the way does.
      2. Keep the evidence: the certificate with its SCTs, and the tree head.
      3. Tell the log's operator, and the browsers' policy list (ct-policy@chromium.org), with both.
    "#);
}

#[track_caller]
fn check_command(name: &str, expected: &str) {
    let explanation = explained(Vec::new(), &observation(&[name]), &facts());
    let command = explanation.next[0].split_once("--spki").expect("a command").1;
    assert_eq!(command, format!(" {}{expected}", "ab".repeat(32)));
}

#[test] // Whoever names a certificate must not get to type into our shell.
fn a_command_to_copy_holds_no_foreign_syntax() {
    check_command("chat.example.org", " --name 'chat.example.org'");
    check_command("*.example.org", " --name '*.example.org'");
    check_command("2001:db8::1", " --name '2001:db8::1'");
    for name in [
        "a';reboot;'.example.org",
        "$(id).example.org",
        "-o.example.org",
        "a b",
        "",
        "é.example.org",
    ] {
        check_command(name, " --name NAME");
    }
}

proptest! {
    #[test]
    fn foreign_text_is_harmless_and_short(
        names in proptest::collection::vec("\\PC*|[\\u{0}-\\u{ff}\\u{2000}-\\u{2070}]*", 0..8),
        issuer in "[\\u{0}-\\u{ff}\\u{2000}-\\u{2070}]*",
        serial: String,
        logs: Vec<String>,
    ) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let facts = Facts { issuer_organization: issuer, serial, logs, ..facts() };
        for rules in [Vec::new(), vec![ours("a.example")], vec![ours(".")]] {
            let explanation = explained(rules, &observation(&names), &facts);
            let text = explanation.to_text();
            prop_assert!(!text.contains(|c| steers(c) && c != '\n'));
            prop_assert!(!explanation.title.contains('\n') && !explanation.what.contains('\n'));
            prop_assert!(text.len() < 50_000);
        }
    }
}
