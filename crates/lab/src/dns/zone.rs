//! Zones: records by owner and type, with their signatures if they have any.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Bound;

use countersign_dns::{Name, Rrset, Rtype, SignedRrset};

use super::chain::Chain;
use super::zonefile::{self, ZoneError};

/// What belongs to one name.
pub(crate) type Node = BTreeMap<Rtype, SignedRrset>;

/// A zone as its servers have it, signed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    apex: Name,
    /// In canonical order. No node is empty.
    nodes: BTreeMap<Name, Node>,
    /// What proves that something is not there.
    pub(crate) chain: Chain,
}

/// What a zone says of one below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// The apex of the zone below.
    pub child: Name,
    /// Its name servers, with their addresses if the parent must know them (glue).
    pub servers: Vec<(Name, Vec<IpAddr>)>,
    /// The data of its DS records; none for a zone that is not signed.
    pub ds: Vec<Vec<u8>>,
}

/// Where a name stands in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the apex or below it, above all delegations.
    Inside,
    /// Where this zone ends and another begins.
    Cut,
    /// Below this cut.
    Below(Name),
}

impl Zone {
    /// Reads a zone file, in which names are relative to the apex and `$TTL` is 3,600 until it says something else.
    /// Without an SOA record it gets one.
    pub fn parse(apex: &str, text: &str) -> Result<Self, ZoneError> {
        let apex: Name = apex.parse().map_err(|_| ZoneError::Apex(apex.to_owned()))?;
        let mut zone = Self { apex, nodes: BTreeMap::new(), chain: Chain::Absent };
        zone.add(text)?;
        if zone.set(&zone.apex, Rtype::SOA).is_none() {
            zone.add("@ SOA ns hostmaster 1 7200 1800 604800 300")?;
        }
        Ok(zone)
    }

    /// Adds what a piece of a zone file says.
    pub fn add(&mut self, text: &str) -> Result<(), ZoneError> {
        for rrset in zonefile::read(&self.apex, text)? {
            self.put(rrset);
        }
        Ok(())
    }

    /// Adds a record. Of signatures and proofs nothing changes, which an honest signer would not leave so.
    pub fn put(&mut self, record: Rrset) {
        let node = self.nodes.entry(record.owner().clone()).or_default();
        match node.get_mut(&record.rtype()) {
            Some(set) => set.rrset.add(record),
            None => {
                let set = SignedRrset { rrset: record, rrsigs: Vec::new() };
                node.insert(set.rrset.rtype(), set);
            }
        }
    }

    /// Takes a set out, with its signatures. Of proofs nothing changes.
    pub fn remove(&mut self, owner: &Name, rtype: Rtype) -> Option<SignedRrset> {
        let node = self.nodes.get_mut(owner)?;
        let removed = node.remove(&rtype);
        if node.is_empty() {
            self.nodes.remove(owner);
        }
        removed
    }

    /// Delegates a child, in the place of what was said of it.
    ///
    /// # Panics
    ///
    /// If the child is not below the apex, or a DS record is malformed.
    pub fn delegate(&mut self, delegation: &Delegation) {
        let child = &delegation.child;
        assert!(child.is_below(&self.apex), "{child} is not below {}", self.apex);
        self.nodes.retain(|name, _| !name.is_within(child));
        self.put_servers(delegation);
        for ds in &delegation.ds {
            self.put(well_formed(child, Rtype::DS, ds));
        }
    }

    /// Adds the NS set of a delegation and the addresses of its servers.
    pub(crate) fn put_servers(&mut self, delegation: &Delegation) {
        for (server, addresses) in &delegation.servers {
            self.put(well_formed(&delegation.child, Rtype::NS, server.wire()));
            for address in addresses {
                self.put(match address {
                    IpAddr::V4(v4) => well_formed(server, Rtype::A, &v4.octets()),
                    IpAddr::V6(v6) => well_formed(server, Rtype::AAAA, &v6.octets()),
                });
            }
        }
    }

    /// The zone's name.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The set of this owner and type.
    pub fn set(&self, owner: &Name, rtype: Rtype) -> Option<&SignedRrset> {
        self.nodes.get(owner)?.get(&rtype)
    }

    /// The data of each record of this owner and type; none if there are none.
    pub fn rdatas(&self, owner: &Name, rtype: Rtype) -> &[Vec<u8>] {
        self.set(owner, rtype).map(|set| set.rrset.rdatas()).unwrap_or_default()
    }

    /// The set of this owner and type, to be spoilt.
    pub fn set_mut(&mut self, owner: &Name, rtype: Rtype) -> Option<&mut SignedRrset> {
        self.nodes.get_mut(owner)?.get_mut(&rtype)
    }

    /// Every set, in canonical order of owners, the NSEC3 records last.
    pub fn sets(&self) -> impl Iterator<Item = &SignedRrset> {
        self.nodes.values().flat_map(BTreeMap::values).chain(self.chain.nsec3s())
    }

    /// The same, to be spoilt.
    pub fn sets_mut(&mut self) -> impl Iterator<Item = &mut SignedRrset> {
        self.nodes.values_mut().flat_map(BTreeMap::values_mut).chain(self.chain.nsec3s_mut())
    }

    /// The SOA set.
    ///
    /// # Panics
    ///
    /// If it was removed.
    pub fn soa(&self) -> &SignedRrset {
        self.set(&self.apex, Rtype::SOA).expect("a zone has an SOA record")
    }

    /// How long one may remember that something is not there, in seconds (RFC 2308 §3, RFC 9077 §3).
    pub(crate) fn negative_ttl_s(&self) -> u32 {
        let soa = &self.soa().rrset;
        let (_, minimum) = soa.rdatas()[0].split_last_chunk().expect("SOA ends with MINIMUM");
        soa.ttl_s().min(u32::from_be_bytes(*minimum))
    }

    pub(crate) fn nodes(&self) -> &BTreeMap<Name, Node> {
        &self.nodes
    }

    /// The records that a person or program wrote, without what signing adds.
    pub(crate) fn unsigned(&self) -> Self {
        let mut zone = Self { chain: Chain::Absent, ..self.clone() };
        for node in zone.nodes.values_mut() {
            MADE.iter().for_each(|made| drop(node.remove(made)));
            node.values_mut().for_each(|set| set.rrsigs.clear());
        }
        zone.nodes.retain(|_, node| !node.is_empty());
        zone
    }

    /// Where a name within this zone stands. The cut nearest to the apex counts.
    pub(crate) fn place(&self, name: &Name) -> Place {
        let below_apex = name.and_above().take_while(|above| above.is_below(&self.apex));
        let is_cut = |above: &Name| self.set(above, Rtype::NS).is_some();
        match below_apex.filter(is_cut).last() {
            None => Place::Inside,
            Some(cut) if cut == *name => Place::Cut,
            Some(cut) => Place::Below(cut),
        }
    }

    /// Whether the name has records or is above one that has (RFC 4592 §2.2.2).
    pub(crate) fn exists(&self, name: &Name) -> bool {
        let from = (Bound::Included(name), Bound::Unbounded);
        self.nodes.range::<Name, _>(from).next().is_some_and(|(next, _)| next.is_within(name))
    }

    /// The longest name above this one that exists (RFC 4592 §3.3.1).
    pub(crate) fn closest_encloser(&self, name: &Name) -> Name {
        name.and_above()
            .skip(1)
            .find(|above| self.exists(above))
            .expect("the apex exists and is above every name of the zone")
    }
}

fn well_formed(owner: &Name, rtype: Rtype, rdata: &[u8]) -> Rrset {
    Rrset::new(owner.clone(), rtype, DELEGATION_TTL_S, rdata).expect("well-formed data")
}

/// What signing adds, as it may also stand in a zone file that is read.
const MADE: [Rtype; 5] =
    [Rtype::DNSKEY, Rtype::NSEC, Rtype::NSEC3, Rtype::NSEC3PARAM, Rtype::RRSIG];
/// As of the large registries.
const DELEGATION_TTL_S: u32 = 3600;
