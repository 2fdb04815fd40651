//! The keys of a zone and what names them, put together from all that was seen.

use std::collections::BTreeMap;

use countersign_dns::walk::{Outcome, Walked};
use countersign_dns::{Algorithms, Dnskey, Ds, Name, Rrset, Rtype, SignedRrset};

use super::ZoneView;

/// What most of the judging needs.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// The keys that any server of the zone has.
    pub(super) keys: Vec<Dnskey>,
    /// The DS records that any server of the parent has.
    pub(super) ds: Vec<Ds>,
    /// The shortest time to live of the records of each type.
    pub(super) ttls: BTreeMap<Rtype, u32>,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFact {
    /// Key tag.
    pub tag: u16,
    /// Algorithm.
    pub algorithm: u8,
    /// Flags.
    pub flags: u16,
    /// The size of an RSA key, in bits.
    pub rsa_bits: Option<usize>,
    /// Whether it is to be named in the zone above: SEP.
    pub is_sep: bool,
    /// Whether its holder has given it up.
    pub is_revoked: bool,
    /// Whether a DS record names it.
    pub is_named: bool,
}

/// A DS record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DsFact {
    /// Key tag.
    pub tag: u16,
    /// Algorithm of the key.
    pub algorithm: u8,
    /// Digest type.
    pub digest_type: u8,
    /// Digest.
    pub digest: Vec<u8>,
    /// Whether the zone has the key.
    pub names_key: bool,
}

impl Facts {
    pub(super) fn of(view: &ZoneView) -> Self {
        let mut rrsets: Vec<&Rrset> = Vec::new();
        for rtype in super::APEX {
            rrsets.extend(view.apex_sets(rtype).map(|(_, set)| &set.rrset));
        }
        rrsets.extend(view.delegation_sets(Rtype::DS).map(|(_, set)| &set.rrset));
        let mut ttls = BTreeMap::new();
        for rrset in &rrsets {
            let shortest = ttls.entry(rrset.rtype()).or_insert(rrset.ttl_s());
            *shortest = rrset.ttl_s().min(*shortest);
        }
        // Where no server answered us, a resolution may have found one that did.
        let walked = view.walks.values().flat_map(proved);
        let all: Vec<Rrset> = rrsets.into_iter().cloned().chain(walked).collect();
        let of =
            |rtype| all.iter().filter(move |set| set.rtype() == rtype && *set.owner() == view.zone);
        let (mut keys, mut ds) = (Vec::new(), Vec::new());
        for rdata in of(Rtype::DNSKEY).flat_map(Rrset::rdatas) {
            keys.extend(Dnskey::from_rdata(rdata).filter(|key| !keys.contains(key)));
        }
        for rdata in of(Rtype::DS).flat_map(Rrset::rdatas) {
            ds.extend(Ds::from_rdata(rdata).filter(|record| !ds.contains(record)));
        }
        Self { keys, ds, ttls }
    }

    /// Whether the zone is signed, or should be.
    pub(super) fn is_signed(&self) -> bool {
        !self.keys.is_empty() || !self.ds.is_empty()
    }

    /// Whether a DS record names the key.
    pub(super) fn is_named(&self, zone: &Name, key: &Dnskey) -> bool {
        self.ds.iter().any(|ds| ds.names(zone, key))
    }

    /// Whether one of these keys has signed the set, under its own name: from a wildcard anybody can make records of
    /// any name.
    pub(super) fn is_signed_by(set: &SignedRrset, keys: &[&Dnskey]) -> bool {
        let mut candidates = set.rrsigs.iter().take(RRSIGS_MAX);
        candidates.any(|rrsig| {
            let owner = set.rrset.owner();
            let is_own = rrsig.signed_name(owner).as_ref() == Some(owner);
            let Some(data) = rrsig.signed_data(&set.rrset).filter(|_| is_own) else { return false };
            let mut makers = keys.iter().filter(|key| {
                key.algorithm == rrsig.algorithm && key.signs() && key.tag() == rrsig.key_tag
            });
            makers.any(|key| {
                Algorithms::Current.verify(key.algorithm, &key.key, &data, &rrsig.signature)
            })
        })
    }
}

/// Signatures of one set that are tried: two for each key of a zone that changes keys and algorithm at once.
const RRSIGS_MAX: usize = 8;

/// What a walk found or proved, as sets.
fn proved(walked: &Walked) -> impl Iterator<Item = Rrset> {
    let steps = walked.steps.iter().flat_map(|step| &step.links);
    let found = walked.hops.iter().flat_map(|hop| match &hop.outcome {
        Outcome::Records(records) => records.clone(),
        Outcome::Alias { .. } | Outcome::NoData | Outcome::NoName | Outcome::Unknown => Vec::new(),
    });
    steps.filter_map(|link| Some(link.read()?.1)).chain(found)
}

impl KeyFact {
    pub(super) fn new(zone: &Name, key: &Dnskey, ds: &[Ds]) -> Self {
        Self {
            tag: key.tag(),
            algorithm: key.algorithm,
            flags: key.flags,
            rsa_bits: key.rsa_bits(),
            is_sep: key.is_sep(),
            is_revoked: key.is_revoked(),
            is_named: ds.iter().any(|ds| ds.names(zone, key)),
        }
    }
}

impl DsFact {
    pub(super) fn new(zone: &Name, ds: &Ds, keys: &[Dnskey]) -> Self {
        Self {
            tag: ds.key_tag,
            algorithm: ds.algorithm,
            digest_type: ds.digest_type,
            digest: ds.digest.clone(),
            names_key: keys.iter().any(|key| ds.names(zone, key)),
        }
    }
}
