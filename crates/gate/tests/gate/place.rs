//! A gate on the lab's signed DNS, with a zone of its own below `example.` and an archive in a folder that goes away.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use countersign_caa::{Account, Demand, Identifier, Method, Name, Profile, Purpose};
use countersign_dns::{Anchors, Hints, Rtype, walk, zone_text};
use countersign_gate::application::{Application, Source};
use countersign_gate::archive::{Lines, read_proof};
use countersign_gate::rejudge::{Unsound, rejudge};
use countersign_gate::row::RecordRow;
use countersign_gate::{Archive, Corroborators, Gate, Lookups};
use countersign_lab::dns::{Algorithm, Denial, DsDigest, MALLORY, Responder, Signing, Tree};
use countersign_lab::log::Group;
use countersign_net::{Clock, Dns, Net, Redirects, Roots, Route, Settings, Vantage, dns};
use tempfile::TempDir;

/// The records of `shop.example`.
pub(crate) const SHOP: &str = r#"
$TTL 300
@        CAA    0 issue "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01"
www      A      203.0.113.80
open     CAA    0 issue "ca.example"
closed   CAA    0 issue ";"
alias    CNAME  www.unsigned.test.
"#;

/// Who serves it.
pub(crate) const SHOP_SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 20));

/// The world.
pub(crate) struct World {
    pub(crate) tree: Tree,
    pub(crate) responder: Responder,
    pub(crate) dir: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::grown(|_| {}).await
    }

    /// With more in its tree.
    pub(crate) async fn grown(grow: impl FnOnce(&mut Tree)) -> Self {
        let now = Clock::system().now();
        let mut tree = Tree::new(now);
        let signing = Signing::new(Algorithm::EcdsaP256Sha256, "shop.example", Denial::Nsec, now);
        tree.graft("shop.example", SHOP, Some(signing), &[SHOP_SERVER]).unwrap();
        grow(&mut tree);
        let responder = tree.start().await.unwrap();
        Self { tree, responder, dir: tempfile::tempdir().unwrap() }
    }

    /// What walks start from.
    pub(crate) fn walks(&self) -> walk::Settings {
        let records = zone_text::records(&self.tree.trust_anchor(), &countersign_dns::Name::root());
        let anchors = Anchors::of_records(&records.unwrap()).unwrap();
        walk::Settings { anchors, ..walk::Settings::default() }
    }

    /// The way out of those who are told what this group is told.
    pub(crate) fn net(&self, group: Group) -> Net {
        let redirects = Redirects::with_servers([], self.responder.table(group));
        let direct = Vantage { name: "direct".to_owned(), route: Route::Direct };
        let settings = Settings {
            contact: "ops@ca.example".to_owned(),
            roots: Roots::Only(Vec::new()),
            redirects: Some(redirects),
            vantages: vec![direct],
        };
        Net::new(settings).unwrap()
    }

    pub(crate) fn lookups(&self, group: Group) -> Lookups {
        self.lookups_kept(group, Duration::from_secs(3600))
    }

    /// What uses nothing again that was looked up longer ago than this.
    pub(crate) fn lookups_kept(&self, group: Group, kept_max: Duration) -> Lookups {
        self.lookups_by(group, kept_max, Duration::from_millis(300), Clock::system())
    }

    /// What waits so long for an answer to a datagram.
    pub(crate) fn lookups_by(
        &self,
        group: Group,
        kept_max: Duration,
        datagram: Duration,
        clock: Clock,
    ) -> Lookups {
        let hints = Hints::from_zone_text(&self.tree.hints()).unwrap();
        let mut settings = dns::Settings { hints, ..dns::Settings::default() };
        settings.direct.datagram = datagram;
        let dns = Dns::new(&self.net(group), "direct", settings, clock.clone()).unwrap();
        Lookups::new(dns, self.walks(), clock, kept_max)
    }

    /// A gate whose archive is in this folder.
    pub(crate) fn gate(&self, folder: &str, demand: Demand, corroborators: Corroborators) -> Gate {
        self.gate_in(Group::A, folder, demand, corroborators)
    }

    pub(crate) fn gate_in(
        &self,
        group: Group,
        folder: &str,
        demand: Demand,
        corroborators: Corroborators,
    ) -> Gate {
        let (archive, _) = Archive::open(&self.dir.path().join(folder)).unwrap();
        let profile = Profile { demand, ..Profile::default() };
        Gate::new(self.lookups(group), profile, archive, corroborators, Clock::system())
    }

    /// The zone moves to another server, where it is signed with another key and has no CAA records. The server that it
    /// had goes on as before.
    pub(crate) fn move_shop(&self) {
        let (shop, now) = (dns_name("shop.example"), Clock::system().now());
        let signing = Signing::new(Algorithm::EcdsaP256Sha256, "another", Denial::Nsec, now);
        let ds = signing.ksks[0].ds(&shop, DsDigest::Sha256);
        let moved = self.tree.other("shop.example", |zone, other| {
            zone.remove(&shop, Rtype::NS);
            zone.remove(&shop, CAA);
            zone.add("@ NS ns.new").unwrap();
            zone.add(&format!("ns.new A {MALLORY}")).unwrap();
            *other = Some(signing);
        });
        let parent = self.tree.other_parent("shop.example", |delegation| {
            delegation.ds = vec![ds];
            delegation.servers = vec![(dns_name("ns.new.shop.example"), vec![MALLORY])];
        });
        self.responder.publish(Group::A, &parent);
        self.responder.turn(MALLORY, Group::A, |view| view.zones.push(moved));
    }

    /// Judges all of an archive once more.
    pub(crate) fn verify(&self, folder: &str) -> Result<u64, Unsound> {
        verify(&self.dir.path().join(folder), &self.walks())
    }
}

pub(crate) fn verify(folder: &Path, walks: &walk::Settings) -> Result<u64, Unsound> {
    let mut lines = Lines::open(folder).unwrap();
    while let Some(line) = lines.next_line().unwrap() {
        rejudge(&line.record().unwrap(), walks, &|hash| read_proof(folder, hash))?;
    }
    Ok(lines.chain().lines)
}

pub(crate) const ACCOUNT: &str = "https://ca.example/acct/1";

/// What is asked for these names, by the account of the operator, validated by this method.
pub(crate) fn application(names: &[&str], account: &str, method: &str) -> Application {
    let method = Some(Method::parse(method).unwrap());
    Application {
        source: Source::Api,
        reference: None,
        purpose: Purpose::Tls,
        issuers: vec![Name::parse("ca.example").unwrap()],
        accounts: vec![Account::own(account)],
        names: names
            .iter()
            .map(|name| (Identifier::parse(name).unwrap(), method.clone()))
            .collect(),
    }
}

/// Name, verdict and reason of each.
pub(crate) fn told(record: &RecordRow) -> Vec<String> {
    let names = record.names.iter();
    names.map(|name| format!("{} {} {}", name.name, name.verdict, name.reason)).collect()
}

pub(crate) fn dns_name(text: &str) -> countersign_dns::Name {
    text.parse().unwrap()
}

pub(crate) const CAA: Rtype = Rtype::CAA;
