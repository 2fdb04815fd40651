//! What NSEC and NSEC3 records prove not to exist (RFC 4035 §5.4, RFC 5155 §8).
//!
//! The records here were verified with the keys of one zone. Which of them a proof needed is kept with the proof.

mod chain;

use domain::base::iana::Rtype;

use crate::algorithm::nsec3_hash;
use crate::limits::{Budget, Exceeded};
use crate::name::Name;
use crate::rrset::Rrset;

use chain::Chain;

/// Which types a name has (RFC 4034 §4.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeBitmap(Vec<u8>);

impl TypeBitmap {
    /// Reads the field; `None` if it is malformed.
    pub fn parse(field: &[u8]) -> Option<Self> {
        let (mut rest, mut last) = (field, None);
        while let Some((&[window, length], after)) = rest.split_first_chunk::<2>() {
            let (_, after) = after.split_at_checked(usize::from(length))?;
            if !(1..=32).contains(&length) || last.is_some_and(|last| last >= window) {
                return None;
            }
            (rest, last) = (after, Some(window));
        }
        rest.is_empty().then(|| Self(field.to_vec()))
    }

    /// Whether the name has this type.
    pub fn contains(&self, rtype: Rtype) -> bool {
        let [window, low] = rtype.to_int().to_be_bytes();
        let mut rest = &self.0[..];
        while let [number, length, after @ ..] = rest {
            let (bits, after) = after.split_at(usize::from(*length));
            if *number == window {
                let octet = bits.get(usize::from(low / 8)).copied().unwrap_or(0);
                return octet & (0x80 >> (low % 8)) != 0;
            }
            rest = after;
        }
        false
    }

    /// Whether the name is a delegation, seen from above: the zone below has its own say about it.
    pub fn is_delegation(&self) -> bool {
        self.contains(Rtype::NS) && !self.contains(Rtype::SOA)
    }

    /// Whether what is below the name is elsewhere: in another zone, or renamed (RFC 6840 §4.1).
    fn ends_here(&self) -> bool {
        self.is_delegation() || self.contains(Rtype::DNAME)
    }

    /// Whether a name with these types has nothing of that type, as far as its zone may say (RFC 6840 §4.1, §4.3).
    fn denies(&self, rtype: Rtype, is_root: bool) -> bool {
        let is_other_side = match rtype {
            // The apex of the zone below knows nothing of the DS records above it.
            Rtype::DS => self.contains(Rtype::SOA) && !is_root,
            _ => self.is_delegation(),
        };
        let is_alias = self.contains(Rtype::CNAME) && rtype != Rtype::CNAME;
        let has_it = match rtype {
            // No map has this type (RFC 4034 §4.1.2): whoever asks for everything asks for each type that is there.
            Rtype::ANY => self.has_records(),
            _ => self.contains(rtype),
        };
        !is_other_side && !is_alias && !has_it
    }

    /// Whether the name has anything besides what denies the rest: its NSEC record, its signature, and NXNAME,
    /// which says that it is not there.
    fn has_records(&self) -> bool {
        let denying = [Rtype::NSEC, Rtype::RRSIG, NXNAME];
        let denying = denying.into_iter().filter(|rtype| self.contains(*rtype)).count();
        let (mut rest, mut types) = (&self.0[..], 0);
        while let [_window, length, after @ ..] = rest {
            let (bits, after) = after.split_at(usize::from(*length));
            types += bits.iter().map(|octet| octet.count_ones()).sum::<u32>();
            rest = after;
        }
        usize::try_from(types).expect("there are 65,536 types") > denying
    }
}

/// RFC 9824 §3.1.
const NXNAME: Rtype = Rtype::from_int(128);

/// An NSEC record: nothing is between its owner and the next name (RFC 4034 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nsec {
    /// The owner.
    pub owner: Name,
    /// Next Domain Name; the apex after the last name.
    pub next: Name,
    /// The types of the owner.
    pub types: TypeBitmap,
}

impl Nsec {
    /// The record of this set; `None` if it is malformed, or there are several.
    pub fn of(rrset: &Rrset) -> Option<Self> {
        let [rdata] = rrset.rdatas() else { return None };
        let (next, types) = Name::read(rdata).ok()?;
        Some(Self { owner: rrset.owner().clone(), next, types: TypeBitmap::parse(types)? })
    }

    /// Whether it shows that there is no such name in its zone.
    pub fn covers(&self, name: &Name) -> bool {
        let is_between = if self.owner < self.next {
            self.owner < *name && *name < self.next
        } else {
            // The last name of the zone, or the only one.
            self.owner < *name
        };
        is_between && !(name.is_below(&self.owner) && self.types.ends_here())
    }

    /// The deepest name at or above `name` that exists, where [`Nsec::covers`] is so.
    pub fn closest_encloser(&self, name: &Name) -> Name {
        let (one, two) = (name.common_ancestor(&self.owner), name.common_ancestor(&self.next));
        if one.label_count() > two.label_count() { one } else { two }
    }
}

/// An NSEC3 record: as NSEC, of hashed names (RFC 5155 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nsec3 {
    /// The hash in its owner.
    pub hash: [u8; 20],
    /// The zone: what is above the hash.
    pub zone: Name,
    /// Opt-Out: there may be delegations without DS records in between (RFC 5155 §3.1.2.1).
    pub opt_out: bool,
    /// Iterations, and the salt.
    pub parameters: (u16, Vec<u8>),
    /// Next Hashed Owner Name.
    pub next: [u8; 20],
    /// The types of the name that has this hash.
    pub types: TypeBitmap,
}

impl Nsec3 {
    /// The record of this set; `None` if it is malformed, of a hash algorithm or with flags that are unknown
    /// (RFC 5155 §8.1, §8.2), or there are several.
    pub fn of(rrset: &Rrset) -> Option<Self> {
        let [rdata] = rrset.rdatas() else { return None };
        let (&[1, flags @ (0 | 1), high, low, salt], rest) = rdata.split_first_chunk::<5>()? else {
            return None;
        };
        let (salt, rest) = rest.split_at_checked(usize::from(salt))?;
        let (&length, rest) = rest.split_first()?;
        let (next, types) = rest.split_at_checked(usize::from(length))?;
        Some(Self {
            hash: base32hex(rrset.owner().labels().next()?)?,
            zone: rrset.owner().parent()?,
            opt_out: flags == 1,
            parameters: (u16::from_be_bytes([high, low]), salt.to_vec()),
            next: next.try_into().ok()?,
            types: TypeBitmap::parse(types)?,
        })
    }

    /// The hash of a name with this record's parameters. It takes as many rounds as they ask for.
    pub fn hash_of(&self, name: &Name) -> [u8; 20] {
        let (iterations, salt) = &self.parameters;
        nsec3_hash(name.wire(), salt, *iterations)
    }

    /// Whether it shows that no name in its zone has this hash.
    pub fn covers(&self, hash: &[u8; 20]) -> bool {
        if self.hash < self.next {
            self.hash < *hash && *hash < self.next
        } else {
            *hash > self.hash || *hash < self.next
        }
    }
}

/// Base 32 with the extended hex alphabet, without padding (RFC 4648 §7, RFC 5155 §1.3), of 20 octets.
fn base32hex(label: &[u8]) -> Option<[u8; 20]> {
    let label: &[u8; 32] = label.try_into().ok()?;
    let mut octets = [0; 20];
    for (digits, octets) in label.chunks_exact(8).zip(octets.chunks_exact_mut(5)) {
        let mut bits = 0_u64;
        for digit in digits {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'v' => digit - b'a' + 10,
                _ => return None,
            };
            bits = bits << 5 | u64::from(value);
        }
        octets.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(octets)
}

/// What was denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The name is there and has no such record. The types that it has, if it has a record of its own that says so:
    /// neither an empty name nor one that a wildcard stands for has.
    NoData(Option<TypeBitmap>),
    /// The name is not there.
    NoName,
    /// There may be a delegation without DS records, or nothing: whoever signed has left that open (RFC 5155 §8.6).
    OptOut,
    /// Nobody can be asked to compute so many hashes (RFC 9276 §3.2).
    Iterations(u16),
}

/// A denial, and which of the records show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) what: Denied,
    /// Places in the list that [`Denials`] was made of.
    pub(crate) by: Vec<usize>,
}

/// Verified records of one zone, to prove with.
pub(crate) struct Denials {
    zone: Name,
    nsecs: Vec<(usize, Nsec)>,
    /// Those whose hashes can be computed.
    chains: Vec<Chain>,
    /// One whose hashes cannot.
    costly: Option<(usize, u16)>,
}

impl Denials {
    /// Of these sets. What is malformed, or of other types, proves nothing.
    pub(crate) fn new<'a>(
        zone: &Name,
        sets: impl Iterator<Item = &'a Rrset>,
        iterations_max: u16,
    ) -> Self {
        let mut denials =
            Self { zone: zone.clone(), nsecs: Vec::new(), chains: Vec::new(), costly: None };
        for (at, set) in sets.enumerate() {
            match set.rtype() {
                Rtype::NSEC => denials.nsecs.extend(Nsec::of(set).map(|nsec| (at, nsec))),
                Rtype::NSEC3 => match Nsec3::of(set).filter(|nsec3| nsec3.zone == *zone) {
                    Some(nsec3) if nsec3.parameters.0 > iterations_max => {
                        denials.costly = Some((at, nsec3.parameters.0));
                    }
                    Some(nsec3) => Chain::add(&mut denials.chains, at, nsec3),
                    None => {}
                },
                _ => {}
            }
        }
        denials
    }

    /// Whether there is no such record, and why; `None` if that is not shown.
    pub(crate) fn deny(
        &mut self,
        name: &Name,
        rtype: Rtype,
        budget: &mut Budget,
    ) -> Result<Option<Shown>, Exceeded> {
        if let Some(shown) = self.deny_by_nsec(name, rtype) {
            return Ok(Some(shown));
        }
        if name.is_within(&self.zone) {
            for chain in &mut self.chains {
                if let Some(shown) = chain.deny(&self.zone, name, rtype, budget)? {
                    return Ok(Some(shown));
                }
            }
        }
        Ok(self.too_costly())
    }

    /// Whether no name is closer to `name` than its ancestor `encloser`, so that `*` below that stands for it
    /// (RFC 4035 §5.3.4, RFC 5155 §8.8): [`Denied::NoName`] or, where delegations may be in between,
    /// [`Denied::OptOut`].
    pub(crate) fn deny_closer(
        &mut self,
        name: &Name,
        encloser: &Name,
        budget: &mut Budget,
    ) -> Result<Option<Shown>, Exceeded> {
        let mut covering = self.nsecs.iter().filter(|(_, nsec)| nsec.covers(name));
        if let Some((at, _)) = covering.find(|(_, nsec)| nsec.closest_encloser(name) == *encloser) {
            return Ok(Some(Shown { what: Denied::NoName, by: vec![*at] }));
        }
        let next_closer = name.ancestor(encloser.label_count() + 1);
        for chain in &mut self.chains {
            if let Some((at, nsec3)) = chain.covering(&next_closer, budget)? {
                let what = if nsec3.opt_out { Denied::OptOut } else { Denied::NoName };
                return Ok(Some(Shown { what, by: vec![at] }));
            }
        }
        Ok(self.too_costly())
    }

    fn too_costly(&self) -> Option<Shown> {
        let (at, iterations) = self.costly?;
        Some(Shown { what: Denied::Iterations(iterations), by: vec![at] })
    }

    fn deny_by_nsec(&self, name: &Name, rtype: Rtype) -> Option<Shown> {
        let matching = |name: &Name| self.nsecs.iter().find(|(_, nsec)| nsec.owner == *name);
        let is_root = name.is_root();
        if let Some((at, nsec)) = matching(name) {
            let what = Denied::NoData(Some(nsec.types.clone()));
            return nsec.types.denies(rtype, is_root).then(|| Shown { what, by: vec![*at] });
        }
        for (at, nsec) in self.nsecs.iter().filter(|(_, nsec)| nsec.covers(name)) {
            // Something is below it, so it is there, and empty (RFC 4592 §2.2.2).
            if nsec.next.is_below(name) {
                return Some(Shown { what: Denied::NoData(None), by: vec![*at] });
            }
            let Some(wildcard) = nsec.closest_encloser(name).wildcard() else { continue };
            if let Some((also, of_wildcard)) = matching(&wildcard) {
                if of_wildcard.types.denies(rtype, false) {
                    return Some(Shown { what: Denied::NoData(None), by: both(*at, *also) });
                }
                continue;
            }
            let covering = self.nsecs.iter().find(|(_, nsec)| nsec.covers(&wildcard));
            if let Some((also, of_wildcard)) = covering {
                let is_empty = of_wildcard.next.is_below(&wildcard);
                let what = if is_empty { Denied::NoData(None) } else { Denied::NoName };
                return Some(Shown { what, by: both(*at, *also) });
            }
        }
        None
    }
}

fn both(one: usize, two: usize) -> Vec<usize> {
    if one == two { vec![one] } else { vec![one.min(two), one.max(two)] }
}

#[cfg(test)]
mod tests;
