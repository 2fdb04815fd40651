//! A small Internet in which `watched.reg` has two servers, and so has its parent.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_dns::{Anchors, Hints, Name, Rtype, walk, zone_text};
use countersign_judge::delegation::{
    Before, DelegationFinding, Expected, Kind, Shown, Snapshot, Topic,
};
use countersign_lab::dns::{Algorithm, Denial, DsDigest, MALLORY, Responder, Signing, Tree};
use countersign_lab::log::Group;
use countersign_monitor::delegations::{judged, look};
use countersign_monitor::{WatchedZone, Way};
use countersign_net::{Clock, Dns, Net, Redirects, Roots, Route, Vantage, dns};
use countersign_store::zone::ZoneState;
use jiff::SignedDuration;

pub(crate) const ZONE: &str = "watched.reg";
pub(crate) const REGISTRY: [&str; 2] = ["192.0.2.21", "192.0.2.22"];
pub(crate) const HOST: [&str; 2] = ["203.0.113.1", "203.0.113.2"];

const CONTENT: &str = r#"
@   NS   ns1
@   NS   ns2
ns1 A    203.0.113.1
ns2 A    203.0.113.2
@   CAA  0 issue "ca.example; accounturi=https://ca.example/acct/1"
"#;

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The Internet, and what is known of the zone.
pub(crate) struct World {
    pub(crate) tree: Tree,
    pub(crate) responder: Responder,
    pub(crate) walk: walk::Settings,
    pub(crate) zone: WatchedZone,
    pub(crate) ways: Vec<Way>,
    pub(crate) before: Before,
    pub(crate) learned: BTreeMap<Topic, Shown>,
    pub(crate) findings: Vec<DelegationFinding>,
    /// How much later than now it is taken to be.
    pub(crate) later: SignedDuration,
}

impl World {
    pub(crate) async fn new() -> Self {
        let now = Clock::system().now();
        let mut tree = Tree::new(now);
        let signing =
            |seed| Some(Signing::new(Algorithm::EcdsaP256Sha256, seed, Denial::Nsec, now));
        tree.graft("reg", "", signing("reg"), &REGISTRY.map(address)).unwrap();
        tree.graft(ZONE, CONTENT, signing("watched"), &HOST.map(address)).unwrap();
        let responder = tree.start().await.unwrap();
        let root = zone_text::records(&tree.trust_anchor(), &Name::root()).unwrap();
        let anchors = Anchors::of_records(&root).unwrap();
        let mut world = Self {
            tree,
            responder,
            walk: walk::Settings { anchors, ..walk::Settings::default() },
            zone: WatchedZone {
                expected: Expected::nothing(name(ZONE)),
                learn: true,
                topics: WatchedZone::topics_of(&name(ZONE)),
                every: Duration::from_secs(600),
                vantages: Vec::new(),
                resolvers: Vec::new(),
            },
            ways: Vec::new(),
            before: Before::default(),
            learned: BTreeMap::new(),
            findings: Vec::new(),
            later: SignedDuration::ZERO,
        };
        world.ways = vec![world.way("direct", Group::A), world.way("elsewhere", Group::B)];
        world.ways.truncate(1);
        world
    }

    /// Has the tree served as it is now.
    pub(crate) async fn start_again(&mut self) {
        self.responder = self.tree.start().await.unwrap();
        self.ways = vec![self.way("direct", Group::A)];
    }

    /// A vantage that knows nothing yet.
    pub(crate) fn way(&self, vantage: &str, group: Group) -> Way {
        let net = Net::new(countersign_net::Settings {
            contact: "ops@example.org".to_owned(),
            roots: Roots::Public,
            redirects: Some(Redirects::with_servers([], self.responder.table(group))),
            vantages: vec![Vantage { name: vantage.to_owned(), route: Route::Direct }],
        });
        let hints = Hints::from_zone_text(&self.tree.hints()).unwrap();
        let chosen = dns::Settings { hints, ..dns::Settings::default() };
        Way::new(vantage, Dns::new(&net.unwrap(), vantage, chosen, Clock::system()).unwrap())
    }

    /// The registry is coerced: these servers of it delegate the zone to Mallory, who signs with a key of her own.
    pub(crate) fn swap(&mut self, group: Group, registry: &[&str]) {
        let mallory = Signing::new(
            Algorithm::EcdsaP256Sha256,
            "mallory",
            Denial::Nsec,
            Clock::system().now(),
        );
        let ds = mallory.ksks[0].ds(&name(ZONE), DsDigest::Sha256);
        let other = self.tree.other(ZONE, |zone, signing| {
            let apex = name(ZONE);
            zone.remove(&apex, Rtype::NS);
            zone.remove(&apex, Rtype::CAA);
            zone.add("@ NS ns.mallory").unwrap();
            zone.add(&format!("ns.mallory A {MALLORY}")).unwrap();
            *signing = Some(mallory);
        });
        let parent = self.tree.other_parent(ZONE, |delegation| {
            delegation.ds = vec![ds];
            delegation.servers = vec![(name("ns.mallory.watched.reg"), vec![MALLORY])];
        });
        for server in registry {
            self.responder
                .turn(address(server), group, |view| view.zones = vec![Arc::clone(&parent)]);
        }
        self.responder.turn(MALLORY, group, |view| view.zones = vec![Arc::clone(&other)]);
        if group == Group::B {
            self.ways.push(self.way("elsewhere", Group::B));
        }
    }

    /// Looks, from vantages that remember nothing of the look before, and judges.
    pub(crate) async fn look(&mut self) -> Snapshot {
        for way in &self.ways {
            way.forget();
        }
        let mut seen =
            look(&self.zone, &self.ways, &self.walk, &self.before, &Clock::system()).await;
        seen.at += self.later;
        let (before, learned) = (self.before.clone(), self.learned.clone());
        let (judged, learned) =
            judged(&self.zone, &ZoneState { revision: 0, before, learned }, &seen);
        self.learned.extend(learned);
        self.before = judged.before;
        self.findings = judged.findings;
        seen
    }

    /// The same, and of what kinds the findings are.
    pub(crate) async fn check(&mut self, expected: &[Kind]) -> Snapshot {
        let seen = self.look().await;
        let kinds: Vec<_> = self.findings.iter().map(|found| found.kind).collect();
        assert_eq!(kinds, expected, "{:#?}", self.findings);
        seen
    }
}
