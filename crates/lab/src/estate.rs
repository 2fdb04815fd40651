//! What an operator has: `guarded.example` in the usual tree, a web server, and the paths that lead to both; and what
//! Mallory can do on these paths.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use countersign_dns::{Name, Rtype};
use countersign_net::Clock;
use jiff::Timestamp;

use crate::acme::{Answer, At, Ca, Method, Settings, Sight, StartError};
use crate::authority::Authority;
use crate::dns::{Forgery, Responder, Tree};
use crate::log::{Group, LogServer};
use crate::network::Network;
use crate::web::Web;

/// The name that is guarded.
pub const GUARDED: &str = "guarded.example";

/// By what CAA records and URLs know the operator's CA.
pub const CA_HOST: &str = "ca.example";

/// All of it. The operator and whoever watches see DNS as [`Group::A`], the CA as [`Group::B`].
pub struct Estate {
    /// The zones. What changes here has to be published there.
    pub tree: Tree,
    /// The servers that have them.
    pub responder: Responder,
    /// Who is behind an address.
    pub network: Network,
    /// The operator's web server.
    web: Web,
}

/// Whether the operator's zone is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// It is, with DS records above it.
    Signed,
    /// It is not.
    Unsigned,
}

impl Estate {
    /// The zone has this CAA record, as zone files have it, and no other.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub async fn new(now: Timestamp, zone: Zone, caa: &str) -> io::Result<Self> {
        let mut tree = Tree::new(now);
        tree.change(GUARDED, |_, signing| match zone {
            Zone::Signed => {}
            Zone::Unsigned => *signing = None,
        });
        let responder = tree.start().await?;
        let web = Web::start().await?;
        let network = Network::default();
        network.host(HTTP, web.address());
        let mut estate = Self { tree, responder, network, web };
        estate.say(caa);
        Ok(estate)
    }

    /// From now on the zone has this CAA record, and no other.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn say(&mut self, caa: &str) {
        self.change(|zone| {
            zone.remove(&name(GUARDED), Rtype::CAA);
            zone.add(&format!("@ 300 CAA {caa}")).expect("a literal record");
        });
    }

    /// Puts the answer to a challenge where the operator can.
    pub fn put(&mut self, answer: &Answer) {
        match answer.method {
            Method::Http01 => self.web.show(answer.path(), answer.page().to_owned()),
            Method::Dns01 => self.change(|zone| {
                let text = format!("_acme-challenge 60 TXT \"{}\"", answer.text());
                zone.add(&text).expect("base64url stands in quotes");
            }),
        }
    }

    /// Changes the operator's zone, for everybody.
    fn change(&mut self, change: impl FnOnce(&mut crate::dns::Zone)) {
        self.tree.change(GUARDED, |zone, _| change(zone));
        for group in Group::ALL {
            self.responder.publish(group, &self.tree.zone(GUARDED));
        }
    }

    /// Leads what goes to port 80 of the operator's server to this one.
    pub fn divert(&self, to: &Web) {
        self.network.divert(HTTP, to.address());
    }

    /// Stands before the operator's name server and says something else to the CA.
    pub fn forge(&self, forgery: Forgery) {
        let server = self.tree.addresses(GUARDED)[0];
        self.responder.turn(server, CA_SEES, |view| view.forgeries.push(forgery));
    }

    /// Lets everything through again.
    pub fn leave_alone(&self) {
        self.network.divert_no_more();
        self.responder.forge_no_more(CA_SEES);
    }

    /// How DNS is seen by this group.
    pub fn sight(&self, group: Group, clock: &Clock) -> Sight {
        Sight::new(&self.tree, &self.responder, group, clock.clone())
    }

    /// A CA that is known as [`CA_HOST`].
    pub async fn ca(
        &self,
        authority: &Arc<Authority>,
        logs: &[LogServer],
        clock: &Clock,
        at: At,
    ) -> Result<Ca, StartError> {
        let settings = Settings {
            host: CA_HOST.to_owned(),
            at,
            authority: Arc::clone(authority),
            logs: logs.to_vec(),
            sight: self.sight(CA_SEES, clock),
            network: self.network.clone(),
            clock: clock.clone(),
        };
        Ca::start(settings).await
    }
}

/// A name that is one.
///
/// # Panics
///
/// If it is none.
pub fn name(text: &str) -> Name {
    text.parse().expect("a literal name")
}

/// Which doors the CA goes through.
const CA_SEES: Group = Group::B;
/// Port 80 of the address of [`GUARDED`], and of what is below it.
const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 80)), 80);
