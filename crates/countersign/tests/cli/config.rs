//! The configuration file: written, read, shown, refused.

use std::fs;

use insta::assert_snapshot;

use crate::place::Place;

#[test]
fn init_check_and_show_agree() {
    let place = Place::new();
    assert_snapshot!(place.outcome("init xmpp.example 192.0.2.1"), @r"
    wrote countersign.toml
    next: set `contact` in it, then run `countersign watch`
    exit 0
    ");
    assert_snapshot!(place.outcome("config check"), @r"
    ok
    exit 0
    ");
    assert_snapshot!(place.outcome("config show"), @r#"
    state-dir = "countersign-state"
    guard = [".xmpp.example", "192.0.2.1"]

    [log-lists]
    refresh = "1h"

    [[log-lists.sources]]
    name = "apple"
    url = "https://valid.apple.com/ct/log_list/current_log_list.json"

    [[log-lists.sources]]
    name = "google"
    url = "https://www.gstatic.com/ct/log_list/v3/all_logs_list.json"

    [watch]
    poll = "1m"
    jobs-per-log = 4
    requests-per-second = 2
    unreachable-after = "15m"
    stale-after = "1d"
    vantage = "direct"

    [judge]
    hold = "10m"

    [heartbeat]
    every = "1d"

    [dns]

    [tls]

    [[vantage]]
    name = "direct"
    kind = "direct"
    exit 0
    "#);
    let shown = place.run("config show").stdout;
    place.write("shown.toml", &shown);
    assert_eq!(place.run("config show --config shown.toml").stdout, shown);
    assert_eq!(place.rows("config check --json")[0]["ok"], true);
    assert_eq!(place.rows("config show --json")[0]["guard"][0], ".xmpp.example");
    let elsewhere = place.rows("config show --json --state-dir elsewhere");
    assert_eq!(elsewhere[0]["state-dir"], "elsewhere");
}

#[test]
fn init_takes_a_contact_and_an_internationalized_name() {
    let place = Place::new();
    assert_snapshot!(place.outcome("init bücher.example --contact ct@xmpp.example --out a.toml"), @r"
    wrote a.toml
    next: run `countersign watch`
    exit 0
    ");
    let rows = place.rows("config show --json --config a.toml");
    assert_eq!(rows[0]["contact"], "ct@xmpp.example");
    assert_eq!(rows[0]["guard"][0], ".xn--bcher-kva.example");
}

#[test]
fn init_replaces_nothing_unasked() {
    let place = Place::new();
    place.write("countersign.toml", "mine");
    assert_snapshot!(place.outcome("init xmpp.example"), @r"
    error: cannot write countersign.toml: it is there already
    hint: --force replaces it, --out FILE writes another
    exit 2
    ");
    assert_eq!(fs::read_to_string(place.path("countersign.toml")).unwrap(), "mine");
    assert_eq!(place.run("init xmpp.example --force").status, 0);
    assert_eq!(place.run("config check").status, 0);
}

#[test]
fn init_refuses_what_is_no_name() {
    let place = Place::new();
    assert_snapshot!(place.outcome("init xmpp..example"), @r#"
    error: cannot guard "xmpp..example": it has an empty label
    hint: "example.org" is that name alone, ".example.org" the name and all below it, "192.0.2.1" an address
    exit 2
    "#);
    assert_snapshot!(place.outcome("init xmpp.example --contact nobody"), @r#"
    error: "nobody" is neither an e-mail address nor an https URL
    hint: name a mailbox that is read, as in contact = "ct@xmpp.example"
    exit 2
    "#);
    assert!(!place.path("countersign.toml").exists());
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let place = Place::new();
    assert_snapshot!(place.outcome("config check"), @r"
    error: no configuration file: looked for countersign.toml, /home/nobody/.config/countersign/countersign.toml, /etc/countersign/countersign.toml
    hint: `countersign init NAME` writes one, --config FILE names one elsewhere
    exit 2
    ");
    assert_snapshot!(place.outcome("config check --config missing.toml"), @r"
    error: cannot read missing.toml: no such file
    hint: `countersign init NAME` writes a configuration file
    exit 2
    ");
    assert_snapshot!(place.outcome("config check --config ."), @r"
    error: cannot read .: it is a directory
    exit 2
    ");
    fs::write(place.path("binary.toml"), b"\xff\xfe").unwrap();
    assert_snapshot!(place.outcome("status --config binary.toml"), @r"
    error: cannot read binary.toml: it is not UTF-8 text
    exit 2
    ");
}

#[test]
fn a_configuration_that_is_wrong_is_told_in_one_line() {
    let check = |lines: &str| {
        let place = Place::new();
        place.write("countersign.toml", &format!("guard = [\".xmpp.example\"]\n{lines}\n"));
        place.outcome("config check")
    };
    assert_snapshot!(check("[watch]\njob-per-log = 3"), @r"
    error: countersign.toml:3: unknown key `job-per-log`
    hint: did you mean `jobs-per-log`?
    exit 2
    ");
    assert_snapshot!(check("[watch]\npoll = \"5 minutes\""), @r#"
    error: countersign.toml:3: "5 minutes" is not a span of time: a whole number and ms, s, m, h, d or w, as in "5m"
    exit 2
    "#);
    assert_snapshot!(check("[watch]\npoll = 60"), @r#"
    error: countersign.toml:3: invalid type: integer `60`, expected a string
    hint: write it in quotes, with its unit if it has one, as in "5m"
    exit 2
    "#);
    assert_snapshot!(check("guard = [\"b.example\"]"), @r"
    error: countersign.toml:2: duplicate key
    exit 2
    ");
    let check = |guards: &str| {
        let place = Place::new();
        place.write("countersign.toml", &format!("guard = [{guards}]\n"));
        place.outcome("config check")
    };
    assert_snapshot!(check("\"a.example\",\n\"A.example\""), @r"
    error: countersign.toml:2: a.example is guarded twice
    hint: remove one
    exit 2
    ");
    assert_snapshot!(check("\"a..example\""), @r#"
    error: countersign.toml:1: cannot guard "a..example": it has an empty label
    hint: "example.org" is that name alone, ".example.org" the name and all below it, "192.0.2.1" an address
    exit 2
    "#);
    assert_snapshot!(check("\"a.example"), @r"
    error: countersign.toml:1: unclosed array, expected `]`
    exit 2
    ");
    assert_snapshot!(check(""), @r#"
    error: countersign.toml: nothing to guard: `guard` is missing or empty
    hint: add a line like guard = [".xmpp.example"]
    exit 2
    "#);
}
