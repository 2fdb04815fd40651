//! What is shown of zones whose delegation is watched.

use std::collections::BTreeMap;

use countersign_judge::delegation::{
    Expected, Piece, Shown, Snapshot, Topic, Trust, View, Witness, judge,
};
use countersign_net::Clock;
use countersign_store::Store;
use countersign_store::zone::Look;
use insta::assert_snapshot;
use jiff::Timestamp;

use crate::place::{CONFIG, Place};

/// A zone that is declared to have one DS record.
pub(crate) const ZONE: &str = "
[[zone]]
name = \"xmpp.example\"
learn = true
ds = [\"7 13 2 01\"]
";

/// A watch that looked at the zone once, of which this DS record is shown.
fn looked(place: &Place, ds: &str) -> Store {
    let store = Store::open(&place.path("countersign-state")).unwrap();
    look(&store, ds);
    store
}

/// Looks at the zone, of which this DS record is shown.
pub(crate) fn look(store: &Store, ds: &str) {
    look_at(store, ds, Clock::system().now());
}

fn look_at(store: &Store, ds: &str, now: Timestamp) {
    store.watch_zones(&["xmpp.example.".to_owned()], now).unwrap();
    let topic: Topic = "parent xmpp.example. DS".parse().unwrap();
    let witness = Witness {
        vantage: "direct".to_owned(),
        server: "a.nic.example".parse().unwrap(),
        address: "192.0.2.1".parse().unwrap(),
    };
    let view = View {
        shown: ds.parse::<Shown>().unwrap(),
        ttl_s: Some(3600),
        witnesses: vec![witness],
        trust: Trust::Secure,
        why: String::new(),
        valid: None,
        pieces: vec![Piece { label: "proof".to_owned(), bytes: ds.as_bytes().to_vec() }],
    };
    let keys: Topic = "zone xmpp.example. DNSKEY".parse().unwrap();
    let key = View { shown: Shown::None, ..view.clone() };
    let seen = Snapshot {
        zone: "xmpp.example".parse().unwrap(),
        at: now,
        views: BTreeMap::from([(topic.clone(), vec![view]), (keys, vec![key])]),
        unseen: Vec::new(),
        resolvers: Vec::new(),
    };
    let mut expected = Expected::nothing(seen.zone.clone());
    let due = "records 00070d0201".parse::<Shown>().unwrap();
    expected.plans.insert(topic, countersign_judge::delegation::Plan::declared(&due, None));
    let state = store.reader().zone_state("xmpp.example.").unwrap().unwrap();
    let judged = judge(&expected, &state.before, &seen);
    let learned = BTreeMap::new();
    let look = Look {
        revision: state.revision,
        seen: &seen,
        judged: &judged,
        learned: &learned,
        blind: None,
    };
    store.note_look(&look).unwrap();
}

fn place() -> Place {
    let place = Place::configured();
    place.write("countersign.toml", &format!("{CONFIG}{ZONE}"));
    place
}

#[test]
fn a_zone_that_was_never_looked_at_is_not_fine() {
    let place = place();
    drop(Store::open(&place.path("countersign-state")).unwrap());
    assert_snapshot!(place.outcome("delegations"), @"
    xmpp.example.: not looked at yet
     WHAT                     STATE     SEEN  AT
     parent xmpp.example. DS  not seen  -     -
    exit 2
    ");
    assert_snapshot!(place.run("delegations accept xmpp.example").stderr, @"
    error: the zone xmpp.example. is not watched
    hint: `countersign delegations` lists those that are
    ");
    assert_eq!(place.run("delegations accept xmpp.example").status, 2);
    assert!(place.run("status").stdout.contains("zone xmpp.example. was never looked at"));
    place.write("countersign.toml", CONFIG);
    assert_snapshot!(place.outcome("delegations"), @"
    no zone is watched: `[[zone]]` in the configuration names one
    exit 0
    ");
}

#[test]
fn a_zone_in_order_is_shown_so() {
    let place = place();
    drop(looked(&place, "records 00070d0201"));
    let shown = place.run("delegations");
    assert_eq!(shown.status, 0);
    let rows: Vec<_> = shown.stdout.lines().skip(1).map(str::trim_end).collect();
    assert_snapshot!(rows.join("\n"), @"
     WHAT                       STATE        SEEN                AT
     parent xmpp.example. DS    as declared  7 13 2 01 (secure)  1 server
     zone xmpp.example. DNSKEY  -            none (secure)       1 server
    ");
    let row = &place.rows("delegations --json")[0];
    assert_eq!((&row["type"], &row["zone"]), (&"delegation".into(), &"xmpp.example.".into()));
    assert_eq!(row["topics"][0]["as_expected"], true);
    assert_eq!(
        row["topics"][0]["seen"][0]["witnesses"][0],
        "a.nic.example. (192.0.2.1) from direct"
    );
}

#[test]
fn a_zone_that_is_not_looked_at_any_more_is_not_fine() {
    let place = place();
    let store = Store::open(&place.path("countersign-state")).unwrap();
    look_at(&store, "records 00070d0201", "2026-11-01T00:00:00Z".parse().unwrap());
    let shown = place.run("delegations");
    assert_eq!(shown.status, 2);
    let first = shown.stdout.lines().next();
    assert_eq!(first, Some("xmpp.example.: NOT looked at since 2026-11-01T00:00:00Z"));
    assert_eq!(place.rows("delegations --json")[0]["stale"], true);
}

#[test]
fn a_swapped_zone_is_a_finding_with_its_evidence() {
    let place = place();
    drop(looked(&place, "records 00080d0202"));
    let shown = place.run("delegations");
    assert_eq!(shown.status, 1);
    let rows: Vec<_> = shown.stdout.lines().skip(1).map(str::trim_end).collect();
    assert_snapshot!(rows.join("\n"), @"
    INCIDENT 1: xmpp.example: the DS records changed
     WHAT                       STATE            SEEN                AT
     parent xmpp.example. DS    NOT AS DECLARED  8 13 2 02 (secure)  1 server
     zone xmpp.example. DNSKEY  -                none (secure)       1 server
    ");
    let row = &place.rows("incidents --json")[0];
    assert_eq!((&row["about"], &row["zone"]), (&"delegation".into(), &"xmpp.example.".into()));
    assert!(row["tbs_sha256"].is_null());
    let incident = place.run("show 1");
    assert!(incident.stdout.contains("What shows it"), "{}", incident.stdout);
    assert_snapshot!(
        incident.stdout.lines().filter(|line| !line.contains("20")).collect::<Vec<_>>().join("\n"),
        @"
    Incident 1, critical, open

    xmpp.example: the DS records changed

    What happened
      What is shown of the zone xmpp.example. is not what is expected.

    Why we think so
      - DS of xmpp.example. at the servers of the parent: 8 13 2 02; declared is 7 13 2 01; seen at a.nic.example. (192.0.2.1) from direct.

    Since when

    What it lets an attacker do
      Whoever holds the key that the new records name can sign everything in the zone, and have certificates for all its names.

    What to do now
      1. Ask whoever may change it at the registrar; if nobody did, have registrar and registry put the old records back and lock the domain; a change of keys to come is announced with next-ds.
      2. If all of it is as it should be: `countersign delegations accept xmpp.example.`. What is declared in the configuration is changed there.

    What shows it (`--json` has the bytes)
      427ccc55aafca727e32d23f8f411d7e27378fa449cd1a23c664b2c967626fd28 now: proof: parent xmpp.example. DS
    "
    );
    let evidence = &place.rows("show 1 --json")[0]["evidence"][0];
    assert_eq!(evidence["label"], "now: proof: parent xmpp.example. DS");
    assert_eq!(evidence["base64"], "cmVjb3JkcyAwMDA4MGQwMjAy");
    assert_eq!(place.run("acknowledge 1").status, 0);
    assert_eq!(place.run("delegations").status, 0);
    // What is declared is not accepted away.
    let accepted = place.rows("delegations accept xmpp.example --json");
    assert_eq!(accepted[1]["declared"][0], "parent xmpp.example. DS");
    assert_snapshot!(place.outcome("evidence 1 --out pack.tar"), @"
    error: incident 1 is about a zone, and there is no pack for that
    hint: `countersign show 1 --json` has its evidence; `countersign dnssec verify` verifies each proof
    exit 2
    ");
}
