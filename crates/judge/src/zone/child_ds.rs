//! What a zone asks its parent for with CDS and CDNSKEY records (RFC 7344, RFC 8078).
//!
//! Where the parent follows them, whoever can sign them can replace the keys of the zone, or have its signing ignored.

use countersign_dns::{Algorithms, Dnskey, Ds, Rtype, SignedRrset};

use super::ZoneView;
use super::facts::{DsFact, Facts};
use super::finding::ZoneFinding;

/// What the records of the zone ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildDs {
    /// No server answered.
    Unseen,
    /// Nothing: there are none.
    Absent,
    /// What is there already.
    Same,
    /// Other DS records.
    Changes {
        /// Those to be added.
        adds: Vec<DsFact>,
        /// Those to be removed.
        removes: Vec<DsFact>,
        /// Whether keys come or go, and not only digests of the same keys.
        of_keys: bool,
    },
    /// That all DS records be removed (RFC 8078 §4).
    Delete,
}

/// What any server has: the most that is asked for.
pub(super) fn child_ds(view: &ZoneView, facts: &Facts) -> ChildDs {
    let (cds, cdnskey) = (sets(view, Rtype::CDS), sets(view, Rtype::CDNSKEY));
    if cds.iter().any(|set| is_delete(set)) || cdnskey.iter().any(|set| is_delete(set)) {
        return ChildDs::Delete;
    }
    let wanted_ds = wanted(&cds, Ds::from_rdata);
    let wanted_keys = wanted(&cdnskey, Dnskey::from_rdata);
    if wanted_ds.is_empty() && wanted_keys.is_empty() {
        let answered =
            |rtype| view.apex(rtype).any(|(_, sight)| matches!(sight, super::sight::Sight::None));
        let all = answered(Rtype::CDS) && answered(Rtype::CDNSKEY);
        return if all { ChildDs::Absent } else { ChildDs::Unseen };
    }
    // The parent makes DS records of keys itself, with a digest of its choice.
    let wanted_ds = match wanted_ds.is_empty() {
        false => wanted_ds,
        true => as_ds(view, facts, &wanted_keys),
    };
    let fact = |ds: &&Ds| DsFact::new(&view.zone, ds, &facts.keys);
    let adds: Vec<_> = wanted_ds.iter().filter(|ds| !facts.ds.contains(ds)).collect();
    let removes: Vec<_> = facts.ds.iter().filter(|ds| !wanted_ds.contains(ds)).collect();
    if adds.is_empty() && removes.is_empty() {
        return ChildDs::Same;
    }
    let same_key =
        |one: &Ds, other: &Ds| (one.key_tag, one.algorithm) == (other.key_tag, other.algorithm);
    let of_keys = adds.iter().any(|ds| !facts.ds.iter().any(|other| same_key(ds, other)))
        || removes.iter().any(|ds| !wanted_ds.iter().any(|other| same_key(ds, other)));
    ChildDs::Changes {
        adds: adds.iter().map(fact).collect(),
        removes: removes.iter().map(fact).collect(),
        of_keys,
    }
}

/// The DS records that these keys stand for: those that are there, else with SHA-256.
fn as_ds(view: &ZoneView, facts: &Facts, keys: &[Dnskey]) -> Vec<Ds> {
    let of_key = |key: &Dnskey| -> Vec<Ds> {
        let there: Vec<Ds> =
            facts.ds.iter().filter(|ds| ds.names(&view.zone, key)).cloned().collect();
        match there.is_empty() {
            false => there,
            true => Ds::of(&view.zone, key, SHA256).into_iter().collect(),
        }
    };
    keys.iter().flat_map(of_key).collect()
}

pub(super) fn findings(view: &ZoneView, facts: &Facts, child_ds: &ChildDs) -> Vec<ZoneFinding> {
    let mut findings = Vec::new();
    match child_ds {
        ChildDs::Unseen | ChildDs::Absent | ChildDs::Same => {}
        ChildDs::Delete => {
            findings.push(ZoneFinding::CdsDelete { is_signed: !facts.ds.is_empty() });
        }
        ChildDs::Changes { adds, removes, of_keys } => findings.push(ZoneFinding::CdsChanges {
            adds: adds.clone(),
            removes: removes.clone(),
            of_keys: *of_keys,
        }),
    }
    if disagree(view) {
        findings.push(ZoneFinding::CdsDisagree);
    }
    let named: Vec<&Dnskey> =
        facts.keys.iter().filter(|key| facts.is_named(&view.zone, key)).collect();
    // Without a key that is named and can be verified, nothing can be said about who has signed.
    let can_tell = named.iter().any(|key| Algorithms::Current.verifies(key.algorithm));
    let all = [Rtype::CDS, Rtype::CDNSKEY].into_iter().flat_map(|rtype| sets(view, rtype));
    let unnamed: Vec<_> = all.filter(|set| !Facts::is_signed_by(set, &named)).collect();
    if can_tell && !unnamed.is_empty() {
        let mut rtypes: Vec<_> = unnamed.iter().map(|set| set.rrset.rtype()).collect();
        rtypes.dedup();
        findings.push(ZoneFinding::CdsNotByNamedKey { rtypes });
    }
    findings
}

/// Whether a server has both, and they do not ask for the same (RFC 7344 §4).
fn disagree(view: &ZoneView) -> bool {
    view.servers.iter().any(|server| {
        let records = |rtype| server.apex(&view.zone, rtype).records();
        let (Some(cds), Some(cdnskey)) = (records(Rtype::CDS), records(Rtype::CDNSKEY)) else {
            return false;
        };
        if is_delete(cds) || is_delete(cdnskey) {
            return is_delete(cds) != is_delete(cdnskey);
        }
        let wanted_ds = wanted(&[cds], Ds::from_rdata);
        let keys = wanted(&[cdnskey], Dnskey::from_rdata);
        let known = |ds: &&Ds| matches!(ds.digest_type, 1 | 2 | 4);
        let names = |ds: &Ds, key: &Dnskey| ds.names(&view.zone, key);
        !wanted_ds.iter().filter(known).all(|ds| keys.iter().any(|key| names(ds, key)))
            || !keys.iter().all(|key| wanted_ds.iter().any(|ds| names(ds, key)))
    })
}

/// The different sets of this type.
fn sets(view: &ZoneView, rtype: Rtype) -> Vec<&SignedRrset> {
    let mut sets: Vec<&SignedRrset> = Vec::new();
    for (_, set) in view.apex_sets(rtype) {
        if !sets.iter().any(|known| known.rrset.rdatas() == set.rrset.rdatas()) {
            sets.push(set);
        }
    }
    sets
}

/// The records of all sets, each once.
fn wanted<T: PartialEq>(sets: &[&SignedRrset], read: impl Fn(&[u8]) -> Option<T>) -> Vec<T> {
    let mut wanted = Vec::new();
    for rdata in sets.iter().flat_map(|set| set.rrset.rdatas()) {
        wanted.extend(read(rdata).filter(|one| !wanted.contains(one)));
    }
    wanted
}

/// `0 0 0 00` and `0 3 0 AA==` (RFC 8078 §4, erratum 5049).
fn is_delete(set: &SignedRrset) -> bool {
    let algorithm = |rdata: &Vec<u8>| match set.rrset.rtype() {
        Rtype::CDS => rdata.get(2).copied(),
        _ => rdata.get(3).copied(),
    };
    set.rrset.rdatas().iter().any(|rdata| algorithm(rdata) == Some(0))
}

/// The digest type that every parent takes (RFC 8624 §3.3).
const SHA256: u8 = 2;
