//! `countersign caa explain` and `caa lint` as processes, over the lab's tree: what may be issued, and what is left open.

use std::fs;

use countersign_lab::dns::{Algorithm, Change, Denial, Forgery, Reply, Signing, Tree};
use countersign_lab::log::Group;
use countersign_net::Clock;

use crate::internet::{Internet, Outcome};

const OWN: &str = "--ca ca.example --account https://ca.example/acct/1";

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_issued_is_explained() {
    let internet = Internet::start().await;
    let check = |arguments: &str, status: i32, reason: &str, found_at: Option<&str>| {
        let outcome = internet.run(&format!("--json caa explain {arguments}"));
        assert_eq!(outcome.status, status, "{arguments}: {outcome:?}");
        let row = outcome.row();
        assert_eq!(row["reason"], reason, "{arguments}: {row}");
        assert_eq!(row["found_at"].as_str(), found_at, "{arguments}: {row}");
        row
    };
    let here = Some("guarded.example");
    let row = check(&format!("www.guarded.example {OWN}"), 0, "authorized", here);
    assert_eq!(row["account"], "https://ca.example/acct/1");
    assert_eq!(row["steps"].as_array().unwrap().len(), 2);
    assert_eq!(row["steps"][0]["hops"][0]["security"], "secure");
    check(
        "guarded.example --ca ca.example --account https://ca.example/acct/2",
        1,
        "accounturi-mismatch",
        here,
    );
    check("guarded.example --ca ca.example", 1, "accounturi-mismatch", here);
    check("guarded.example --ca other.example", 1, "other-issuer", here);
    check("glueless.test --ca other.example", 0, "no-caa", None);
    check(&format!("unsigned.test {OWN}"), 0, "authorized", Some("unsigned.test"));
    let secure = format!("unsigned.test {OWN} --require-secure");
    check(&secure, 1, "not-secure", Some("unsigned.test"));

    let text = internet.run("caa explain guarded.example --ca other.example").stdout;
    assert!(
        text.contains("0 issue \"ca.example; accounturi=https://ca.example/acct/1\": other-issuer"),
        "{text}"
    );
    assert!(text.ends_with("must not issue: guarded.example (other-issuer)\n"), "{text}");
    let text = internet.run(&format!("caa explain unsigned.test {OWN}")).stdout;
    assert!(text.contains("not signed: whoever is between the CA and the DNS servers"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forged_or_silent_permits_nothing() {
    let internet = Internet::start().await;
    let below = "guarded.example.".parse().unwrap();
    internet.responder.forge(Group::A, &Forgery::below(below, Change::FlipSignatures));
    let forged = internet.run(&format!("--json caa explain guarded.example {OWN}"));
    assert_eq!((forged.status, &forged.row()["reason"]), (1, &"dnssec-bogus".into()), "{forged:?}");
    let lost = internet.run_with(
        "hints",
        ". NS ns.\nns. A 192.0.2.99\n",
        &format!("--json caa explain guarded.example {OWN} --hints hints"),
    );
    assert_eq!((lost.status, &lost.row()["reason"]), (2, &"lookup-failure".into()), "{lost:?}");
}

/// The kinds that were found, in order of the alphabet.
fn kinds(outcome: &Outcome) -> Vec<String> {
    let rows = outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut kinds: Vec<String> = rows
        .filter(|row: &serde_json::Value| row["type"] == "caa-finding")
        .map(|row| row["kind"].as_str().unwrap().to_owned())
        .collect();
    kinds.sort();
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_open_is_told_with_the_attack_and_the_way_out() {
    let internet = Internet::start().await;
    let check = |arguments: &str, status: i32, expected: &[&str]| {
        let outcome = internet.run(&format!("--json caa lint {arguments}"));
        assert_eq!(
            (outcome.status, kinds(&outcome)),
            (status, expected.iter().map(|&kind| kind.to_owned()).collect()),
            "{arguments}: {outcome:?}"
        );
    };
    // No CA that is known is called ca.example.
    let guarded = ["any-method", "unknown-issuer", "wildcards-unsaid"];
    check("guarded.example --account https://ca.example/acct/1", 0, &guarded);
    check("guarded.example", 0, &guarded);
    let foreign = ["any-method", "foreign-account", "unknown-issuer", "wildcards-unsaid"];
    check("guarded.example --account https://ca.example/acct/2", 1, &foreign);
    check("unsigned.test", 1, &["any-method", "unknown-issuer", "unsigned", "wildcards-unsaid"]);
    check("unsigned.org", 1, &["any-method", "unknown-issuer", "unsigned", "wildcards-unsaid"]);
    check("glueless.test", 1, &["open"]);
    // The wildcard stands for standing permissions as well, and says something else.
    let wild =
        ["any-method", "standing-malformed", "unknown-issuer", "wildcard-node", "wildcards-unsaid"];
    check("wild.guarded.example", 1, &wild);
    let text = internet.run("caa lint unsigned.test").stdout;
    assert!(
        text.contains("leaves open: who diverts the traffic") && text.contains("do: sign the zone"),
        "{text}"
    );
}

/// Two records that leave nothing open, but that no CA is known to be called ca.example. `owner` is a name with a time to
/// live.
fn bound(owner: &str) -> String {
    let account = "accounturi=https://ca.example/acct/1; validationmethods=dns-01";
    format!("{owner} CAA 0 issue \"ca.example; {account}\"\n{owner} CAA 0 issuewild \";\"\n")
}

/// A zone with a name for each thing that can be wrong, one below it that is not signed, and one with opt-out.
fn odd_zones(tree: &mut Tree) {
    let odd = r#"
www                          CNAME www.unsigned.test.
*.wild                       CNAME www.unsigned.test.
shielded                     CAA   0 issuemail ";"
*.records                    CAA   0 issue "other.example"
away                         A     192.0.2.80
_acme-challenge.away         CNAME acme.unsigned.test.
stand                        A     192.0.2.80
below.stand                  A     192.0.2.80
_validation-persist.stand    TXT   "ca.example; accounturi=https://ca.example/acct/1; policy=wildcard"
"#;
    let own = ["@ 300", "records 300", "slow 86400"].map(bound).concat();
    let odd = format!("$TTL 300\n{own}{odd}");
    let bound = bound("@ 300");
    let signing =
        |apex, denial| Some(Signing::new(Algorithm::Ed25519, apex, denial, Clock::system().now()));
    let at = |last| [[198, 51, 100, last].into()];
    tree.graft("odd.example", &odd, signing("odd.example", Denial::Nsec), &at(40)).unwrap();
    tree.graft("hole.odd.example", &bound, None, &at(41)).unwrap();
    let opt_out = signing("opt.example", Denial::OPT_OUT);
    tree.graft("opt.example", &bound, opt_out, &at(42)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hole_is_told_as_the_dns_shows_it() {
    let internet = Internet::grown(odd_zones).await;
    let elsewhere = ["challenge-elsewhere"; 4];
    let wild = [&elsewhere[..], &["insecure-alias", "unknown-issuer", "wildcard-node"]].concat();
    for (name, status, expected) in [
        ("odd.example", 0, &["unknown-issuer"][..]),
        ("nowhere.odd.example", 0, &["unknown-issuer"]),
        ("www.odd.example", 1, &["insecure-alias", "unknown-issuer"]),
        ("wild.odd.example", 1, &wild),
        ("hole.odd.example", 1, &["insecure-delegation", "unknown-issuer"]),
        ("opt.example", 1, &["opt-out", "unknown-issuer"]),
        ("nowhere.opt.example", 1, &["opt-out", "unknown-issuer"]),
        ("shielded.odd.example", 1, &["shielded"]),
        ("records.odd.example", 1, &["unknown-issuer", "wildcard-records"]),
        ("away.odd.example", 0, &["challenge-elsewhere", "unknown-issuer"]),
        ("stand.odd.example", 1, &["standing-permission", "unknown-issuer"]),
        ("below.stand.odd.example", 1, &["standing-permission", "unknown-issuer"]),
        ("slow.odd.example", 0, &["slow-to-change", "unknown-issuer"]),
    ] {
        let outcome =
            internet.run(&format!("--json caa lint {name} --account https://ca.example/acct/1"));
        let found = (outcome.status, kinds(&outcome));
        let expected = expected.iter().map(|&kind| kind.to_owned()).collect();
        assert_eq!(found, (status, expected), "{name}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_validation_would_see_and_nobody_can_tell_is_told() {
    let internet = Internet::start().await;
    let below = "_acme-challenge.guarded.example.".parse().unwrap();
    internet.responder.forge(Group::A, &Forgery::below(below, Change::FlipSignatures));
    let outcome = internet.run("--json caa lint guarded.example");
    let expected = ["any-method", "bogus", "bogus", "unknown-issuer", "wildcards-unsaid"];
    assert_eq!((outcome.status, kinds(&outcome)), (1, expected.map(str::to_owned).to_vec()));
    internet.responder.forge_no_more(Group::A);
    let below = "_acme-challenge.guarded.example.".parse().unwrap();
    let change = Change::By(|reply| *reply = Reply::error(2));
    internet.responder.forge(Group::A, &Forgery::below(below, change));
    let outcome = internet.run("--json caa lint guarded.example");
    let expected = ["any-method", "not-looked", "not-looked", "unknown-issuer", "wildcards-unsaid"];
    assert_eq!((outcome.status, kinds(&outcome)), (2, expected.map(str::to_owned).to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_file_is_looked_at_before_it_is_served() {
    let internet = Internet::start().await;
    let zone = "$ORIGIN xmpp.example.\n@ 300 IN SOA ns.xmpp.example. h.xmpp.example. 1 2 3 4 5\n\
                @ 300 IN A 192.0.2.1\n@ 300 IN CAA 0 issue \"letsencrypt.org\"\n\
                chat 300 IN CNAME host.elsewhere.example.\n";
    fs::write(internet.path("zone"), zone).unwrap();
    let outcome = internet.run_alone("--json caa lint zone");
    let expected = ["alias-not-seen", "unbound", "unbound", "wildcards-unsaid", "wildcards-unsaid"];
    assert_eq!(
        (outcome.status, kinds(&outcome)),
        (1, expected.map(str::to_owned).to_vec()),
        "{outcome:?}"
    );
    fs::write(internet.path("zone"), "@ IN NONSENSE\n").unwrap();
    let outcome = internet.run_alone("caa lint zone");
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("hint: "), "{outcome:?}");
    let outcome = internet.run_alone("caa lint b\u{fc}cher.example");
    assert!(outcome.status == 2 && outcome.stderr.contains("hint: "), "{outcome:?}");
}
