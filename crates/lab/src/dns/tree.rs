//! The usual tree: a root, three registries, and zones of every kind below them, each at a server of its own.
//!
//! ```text
//!   .                         RSA      NSEC            198.41.0.4, 2001:503:ba3e::2:30
//!   ├── example               P-256    NSEC3 1 0 0 -   192.0.2.1
//!   │   ├── guarded           P-256    NSEC3           the operator's own; CAA with accounturi
//!   │   ├── rsa               RSA      NSEC
//!   │   └── csk               Ed25519  NSEC            one key that signs all
//!   ├── test                  Ed25519  NSEC            192.0.2.2
//!   │   ├── p384              P-384    NSEC3
//!   │   ├── ed25519           Ed25519  NSEC3, salt, 5 iterations
//!   │   ├── unsigned          -
//!   │   ├── glueless          Ed25519  NSEC            its name server is that of guarded.example
//!   │   └── same              P-256    NSEC            at the server of test
//!   └── org                   P-384    NSEC3 opt-out   192.0.2.3
//!       ├── signed            P-256    NSEC
//!       └── unsigned          -
//! ```
//!
//! Zones that lead nowhere else have the records of [`CONTENT`]. Mallory has a server, too, and nothing on it.
//!
//! ```text
//!   change()  the owner's own doing: a zone and the DS above it change, and stay so
//!   other()   another zone with the same keys: what a host, registrar or registry publishes who is coerced to
//! ```

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use countersign_dns::{Name, Rtype};
use jiff::Timestamp;

use super::chain::{Denial, OptOut};
use super::key::{Algorithm, DsDigest};
use super::responder::Responder;
use super::signing::Signing;
use super::zone::{Delegation, Zone};
use super::zonefile::{ZoneError, hex};

/// Zones that belong together.
#[derive(Clone, Debug)]
pub struct Tree {
    zones: BTreeMap<Name, Grown>,
}

#[derive(Clone, Debug)]
struct Grown {
    /// As its owner wrote it.
    written: Zone,
    signing: Option<Signing>,
    servers: Vec<IpAddr>,
    /// As it is served.
    served: Arc<Zone>,
}

/// Where Mallory has a server.
pub const MALLORY: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 66));

impl Tree {
    /// The tree, its signatures valid at `now`.
    pub fn new(now: Timestamp) -> Self {
        let root = [IpAddr::V4(ROOT_V4), IpAddr::V6(ROOT_V6)];
        let mut tree = Self { zones: BTreeMap::new() };
        tree.must_graft(".", "", Some((Algorithm::RsaSha256, Denial::Nsec)), &root, now);
        for (apex, text, signed, server) in usual() {
            tree.must_graft(apex, text, signed, &[IpAddr::V4(server)], now);
        }
        tree.change("csk.example", |_, signing| {
            *signing = Some(Signing::single(Algorithm::Ed25519, "csk.example", Denial::Nsec, now));
        });
        tree
    }

    fn must_graft(
        &mut self,
        apex: &str,
        text: &str,
        signed: Option<(Algorithm, Denial)>,
        servers: &[IpAddr],
        now: Timestamp,
    ) {
        let signing = signed.map(|(algorithm, denial)| Signing::new(algorithm, apex, denial, now));
        self.graft(apex, text, signing, servers).expect("the lab's own zones can be read");
    }

    /// Adds a zone with these records, at these servers, and has the one above it delegate it. If no name servers are
    /// among the records, `ns` below the apex is one, with these addresses.
    pub fn graft(
        &mut self,
        apex: &str,
        text: &str,
        signing: Option<Signing>,
        servers: &[IpAddr],
    ) -> Result<(), ZoneError> {
        let mut written = Zone::parse(apex, text)?;
        let apex = written.apex().clone();
        if written.set(&apex, Rtype::NS).is_none() {
            let ns = apex.child(b"ns").expect("the lab's zones have short names");
            let own = vec![(ns, servers.to_vec())];
            written.put_servers(&Delegation { child: apex.clone(), servers: own, ds: Vec::new() });
        }
        let served = Arc::new(served(&written, signing.as_ref()));
        let grown = Grown { written, signing, servers: servers.to_vec(), served };
        self.zones.insert(apex.clone(), grown);
        self.delegate(&apex);
        Ok(())
    }

    /// Has the zone above this one say of it what is true.
    fn delegate(&mut self, child: &Name) {
        let delegation = self.delegation(child);
        let Some(parent) = self.parent(child) else { return };
        let parent = self.zones.get_mut(&parent).expect("it was just found");
        parent.written.delegate(&delegation);
        parent.served = Arc::new(served(&parent.written, parent.signing.as_ref()));
    }

    /// What the zone above says of this one.
    ///
    /// # Panics
    ///
    /// If it is not in the tree.
    pub fn delegation(&self, child: &Name) -> Delegation {
        let grown = self.grown(child);
        let ksks = grown.signing.iter().flat_map(|signing| &signing.ksks);
        Delegation {
            child: child.clone(),
            servers: name_servers(&grown.written),
            ds: ksks.map(|ksk| ksk.ds(child, DsDigest::Sha256)).collect(),
        }
    }

    /// A zone as it is served.
    ///
    /// # Panics
    ///
    /// If it is not in the tree.
    pub fn zone(&self, apex: &str) -> Arc<Zone> {
        Arc::clone(&self.grown(&parsed(apex)).served)
    }

    /// How a zone is signed, if it is.
    ///
    /// # Panics
    ///
    /// If it is not in the tree.
    pub fn signing(&self, apex: &str) -> Option<&Signing> {
        self.grown(&parsed(apex)).signing.as_ref()
    }

    /// What a zone would be with these changes to its records and to how it is signed; with the true keys, unless
    /// they are changed. The tree stays as it is.
    ///
    /// # Panics
    ///
    /// If it is not in the tree.
    pub fn other(
        &self,
        apex: &str,
        change: impl FnOnce(&mut Zone, &mut Option<Signing>),
    ) -> Arc<Zone> {
        let Grown { mut written, mut signing, .. } = self.grown(&parsed(apex)).clone();
        change(&mut written, &mut signing);
        Arc::new(served(&written, signing.as_ref()))
    }

    /// What the zone above this one would be if it said something else of it: what a coerced registrar enters, or a
    /// coerced registry signs.
    ///
    /// # Panics
    ///
    /// If it is not in the tree, or the root.
    pub fn other_parent(&self, child: &str, change: impl FnOnce(&mut Delegation)) -> Arc<Zone> {
        let child = parsed(child);
        let mut delegation = self.delegation(&child);
        change(&mut delegation);
        let parent = self.parent(&child).expect("a zone that is not the root");
        self.other(&parent.to_string(), |zone, _| zone.delegate(&delegation))
    }

    /// Changes a zone for good, and the DS above it if its keys are others.
    ///
    /// # Panics
    ///
    /// If it is not in the tree.
    pub fn change(&mut self, apex: &str, change: impl FnOnce(&mut Zone, &mut Option<Signing>)) {
        let apex = parsed(apex);
        let before = self.delegation(&apex);
        let grown = self.zones.get_mut(&apex).expect("a zone of the tree");
        change(&mut grown.written, &mut grown.signing);
        grown.served = Arc::new(served(&grown.written, grown.signing.as_ref()));
        if self.delegation(&apex) != before {
            self.delegate(&apex);
        }
    }

    /// Where a zone is served.
    ///
    /// # Panics
    ///
    /// If it is not in the tree.
    pub fn addresses(&self, apex: &str) -> &[IpAddr] {
        &self.grown(&parsed(apex)).servers
    }

    /// The apexes of all zones, each before those below it.
    pub fn apexes(&self) -> impl Iterator<Item = &Name> {
        self.zones.keys()
    }

    /// The name servers of the root as a zone file, as resolvers want to have it.
    pub fn hints(&self) -> String {
        let mut hints = String::new();
        for (server, addresses) in self.delegation(&Name::root()).servers {
            hints += &format!(". 3600 IN NS {server}\n");
            for address in addresses {
                let rtype = if address.is_ipv4() { "A" } else { "AAAA" };
                hints += &format!("{server} 3600 IN {rtype} {address}\n");
            }
        }
        hints
    }

    /// The data of the DS records of the root's keys, the trust anchors (RFC 4035 §5).
    pub fn anchors(&self) -> Vec<Vec<u8>> {
        self.delegation(&Name::root()).ds
    }

    /// The same as a zone file, as resolvers want to have it.
    pub fn trust_anchor(&self) -> String {
        let line = |ds: Vec<u8>| {
            let tag = u16::from_be_bytes([ds[0], ds[1]]);
            format!(". IN DS {tag} {} {} {}\n", ds[2], ds[3], hex(&ds[4..]))
        };
        self.anchors().into_iter().map(line).collect()
    }

    /// Every server with its zones, Mallory's among them.
    pub fn servers(&self) -> BTreeMap<IpAddr, Vec<Arc<Zone>>> {
        let mut servers = BTreeMap::from([(MALLORY, Vec::new())]);
        for grown in self.zones.values() {
            for server in &grown.servers {
                servers.entry(*server).or_default().push(Arc::clone(&grown.served));
            }
        }
        servers
    }

    /// Starts them.
    pub async fn start(&self) -> io::Result<Responder> {
        Responder::start(self.servers()).await
    }

    /// The nearest zone above this one.
    fn parent(&self, child: &Name) -> Option<Name> {
        child.and_above().skip(1).find(|above| self.zones.contains_key(above))
    }

    fn grown(&self, apex: &Name) -> &Grown {
        self.zones.get(apex).expect("a zone of the tree")
    }
}

/// The name servers of a zone by its own words, with their addresses if they are in the zone.
fn name_servers(zone: &Zone) -> Vec<(Name, Vec<IpAddr>)> {
    let v4 = |rdata: &Vec<u8>| <[u8; 4]>::try_from(&rdata[..]).ok().map(IpAddr::from);
    let v6 = |rdata: &Vec<u8>| <[u8; 16]>::try_from(&rdata[..]).ok().map(IpAddr::from);
    let names = zone.rdatas(zone.apex(), Rtype::NS).iter();
    let names = names.filter_map(|ns| Name::from_wire(ns).ok());
    names
        .map(|name| {
            let v4s = zone.rdatas(&name, Rtype::A).iter().filter_map(v4);
            let addresses = v4s.chain(zone.rdatas(&name, Rtype::AAAA).iter().filter_map(v6));
            (name.clone(), addresses.collect())
        })
        .collect()
}

fn served(written: &Zone, signing: Option<&Signing>) -> Zone {
    match signing {
        Some(signing) => written.sign(signing),
        None => written.clone(),
    }
}

fn parsed(apex: &str) -> Name {
    apex.parse().expect("the name of a zone")
}

/// A zone of the usual tree: its name, its records, how it is signed, its server.
type Usual = (&'static str, &'static str, Option<(Algorithm, Denial)>, Ipv4Addr);

/// The usual tree below the root, those above first.
fn usual() -> [Usual; 13] {
    use Algorithm::{EcdsaP256Sha256 as P256, EcdsaP384Sha384 as P384, Ed25519, RsaSha256 as Rsa};
    const NSEC: Denial = Denial::Nsec;
    const NSEC3: Denial = Denial::NSEC3;
    let salted = Denial::Nsec3 { iterations: 5, salt: vec![0xc0, 0xff, 0xee], opt_out: OptOut::No };
    let registry = |last| Ipv4Addr::new(192, 0, 2, last);
    let host = |last| Ipv4Addr::new(198, 51, 100, last);
    [
        ("example", "", Some((P256, NSEC3)), registry(1)),
        ("test", "", Some((Ed25519, NSEC)), registry(2)),
        ("org", "", Some((P384, Denial::OPT_OUT)), registry(3)),
        ("guarded.example", CONTENT, Some((P256, NSEC3)), host(1)),
        ("rsa.example", CONTENT, Some((Rsa, NSEC)), host(2)),
        ("csk.example", CONTENT, Some((Ed25519, NSEC)), host(3)),
        ("p384.test", CONTENT, Some((P384, NSEC3)), host(4)),
        ("ed25519.test", CONTENT, Some((Ed25519, salted)), host(5)),
        ("unsigned.test", CONTENT, None, host(6)),
        ("glueless.test", GLUELESS, Some((Ed25519, NSEC)), host(1)),
        ("same.test", CONTENT, Some((P256, NSEC)), registry(2)),
        ("signed.org", CONTENT, Some((P256, NSEC)), host(7)),
        ("unsigned.org", CONTENT, None, host(8)),
    ]
}

/// The records of a zone of the usual tree.
pub const CONTENT: &str = r#"
$TTL 300
@                 A      203.0.113.80
@                 CAA    0 issue "ca.example; accounturi=https://ca.example/acct/1"
@                 MX     10 mail
www               A      203.0.113.80
www               A      203.0.113.81
mail              A      203.0.113.25
xmpp              AAAA   2001:db8::5222
_xmpp-client._tcp SRV    5 0 5222 xmpp
_5222._tcp.xmpp   TLSA   3 1 1 0000000000000000000000000000000000000000000000000000000000000001
a.b.empty         TXT    "two names above this one have no records"
*.wild            TXT    "any name below wild"
alias             CNAME  www
tree              DNAME  wild
"#;

/// Who looks for its name server has to find another zone first.
const GLUELESS: &str = r#"
$TTL 300
@    NS   ns.guarded.example.
www  A    203.0.113.80
"#;

/// Those of `a.root-servers.net`, which a test can tell from all others.
const ROOT_V4: Ipv4Addr = Ipv4Addr::new(198, 41, 0, 4);
const ROOT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30);
