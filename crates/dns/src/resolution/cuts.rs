//! Zone cuts that are known: which servers a zone was delegated to, and their addresses (RFC 1034 §4.2).
//!
//! It keeps no time. A cut that was learned counts until whoever owns this throws it away, and a watcher who wants to
//! see a delegation change does so often.

use std::collections::BTreeMap;
use std::net::IpAddr;

use domain::base::iana::Rtype;

use super::hints::Hints;
use crate::message::Query;
use crate::name::Name;

/// Zones, and who serves them. The root is always there.
#[derive(Clone, Debug)]
pub struct Cuts {
    root: Cut,
    below: BTreeMap<Name, Cut>,
}

/// The servers of a zone, as its parent's servers gave them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// At most as many as [`Limits::servers_max`](super::Limits::servers_max) says.
    pub servers: Vec<Server>,
    /// How many more were named.
    pub left_out: usize,
}

/// A server of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name.
    pub name: Name,
    /// What is known of its addresses: IPv4 first, none twice.
    pub addresses: Vec<IpAddr>,
}

impl Server {
    /// Takes more addresses, as long as there are no more than so many.
    pub(super) fn add(&mut self, addresses: impl IntoIterator<Item = IpAddr>, max: usize) {
        for address in addresses {
            if self.addresses.len() < max && !self.addresses.contains(&address) {
                self.addresses.push(address);
            }
        }
        self.addresses.sort_by_key(IpAddr::is_ipv6);
    }
}

impl Cuts {
    /// Knows the root servers only.
    pub fn new(hints: &Hints) -> Self {
        Self { root: hints.cut().clone(), below: BTreeMap::new() }
    }

    /// The servers of a zone; `None` if no cut is known there.
    pub fn servers(&self, zone: &Name) -> Option<&Cut> {
        if zone.is_root() { Some(&self.root) } else { self.below.get(zone) }
    }

    /// The deepest zone known whose servers can have the answer, and these servers. The DS records of a zone are its
    /// parent's (RFC 4035 §3.1.4.1).
    pub fn deepest(&self, query: &Query) -> (Name, &Cut) {
        let is_possible = |zone: &Name| query.rtype != Rtype::DS || *zone != query.name;
        let mut zones = query.name.and_above().filter(is_possible);
        let known = zones.find_map(|zone| self.below.get(&zone).map(|cut| (zone, cut)));
        known.unwrap_or((Name::root(), &self.root))
    }

    /// Takes what is known of a zone in place of what was.
    pub fn learn(&mut self, zone: Name, cut: Cut) {
        if zone.is_root() {
            self.root = cut;
            return;
        }
        if self.below.len() >= ZONES_MAX && !self.below.contains_key(&zone) {
            self.below.clear();
        }
        self.below.insert(zone, cut);
    }

    /// Gives servers without addresses those that are known of them from other zones that they serve.
    pub(super) fn fill(&self, cut: &mut Cut, addresses_max: usize) {
        let bare = cut.servers.iter_mut().filter(|server| server.addresses.is_empty());
        for server in bare {
            let known = self.below.values().flat_map(|cut| &cut.servers);
            let same = known.filter(|known| known.name == server.name);
            let addresses: Vec<_> = same.flat_map(|known| known.addresses.clone()).collect();
            server.add(addresses, addresses_max);
        }
    }

    /// Takes all that the other knows.
    pub fn merge(&mut self, other: Self) {
        self.root = other.root;
        for (zone, cut) in other.below {
            self.learn(zone, cut);
        }
    }

    /// Forgets the zones at or above a name, so that it is looked for from the root again.
    pub fn forget(&mut self, name: &Name) {
        self.below.retain(|zone, _| !name.is_within(zone));
    }

    /// How many zones are known, the root included.
    pub fn zone_count(&self) -> usize {
        1 + self.below.len()
    }
}

/// How many zones are kept. A watcher needs those above some dozens of names; at this number it begins anew, and
/// whoever makes up zones costs it some queries to the top-level domains.
const ZONES_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn cuts(zones: &[&str]) -> Cuts {
        let mut cuts = Cuts::new(&Hints::root());
        for zone in zones {
            cuts.learn(name(zone), Cut::default());
        }
        cuts
    }

    #[test] // RFC 4035 §3.1.4.1
    fn delegations_are_asked_for_above_the_cut() {
        let cuts = cuts(&["example", "a.example"]);
        let check = |text: &str, rtype, expected: &str| {
            let query = Query { name: name(text), rtype };
            assert_eq!(cuts.deepest(&query).0, name(expected), "{query:?}");
        };
        check("a.example", Rtype::A, "a.example");
        check("a.example", Rtype::DS, "example");
        check("b.a.example", Rtype::DS, "a.example");
        check("example", Rtype::DS, ".");
        check("b.example", Rtype::A, "example");
        check("test", Rtype::A, ".");
        check(".", Rtype::DS, ".");
    }

    #[test]
    fn what_is_above_a_name_is_forgotten() {
        let mut cuts = cuts(&["example", "a.example", "b.example"]);
        cuts.forget(&name("x.a.example"));
        assert_eq!(cuts.zone_count(), 2);
        assert!(cuts.servers(&name("b.example")).is_some());
        assert_eq!(cuts.servers(&Name::root()).unwrap().servers.len(), 13);
    }

    #[test]
    fn no_number_of_zones_is_too_large() {
        let mut cuts = cuts(&[]);
        for number in 0..3 * ZONES_MAX {
            cuts.learn(name(&format!("z{number}")), Cut::default());
            assert!(cuts.zone_count() <= 1 + ZONES_MAX);
        }
    }
}
