//! `countersign sct explain` as people meet it: certificates of every kind, and files that are none.

use std::fs;

use countersign_lab::sct_cases::SctCases;
use insta::assert_snapshot;

use super::place::Place;

/// A place with every case in it.
fn cases() -> Place {
    let place = Place::new();
    let now = "2026-11-28T12:00:00Z".parse().unwrap();
    SctCases::write(&place.path(""), &["xmpp.example"], now).unwrap();
    place
}

/// The command for a case, as of the time when the cases were made.
fn explain(case: &str) -> String {
    format!(
        "sct explain {case}/chain.pem --list list --list-keys list-keys --at 2026-11-28T12:00:00Z"
    )
}

#[test]
fn each_sct_is_told_its_worth_and_each_policy_its_verdict() {
    let place = cases();
    assert_snapshot!(place.outcome(&explain("good")), @r"
     LOG    OPERATOR  PROMISED              WORTH
     Alder  Arbour    2026-11-28T11:00:00Z  counts, for Arbour
     Birch  Bough     2026-11-28T11:00:00Z  counts, for Bough

    Chrome: accepted: enough logs have promised to publish the certificate
    Firefox: accepted: enough logs have promised to publish the certificate
    Apple: accepted: enough logs have promised to publish the certificate
    Countersign: accepted: enough logs have promised to publish the certificate
    by this list, as old as it is: accepted: enough logs have promised to publish the certificate
    exit 0
    ");
    assert_snapshot!(place.outcome(&explain("unlogged")), @r"
    Chrome: refused: no log has promised to publish the certificate: it has no SCT
    Firefox: refused: no log has promised to publish the certificate: it has no SCT
    Apple: refused: no log has promised to publish the certificate: it has no SCT
    Countersign: refused: no log has promised to publish the certificate: it has no SCT
    by this list, as old as it is: refused: no log has promised to publish the certificate: it has no SCT
    exit 1
    ");
    assert_snapshot!(place.outcome(&explain("one-operator")), @r"
     LOG    OPERATOR  PROMISED              WORTH
     Alder  Arbour    2026-11-28T11:00:00Z  counts, for Arbour
     Ash    Arbour    2026-11-28T11:00:00Z  counts, for Arbour

    Chrome: refused: SCTs of logs of 2 operators are needed, those that count are of 1
    Firefox: refused: SCTs of logs of 2 operators are needed, those that count are of 1
    Apple: refused: 2 SCTs of different logs are needed, 1 count, SCTs of logs of 2 operators are needed, those that count are of 1
    Countersign: refused: SCTs of logs of 2 operators are needed, those that count are of 1
    by this list, as old as it is: refused: SCTs of logs of 2 operators are needed, those that count are of 1
    exit 1
    ");
    assert_snapshot!(place.outcome(&explain("retired")), @r"
     LOG      OPERATOR  PROMISED              WORTH
     Cedar    Copse     2026-11-28T11:00:00Z  promised after the log was retired
     Dogwood  Dell      2026-11-28T11:00:00Z  promised after the log was retired

    Chrome: refused: 2 SCTs of different logs are needed, and none counts
    Firefox: refused: 2 SCTs of different logs are needed, and none counts
    Apple: refused: 2 SCTs of different logs are needed, and none counts
    Countersign: refused: 2 SCTs of different logs are needed, and none counts
    by this list, as old as it is: refused: 2 SCTs of different logs are needed, and none counts
    exit 1
    ");
}

#[test]
fn programs_are_told_the_same() {
    let place = cases();
    let run = place.run(&format!("{} --json", explain("good")));
    assert_eq!(run.status, 0);
    let rows: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = rows.iter().map(|row| row["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["sct", "sct", "policy", "policy", "policy", "policy", "client"]);
    assert!(rows.iter().all(|row| row["type"] == "sct" || row["accepted"] == true));
    assert_eq!((&rows[0]["log"], &rows[0]["operator"]), (&"Alder".into(), &"Arbour".into()));
    assert_eq!(rows[6]["list_version"], 1_000_000);
}

#[test]
fn a_list_that_is_old_is_told_with_what_is_left_of_the_rule() {
    let place = cases();
    let late = explain("one-operator").replace("2026-11-28", "2027-02-11");
    assert_snapshot!(place.outcome(&late), @r"
     LOG    OPERATOR  PROMISED              WORTH
     Alder  Arbour    2026-11-28T11:00:00Z  counts, for Arbour
     Ash    Arbour    2026-11-28T11:00:00Z  counts, for Arbour

    Chrome: refused: SCTs of logs of 2 operators are needed, those that count are of 1
    Firefox: refused: SCTs of logs of 2 operators are needed, those that count are of 1
    Apple: refused: 2 SCTs of different logs are needed, 1 count, SCTs of logs of 2 operators are needed, those that count are of 1
    Countersign: refused: SCTs of logs of 2 operators are needed, those that count are of 1
    by this list, as old as it is: accepted: enough logs have promised to publish the certificate
    warning: the list of logs is 75 days old, more than 70: one SCT of a known log is now enough; update it
    exit 0
    ");
}

#[test]
fn what_is_no_chain_is_refused_with_a_hint() {
    let place = cases();
    let good = fs::read_to_string(place.path("good/chain.pem")).unwrap();
    let end =
        good.find("-----END CERTIFICATE-----\n").unwrap() + "-----END CERTIFICATE-----\n".len();
    let other = fs::read_to_string(place.path("private-root.pem")).unwrap();
    place.write("alone.pem", &good[..end]);
    place.write("other.pem", &format!("{}{other}", &good[..end]));
    place.write("none.pem", "nothing\n");
    assert_snapshot!(place.outcome("sct explain missing.pem"), @r"
    error: cannot read missing.pem: no such file
    exit 2
    ");
    assert_snapshot!(place.outcome("sct explain alone.pem"), @r"
    error: alone.pem has no two certificates
    hint: the issuer's key is part of what a log signs: give the file that the server uses, `fullchain.pem`
    exit 2
    ");
    assert_snapshot!(place.outcome("sct explain other.pem"), @r"
    error: the second certificate in other.pem did not issue the first
    hint: put them into the order in which a server sends them
    exit 2
    ");
    assert_snapshot!(place.outcome("sct explain none.pem"), @r"
    error: none.pem has no two certificates
    hint: the issuer's key is part of what a log signs: give the file that the server uses, `fullchain.pem`
    exit 2
    ");
    place.write("list", "no list\n");
    assert_snapshot!(place.outcome(&explain("good")), @r"
    error: cannot use list: the note has no signatures, or is cut off
    exit 2
    ");
}
