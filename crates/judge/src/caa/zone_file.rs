//! A name as a zone file has it, before anybody serves it.

use countersign_caa::{Name, Record};
use countersign_dns::{Name as Owner, Rrset, Rtype};

use super::seen::{CaaView, Challenge, SeenHop, SeenName, Source};
use super::{LABELS, PERSIST, owner, strings, text};

impl CaaView {
    /// What the records of a zone say of a name in it. Accounts and issuers are for the caller to fill in.
    ///
    /// What is outside of the zone is not seen, and nothing is known of signatures.
    pub fn of_zone(name: &Name, records: &[Rrset]) -> Self {
        let zone = Zone(records);
        let mut above = Some(name.clone());
        let names = std::iter::from_fn(|| {
            let next = above.take()?;
            above = next.parent();
            Some(next)
        });
        let fresh = owner(name).wildcard().filter(|wildcard| zone.has(wildcard));
        let fresh = SeenName {
            name: name.clone(),
            hops: Vec::new(),
            records: fresh.as_ref().map(|at| zone.caa(at)).unwrap_or_default(),
            is_there: fresh.is_some(),
            ttl_s: 0,
        };
        let at = |label: &str| owner(name).child(label.as_bytes());
        let grants = at(PERSIST).map(|at| zone.data(&at, Rtype::TXT)).unwrap_or_default();
        Self {
            name: name.clone(),
            seen: names.map(|name| zone.seen(name)).collect(),
            fresh: Some(fresh),
            challenges: LABELS
                .iter()
                .filter_map(|label| Some(zone.challenge(label, &at(label)?)))
                .collect(),
            unsure: Vec::new(),
            grants: grants.into_iter().map(strings).collect(),
            accounts: None,
            issuers: Vec::new(),
            source: Source::ZoneFile,
        }
    }
}

struct Zone<'a>(&'a [Rrset]);

/// Aliases in a row that are followed: there is one at each name, so a loop is longer.
const ALIASES_MAX: usize = 20;

impl Zone<'_> {
    fn sets(&self, at: &Owner, rtype: Rtype) -> impl Iterator<Item = &Rrset> {
        self.0.iter().filter(move |set| set.owner() == at && set.rtype() == rtype)
    }

    fn data(&self, at: &Owner, rtype: Rtype) -> Vec<&[u8]> {
        self.sets(at, rtype).flat_map(Rrset::rdatas).map(Vec::as_slice).collect()
    }

    fn caa(&self, at: &Owner) -> Vec<Record> {
        let rdatas = self.data(at, Rtype::CAA).into_iter().map(<[u8]>::to_vec);
        rdatas.map(Record::from_rdata).collect()
    }

    fn has(&self, at: &Owner) -> bool {
        self.0.iter().any(|set| set.owner() == at)
    }

    /// The names that a file has records of are in its zone; the name of an alias's target may not be.
    fn is_within(&self, at: &Owner) -> bool {
        let apex = self.0.iter().find(|set| set.rtype() == Rtype::SOA).map(Rrset::owner);
        apex.is_none_or(|apex| at.is_within(apex))
    }

    fn seen(&self, name: Name) -> SeenName {
        let mut at = owner(&name);
        let mut hops = vec![SeenHop { name: name.to_string(), security: None }];
        for _ in 0..ALIASES_MAX {
            let Some(target) = self.sets(&at, Rtype::CNAME).find_map(Rrset::target) else { break };
            if !self.is_within(&target) {
                hops.push(SeenHop { name: text(&target), security: None });
                break;
            }
            at = target;
        }
        let ttl_s = self.sets(&at, Rtype::CAA).map(Rrset::ttl_s).min().unwrap_or(0);
        let is_there = self.has(&owner(&name));
        SeenName { name, hops, records: self.caa(&at), is_there, ttl_s }
    }

    fn challenge(&self, label: &str, at: &Owner) -> Challenge {
        let alias = self.sets(at, Rtype::CNAME).find_map(Rrset::target);
        let server = || Owner::from_wire(self.data(at, Rtype::NS).first()?).ok();
        let elsewhere = alias.or_else(server).map(|name| text(&name));
        Challenge { label: label.to_owned(), elsewhere }
    }
}
