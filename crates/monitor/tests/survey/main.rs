//! Surveys of zones of the lab, each server a port of this machine.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use countersign_dns::{Anchors, Hints, Name, Rtype, walk, zone_text};
use countersign_judge::zone::{APEX, Holder};
use countersign_judge::{ZoneReport, ZoneView};
use countersign_lab::dns::{Algorithm, Denial, Manner, Responder, Signing, Tree, View};
use countersign_lab::log::Group;
use countersign_monitor::survey::{NoZone, Settings, survey};
use countersign_net::{Clock, Dns, Net, Redirects, Roots, Route, Vantage, dns};

/// The two servers of `pair.example`, each of an operator of its own.
const PAIR: [&str; 2] = ["203.0.113.1", "203.0.113.2"];

const CONTENT: &str = r#"
@    SOA  hidden.csk.example. hostmaster 7 7200 1800 604800 300
@    NS   pair.rsa.example.
@    NS   pair.signed.org.
@    CAA  0 issue "ca.example"
www  A    203.0.113.80
mail CNAME www
"#;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A small Internet in which `pair.example` has two servers.
struct World {
    tree: Tree,
    responder: Responder,
    /// Where the servers are; those that are taken out are out of reach.
    table: BTreeMap<IpAddr, SocketAddr>,
}

impl World {
    async fn new() -> Self {
        let now = Clock::system().now();
        let mut tree = Tree::new(now);
        for (zone, server) in ["rsa.example", "signed.org"].into_iter().zip(PAIR) {
            tree.change(zone, |zone, _| zone.add(&format!("pair A {server}")).unwrap());
        }
        let signing = Signing::new(Algorithm::EcdsaP256Sha256, "pair", Denial::Nsec, now);
        tree.graft("pair.example", CONTENT, Some(signing), &PAIR.map(address)).unwrap();
        let responder = tree.start().await.unwrap();
        let table = responder.table(Group::A);
        Self { tree, responder, table }
    }

    fn turn(&self, server: &str, turn: impl FnOnce(&mut View)) {
        self.responder.turn(address(server), Group::A, turn);
    }

    async fn survey(&self, text: &str) -> Result<ZoneView, NoZone> {
        let net = Net::new(countersign_net::Settings {
            contact: "ops@example.org".to_owned(),
            roots: Roots::Public,
            redirects: Some(Redirects::with_servers([], self.table.clone())),
            vantages: vec![Vantage { name: "direct".to_owned(), route: Route::Direct }],
        });
        let hints = Hints::from_zone_text(&self.tree.hints()).unwrap();
        let chosen = dns::Settings { hints, ..dns::Settings::default() };
        let dns = Dns::new(&net.unwrap(), "direct", chosen, Clock::system()).unwrap();
        let root = zone_text::records(&self.tree.trust_anchor(), &Name::root()).unwrap();
        let anchors = Anchors::of_records(&root).unwrap();
        let settings = Settings {
            walk: walk::Settings { anchors, ..walk::Settings::default() },
            // How times of signing move is put to the test where it is judged.
            probes_apart: Duration::ZERO,
            upstream: None,
        };
        let told = Cell::new((0, 0));
        let progress = |done, total| told.set((done, total));
        let view = survey(&dns, &name(text), &settings, &Clock::system(), progress).await;
        assert_eq!(told.get().0, told.get().1, "all that was begun was told of");
        view
    }

    #[track_caller]
    fn check(view: &ZoneView, expected: &[&str]) {
        let findings = ZoneReport::of(view).findings;
        let kinds: Vec<_> = findings.iter().map(|finding| finding.kind()).collect();
        let text: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(kinds, expected, "{text:#?}");
    }
}

#[tokio::test]
async fn a_zone_in_order_is_found_so() {
    let world = World::new().await;
    let view = world.survey("pair.example").await.unwrap();
    World::check(&view, &[]);
    assert_eq!(
        (view.zone.to_string(), view.parent.clone()),
        ("pair.example.".to_owned(), Some(name("example")))
    );
    assert_eq!((view.parents.len(), view.servers.len()), (1, 2));
    assert_eq!(view.walks.len(), APEX.len());
    let report = ZoneReport::of(&view);
    assert_eq!(report.custody.holder, Holder::ConsistentWithKeyless, "{:#?}", report.custody.seen);
    let names: Vec<_> = report.chain.iter().map(|zone| zone.name.to_string()).collect();
    assert_eq!(names, [".", "example.", "pair.example."]);
}

#[tokio::test]
async fn any_name_leads_to_its_zone() {
    let world = World::new().await;
    for (asked, zone) in [
        ("www.pair.example", "pair.example"),
        ("mail.pair.example", "pair.example"),
        ("no.such.name.pair.example", "pair.example"),
        ("example", "example"),
        (".", "."),
    ] {
        assert_eq!(world.survey(asked).await.unwrap().zone, name(zone), "{asked}");
    }
    let root = world.survey(".").await.unwrap();
    assert_eq!((root.parent.clone(), root.servers.len()), (None, 2));
    World::check(&root, &[]);
}

#[tokio::test]
async fn one_server_alone_can_differ() {
    let world = World::new().await;
    let other = world.tree.other("pair.example", |zone, _| {
        zone.remove(&name("pair.example"), Rtype::CAA);
    });
    world.turn(PAIR[1], |view| view.zones = vec![Arc::clone(&other)]);
    World::check(&world.survey("pair.example").await.unwrap(), &["servers-disagree"]);
}

#[tokio::test]
async fn what_cannot_be_seen_is_told() {
    let mut world = World::new().await;
    world.turn(PAIR[1], |view| view.manner = Manner::Failing(5));
    World::check(&world.survey("pair.example").await.unwrap(), &["lame"]);
    world.table.remove(&address(PAIR[1]));
    let view = world.survey("pair.example").await.unwrap();
    World::check(&view, &["no-answer"]);
    // Nobody answers for the zone: it is the one that is looked at.
    world.table.remove(&address(PAIR[0]));
    let view = world.survey("www.pair.example").await.unwrap();
    assert_eq!(view.zone, name("pair.example"));
    assert!(ZoneReport::of(&view).findings.iter().all(|finding| finding.is_blindness()));
    world.table.clear();
    let error = world.survey("www.pair.example").await.unwrap_err();
    assert!(error.to_string().contains("www.pair.example."), "{error}");
}

#[tokio::test]
async fn an_unsigned_zone_is_found_so() {
    let world = World::new().await;
    let view = world.survey("unsigned.test").await.unwrap();
    World::check(&view, &["insecure"]);
    assert_eq!(ZoneReport::of(&view).custody.holder, Holder::Unknown);
}

#[tokio::test]
async fn a_network_without_ipv6_is_one_finding() {
    let mut world = World::new().await;
    // Two servers have IPv6 addresses, and none is to be reached.
    for server in ["2001:db8::2", "2001:db8::7"] {
        let text = format!("pair AAAA {server}");
        world.tree.change("rsa.example", |zone, _| zone.add(&text).unwrap());
    }
    world.responder = world.tree.start().await.unwrap();
    world.table = world.responder.table(Group::A);
    let view = world.survey("pair.example").await.unwrap();
    World::check(&view, &["not-looked"]);
    assert!(view.servers.iter().all(|server| server.address.is_ipv4()));
}
