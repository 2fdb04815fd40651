//! A chain of NSEC3 records, and what it proves not to exist (RFC 5155 §8.3 to §8.8).

use std::collections::BTreeMap;

use domain::base::iana::Rtype;

use super::{Denied, Nsec3, Shown, both};
use crate::limits::{Budget, Exceeded, Limit};
use crate::name::Name;

/// Records of one zone that have the same parameters.
///
/// A zone that changes its parameters can answer with records of two chains. A proof is made of one: the names that
/// are in one chain need not be in the other, so that together they could deny what each of them has (RFC 5155 §8.2).
pub(super) struct Chain {
    /// At least one, each with its place in the list that the denials were made of.
    nsec3s: Vec<(usize, Nsec3)>,
    hashes: BTreeMap<Name, [u8; 20]>,
}

impl Chain {
    /// Puts a record to those with its parameters.
    pub(super) fn add(chains: &mut Vec<Self>, at: usize, nsec3: Nsec3) {
        let is_its = |chain: &&mut Self| chain.nsec3s[0].1.parameters == nsec3.parameters;
        match chains.iter_mut().find(is_its) {
            Some(chain) => chain.nsec3s.push((at, nsec3)),
            None => chains.push(Self { nsec3s: vec![(at, nsec3)], hashes: BTreeMap::new() }),
        }
    }

    /// Whether there is no such record in this zone, which the name is in, and why; `None` if that is not shown.
    pub(super) fn deny(
        &mut self,
        zone: &Name,
        name: &Name,
        rtype: Rtype,
        budget: &mut Budget,
    ) -> Result<Option<Shown>, Exceeded> {
        if let Some((at, nsec3)) = self.matching(name, budget)? {
            let what = Denied::NoData(Some(nsec3.types.clone()));
            let denies = nsec3.types.denies(rtype, name.is_root());
            return Ok(denies.then(|| Shown { what, by: vec![at] }));
        }
        // RFC 5155 §8.3: the closest encloser is there, and the name one label further is not.
        let mut found = None;
        for encloser in name.and_above().skip(1).take_while(|name| name.is_within(zone)) {
            if let Some(nsec3) = self.matching(&encloser, budget)? {
                found = Some((encloser, nsec3));
                break;
            }
        }
        let Some((encloser, (at, of_encloser))) = found else { return Ok(None) };
        if of_encloser.types.ends_here() {
            return Ok(None);
        }
        let next_closer = name.ancestor(encloser.label_count() + 1);
        let Some((also, of_closer)) = self.covering(&next_closer, budget)? else {
            return Ok(None);
        };
        let mut by = both(at, also);
        let opt_out = of_closer.opt_out.then_some(Denied::OptOut);
        let Some(wildcard) = encloser.wildcard() else { return Ok(None) };
        let what = if let Some((third, of_wildcard)) = self.matching(&wildcard, budget)? {
            if !of_wildcard.types.denies(rtype, false) {
                return Ok(None);
            }
            by.push(third);
            opt_out.unwrap_or(Denied::NoData(None))
        } else if let Some((third, _)) = self.covering(&wildcard, budget)? {
            by.push(third);
            opt_out.unwrap_or(Denied::NoName)
        } else if let Some(opt_out) = opt_out {
            // RFC 5155 §8.6. An empty name above delegations that were left out has no record either (erratum 3441).
            opt_out
        } else {
            return Ok(None);
        };
        by.sort_unstable();
        by.dedup();
        Ok(Some(Shown { what, by }))
    }

    /// A record that shows that there is no such name.
    pub(super) fn covering(
        &mut self,
        name: &Name,
        budget: &mut Budget,
    ) -> Result<Option<(usize, Nsec3)>, Exceeded> {
        let hash = self.hash(name, budget)?;
        Ok(self.nsec3s.iter().find(|(_, nsec3)| nsec3.covers(&hash)).cloned())
    }

    /// The record of this name.
    fn matching(
        &mut self,
        name: &Name,
        budget: &mut Budget,
    ) -> Result<Option<(usize, Nsec3)>, Exceeded> {
        let hash = self.hash(name, budget)?;
        Ok(self.nsec3s.iter().find(|(_, nsec3)| nsec3.hash == hash).cloned())
    }

    fn hash(&mut self, name: &Name, budget: &mut Budget) -> Result<[u8; 20], Exceeded> {
        if let Some(hash) = self.hashes.get(name) {
            return Ok(*hash);
        }
        budget.spend(Limit::Hashes)?;
        let hash = self.nsec3s[0].1.hash_of(name);
        self.hashes.insert(name.clone(), hash);
        Ok(hash)
    }
}
