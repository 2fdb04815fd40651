//! What is shown of a watch and of the lists of logs.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use countersign_store::Store;
use countersign_store::trouble::{Nature, NewTrouble};
use insta::assert_snapshot;
use serde_json::Value;

use crate::place::{CONFIG, Place, log_id, log_list};
use crate::watched::{ago, forked, list_failed, sighting, watched};

#[test]
fn without_a_watch_there_is_nothing_to_show_and_that_is_not_fine() {
    let place = Place::configured();
    assert_snapshot!(place.outcome("status"), @r"
    error: there is no database countersign-state/countersign.db
    hint: start `countersign watch` first, or name its state directory
    exit 2
    ");
    assert_eq!(place.run("sightings").status, 2);
    assert_eq!(place.run("troubles --all").status, 2);
    assert_eq!(place.run("log-list diff").status, 2);
    drop(Store::open(&place.path("countersign-state")).unwrap());
    assert_snapshot!(place.outcome("status"), @r"
    nothing was watched yet
    exit 2
    ");
}

#[test]
fn status_shows_how_far_each_log_is_proved() {
    let place = Place::configured();
    let store = watched(&place);
    assert_snapshot!(place.outcome("status"), @"
     LOG    DOWNLOADED  VERIFIED  HEAD    LAG       EXPOSURE  LAST TROUBLE
     Log 1      12,345    12,300  12,400  100 / 1h     1d 3h  -
    guarding since 2026-11-01T00:00:00Z: 0 open incidents (0 not acknowledged), 0 pending; 1 of 1 logs verified within 1d, 0 misbehaved (0 not acknowledged), 0 open troubles, 2 reports not told yet
    exit 0
    ");
    let rows = place.rows("status --json");
    let log = &rows[0];
    assert_eq!((&log["type"], &log["log"]), (&"log".into(), &"Log 1".into()));
    assert_eq!(log["lag_entries"], 100);
    assert_eq!(log["lag_seconds"], 3600);
    // Three hours since the verified head, and a day in which the log may still merge.
    assert!((97_200..97_260).contains(&log["exposure_seconds"].as_u64().unwrap()));
    assert_eq!((&log["stale"], &log["misbehaved"]), (&false.into(), &false.into()));
    assert_eq!(rows[1]["type"], "summary");
    drop(store);
    assert_eq!(place.run("status").status, 0);
}

#[test]
fn a_log_that_misbehaved_is_a_finding() {
    let place = Place::configured();
    let store = watched(&place);
    forked(&store);
    let lines = NewTrouble {
        log: None,
        kind: "disk",
        nature: Nature::Condition,
        detail: "the disk is full",
        evidence: &[],
    };
    store.raise(&lines, "2026-11-24T03:00:00Z".parse().unwrap()).unwrap();
    assert_snapshot!(place.outcome("status"), @r"
     LOG    DOWNLOADED  VERIFIED  HEAD    LAG       EXPOSURE  LAST TROUBLE
     Log 1      12,345    12,300  12,400  100 / 1h     1d 3h  fork: the log forked\u{1b}[2J
    trouble: disk: the disk is full
    guarding since 2026-11-01T00:00:00Z: 0 open incidents (0 not acknowledged), 0 pending; 1 of 1 logs verified within 1d, 1 misbehaved (1 not acknowledged), 2 open troubles, 4 reports not told yet
    exit 1
    ");
    assert_snapshot!(place.outcome("troubles"), @r"
     ID  SINCE                 LAST SEEN             LOG    KIND  WHAT
     1   2026-11-24T02:00:00Z  2026-11-24T02:00:00Z  Log 1  fork  the log forked\u{1b}[2J
     2   2026-11-24T03:00:00Z  2026-11-24T03:00:00Z  -      disk  the disk is full
    exit 1
    ");
    store.clear(None, "disk", "2026-11-24T04:00:00Z".parse().unwrap()).unwrap();
    assert_snapshot!(place.outcome("troubles --all"), @r"
     ID  SINCE                 LAST SEEN                        LOG    KIND  WHAT
     1   2026-11-24T02:00:00Z  2026-11-24T02:00:00Z             Log 1  fork  the log forked\u{1b}[2J
     2   2026-11-24T03:00:00Z  over since 2026-11-24T04:00:00Z  -      disk  the disk is full
    exit 1
    ");
    assert_snapshot!(place.outcome("troubles --json"), @r#"
    {"type":"trouble","id":1,"log":"Log 1","log_id":"KBU1FbrvQUqLgeGROfjvK0Pbuf+ziGik2BaHY5Lo6p4=","kind":"fork","nature":"proof","detail":"the log forked\u001b[2J","opened_at":"2026-11-24T02:00:00Z","seen_at":"2026-11-24T02:00:00Z","seen_count":1,"cleared_at":null,"acknowledged_at":null,"acknowledged":null,"evidence":[{"label":"head held","sha256":"7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"},{"label":"head shown","sha256":"d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"}],"evidence_not_kept":0}
    exit 1
    "#);
}

/// A time that a snapshot cannot know.
fn without_time(text: &str, at: &Value) -> String {
    text.replace(at.as_str().unwrap(), "TIME")
}

#[test]
fn misbehaviour_that_somebody_acknowledged_is_shown_and_no_longer_a_finding() {
    let place = Place::configured();
    let store = watched(&place);
    forked(&store);
    assert_eq!((place.run("status").status, place.run("troubles").status), (1, 1));
    let acknowledge = "troubles acknowledge 1 --note told-the-operator";
    assert_snapshot!(place.outcome(acknowledge), @"
    trouble 1 is acknowledged
    exit 0
    ");
    let trouble = place.rows("troubles --json").remove(0);
    let at = &trouble["acknowledged_at"];
    assert_eq!(trouble["acknowledged"], "told-the-operator");
    assert_snapshot!(without_time(&place.outcome(acknowledge), at), @"
    trouble 1 was acknowledged already, at TIME
    exit 0
    ");
    assert_eq!(place.rows(&format!("{acknowledge} --json")), std::slice::from_ref(&trouble));
    assert_snapshot!(without_time(&place.outcome("troubles"), at), @r"
     ID  SINCE                 LAST SEEN             LOG    KIND  WHAT
     1   2026-11-24T02:00:00Z  2026-11-24T02:00:00Z  Log 1  fork  the log forked\u{1b}[2J (acknowledged at TIME: told-the-operator)
    exit 0
    ");
    assert_snapshot!(place.outcome("status"), @r"
     LOG    DOWNLOADED  VERIFIED  HEAD    LAG       EXPOSURE  LAST TROUBLE
     Log 1      12,345    12,300  12,400  100 / 1h     1d 3h  fork: the log forked\u{1b}[2J
    guarding since 2026-11-01T00:00:00Z: 0 open incidents (0 not acknowledged), 0 pending; 1 of 1 logs verified within 1d, 1 misbehaved (0 not acknowledged), 1 open troubles, 3 reports not told yet
    exit 0
    ");
    let rows = place.rows("status --json");
    assert_eq!((&rows[0]["misbehaved"], &rows[1]["misbehaved"]), (&true.into(), &1.into()));
    assert_eq!(rows[0]["misbehaved_unacknowledged"], false);
    assert_eq!(rows[1]["misbehaved_unacknowledged"], 0);

    // The same heads once more are nothing new; another one is.
    forked(&store);
    assert_eq!((place.run("status").status, place.run("troubles").status), (0, 0));
    let again = NewTrouble {
        log: Some(&log_id()),
        kind: "fork",
        nature: Nature::Proof,
        detail: "the log forked",
        evidence: &[("head shown", b"a third")],
    };
    store.raise(&again, ago(0)).unwrap();
    assert_eq!((place.run("status").status, place.run("troubles").status), (1, 1));
    assert_eq!(place.rows("troubles --json")[0]["acknowledged_at"], Value::Null);
}

#[test]
fn what_keeps_us_from_seeing_counts_acknowledged_or_not() {
    let place = Place::configured();
    let store = watched(&place);
    list_failed(&store);
    assert_eq!((place.run("status").status, place.run("troubles").status), (2, 1));
    assert_snapshot!(place.outcome("troubles acknowledge 1"), @"
    trouble 1 is acknowledged; it counts until it is over
    exit 0
    ");
    assert_eq!((place.run("status").status, place.run("troubles").status), (2, 1));
    let shown = place.run("troubles").stdout;
    assert!(shown.contains("cannot read logs.json (acknowledged at 2"), "{shown}");
    store.clear(None, "log-list-file", ago(0)).unwrap();
    assert_eq!((place.run("status").status, place.run("troubles").status), (0, 0));
}

#[test]
fn only_a_trouble_that_there_is_can_be_acknowledged() {
    let place = Place::configured();
    assert_eq!(place.run("troubles acknowledge 1").status, 2);
    assert!(!place.path("countersign-state").exists());
    drop(watched(&place));
    assert_snapshot!(place.outcome("troubles acknowledge 1"), @"
    error: there is no trouble 1
    hint: `countersign troubles --all` lists them
    exit 2
    ");
    assert_eq!(place.run("troubles --all acknowledge 1").status, 2);
}

#[test]
fn a_log_that_was_not_verified_for_long_was_not_looked_at() {
    let place = Place::configured();
    place.write("countersign.toml", &format!("{CONFIG}\n[watch]\nstale-after = \"2h\"\n"));
    drop(watched(&place));
    assert_snapshot!(place.outcome("status"), @"
     LOG    DOWNLOADED  VERIFIED  HEAD    LAG       EXPOSURE  LAST TROUBLE
     Log 1      12,345    12,300  12,400  100 / 1h     1d 3h  -
    guarding since 2026-11-01T00:00:00Z: 0 open incidents (0 not acknowledged), 0 pending; 0 of 1 logs verified within 2h, 0 misbehaved (0 not acknowledged), 0 open troubles, 2 reports not told yet
    exit 2
    ");
}

#[test]
fn where_a_list_of_logs_fails_not_all_was_looked_at() {
    let place = Place::configured();
    let store = watched(&place);
    list_failed(&store);
    assert_snapshot!(place.outcome("status"), @"
     LOG    DOWNLOADED  VERIFIED  HEAD    LAG       EXPOSURE  LAST TROUBLE
     Log 1      12,345    12,300  12,400  100 / 1h     1d 3h  -
    trouble: log-list-file: cannot read logs.json
    guarding since 2026-11-01T00:00:00Z: 0 open incidents (0 not acknowledged), 0 pending; 1 of 1 logs verified within 1d, 0 misbehaved (0 not acknowledged), 1 open troubles, 3 reports not told yet
    exit 2
    ");
    assert_eq!(place.run("status --json").status, 2);
    store.clear(None, "log-list-file", ago(0)).unwrap();
    assert_eq!(place.run("status").status, 0);
}

#[test]
fn a_match_without_a_name_shows_what_is_meant() {
    let check = |guard: &str, names: &[&str], shown: &str| {
        let place = Place::configured();
        let mut sighting = sighting(12_299);
        let met = &mut sighting.matches[0];
        (met.guard, met.name) = (guard.into(), String::new());
        sighting.names = names.iter().map(|name| (*name).to_owned()).collect();
        let store = watched(&place);
        let (position, revision) = store.reader().position(&log_id()).unwrap().unwrap();
        store.commit(&log_id(), Some(revision), &position, &[sighting], ago(0)).unwrap();
        let outcome = place.run(&format!("sightings --guard {guard} --limit 1"));
        assert!(outcome.stdout.contains(&format!("  {shown}  ")), "{}", outcome.stdout);
    };
    check(".", &["xmpp.example", "a.example", "b.example"], "xmpp.example and 2 more");
    check(".", &["xmpp.example"], "xmpp.example");
    check(".", &[], "no name that can be read");
    check(".xmpp.example", &["a.example"], ".xmpp.example, perhaps");
}

#[test]
fn sightings_are_findings() {
    let place = Place::configured();
    drop(watched(&place));
    assert_snapshot!(place.outcome("sightings"), @r"
     ID  FOUND                 NAME          VALID                     ISSUER KEY        LOG
     1   2026-11-24T01:02:03Z  xmpp.example  2026-11-20 to 2027-02-18  0303030303030303  Log 1 #12298
    exit 1
    ");
    assert_snapshot!(place.outcome("sightings --since 2026-11-25"), @"exit 0");
    assert_snapshot!(place.outcome("sightings --guard other.example"), @"exit 0");
    assert_snapshot!(place.outcome("sightings --guard *.xmpp.example"), @r#"
    error: cannot guard "*.xmpp.example": it has a wildcard
    hint: write .example.org for example.org and all names below it
    exit 2
    "#);
    assert_snapshot!(place.outcome("sightings --guard a..b"), @r#"
    error: cannot guard "a..b": it has an empty label
    hint: "example.org" is that name alone, ".example.org" the name and all below it, "192.0.2.1" an address
    exit 2
    "#);
    let rows = place.rows("sightings --json --guard .XMPP.example --since 2026-11-24T01:00:00Z");
    assert_eq!((rows.len(), &rows[0]["index"]), (1, &12_298.into()));
    assert_eq!(rows[0]["matches"][0]["reading"], "san-dns");
}

#[test]
fn the_lists_of_logs_are_shown_and_compared() {
    let place = Place::configured();
    assert_snapshot!(place.outcome("log-list show"), @r"
     LOG    OPERATOR  READ BY  STATE   FOLLOWED  MMD  EXPIRING                  URL
     Log 1  Operator  rfc6962  usable  yes       1d   2025-07-01 to 2127-01-01  https://log.example
    left out: operators[0].logs[1]: not in the log list v3 shape: missing field `log_id` at line 1 column 40
    exit 0
    ");
    assert_snapshot!(place.outcome("log-list show --json"), @r#"
    {"type":"log","log":"Log 1","log_id":"KBU1FbrvQUqLgeGROfjvK0Pbuf+ziGik2BaHY5Lo6p4=","operator":"Operator","api":"rfc6962","url":"https://log.example","submission_url":null,"state":"usable","purpose":"production","mmd_seconds":86400,"not_after_from":"2025-07-01T00:00:00Z","not_after_before":"2127-01-01T00:00:00Z","key":"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQYmMzj0L5C5iOuZ0WRN4FosI6MJ5m1awqTRpbby2abap69/SthXXu2ZAffG+b1bqUyXBf4LTyTjtKJypFtLUVA==","followed":true,"why_not":null}
    {"type":"skipped","what":"operators[0].logs[1]","why":"not in the log list v3 shape: missing field `log_id` at line 1 column 40"}
    exit 0
    "#);
    let store = watched(&place);
    assert_snapshot!(place.outcome("log-list diff"), @r"
    error: the list file was not followed yet
    hint: `countersign watch` keeps the lists that it follows
    exit 2
    ");
    store.keep_log_list("file", log_list("Log 1").as_bytes(), ago(1)).unwrap();
    assert_snapshot!(place.outcome("log-list diff"), @"exit 0");
    place.write("logs.json", &log_list("Log one"));
    assert_snapshot!(place.outcome("log-list diff"), @r"
    changed: Log one of Operator, usable (description)
    exit 1
    ");
    place.write("logs.json", "{}");
    assert_snapshot!(place.outcome("log-list show"), @r"
    error: cannot read logs.json: the list of logs is not in the log list v3 shape: missing field `operators` at line 1 column 2
    exit 2
    ");
    fs::remove_file(place.path("logs.json")).unwrap();
    assert_snapshot!(place.outcome("log-list show"), @r"
    error: cannot get the list file: cannot read logs.json: no such file
    exit 2
    ");
}

#[test]
fn each_list_that_cannot_be_had_is_named() {
    let place = Place::configured();
    let sources = r#"{ name = "one", file = "one.json" }, { name = "file""#;
    place.write(
        "countersign.toml",
        &CONFIG.replace(r#"{ name = "file""#, sources).replace("logs.json", "two.json"),
    );
    let outcome = place.run("log-list show");
    assert!(outcome.stderr.contains("cannot get the list one: cannot read one.json: no such file"));
    assert!(
        outcome
            .stderr
            .contains("error: cannot get the list file: cannot read two.json: no such file")
    );
    assert_eq!(outcome.status, 2);
}

#[test]
fn of_a_log_that_is_not_followed_it_is_said_why() {
    let check = |from: &str, to: &str, why_not: Option<&str>| {
        let place = Place::configured();
        place.write("logs.json", &log_list("Log 1").replace(from, to));
        let row = &place.rows("log-list show --json")[0];
        assert_eq!(
            (row["followed"].as_bool(), row["why_not"].as_str()),
            (Some(why_not.is_none()), why_not)
        );
        let shown = why_not.map_or("yes".to_owned(), |why| format!("no: {why}"));
        let table = place.run("log-list show").stdout;
        assert!(table.contains(&format!("  {shown}  ")), "{table}");
    };
    check("", "", None);
    check("usable", "readonly", None);
    check("usable", "pending", Some("pending"));
    check("usable", "retired", Some("retired"));
    check("usable", "rejected", Some("rejected"));
    check("2127-", "2026-", Some("all in it has expired"));
    check("https://log.example/", "", Some("no list says where it is"));
    check("\"mmd\"", "\"log_type\": \"test\", \"mmd\"", Some("for tests"));
}

#[test]
fn lists_are_fetched_with_the_contact_in_the_request() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/logs.json", server.local_addr().unwrap());
    let place = Place::configured();
    place.write("countersign.toml", &CONFIG.replace("file =", "url =").replace("logs.json", &url));
    let serving = thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        let list = log_list("Log 1");
        let header = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", list.len());
        stream.write_all((header + &list).as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    assert_eq!(place.rows("log-list show --json")[0]["log"], "Log 1");
    assert!(serving.join().unwrap().contains("ct@xmpp.example"));
    // Now nobody listens.
    let outcome = place.outcome("log-list show");
    assert!(
        outcome.starts_with("error: cannot get the list file: cannot connect to 127.0.0.1"),
        "{outcome}"
    );
    assert!(outcome.ends_with("exit 2"), "{outcome}");
}

#[test]
fn only_so_many_are_listed_and_that_is_said() {
    let place = Place::configured();
    let store = watched(&place);
    let (position, revision) = store.reader().position(&log_id()).unwrap().unwrap();
    let sightings = [sighting(12_299), sighting(12_300)];
    store.commit(&log_id(), Some(revision), &position, &sightings, ago(0)).unwrap();
    let outcome = place.run("sightings --json --limit 2");
    assert_eq!(outcome.stdout.lines().count(), 2);
    assert!(outcome.stdout.contains("\"index\":12300"));
    assert!(outcome.stderr.contains("there are more sightings"));
    let outcome = place.run("sightings --json --limit 3");
    assert_eq!((outcome.stdout.lines().count(), outcome.stderr.as_str()), (3, ""));
    assert_eq!(place.run("sightings --limit 0").status, 2);
}

#[test]
fn nobody_is_asked_without_saying_who_asks() {
    let place = Place::new();
    place.write("countersign.toml", "guard = [\".xmpp.example\"]");
    assert_snapshot!(place.outcome("log-list show"), @r#"
    error: `contact` is not set: log operators must be able to reach whoever asks
    hint: set contact = "you@your.domain" in the configuration file; it is sent with each request
    exit 2
    "#);
}
