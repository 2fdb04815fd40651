//! Files and the settings that they give.

use std::path::Path;
use std::time::Duration;

use countersign_ct::watchlist::Guard;
use countersign_monitor::ListSource;
use countersign_monitor::settings::Place;
use countersign_net::{Control, ControlLogin, Route, Vantage};
use countersign_sct::Api;
use proptest::option;
use proptest::prelude::*;

use super::delivery::{Delivery, Security, Way};
use super::file::File;
use super::judging::Judging;
use super::*;
use crate::failure::hint_of;

fn load(text: &str) -> Result<Settings, Failure> {
    let file = File::of_text(Path::new("countersign.toml"), text.to_owned());
    Settings::new(&file.spec()?, &file)
}

/// A file with only what is needed, and these lines behind it.
#[track_caller]
fn check(lines: &str, refusal: &str) {
    let text = format!("guard = [\".xmpp.example\"]\n{lines}");
    let error = anyhow::Error::from(load(&text).expect_err(lines));
    let hint = hint_of(&error).map(|hint| format!(" | {hint}")).unwrap_or_default();
    assert_eq!(format!("{error}{hint}"), refusal);
}

#[test]
fn a_key_that_is_not_known_is_refused_with_the_one_that_was_meant() {
    check("contakt = \"a\"", "countersign.toml:2: unknown key `contakt` | did you mean `contact`?");
    check(
        "[watch]\njobs_per_log = 1",
        "countersign.toml:3: unknown key `jobs_per_log` | did you mean `jobs-per-log`?",
    );
    check(
        "[tls]\nverify = false",
        "countersign.toml:3: unknown key `verify` | known here: extra-roots",
    );
    check("[[vantage]]\nname = \"t\"", "countersign.toml:2: missing key `kind`");
    check(
        "[[vantage]]\nname = \"t\"\nkind = \"socks\"\naddress = \"a:1\"",
        "countersign.toml:4: unknown value `socks` | did you mean `socks5`?",
    );
}

#[test]
fn units_are_asked_for() {
    check(
        "[watch]\npoll = \"5\"",
        "countersign.toml:3: \"5\" is not a span of time: a whole number and ms, s, m, h, d or w, as in \"5m\"",
    );
    check(
        "[watch]\npoll = 60",
        "countersign.toml:3: invalid type: integer `60`, expected a string | write it in quotes, with its unit if it has one, as in \"5m\"",
    );
}

#[test]
fn nothing_can_be_set_to_what_makes_us_blind() {
    check("[watch]\npoll = \"0s\"", "countersign.toml:3: 0s is not from 1s to 1h");
    check("[watch]\nstale-after = \"52w\"", "countersign.toml:3: 52w is not from 1m to 1w");
    check("[watch]\njobs-per-log = 0", "countersign.toml:3: 0 is not from 1 to 64");
    check(
        "[log-lists]\nsources = []",
        "countersign.toml: there is no log to follow: `sources` is empty and there is no [[extra-log]] | leave `sources` out to follow the public logs",
    );
}

#[test]
fn values_are_refused_on_their_line() {
    check(
        "contact = \"nobody\"",
        "countersign.toml:2: \"nobody\" is neither an e-mail address nor an https URL | name a mailbox that is read, as in contact = \"ct@xmpp.example\"",
    );
    check(
        "since = \"yesterday\"",
        "countersign.toml:2: \"yesterday\" is not a time: write \"2026-11-01\" or \"2026-11-01T12:00:00Z\"",
    );
    check(
        "[watch]\nvantage = \"tro\"\n[[vantage]]\nname = \"tor\"\nkind = \"socks5\"\naddress = \"127.0.0.1:9050\"",
        "countersign.toml:3: no vantage is called \"tro\" | did you mean \"tor\"?",
    );
    check(
        "[[extra-log]]\ndescription = \"d\"\nkey = \"AAAA\"\nurl = \"https://log.example\"",
        "countersign.toml:4: not the key of a log: not the SubjectPublicKeyInfo of a P-256 or RSA key in DER | `openssl pkey -pubin -in log.pem -outform DER | base64 -w0` prints it",
    );
    check(
        "[log-lists]\nsources = [{ name = \"a\", url = \"http://lists.example/\" }]",
        "countersign.toml:3: \"http://lists.example/\" is not an https URL",
    );
    check(
        "[log-lists]\nsources = [{ name = \"a\" }]",
        "countersign.toml:3: the list \"a\" needs either a `url` or a `file`",
    );
}

#[test]
fn a_vantage_behind_tor_is_refused_on_its_line() {
    let tor = |rest| {
        format!("[[vantage]]\nname = \"t\"\nkind = \"tor\"\naddress = \"127.0.0.1:9050\"\n{rest}")
    };
    check(
        &tor("isolation = \"x\""),
        "countersign.toml:6: only `socks5` knows `isolation` | the name of a `tor` vantage is its isolation",
    );
    check(
        &tor("control-cookie-file = \"c\""),
        "countersign.toml:6: it is of no use without `control`",
    );
    check(
        &tor(
            "control = \"127.0.0.1:9051\"\ncontrol-cookie-file = \"c\"\ncontrol-password-file = \"p\"",
        ),
        "countersign.toml:8: either `control-cookie-file` or `control-password-file`",
    );
    check(
        &tor("control = \"127.0.0.1:9051\"").replace("\"tor\"", "\"socks5\""),
        "countersign.toml:6: only `tor` knows `control`",
    );
}

#[test]
fn what_is_expected_is_refused_on_its_line() {
    check(
        "[[expect]]\nnames = [\".xmpp.example\",\n\"a..b\"]",
        "countersign.toml:4: \"a..b\" is no name: it has an empty label | \"example.org\" is that name alone, \".example.org\" the name and all below it, \"192.0.2.1\" an address",
    );
    check(
        "[[expect]]\nnames = []",
        "countersign.toml:3: there is no name in `names` | `names` is written as `guard` is; \".\" is everything",
    );
    check(
        "[[expect]]\nnames = [\".\"]\nissuer-keys = [\"Let's Encrypt\"]",
        "countersign.toml:4: \"Let's Encrypt\" is not a SHA-256 in hexadecimal | `openssl x509 -in issuer.pem -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum` prints it",
    );
    check(
        "[[expect]]\nnames = [\".\"]\nwildcards = \"no\"",
        "countersign.toml:4: unknown value `no` | known here: expected, not-expected",
    );
    check("[[expect]]\nvalidity-max = \"1d\"", "countersign.toml:2: missing key `names`");
    check("[judge]\nhold = \"25h\"", "countersign.toml:3: 25h is not from 0s to 1d");
    let cdn = format!(
        "[[third-party]]\nname = \"cdn\"\nnames = [\".\"]\nissuer-keys = [\"{}\"]\nvalidity-max = \"9d\"\n",
        "a".repeat(64)
    );
    check(
        &cdn.replace(&format!("\"{}\"", "a".repeat(64)), ""),
        "countersign.toml:5: there is no authority that it uses | without one nothing of it would be let through",
    );
    check(
        &format!("{cdn}{cdn}"),
        "countersign.toml:8: a third party needs a name of its own, not \"cdn\"",
    );
    check(
        &cdn.replace("validity-max = \"9d\"", ""),
        "countersign.toml:2: missing key `validity-max`",
    );
}

#[test]
fn who_may_say_what_is_expected_is_refused_on_its_line() {
    check(
        "[[directory]]\nkind = \"certbott\"",
        "countersign.toml:3: unknown value `certbott` | did you mean `certbot`?",
    );
    check(
        "[[directory]]\nkind = \"lego\"",
        "countersign.toml: a [[directory]] of this kind needs a `path` | there is no place where it usually is",
    );
    check(
        "[[directory]]\nkind = \"certbot\"\n[[directory]]\nkind = \"certbot\"\npath = \"/etc/letsencrypt\"",
        "countersign.toml:6: the directory /etc/letsencrypt is there twice | remove one",
    );
    let host =
        format!("[[host]]\nname = \"mx1.xmpp.example\"\nkey = \"{HOST_KEY}\"\nnames = [\".\"]\n");
    check(
        &host.replace("mx1.xmpp.example\"", "mx2\""),
        "countersign.toml:4: the key is of the host \"mx1.xmpp.example\", not \"mx2\"",
    );
    check(
        &format!("{host}{host}"),
        "countersign.toml:8: two hosts have this key | remove one, or put all names into the other",
    );
    check(
        &host.replace("key = \"mx1", "key = \"mx2"),
        "countersign.toml:4: not the key of a host: the id of the verifier key does not fit its name and key | `countersign statement new --name HOST --out FILE` makes one, and prints this table",
    );
}

#[test]
fn zones_are_refused_on_their_line() {
    let zone = |lines: &str, refusal: &str| {
        check(&format!("[[zone]]\nname = \"xmpp.example\"\n{lines}"), refusal);
    };
    zone(
        "",
        "countersign.toml:3: nothing is expected of xmpp.example., so that no change of it would be told | declare `ds` and `ns` as they are, or set learn = true to expect what is seen first",
    );
    zone("next-dss = []", "countersign.toml:4: unknown key `next-dss` | did you mean `next-ds`?");
    zone(
        "ds = [\"1 13 2 zz\"]",
        "countersign.toml:4: \"1 13 2 zz\" is not the data of a record of type DS",
    );
    zone(
        "ds = [\"1 13 2 00\\nxmpp.example. NS a\"]",
        "countersign.toml:4: \"1 13 2 00\\nxmpp.example. NS a\" is not the data of a record of type DS",
    );
    zone(
        "learn = true\nnext-ds = []",
        "countersign.toml:3: `next-ds` needs `ds`: what it is to replace",
    );
    zone(
        "ns = [\"ns1 192.0.2.300\"]",
        "countersign.toml:4: \"192.0.2.300\" is not the address of a server",
    );
    zone(
        "learn = true\nnames = [\"other.example\"]",
        "countersign.toml:5: other.example. is not in the zone xmpp.example.",
    );
    zone("learn = true\nevery = \"5s\"", "countersign.toml:5: 5s is not from 1m to 1d");
    zone(
        "learn = true\nvantages = [\"tor\"]",
        "countersign.toml:5: no vantage is called \"tor\" | add it as a [[vantage]]",
    );
    zone(
        "learn = true\nvantages = [\"web\"]\n[[vantage]]\nname = \"web\"\nkind = \"http-proxy\"\naddress = \"http://a.example:1\"",
        "countersign.toml:5: vantage \"web\" is behind an HTTP proxy, which carries no DNS | name others in `vantages`",
    );
    zone(
        "learn = true\nresolvers = [\"ns.example\"]",
        "countersign.toml:5: \"ns.example\" is not the address of a resolver",
    );
    zone(
        "[[zone.record]]\nname = \"xmpp.example\"\ntype = \"CAB\"\ndata = []",
        "countersign.toml:6: no record type is called \"CAB\"",
    );
    zone(
        "learn = true\n[[zone]]\nname = \"XMPP.example\"\nlearn = true",
        "countersign.toml:6: xmpp.example. is watched twice",
    );
    check("[[zone]]\nname = \".\"", "countersign.toml:3: the root is delegated by nobody");
}

#[test]
fn where_names_may_lead_need_not_be_declared_to_be_watched() {
    let file = format!("{GUARDED}\n[[zone]]\nname = \"xmpp.example\"\nds = []\n");
    let zone = load(&file).expect("a zone").zones[0].watched();
    let plans: Vec<_> = zone.expected.plans.keys().map(ToString::to_string).collect();
    assert_eq!(
        plans,
        [
            "parent xmpp.example. DS",
            "zone _acme-challenge.xmpp.example. TXT",
            "zone _validation-persist.xmpp.example. TXT"
        ]
    );
    let learning =
        load(&file.replace("ds = []", "learn = true")).expect("a zone").zones[0].watched();
    assert!(learning.learn && learning.expected.plans.is_empty());
}

#[test]
fn sinks_are_refused_on_their_line() {
    let sink =
        |kind: &str, lines: &str| format!("[[sink]]\nname = \"s\"\nkind = \"{kind}\"\n{lines}");
    check(&sink("exec", ""), "countersign.toml:3: the sink \"s\" needs `command`");
    for command in ["[]", "[\"page\"]"] {
        check(
            &sink("exec", &format!("command = {command}")),
            "countersign.toml:5: `command` does not begin with the whole path of a program | as in command = [\"/usr/local/bin/alert\", \"--now\"]",
        );
    }
    check(
        &sink("exec", "command = [\"/bin/true\"]\nurl = \"https://a.example\""),
        "countersign.toml:6: only `webhook` knows `url`",
    );
    check(
        &sink("exec", "command = [\"/bin/true\"]\nvantage = \"direct\""),
        "countersign.toml:6: only a sink in the network knows `vantage`",
    );
    let webhook = "url = \"https://a.example/\"\nsecret-file = \"s\"\n";
    check(
        &sink("webhook", &webhook.replace("https", "http")),
        "countersign.toml:5: \"http://a.example/\" is not an https URL",
    );
    check(
        &sink("webhook", "url = \"https://a.example/\""),
        "countersign.toml:3: the sink \"s\" needs `secret-file` | `openssl rand -base64 -out FILE 32; chmod 600 FILE` makes one; the receiver tells by it that a report is ours",
    );
    check(
        &sink("webhook", &format!("{webhook}vantage = \"tor\"")),
        "countersign.toml:7: no vantage is called \"tor\" | add it as a [[vantage]]",
    );
    check(
        "[heartbeat]\nevery = \"30s\"",
        "countersign.toml:3: 30s is neither from 1m to 1w nor \"never\"",
    );
}

#[test]
fn mail_servers_are_refused_on_their_line() {
    let sink = |lines: &str| format!("[[sink]]\nname = \"s\"\nkind = \"smtp\"\n{lines}");
    for server in ["mail.example", "smtps://mail.example", "https://mail.example:465", "smtp://:25"]
    {
        check(
            &sink(&MAIL.replace("smtps://mail.example:465", server)),
            &format!(
                "countersign.toml:5: {server:?} is not the URL of a mail server | as in \"smtps://mail.example:465\""
            ),
        );
    }
    check(
        &sink(&MAIL.replace("c@d.example", "https://d.example")),
        "countersign.toml:7: \"https://d.example\" is not an e-mail address",
    );
    check(
        &sink(&MAIL.replace("\"c@d.example\"", "")),
        "countersign.toml:3: the sink \"s\" needs `to`",
    );
    check(
        &sink(&format!("{MAIL}user = \"u\"")),
        "countersign.toml:8: a `user` needs a `password-file`",
    );
    let why = "countersign.toml:9: a sink needs a name of its own, not \"s\"";
    check(&sink(MAIL).repeat(2), why);
}

#[test]
fn only_this_machine_takes_mail_in_the_clear() {
    let security = |server: &str| {
        let mail = MAIL.replace("smtps://mail.example:465", server);
        let file = format!("{GUARDED}\n[[sink]]\nname = \"s\"\nkind = \"smtp\"\n{mail}");
        match load(&file).expect(server).delivery.sinks.remove(0).way {
            Way::Smtp(smtp) => smtp.server.security,
            Way::Exec { .. } | Way::Webhook { .. } => panic!("a mail server was asked for"),
        }
    };
    assert_eq!(security("smtps://mail.example:465"), Security::Tls);
    assert_eq!(security("smtps://127.0.0.1:465"), Security::Tls);
    assert_eq!(security("smtp://mail.example:587"), Security::StartTls);
    assert_eq!(security("smtp://127.0.0.1.evil.example:25"), Security::StartTls);
    for here in ["127.0.0.1", "[::1]", "localhost"] {
        assert_eq!(security(&format!("smtp://{here}:25")), Security::Plain);
    }
}

#[test]
fn a_guard_is_there_once_and_at_least_one() {
    let refusal = |text: &str| load(text).expect_err(text).to_string();
    assert_eq!(
        refusal("guard = [\n\".a.example\",\n\"b.example\",\n\".a.example\"]"),
        "countersign.toml:4: .a.example is guarded twice"
    );
    let nothing = "countersign.toml: nothing to guard: `guard` is missing or empty";
    assert_eq!(refusal(""), nothing);
    assert_eq!(refusal("guard = []"), nothing);
}

#[test]
fn what_is_no_toml_is_refused_in_one_line() {
    let refusal = load("guard = [\"a.example\"").expect_err("a bracket is missing").to_string();
    assert!(refusal.starts_with("countersign.toml:1: "), "{refusal}");
    assert!(!refusal.contains('\n'), "{refusal}");
}

#[test]
fn a_log_of_ones_own_is_there_once() {
    let log = "[[extra-log]]\ndescription = \"d\"\nkey = \"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQYmMzj0L5C5iOuZ0WRN4FosI6MJ5m1awqTRpbby2abap69/SthXXu2ZAffG+b1bqUyXBf4LTyTjtKJypFtLUVA==\"\nurl = \"https://log.example/\"\n";
    let settings = load(&format!("{GUARDED}\n{log}")).expect("one log");
    let api = Api::Rfc6962 { url: "https://log.example".into() };
    assert_eq!((&settings.extra_logs[0].api, settings.extra_logs[0].mmd_s), (&api, Some(86_400)));
    check(&format!("{log}{log}"), "countersign.toml:8: two extra logs have this key");
    check(
        &log.replace("url", "submission-url"),
        "countersign.toml:4: an extra log has either a `url` (RFC 6962) or a `monitoring-url` (tiles)",
    );
}

#[test]
fn paths_are_relative_to_the_file() {
    let file = File::of_text(Path::new("/etc/countersign/countersign.toml"), GUARDED.to_owned());
    let settings = Settings::new(&file.spec().expect("a spec"), &file).expect("settings");
    assert_eq!(settings.state_dir, Path::new("/etc/countersign/countersign-state"));
}

#[test]
fn the_first_file_shows_the_defaults() {
    let guards = [Guard::parse(".xmpp.example").expect("a guard")];
    let first = init::text(&guards, Some("ct@xmpp.example"));
    // A key that is commented out shows its default, so its line changes nothing.
    let shown: Vec<_> = first.lines().map(|line| uncommented(line).unwrap_or(line)).collect();
    let least = "guard = [\".xmpp.example\"]\ncontact = \"ct@xmpp.example\"";
    let [first, shown, least] =
        [&first, &shown.join("\n"), least].map(|file| text(&load(file).expect(file)));
    assert_eq!(first, least);
    assert_eq!(shown, least);
}

#[test]
fn the_examples_in_the_first_file_are_right() {
    let guards = [Guard::parse(".xmpp.example").expect("a guard")];
    let first = init::text(&guards, None);
    let mut seen_since = false;
    let lines = first.lines().map(|line| match line.strip_prefix("#   ") {
        // There are two ways to write a time, and one `since`.
        Some(example) if example.starts_with("since") && seen_since => line,
        Some(example) if example.starts_with(' ') => line,
        Some(example) if example.contains(" = ") || example.starts_with("[[") => {
            seen_since |= example.starts_with("since");
            example
        }
        Some(_) | None => line,
    });
    let settings = load(&lines.collect::<Vec<_>>().join("\n")).expect("the examples are right");
    assert_eq!(settings.extra_logs.len(), 1);
    assert_eq!(settings.vantages.len(), 4);
    let judging = &settings.judging;
    assert_eq!((judging.policies.len(), judging.third_parties.len()), (1, 1));
    assert_eq!((judging.directories.len(), judging.hosts.len()), (2, 1));
    assert_eq!(settings.delivery.sinks.len(), 3);
    let zone = settings.zones[0].watched();
    assert_eq!((zone.vantages.len(), zone.topics.len(), zone.expected.plans.len()), (2, 6, 10));
    assert!(settings.since.is_some() && settings.extra_roots.is_some());
    assert!(settings.hints.is_some() && settings.anchors.is_some());
    assert!(settings.contact.is_some());
}

/// The line without its `#`, if it shows a default.
fn uncommented(line: &str) -> Option<&str> {
    let line = line.strip_prefix('#')?;
    let shows =
        line.starts_with(|c: char| c.is_ascii_lowercase() || c == ']') || line.starts_with("    {");
    shows.then_some(line)
}

const MAIL: &str =
    "server = \"smtps://mail.example:465\"\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]\n";
const HOST_KEY: &str = "mx1.xmpp.example+6eb5dab8+AUCVpjWAu5LMaqgkwFpjT6m7PbJJ8TCPgq1UtppYCtiX";
const GUARDED: &str = "guard = [\".xmpp.example\"]";

fn vantage() -> impl Strategy<Value = Vantage> {
    let login = prop_oneof![
        Just(ControlLogin::None),
        "/[a-z]{1,8}".prop_map(|path| ControlLogin::CookieFile(path.into())),
        "/[a-z]{1,8}".prop_map(|path| ControlLogin::PasswordFile(path.into())),
    ];
    let route = prop_oneof![
        Just(Route::Direct),
        "[a-z]{1,8}".prop_map(|host| Route::HttpProxy { url: format!("http://{host}:3128") }),
        ("[a-z]{1,8}", 1..=u16::MAX, option::of("[ -~]{1,8}")).prop_map(
            |(host, port, isolation)| {
                Route::Socks5 { address: format!("{host}:{port}"), isolation }
            }
        ),
        (1..=u16::MAX, option::of(login)).prop_map(|(port, login)| {
            let address = |port| format!("127.0.0.1:{port}");
            let control = login.map(|login| Control { address: address(1), login });
            Route::Tor { address: address(port), control }
        }),
    ];
    ("[a-c]{1,3}", route).prop_map(|(name, route)| Vantage { name, route })
}

/// Judging and delivery by way of a file, which can say all that they can be.
fn tables() -> impl Strategy<Value = (Judging, Delivery)> {
    let name = || "[a-z]{12}";
    let table = prop_oneof![
        ("[*.]", "[1-9][smh]").prop_map(|(first, hold)| {
            let first = first.replace('*', "*.");
            format!("[[expect]]\nnames = [\"{first}a.example\"]\nhold = \"{hold}\"\n")
        }),
        "[0-9a-f]{64}".prop_map(|key| format!(
            "[[expect]]\nnames = [\"::1\", \".\"]\nissuer-keys = [\"{key}\"]\nwildcards = \"not-expected\"\n"
        )),
        Just("[[expect]]\nnames = [\"a\"]\nissuer-keys = []\nvalidity-max = \"9w\"\n".to_owned()),
        (name(), "[0-9A-F]{64}").prop_map(|(name, key)| format!(
            "[[third-party]]\nname = \"{name}\"\nnames = [\"a\"]\nissuer-keys = [\"{key}\"]\nvalidity-max = \"9h\"\n"
        )),
        (name(), "(pem|caddy|acme[.]sh)").prop_map(|(path, kind)| {
            format!("[[directory]]\nkind = \"{kind}\"\npath = \"{path}\"\n")
        }),
        name().prop_map(|name| format!(
            "[[sink]]\nname = \"{name}\"\nkind = \"exec\"\ncommand = [\"/{name}\", \"-v\"]\n"
        )),
        name().prop_map(|name| format!(
            "[[sink]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"https://{name}/\"\nsecret-file = \"s\"\n"
        )),
        name().prop_map(|name| format!(
            "[[sink]]\nname = \"{name}\"\nkind = \"smtp\"\n{MAIL}user = \"u\"\npassword-file = \"p\"\n"
        )),
    ];
    let every = prop_oneof![Just("never".to_owned()), "[1-9]h"];
    (proptest::collection::vec(table, 0..6), every).prop_map(|(tables, every)| {
        let file = format!("{GUARDED}\n[heartbeat]\nevery = \"{every}\"\n{}", tables.concat());
        let settings = load(&file).expect(&file);
        (settings.judging, settings.delivery)
    })
}

/// Zones by way of a file as well.
fn zones() -> impl Strategy<Value = Vec<Zone>> {
    let more = prop_oneof![
        Just("learn = true\n"),
        Just("ds = []\nnext-ds = [\"7 13 2 00ff\"]\nzsk = [\"8 13 2 0a\"]\n"),
        Just("ns = [\"a\", \"b.c 192.0.2.1 ::1\"]\nnext-ns = []\nevery = \"3h\"\n"),
        Just("learn = true\nnames = []\nresolvers = [\"::1\"]\n"),
        Just(
            "ns = []\n[[zone.record]]\nname = \"A.ZONE\"\ntype = \"TXT\"\ndata = ['\"a b\"', 'c']\n"
        ),
    ];
    option::of(more).prop_map(|more| {
        let zone = more.map(|more| format!("[[zone]]\nname = \"zone\"\n{more}"));
        let file = format!("{GUARDED}\n{}", zone.unwrap_or_default());
        load(&file).expect(&file).zones
    })
}

fn anything() -> impl Strategy<Value = Settings> {
    let names = proptest::collection::btree_set("[a-z]{1,8}\\.example", 1..4);
    let texts = (names, option::of("[a-z]{1,8}@[a-z]{1,8}\\.example"), "[ -~\\n\"é]{1,12}");
    let spans = (1_000..=3_600_000_u64, 60..=604_800_u64, 60_000..=86_400_000_u64, 60..=86_400_u64);
    let since = option::of(-2_000_000_000..4_000_000_000_i64);
    let vantages = proptest::collection::vec(vantage(), 0..3);
    let tables = (tables(), zones());
    (texts, 1..=64_usize, spans, since, vantages, option::of("[a-z/]{1,8}"), tables).prop_map(
        |(texts, jobs_per_log, spans, since, vantages, roots, (tables, zones))| {
            let mut settings = load(GUARDED).expect("the defaults");
            settings.zones = zones;
            (settings.judging, settings.delivery) = tables;
            let guard = |name: &String| Guard::parse(name).expect("a guard");
            settings.guards = texts.0.iter().map(guard).collect();
            settings.contact = texts.1;
            let (name, place) = (texts.2.clone(), Place::File(texts.2.into()));
            settings.sources.push(ListSource { name, place });
            settings.watch.jobs_per_log = jobs_per_log;
            settings.watch.poll = Duration::from_millis(spans.0);
            settings.watch.stale_after = Duration::from_secs(spans.1);
            settings.refresh = Duration::from_millis(spans.2);
            settings.watch.unreachable_after = Duration::from_secs(spans.3);
            settings.since = since.map(|s| jiff::Timestamp::from_second(s).expect("a time"));
            settings.hints = roots.clone().map(Into::into);
            settings.anchors = roots.clone().map(Into::into);
            settings.extra_roots = roots.map(Into::into);
            for vantage in vantages {
                if settings.vantages.iter().all(|known| known.name != vantage.name) {
                    settings.watch.vantage.clone_from(&vantage.name);
                    settings.vantages.push(vantage);
                }
            }
            settings
        },
    )
}

proptest! {
    #[test]
    fn what_is_shown_reads_as_the_same(settings in anything()) {
        let shown = text(&settings);
        let read = load(&shown).map_err(|failure| TestCaseError::fail(format!("{failure}\n{shown}")))?;
        prop_assert_eq!(read.spec(), settings.spec());
    }

    #[test]
    fn any_file_is_read_or_refused(text in any::<String>()) {
        let refused = load(&text).err().map(|failure| failure.to_string());
        prop_assert!(refused.is_none_or(|line| !line.contains('\n')));
    }
}
