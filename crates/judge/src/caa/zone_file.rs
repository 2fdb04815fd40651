//! A zone file, before anybody serves it.
//!
//! # Limitations
//!
//! Of DNAME records nothing is known here. What is outside of the zone is not seen, and nothing is known of signatures.

use std::collections::{BTreeMap, BTreeSet};

use countersign_caa::{Name, Record};
use countersign_dns::{Name as Owner, Rrset, Rtype};

use super::seen::{CaaView, Challenge, SeenGrant, SeenHop, SeenName, Source};
use super::{LABELS, PERSIST, owner, strings, text};

/// The records of a file by their owners.
pub struct ZoneFile<'a> {
    sets: BTreeMap<Owner, Vec<&'a Rrset>>,
    /// The name with the SOA record. Without one it is not known where the zone begins and ends.
    apex: Option<Owner>,
    /// Where it ends and others begin.
    cuts: BTreeSet<Owner>,
}

/// What certificates are for has one of these.
const CERTIFIED: [Rtype; 6] =
    [Rtype::SOA, Rtype::A, Rtype::AAAA, Rtype::MX, Rtype::CNAME, Rtype::CAA];

/// Aliases in a row that are followed: there is one at each name, so a loop is longer.
const ALIASES_MAX: usize = 20;

impl<'a> ZoneFile<'a> {
    /// Puts records in order.
    pub fn new(records: &'a [Rrset]) -> Self {
        let apex = records.iter().find(|set| set.rtype() == Rtype::SOA).map(Rrset::owner).cloned();
        let mut sets: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for set in records {
            sets.entry(set.owner().clone()).or_default().push(set);
        }
        let servers = records.iter().filter(|set| set.rtype() == Rtype::NS).map(Rrset::owner);
        let is_cut = |at: &&Owner| apex.as_ref().is_some_and(|apex| at.is_below(apex));
        let cuts = servers.filter(is_cut).cloned().collect();
        Self { sets, apex, cuts }
    }

    /// The names in the zone that certificates can be for: those with an address, mail, an alias or CAA records, those
    /// with a wildcard below them, and the apex.
    pub fn names(&self) -> Vec<Name> {
        let is_certified =
            |sets: &[&Rrset]| sets.iter().any(|set| CERTIFIED.contains(&set.rtype()));
        let owners = self.sets.iter().filter(|(_, sets)| is_certified(sets)).map(|(at, _)| at);
        let names = owners.filter(|at| self.is_within(at)).filter_map(|at| {
            let named = if at.is_wildcard() { at.parent()? } else { at.clone() };
            Name::parse(&text(&named)).ok()
        });
        let names: BTreeSet<_> = names.filter(|name| !name.as_str().starts_with('_')).collect();
        names.into_iter().collect()
    }

    /// What the records say of a name. Accounts and issuers are for the caller to fill in.
    pub fn view(&self, name: &Name) -> CaaView {
        let (at, apex) = (owner(name), self.apex.as_ref());
        let names: Vec<_> = std::iter::successors(Some(name.clone()), Name::parent)
            .take_while(|name| apex.is_none_or(|apex| owner(name).is_within(apex)))
            .collect();
        let grants = names.iter().flat_map(|name| self.grants(name)).collect();
        let fresh = at.wildcard().map(|at| self.seen(name.clone(), at));
        let challenges = LABELS
            .iter()
            .filter_map(|label| Some(self.challenge(label, &at.child(label.as_bytes())?)));
        CaaView {
            name: name.clone(),
            challenges: challenges.collect(),
            seen: names.into_iter().map(|name| self.seen(name.clone(), owner(&name))).collect(),
            fresh,
            unsure: Vec::new(),
            grants,
            unsigned_cuts: if apex == Some(&at) { self.unsigned_cuts() } else { Vec::new() },
            is_partial: self.is_partial(),
            accounts: None,
            ended: Vec::new(),
            issuers: Vec::new(),
            source: Source::ZoneFile,
        }
    }

    /// Whether names above the zone can have records for it. A top-level domain has none for those below.
    fn is_partial(&self) -> bool {
        let Some(apex) = &self.apex else { return true };
        apex.parent().is_some_and(|above| above.label_count() > 1)
    }

    /// Delegations without DS records that are not themselves below another.
    fn unsigned_cuts(&self) -> Vec<String> {
        let is_own = |cut: &&Owner| cut.parent().is_some_and(|above| !self.is_cut_off(&above));
        let is_unsigned = |cut: &&Owner| self.data(cut, Rtype::DS).is_empty();
        self.cuts.iter().filter(is_own).filter(is_unsigned).map(text).collect()
    }

    /// Whether a name belongs to a zone below this one.
    fn is_cut_off(&self, at: &Owner) -> bool {
        !self.cuts.is_empty() && at.and_above().any(|above| self.cuts.contains(&above))
    }

    /// Whether this file says what there is of a name: the target of an alias may be elsewhere.
    fn is_within(&self, at: &Owner) -> bool {
        match &self.apex {
            Some(apex) => at.is_within(apex) && !self.is_cut_off(at),
            None => self.sets.contains_key(at),
        }
    }

    /// Whether there is such a name, with records or only with names below it.
    fn is_there(&self, at: &Owner) -> bool {
        self.sets.range::<Owner, _>(at..).next().is_some_and(|(owner, _)| owner.is_within(at))
    }

    /// What a server answers from: the sets of the name, or of the wildcard that stands for it (RFC 4592 §3.3.1). `None`
    /// if there is no such name.
    fn node(&self, at: &Owner) -> Option<&[&'a Rrset]> {
        if self.is_there(at) {
            return Some(self.sets.get(at).map(Vec::as_slice).unwrap_or_default());
        }
        let encloser = at.and_above().find(|above| self.is_there(above))?;
        self.sets.get(&encloser.wildcard()?).map(Vec::as_slice)
    }

    fn of_type(&self, at: &Owner, rtype: Rtype) -> impl Iterator<Item = &'a Rrset> + '_ {
        let sets = self.node(at).unwrap_or_default().iter().copied();
        sets.filter(move |set| set.rtype() == rtype)
    }

    fn data(&self, at: &Owner, rtype: Rtype) -> Vec<&'a [u8]> {
        self.of_type(at, rtype).flat_map(Rrset::rdatas).map(Vec::as_slice).collect()
    }

    fn alias(&self, at: &Owner) -> Option<Owner> {
        self.of_type(at, Rtype::CNAME).find_map(Rrset::target)
    }

    /// The name at the end of the aliases that are in the file, and where the last of them leads if that is not.
    fn follow(&self, at: Owner) -> (Owner, Option<Owner>) {
        let mut at = at;
        for _ in 0..ALIASES_MAX {
            match self.alias(&at) {
                Some(target) if self.is_within(&target) => at = target,
                outside => return (at, outside),
            }
        }
        (at, None)
    }

    /// What is at `at`, or what it is an alias for, told as that of a name.
    fn seen(&self, name: Name, at: Owner) -> SeenName {
        let is_there = self.node(&at).is_some();
        let mut hops = vec![SeenHop { name: text(&at), security: None }];
        let (end, outside) = self.follow(at);
        hops.extend(outside.map(|target| SeenHop { name: text(&target), security: None }));
        let records = self.data(&end, Rtype::CAA).into_iter().map(<[u8]>::to_vec);
        let ttl_s = self.of_type(&end, Rtype::CAA).map(Rrset::ttl_s).min().unwrap_or(0);
        SeenName { name, hops, records: records.map(Record::from_rdata).collect(), is_there, ttl_s }
    }

    fn challenge(&self, label: &str, at: &Owner) -> Challenge {
        let server = || Owner::from_wire(self.data(at, Rtype::NS).first()?).ok();
        let elsewhere = self.alias(at).or_else(server).map(|name| text(&name));
        Challenge { label: label.to_owned(), elsewhere }
    }

    fn grants(&self, name: &Name) -> Vec<SeenGrant> {
        let Some(at) = owner(name).child(PERSIST.as_bytes()) else { return Vec::new() };
        let texts = self.data(&self.follow(at).0, Rtype::TXT).into_iter().map(strings);
        texts.map(|text| SeenGrant { at: name.clone(), text }).collect()
    }
}
