//! NSEC and NSEC3 records, so that those about a name are found among them (RFC 8198 §5.1, §5.2).
//!
//! A walk looks at few records that deny, so it is given those that matter and no others.

use std::collections::BTreeMap;

use countersign_dns::denial::{Nsec, Nsec3};
use countersign_dns::{Name, Query, Rtype};

use super::{Kept, put};

/// The records, by the zone that signed them and what orders them there.
#[derive(Clone, Debug, Default)]
pub(super) struct Denials {
    nsecs: BTreeMap<Name, BTreeMap<Name, (Nsec, Kept)>>,
    /// By their parameters, too: each has its own chain.
    nsec3s: BTreeMap<Name, BTreeMap<(u16, Vec<u8>), Chain>>,
}

type Chain = BTreeMap<[u8; 20], (Nsec3, Kept)>;

impl Denials {
    /// Takes a set, if it is a record of the zone that has signed it.
    pub(super) fn learn(&mut self, kept: Kept) {
        let Some(zone) = kept.set.rrsigs.first().map(|rrsig| rrsig.signer.clone()) else { return };
        if !kept.set.rrset.owner().is_within(&zone) {
            return;
        }
        if let Some(nsec) = Nsec::of(&kept.set.rrset).filter(|_| is(&kept, Rtype::NSEC)) {
            let nsecs = self.nsecs.entry(zone).or_default();
            put(nsecs, nsec.owner.clone(), (nsec, kept), |(_, kept)| kept);
        } else if let Some(nsec3) = Nsec3::of(&kept.set.rrset).filter(|_| is(&kept, Rtype::NSEC3)) {
            let chains = self.nsec3s.entry(zone).or_default();
            let chain = chains.entry(nsec3.parameters.clone()).or_default();
            put(chain, nsec3.hash, (nsec3, kept), |(_, kept)| kept);
        }
    }

    /// What could deny this, of the deepest zone that has anything to say about it.
    pub(super) fn about(
        &self,
        query: &Query,
        iterations_max: u16,
    ) -> impl Iterator<Item = &Kept> + use<'_> {
        let Query { name, rtype } = query;
        // A zone has no say about the DS records at its own apex.
        let place = if *rtype == Rtype::DS { name.parent() } else { None };
        let place = place.unwrap_or_else(|| name.clone());
        let mut zones = place.and_above().map(|zone| {
            let mut found =
                self.nsecs.get(&zone).map_or_else(Vec::new, |nsecs| by_nsec(nsecs, name));
            let chains = self.nsec3s.get(&zone).into_iter().flatten();
            let computable = chains.filter(|((iterations, _), _)| *iterations <= iterations_max);
            for (_, chain) in computable.take(CHAINS_MAX) {
                found.extend(by_nsec3(chain, name, &zone));
            }
            found
        });
        zones.find(|found| !found.is_empty()).into_iter().flatten()
    }
}

fn is(kept: &Kept, rtype: Rtype) -> bool {
    kept.set.rrset.rtype() == rtype
}

/// The record of the name; or the one around it, and that of or around the wildcard that could stand for it.
fn by_nsec<'a>(nsecs: &'a BTreeMap<Name, (Nsec, Kept)>, name: &Name) -> Vec<&'a Kept> {
    let about = |name: &Name| {
        let (nsec, kept) = nsecs.range(..=name.clone()).next_back()?.1;
        (nsec.owner == *name || nsec.covers(name)).then_some((nsec, kept))
    };
    let Some((nsec, kept)) = about(name) else { return Vec::new() };
    let wildcard = match nsec.owner == *name {
        true => None,
        false => nsec.closest_encloser(name).wildcard(),
    };
    let of_wildcard = wildcard.and_then(|wildcard| about(&wildcard)).map(|(_, kept)| kept);
    let is_other = |other: &&Kept| other.set.rrset.owner() != kept.set.rrset.owner();
    [Some(kept), of_wildcard.filter(is_other)].into_iter().flatten().collect()
}

/// The record of the name; or that of the closest one above it, the one around the next name below that, and that of
/// or around the wildcard (RFC 5155 §7.2).
fn by_nsec3<'a>(chain: &'a Chain, name: &Name, zone: &Name) -> Vec<&'a Kept> {
    let Some((any, _)) = chain.values().next() else { return Vec::new() };
    let of = |name: &Name| chain.get(&any.hash_of(name)).map(|(_, kept)| kept);
    let around = |name: &Name| {
        let hash = any.hash_of(name);
        let before = chain.range(..hash).next_back().or_else(|| chain.last_key_value());
        let (nsec3, kept) = before?.1;
        nsec3.covers(&hash).then_some(kept)
    };
    let mut above = name.and_above().take_while(|above| above.is_within(zone));
    let closest = above.find_map(|above| of(&above).map(|kept| (above, kept)));
    let Some((encloser, kept)) = closest else { return Vec::new() };
    if encloser == *name {
        return vec![kept];
    }
    let next_closer = around(&name.ancestor(encloser.label_count() + 1));
    let wildcard = encloser.wildcard().and_then(|name| of(&name).or_else(|| around(&name)));
    let mut found = vec![kept];
    for other in [next_closer, wildcard].into_iter().flatten() {
        if found.iter().all(|known| known.set.rrset.owner() != other.set.rrset.owner()) {
            found.push(other);
        }
    }
    found
}

/// Chains of one zone that are tried: that before a change of parameters, and that after it.
const CHAINS_MAX: usize = 2;
