//! The chain of trust, from the root down to the zone.

use countersign_dns::security::Security;
use countersign_dns::walk::Walked;
use countersign_dns::{Dnskey, Ds, Name, Rtype};
use jiff::Timestamp;

use super::facts::{DsFact, Facts, KeyFact};
use super::finding::ZoneFinding;
use super::signatures::time;
use super::{APEX, ZoneView};

/// A zone of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainZone {
    /// The zone.
    pub name: Name,
    /// What is to be made of it; `None` if nobody asked.
    pub security: Option<Security>,
    /// Its keys.
    pub keys: Vec<KeyFact>,
    /// The DS records that name them, in the zone above.
    pub ds: Vec<DsFact>,
    /// When the first of the signatures of both runs out, as far as they were proved.
    pub signed_until: Option<Timestamp>,
}

/// The signed zones from the root down, and the zone itself.
pub(super) fn chain(view: &ZoneView, facts: &Facts) -> Vec<ChainZone> {
    // All walks go down the same way; that which came furthest has most of it.
    let longest = view.walks.values().max_by_key(|walked| walked.steps.len());
    let mut zones = longest.map(|walked| proved(walked, view)).unwrap_or_default();
    let own = zones.iter().position(|zone| zone.name == view.zone).map(|at| zones.remove(at));
    zones.retain(|zone| view.zone.is_below(&zone.name));
    zones.sort_by_key(|zone| zone.name.label_count());
    zones.push(ChainZone {
        name: view.zone.clone(),
        security: view.walks.get(&Rtype::SOA).map(|walked| walked.security.clone()),
        keys: facts.keys.iter().map(|key| KeyFact::new(&view.zone, key, &facts.ds)).collect(),
        ds: facts.ds.iter().map(|ds| DsFact::new(&view.zone, ds, &facts.keys)).collect(),
        signed_until: own.and_then(|zone| zone.signed_until),
    });
    zones
}

/// The zones whose keys a walk has proved.
fn proved(walked: &Walked, view: &ZoneView) -> Vec<ChainZone> {
    let mut zones: Vec<ChainZone> = Vec::new();
    let (mut keys, mut ds) = (Vec::<(Name, Dnskey)>::new(), Vec::<(Name, Ds)>::new());
    for (rrsig, rrset) in
        walked.steps.iter().flat_map(|step| &step.links).filter_map(|link| link.read())
    {
        let name = rrset.owner().clone();
        match rrset.rtype() {
            Rtype::DNSKEY => {
                let found = rrset.rdatas().iter().filter_map(|rdata| Dnskey::from_rdata(rdata));
                keys.extend(found.map(|key| (name.clone(), key)));
            }
            Rtype::DS => {
                let found = rrset.rdatas().iter().filter_map(|rdata| Ds::from_rdata(rdata));
                ds.extend(found.map(|ds| (name.clone(), ds)));
            }
            _ => continue,
        }
        let at = zones.iter().position(|zone| zone.name == name).unwrap_or_else(|| {
            let (keys, ds) = (Vec::new(), Vec::new());
            zones.push(ChainZone {
                name,
                security: Some(Security::Secure),
                keys,
                ds,
                signed_until: None,
            });
            zones.len() - 1
        });
        let until = time(view.now, rrsig.expiration);
        zones[at].signed_until =
            Some(zones[at].signed_until.map_or(until, |first| first.min(until)));
    }
    for zone in &mut zones {
        let mut own_keys: Vec<Dnskey> = of(&zone.name, &keys);
        let mut own_ds: Vec<Ds> = of(&zone.name, &ds);
        own_keys.dedup();
        own_ds.dedup();
        zone.keys = own_keys.iter().map(|key| KeyFact::new(&zone.name, key, &own_ds)).collect();
        zone.ds = own_ds.iter().map(|ds| DsFact::new(&zone.name, ds, &own_keys)).collect();
    }
    // A DS set alone is a delegation to keys that were not proved.
    zones.retain(|zone| !zone.keys.is_empty());
    zones
}

fn of<T: Clone>(name: &Name, all: &[(Name, T)]) -> Vec<T> {
    all.iter().filter(|(owner, _)| owner == name).map(|(_, one)| one.clone()).collect()
}

/// What validators make of the apex, each reason once.
pub(super) fn findings(view: &ZoneView) -> Vec<ZoneFinding> {
    let mut findings = Vec::new();
    for rtype in APEX {
        let finding = match view.walks.get(&rtype).map(|walked| &walked.security) {
            None => ZoneFinding::NotLooked {
                what: format!("{rtype} of {}", view.zone),
                why: "no validator's walk was made".to_owned(),
            },
            Some(Security::Secure) => continue,
            Some(Security::Insecure(why)) => ZoneFinding::Insecure(why.clone()),
            Some(Security::Bogus(why)) => ZoneFinding::Bogus(why.clone()),
            Some(Security::Indeterminate(why)) => ZoneFinding::Indeterminate(why.clone()),
        };
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}
