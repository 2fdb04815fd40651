//! Everybody in the attack, and what they can do to each other.

use crate::ca::{Ca, ISSUER};
use crate::client::{Client, NAME};
use crate::internet::{HOSTER, Internet, REGISTRY, ROOT, VICTIM, ZONE};
use crate::knot::Knot;
use crate::resolver::Resolver;
use crate::router::{Diverted, divert};

pub(crate) struct World {
    pub(crate) internet: Internet,
    registry: Knot,
    /// The victim's.
    pub(crate) zone: Knot,
    /// The same name and address, signed with a key of Mallory's, and without CAA.
    mallorys_zone: Knot,
    /// The CA's.
    pub(crate) resolver: Resolver,
    pub(crate) ca: Ca,
    pub(crate) operator: Client,
    pub(crate) mallory: Client,
}

/// Whose zone the registry points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delegation {
    /// The victim's, with a DS record.
    Victim,
    /// Mallory's, with a DS record as well.
    Mallory,
}

impl World {
    /// The delegation of the victim's zone has no DS record at first, and nothing is diverted.
    pub(crate) async fn new() -> Self {
        let mut internet = Internet::new();
        let at_apex = format!("@ A {VICTIM}\n");
        let zone = Knot::start(&mut internet, "zone", ZONE, NAME, "ns", &at_apex);
        let mallorys_zone =
            Knot::start(&mut internet, "hoster", HOSTER, NAME, "ns.mallory", &at_apex);
        let to_zone = format!("xmpp NS ns.xmpp\nns.xmpp A {ZONE}\n");
        let registry = Knot::start(&mut internet, "registry", REGISTRY, "example", "ns", &to_zone);
        let to_registry = format!("example NS ns.example\nns.example A {REGISTRY}\n");
        let root = Knot::start(&mut internet, "root", ROOT, ".", "ns", &to_registry);
        for knot in [&zone, &mallorys_zone, &registry, &root] {
            knot.serves().await;
        }
        root.set("example.", "DS", &[&registry.ds()]);
        let resolver = Resolver::start(&mut internet, "ca", &root.ds()).await;
        let ca = Ca::start(&mut internet, &resolver).await;
        let operator = Client::operator(&internet, &zone);
        let mallory = Client::mallory(&internet);
        internet.say("there are a tree of zones, a CA, a victim and Mallory");
        Self { internet, registry, zone, mallorys_zone, resolver, ca, operator, mallory }
    }

    /// The operator publishes that this CA may issue, and nobody else; with an account, only to that.
    pub(crate) fn publish_caa(&self, account: Option<&str>) {
        let only = account.map_or_else(String::new, |uri| format!("; accounturi={uri}"));
        self.zone.set("xmpp.example.", "CAA", &[&format!("0 issue \"{ISSUER}{only}\"")]);
        self.resolver.forget();
    }

    /// The registry changes the delegation of the victim's zone.
    pub(crate) fn delegate(&self, to: Delegation) {
        let (server, address, ds) = match to {
            Delegation::Victim => ("ns.xmpp.example.", ZONE, self.zone.ds()),
            Delegation::Mallory => ("ns.mallory.xmpp.example.", HOSTER, self.mallorys_zone.ds()),
        };
        self.registry.set(server, "A", &[address]);
        self.registry.set("xmpp.example.", "NS", &[server]);
        self.registry.set("xmpp.example.", "DS", &[&ds]);
        self.resolver.forget();
    }

    /// Mallory has the router of the hosting provider divert this.
    pub(crate) fn divert(&self, what: Diverted) {
        divert(what);
        self.resolver.forget();
    }
}
