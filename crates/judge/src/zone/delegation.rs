//! The delegation: DS records, and how long they and the keys are kept.

use countersign_dns::{Name, Rtype};

use super::ZoneView;
use super::facts::Facts;
use super::finding::ZoneFinding;

/// After a key was lost, or a signature forged, what resolvers have kept lives on for so long. A day is what most
/// registries use for DS records.
pub(super) const TTL_LONG_S: u32 = 24 * 60 * 60;

pub(super) fn findings(view: &ZoneView, facts: &Facts) -> Vec<ZoneFinding> {
    let mut findings = Vec::new();
    let has_better = facts.ds.iter().any(|ds| matches!(ds.digest_type, 2 | 4));
    for digest_type in [1, 3] {
        if facts.ds.iter().any(|ds| ds.digest_type == digest_type) {
            findings.push(ZoneFinding::DigestDeprecated { digest_type, has_better });
        }
    }
    let names_key =
        |ds: &&countersign_dns::Ds| facts.keys.iter().any(|key| ds.names(&view.zone, key));
    // Where none names a key the chain does not hold, which is a finding already.
    if facts.ds.iter().any(|ds| names_key(&ds)) {
        for ds in facts.ds.iter().filter(|ds| !names_key(ds)) {
            findings.push(ZoneFinding::DsWithoutKey {
                tag: ds.key_tag,
                algorithm: ds.algorithm,
                digest_type: ds.digest_type,
                has_algorithm: facts.keys.iter().any(|key| key.algorithm == ds.algorithm),
            });
        }
    }
    for rtype in [Rtype::DS, Rtype::DNSKEY] {
        match facts.ttls.get(&rtype) {
            Some(0) => findings.push(ZoneFinding::TtlZero { rtype }),
            Some(&ttl_s) if ttl_s > TTL_LONG_S => {
                findings.push(ZoneFinding::TtlLong { rtype, ttl_s });
            }
            Some(_) | None => {}
        }
    }
    findings.extend(ns_differ(view));
    findings
}

/// Servers that only the parent or only the zone names (RFC 1034 §4.2.2: they should be the same).
fn ns_differ(view: &ZoneView) -> Option<ZoneFinding> {
    let (parent, zone) = (names(view.delegation_sets(Rtype::NS)), names(view.apex_sets(Rtype::NS)));
    if parent.is_empty() || zone.is_empty() {
        return None;
    }
    let without = |these: &[Name], those: &[Name]| -> Vec<Name> {
        these.iter().filter(|name| !those.contains(name)).cloned().collect()
    };
    let (only_parent, only_zone) = (without(&parent, &zone), without(&zone, &parent));
    let differ = !only_parent.is_empty() || !only_zone.is_empty();
    differ.then_some(ZoneFinding::NsDiffer { only_parent, only_zone })
}

/// The names in these NS sets.
pub(super) fn names<'a>(
    sets: impl Iterator<Item = (&'a super::ServerView, &'a countersign_dns::SignedRrset)>,
) -> Vec<Name> {
    let mut names: Vec<Name> = sets
        .flat_map(|(_, set)| set.rrset.rdatas())
        .filter_map(|rdata| Name::from_wire(rdata).ok())
        .collect();
    names.sort();
    names.dedup();
    names
}
