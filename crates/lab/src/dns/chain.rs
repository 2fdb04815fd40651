//! The proofs of a zone that something is not there: NSEC (RFC 4034 §4) and NSEC3 (RFC 5155).

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use countersign_dns::{Name, Rrset, Rtype, SignedRrset};
use domain::utils::base32;

use super::zone::{Node, Place, Zone};

/// How a zone proves that something is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Names in their order.
    Nsec,
    /// Hashes of names in their order.
    Nsec3 {
        /// How often the hash is hashed again.
        iterations: u16,
        /// What is hashed along, at most 255 octets.
        salt: Vec<u8>,
        /// Which delegations are in the chain.
        opt_out: OptOut,
    },
}

/// Whether delegations to unsigned zones are left out of an NSEC3 chain (RFC 5155 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptOut {
    /// All names are in the chain.
    No,
    /// Those of delegations without DS are not.
    Yes,
}

impl Denial {
    /// NSEC3 as it should be used (RFC 9276 §3.1): `1 0 0 -`.
    pub const NSEC3: Self = Self::Nsec3 { iterations: 0, salt: Vec::new(), opt_out: OptOut::No };
    /// The same with opt-out, as large registries have it.
    pub const OPT_OUT: Self = Self::Nsec3 { iterations: 0, salt: Vec::new(), opt_out: OptOut::Yes };
}

/// The proofs that a zone has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    /// None: it is not signed.
    Absent,
    /// NSEC records, which stand with their owners.
    Nsec,
    /// NSEC3 records, which have owners of their own.
    Nsec3(Nsec3Chain),
}

/// NSEC3 records by the hash that is in their owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nsec3Chain {
    iterations: u16,
    salt: Vec<u8>,
    records: BTreeMap<[u8; 20], SignedRrset>,
}

impl Chain {
    /// Puts unsigned proofs over what is in a zone.
    pub(crate) fn weave(zone: &mut Zone, denial: &Denial) {
        match denial {
            Denial::Nsec => weave_nsec(zone),
            Denial::Nsec3 { iterations, salt, opt_out } => {
                weave_nsec3(zone, *iterations, salt, *opt_out);
            }
        }
    }

    pub(crate) fn nsec3s(&self) -> impl Iterator<Item = &SignedRrset> {
        match self {
            Self::Absent | Self::Nsec => None,
            Self::Nsec3(chain) => Some(chain.records.values()),
        }
        .into_iter()
        .flatten()
    }

    pub(crate) fn nsec3s_mut(&mut self) -> impl Iterator<Item = &mut SignedRrset> {
        match self {
            Self::Absent | Self::Nsec => None,
            Self::Nsec3(chain) => Some(chain.records.values_mut()),
        }
        .into_iter()
        .flatten()
    }
}

impl Nsec3Chain {
    /// The record whose owner is the hash of this name.
    pub(crate) fn matching(&self, name: &Name) -> Option<&SignedRrset> {
        self.records.get(&self.hash(name))
    }

    /// The record whose owner and next owner are around the hash of this name, which has none itself.
    pub(crate) fn covering(&self, name: &Name) -> Option<&SignedRrset> {
        let mut before = self.records.range(..self.hash(name));
        before.next_back().or_else(|| self.records.last_key_value()).map(|(_, record)| record)
    }

    fn hash(&self, name: &Name) -> [u8; 20] {
        nsec3_hash(name, self.iterations, &self.salt)
    }
}

/// The hash of a name (RFC 5155 §5), with SHA-1, the only one that there is.
pub fn nsec3_hash(name: &Name, iterations: u16, salt: &[u8]) -> [u8; 20] {
    let hash = |octets: &[u8]| -> [u8; 20] {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[octets, salt].concat());
        hash.as_ref().try_into().expect("SHA-1 has 20 octets")
    };
    (0..iterations).fold(hash(name.wire()), |before, _| hash(&before))
}

/// One NSEC record for each name that has records of this zone; the last points to the first (RFC 4035 §2.3).
fn weave_nsec(zone: &mut Zone) {
    zone.chain = Chain::Nsec;
    let ttl_s = zone.negative_ttl_s();
    let names: Vec<_> = zone.nodes().keys().filter(|name| is_ours(zone, name)).cloned().collect();
    let next = names.iter().cycle().skip(1);
    for (name, next) in names.iter().zip(next) {
        let mut types = types_of(zone, name, &zone.nodes()[name]);
        types.extend([Rtype::RRSIG, Rtype::NSEC]);
        let rdata = [next.wire(), &bitmap(&types)].concat();
        zone.put(record(name.clone(), Rtype::NSEC, ttl_s, &rdata));
    }
}

/// One NSEC3 record for each name that has records of this zone or is above one that has (RFC 5155 §7.1).
fn weave_nsec3(zone: &mut Zone, iterations: u16, salt: &[u8], opt_out: OptOut) {
    let parameters = |flags: u8| {
        let [high, low] = iterations.to_be_bytes();
        let length = u8::try_from(salt.len()).expect("a salt has at most 255 octets");
        [&[SHA1, flags, high, low, length], salt].concat()
    };
    let apex = zone.apex().clone();
    // RFC 5155 §4.1.2: the flag Opt-Out is not set here.
    zone.put(record(apex.clone(), Rtype::NSEC3PARAM, 0, &parameters(0)));
    let flags = match opt_out {
        OptOut::No => 0,
        OptOut::Yes => 1,
    };
    let hashes: BTreeMap<_, _> = nsec3_types(zone, opt_out)
        .into_iter()
        .map(|(name, types)| (nsec3_hash(&name, iterations, salt), types))
        .collect();
    let next = hashes.keys().cycle().skip(1);
    let records = hashes.iter().zip(next).map(|((hash, types), next)| {
        let label = base32::encode_string_hex(hash);
        let owner = apex.child(label.as_bytes()).expect("the lab's zones have short names");
        let rdata = [&parameters(flags)[..], &[20], next, &bitmap(types)].concat();
        let rrset = record(owner, Rtype::NSEC3, zone.negative_ttl_s(), &rdata);
        (*hash, SignedRrset { rrset, rrsigs: Vec::new() })
    });
    let records = records.collect();
    zone.chain = Chain::Nsec3(Nsec3Chain { iterations, salt: salt.to_vec(), records });
}

/// The names of an NSEC3 chain, with the types that their records list.
fn nsec3_types(zone: &Zone, opt_out: OptOut) -> BTreeMap<Name, BTreeSet<Rtype>> {
    let mut names: BTreeMap<Name, BTreeSet<Rtype>> = BTreeMap::new();
    for (name, node) in zone.nodes().iter().filter(|(name, _)| is_ours(zone, name)) {
        let mut types = types_of(zone, name, node);
        let is_unsigned_cut = zone.place(name) == Place::Cut && !types.contains(&Rtype::DS);
        if is_unsigned_cut && opt_out == OptOut::Yes {
            continue;
        }
        if !is_unsigned_cut {
            types.insert(Rtype::RRSIG);
        }
        names.insert(name.clone(), types);
        // Names above it without records of their own list no types.
        let above = name.and_above().skip(1).take_while(|above| above.is_within(zone.apex()));
        for above in above {
            names.entry(above).or_default();
        }
    }
    names
}

/// Whether the zone speaks for this name: it is not below a delegation.
fn is_ours(zone: &Zone, name: &Name) -> bool {
    !matches!(zone.place(name), Place::Below(_))
}

/// The types at a name that a proof lists: at a delegation only what the parent is to be asked for (RFC 4035 §2.3).
fn types_of(zone: &Zone, name: &Name, node: &Node) -> BTreeSet<Rtype> {
    let is_cut = zone.place(name) == Place::Cut;
    let listed = |rtype: &&Rtype| !is_cut || [Rtype::NS, Rtype::DS].contains(*rtype);
    node.keys().filter(listed).copied().collect()
}

/// Type bit maps (RFC 4034 §4.1.2): for each block of 256 types that has any its number, length and bits.
pub fn bitmap(types: &BTreeSet<Rtype>) -> Vec<u8> {
    let mut blocks: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    for rtype in types {
        let [block, bit] = rtype.to_int().to_be_bytes();
        let bits = blocks.entry(block).or_default();
        let at = usize::from(bit / 8);
        bits.resize(bits.len().max(at + 1), 0);
        bits[at] |= 0x80 >> (bit % 8);
    }
    let block = |(number, bits): (u8, Vec<u8>)| {
        let length = u8::try_from(bits.len()).expect("256 bits are 32 octets");
        [vec![number, length], bits].concat()
    };
    blocks.into_iter().flat_map(block).collect()
}

fn record(owner: Name, rtype: Rtype, ttl_s: u32, rdata: &[u8]) -> Rrset {
    Rrset::new(owner, rtype, ttl_s, rdata).expect("these types have no names to be malformed")
}

/// The hash algorithm of NSEC3 (RFC 5155 §11).
const SHA1: u8 = 1;
