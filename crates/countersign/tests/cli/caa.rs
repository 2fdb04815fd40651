//! `countersign caa` as people meet it: plans out of the files of ACME clients, refusals with hints, imports.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;

use super::place::{CONFIG, Place};

const URL: &str = "https://acme-v02.api.letsencrypt.org/acme/acct/1234";

const REPORT: &str = "Subject,Subject Key Identifier (Hex),Intermediate Certificate,Recognized CAA Domains\r\n\
    \"CN=ISRG Root X1; O=Internet Security Research Group; C=US\",79B4,No,letsencrypt.org\r\n\
    \"CN=Root; O=New CA; C=IS\",4E22,No,\"ca.example, other.example (formerly)\"\r\n";

/// A certificate for `*.xmpp.example`, whose key nobody kept.
const WILDCARD: &str = "\
-----BEGIN CERTIFICATE-----
MIIBbzCCARWgAwIBAgIUDQ/Ner7AixE8LLWoaMB52gTkKsUwCgYIKoZIzj0EAwIw
ADAgFw0yNjExMjgxNzM3MDZaGA8yMTI2MTEwNDE3MzcwNlowADBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABOGgz88zV6FCg/Bg7OhiCM5vW984I6KuaZd6U4U6fgUa
HtyMpwQabaldZ1Nhk0kIVPnXYEzJZv3vHJ/PkSbCrjKjazBpMB0GA1UdDgQWBBQw
jZ2LfuHqHHf8Jk6cqYOM1dGLfTAfBgNVHSMEGDAWgBQwjZ2LfuHqHHf8Jk6cqYOM
1dGLfTAZBgNVHREEEjAQgg4qLnhtcHAuZXhhbXBsZTAMBgNVHRMBAf8EAjAAMAoG
CCqGSM49BAMCA0gAMEUCIQDyW4P8BkNbX+yMCSrrF2RO6NrPtGndhivZGy4dgQCR
OQIgVHjdG7zScmNG65Y9UUe4HfonapfD7P5QmYSaL2Cf8iA=
-----END CERTIFICATE-----
";

/// A place with a directory of certbot in it: an account, one for tests, and a renewal over HTTP.
fn certbot() -> Place {
    let place = Place::new();
    let file = |name: &str, text: &str| {
        fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
        place.write(name, text);
    };
    let regr = |url: &str| {
        format!(r#"{{"body": {{"contact": ["mailto:ct@xmpp.example"]}}, "uri": "{url}"}}"#)
    };
    let account = |host: &str| format!("letsencrypt/accounts/{host}/directory/ab12/regr.json");
    file(&account("acme-v02.api.letsencrypt.org"), &regr(URL));
    let staging = "https://acme-staging-v02.api.letsencrypt.org/acme/acct/5";
    file(&account("acme-staging-v02.api.letsencrypt.org"), &regr(staging));
    let renewal = "[renewalparams]\nauthenticator = webroot\n";
    file("letsencrypt/renewal/xmpp.example.conf", renewal);
    place
}

#[test]
fn a_plan_says_what_each_record_stops_and_leaves() {
    assert_snapshot!(certbot().outcome("caa plan xmpp.example --accounts letsencrypt"), @r#"
    records for xmpp.example, to be published together and in the place of any that are there:

    xmpp.example. 3600 IN CAA 0 issue "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234"
      CA       Let's Encrypt is known to heed the account (its documentation and its source code; in force since December 2022; as of 2026-11-23)
      account  of certbot in letsencrypt/accounts/acme-v02.api.letsencrypt.org/directory/ab12/regr.json (mailto:ct@xmpp.example)
      stops    CAs without a record here must refuse a certificate for xmpp.example.
      stops    Let's Encrypt gives a certificate for xmpp.example to this account alone. Whoever diverts the traffic can pass a challenge and gets nothing, since he has no key of the account.
      leaves   Whoever has the key of this account, which lies on the host that orders, and passes a challenge gets a certificate for xmpp.example. Any way to validate will do, which --method narrows.

    xmpp.example. 3600 IN CAA 0 issuewild ";"
      stops    No CA gives anybody a certificate for *.xmpp.example, which would be good for every host below it at once.
      leaves   Names below can still be certified one by one, as the records above say.

    what all of them together leave:
      - Whoever else orders for these names, such as another host or a CDN, can no longer, unless his account is among these. `countersign sightings` shows which certificates there are.
      - Without DNSSEC, whoever is on the way between a CA and the servers of the zone can answer in their place. `countersign dnssec check xmpp.example` says whether it is signed, and by whom.
      - Whoever can change the zone, its keys or its DS record can change these records: the DNS host, the registrar, the registry.
      - They govern xmpp.example and what is below it, but not a name below that has CAA records of its own, or that is an alias (CNAME) to a name that has.
      - A CA may act on a look at the old records for 8 hours after they change.
      - A CA that is coerced, or breaks the rules, issues all the same. That is found in the logs, by `countersign watch`.

    left out: https://acme-staging-v02.api.letsencrypt.org/acme/acct/5: it is for tests, and nobody trusts what it gets
    0 certificates were looked at for wildcards; CAs are known as of 2026-11-23; `countersign caa import FILE` adds the CCADB's report
    next: `--format zone` prints the records alone, others what DNS hosts take; once they are served, `countersign caa lint xmpp.example` looks at them
    exit 0
    "#);
}

#[test]
fn what_would_not_be_renewed_is_a_finding() {
    let place = certbot();
    let plan = "caa plan www.xmpp.example --accounts letsencrypt --zone xmpp.example --method dns-01 --iodef mailto:ct@xmpp.example --format";
    let said = place.run(&format!("{plan} nsupdate")).stderr;
    let expected = "xmpp.example.conf renews by http-01, which these records forbid";
    assert!(said.contains(expected), "{said}");
    assert_snapshot!(place.outcome(&format!("-q {plan} nsupdate")), @r#"
    zone xmpp.example.
    update delete www.xmpp.example. CAA
    update add www.xmpp.example. 3600 CAA 0 issue "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234; validationmethods=dns-01"
    update add www.xmpp.example. 3600 CAA 0 issuewild ";"
    update add www.xmpp.example. 3600 CAA 0 iodef "mailto:ct@xmpp.example"
    send
    exit 1
    "#);
    assert_snapshot!(place.outcome(&format!("-q {plan} desec")), @r#"
    [
      {
        "records": [
          "0 issue \"letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234; validationmethods=dns-01\"",
          "0 issuewild \";\"",
          "0 iodef \"mailto:ct@xmpp.example\""
        ],
        "subname": "www",
        "ttl": 3600,
        "type": "CAA"
      }
    ]
    exit 1
    "#);
}

#[test]
fn directories_of_the_configuration_are_looked_into() {
    let place = certbot();
    place.write(
        "countersign.toml",
        &format!("{CONFIG}\n[[directory]]\nkind = \"certbot\"\npath = \"letsencrypt\"\n"),
    );
    let plan = "caa plan xmpp.example --format zone";
    assert_snapshot!(place.outcome(plan), @r#"
    xmpp.example. 3600 IN CAA 0 issue "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234"
    xmpp.example. 3600 IN CAA 0 issuewild ";"
    exit 0
    "#);
    // An account of another host is let in beside those.
    let other = "https://acme-v02.api.letsencrypt.org/acme/acct/7";
    let both = place.run(&format!("{plan} --account {other}"));
    assert!(both.stdout.contains(URL) && both.stdout.contains(other), "{}", both.stdout);
}

#[test]
fn the_lint_says_of_a_plan_what_the_plan_says() {
    let place = certbot();
    let accounts = "--accounts letsencrypt";
    for (choice, left) in
        [("", &["any-method"][..]), ("--method dns-01", &[]), ("--method dns-01 --wildcard", &[])]
    {
        let plan = format!("-q caa plan xmpp.example {accounts} {choice} --format");
        for format in ["zone", "unknown"] {
            place.write("planned.zone", &place.run(&format!("{plan} {format}")).stdout);
            let lint = format!("caa lint planned.zone {accounts}");
            let rows = place.rows(&format!("{lint} --json"));
            let kinds: Vec<_> = rows.iter().filter_map(|row| row["kind"].as_str()).collect();
            assert_eq!(kinds, left, "{choice}");
            assert_eq!(place.run(&lint).status, 0, "{choice}");
        }
    }
    let foreign = "--account https://acme-v02.api.letsencrypt.org/acme/acct/9";
    assert_eq!(place.run(&format!("caa lint planned.zone {foreign}")).status, 1);
}

#[test]
fn no_plan_locks_out() {
    let place = certbot();
    fs::create_dir(place.path("empty")).unwrap();
    let own = "--account https://acme.ca.example/acct/1";
    for (arguments, expected) in [
        ("xmpp.example", "no account was found"),
        ("xmpp.example --accounts empty", "looked in empty"),
        ("xmpp.example --accounts nowhere", "the watched directory is not there"),
        (&format!("xmpp.example {own}"), "--issuer acme.ca.example=NAME"),
        (
            &format!("xmpp.example {own} --leave-out acme.ca.example"),
            "all accounts that were found",
        ),
        ("xmpp.example --accounts letsencrypt --method http-01 --wildcard", "--method dns-01"),
        ("*.xmpp.example", "plan for that, with --wildcard"),
        ("xmpp.example --zone other.example", "is not in the zone other.example"),
        ("xmpp.example --account http://ca.example/1", "does not begin with https://"),
        ("xmpp.example --method dns", "a method is one of"),
        ("xmpp.example --iodef ct@xmpp.example", "mailto:SOMEBODY@HOST"),
        ("xmpp.example --format bind", "a format is one of"),
        ("192.0.2.1", "it is an address"),
    ] {
        let outcome = place.run(&format!("caa plan {arguments}"));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{arguments}");
        assert!(outcome.stderr.contains(expected), "{arguments}: {}", outcome.stderr);
    }
}

#[test]
fn what_cannot_be_read_is_told_and_is_not_fine() {
    let place = certbot();
    let broken = "letsencrypt/accounts/ca.example/directory/cd34";
    fs::create_dir_all(place.path(broken)).unwrap();
    place.write(&format!("{broken}/regr.json"), "{\"uri\": ");
    let outcome = place.run("caa plan xmpp.example --accounts letsencrypt --format zone");
    assert_eq!(outcome.status, 2);
    assert!(outcome.stdout.contains(URL));
    assert!(
        outcome.stderr.contains("it is not what the program writes there"),
        "{}",
        outcome.stderr
    );
    // Nor for the lint: the account that a record names may be in that file.
    place.write("planned.zone", &outcome.stdout);
    let lint = "caa lint planned.zone --accounts letsencrypt";
    let outcome = place.run(lint);
    assert_eq!(outcome.status, 2, "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("warning: letsencrypt/accounts/ca.example"),
        "{}",
        outcome.stdout
    );
    let rows = place.rows(&format!("{lint} --json"));
    assert!(rows.iter().any(|row| row["type"] == "unread"), "{rows:?}");
}

#[test]
fn a_record_for_an_account_that_has_ended_is_a_finding() {
    let place = certbot();
    let user = "letsencrypt/acme/ca/users/default";
    fs::create_dir_all(place.path(user)).unwrap();
    let ended = "https://acme-v02.api.letsencrypt.org/acme/acct/8";
    let account = format!(r#"{{"status": "deactivated", "location": "{ended}"}}"#);
    place.write(&format!("{user}/default.json"), &account);
    let record = |url: &str| {
        format!("xmpp.example. 300 IN CAA 0 issue \"letsencrypt.org; accounturi={url}\"\n")
    };
    for (url, status, expected) in [
        (ended, 1, &["ended-account", "any-method", "wildcards-unsaid"][..]),
        (URL, 0, &["any-method", "wildcards-unsaid"]),
    ] {
        place.write("zone", &record(url));
        let lint = "caa lint zone --accounts letsencrypt";
        let rows = place.rows(&format!("{lint} --json"));
        let mut kinds: Vec<_> = rows.iter().filter_map(|row| row["kind"].as_str()).collect();
        let mut expected = expected.to_vec();
        kinds.sort_unstable();
        expected.sort_unstable();
        assert_eq!((kinds, place.run(lint).status), (expected, status));
    }
}

#[test]
fn a_certificate_with_a_wildcard_is_noticed() {
    let place = certbot();
    fs::create_dir_all(place.path("letsencrypt/archive/xmpp.example")).unwrap();
    place.write("letsencrypt/archive/xmpp.example/cert1.pem", WILDCARD);
    let plan = "caa plan xmpp.example --accounts letsencrypt";
    let outcome = place.run(plan);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.stdout.contains("there is a certificate for *.xmpp.example"),
        "{}",
        outcome.stdout
    );
    assert_eq!(place.run(&format!("{plan} --wildcard")).status, 0);
    // Also where no account is kept.
    fs::create_dir(place.path("certificates")).unwrap();
    place.write("certificates/cert.pem", WILDCARD);
    let plan = format!("caa plan xmpp.example --accounts certificates --account {URL}");
    assert_eq!(place.run(&plan).status, 1);
    // What cannot be read may be such a certificate.
    place.write("certificates/cert.pem", &WILDCARD[..WILDCARD.len() / 2]);
    let outcome = place.run(&plan);
    assert_eq!(outcome.status, 2, "{}", outcome.stdout);
    assert!(outcome.stdout.contains("warning: certificates/cert.pem"), "{}", outcome.stdout);
}

#[test]
fn a_report_is_imported_and_then_used() {
    let place = Place::configured();
    place.write("report.csv", REPORT);
    assert_snapshot!(place.outcome("caa import report.csv"), @"
    error: cannot write countersign-state/caa-authorities.json: no such file
    hint: --out FILE writes elsewhere; the state directory is made by the first `watch`
    exit 2
    ");
    fs::create_dir(place.path("countersign-state")).unwrap();
    assert_snapshot!(place.outcome("caa import report.csv"), @"
    wrote countersign-state/caa-authorities.json: 3 names of 2 organizations, 2 of them not built in; passed over: 1 words that are no names
    exit 0
    ");
    let table = place.path("countersign-state/caa-authorities.json");
    let text = fs::read_to_string(&table).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let on = value["imported-on"].as_str().unwrap().to_owned();
    assert_snapshot!(text.replace(&on, "DAY"), @r#"
    {
      "format": "countersign-caa-authorities-1",
      "imported-on": "DAY",
      "organizations": [
        {
          "name": "Internet Security Research Group",
          "issuers": [
            "letsencrypt.org"
          ]
        },
        {
          "name": "New CA",
          "issuers": [
            "ca.example",
            "other.example"
          ]
        }
      ]
    }
    "#);

    let plan =
        "caa plan xmpp.example --account https://acme.ca.example/1 --issuer acme.ca.example=";
    let known = place.run(&format!("{plan}ca.example"));
    assert_eq!(known.status, 0, "{}", known.stderr);
    assert!(known.stdout.contains("issue \"ca.example;") && known.stdout.contains("New CA"));
    assert!(known.stdout.contains(&format!("report as of {on}")), "{}", known.stdout);
    let unknown = place.run(&format!("{plan}wrong.example"));
    assert_eq!(unknown.status, 1);
    assert!(unknown.stdout.contains("no CA in the tables is known by the name wrong.example"));

    fs::write(&table, text.replace("authorities-1", "authorities-9")).unwrap();
    let damaged = place.run(&format!("{plan}ca.example"));
    assert_eq!(damaged.status, 2);
    assert!(damaged.stderr.contains("import the report again"), "{}", damaged.stderr);
}

#[test]
fn what_is_no_report_is_refused() {
    let place = Place::new();
    place.write("page.html", "<html>Too many requests</html>");
    assert_snapshot!(place.outcome("caa import page.html --out table.json"), @r#"
    error: page.html is not the report: it has no column "Subject"
    hint: it is called AllCAAIdentifiersReportCSVV2 on the CCADB's page of resources
    exit 2
    "#);
    place.write("report.csv", REPORT);
    assert_snapshot!(place.outcome("caa import report.csv"), @"
    error: there is no configuration, and so no state directory to keep it in
    hint: --out FILE says where; `caa plan --authorities FILE` then reads it
    exit 2
    ");
    assert_snapshot!(place.outcome("caa import report.csv --out table.json --json"), @r#"
    {"type":"imported","file":"table.json","organizations":2,"issuers":3,"added":2,"skipped":1}
    exit 0
    "#);
    let plan = format!("caa plan xmpp.example --account {URL} --authorities");
    assert_eq!(place.run(&format!("{plan} table.json")).status, 0);
    assert_eq!(place.run(&format!("{plan} page.html")).status, 2);
}

#[test]
fn what_is_known_of_cas_is_shown() {
    let place = Place::new();
    let known = place.run("caa authorities").stdout;
    let le = known.lines().find(|line| line.contains("letsencrypt.org")).unwrap();
    assert!(le.contains("Let's Encrypt") && le.contains("confirmed"), "{le}");
    place.write("report.csv", REPORT);
    place.run("caa import report.csv --out table.json");
    let before = place.rows("caa authorities --json").len();
    let rows = place.rows("caa authorities --authorities table.json --json");
    assert_eq!(rows.len(), before + 1);
    let new = rows.last().unwrap();
    assert_eq!(new["authority"], "New CA");
    assert_eq!(new["issuers"], serde_json::json!(["ca.example", "other.example"]));
    assert_eq!(new["support"], "unconfirmed");
}

#[test]
fn every_field_is_in_the_manual() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let manual = fs::read_to_string(manual).unwrap();
    let place = certbot();
    fs::create_dir_all(place.path("letsencrypt/accounts/ca/x")).unwrap();
    place.write("letsencrypt/accounts/ca/x/regr.json", "{}");
    let rows = place.rows("caa plan xmpp.example --accounts letsencrypt --method dns-01 --json");
    let kinds: Vec<_> = rows.iter().map(|row| row["type"].as_str().unwrap()).collect();
    let expected =
        ["account", "account", "record", "record", "left-out", "warning", "unread", "summary"];
    assert_eq!(kinds, expected);
    place.write("report.csv", REPORT);
    let imported = place.rows("caa import report.csv --out table.json --json");
    let known = place.rows("caa authorities --json");
    for row in rows.iter().chain(&imported).chain(&known) {
        for key in row.as_object().unwrap().keys() {
            assert!(manual.contains(&format!("`{key}`")), "{key}");
        }
    }
}
