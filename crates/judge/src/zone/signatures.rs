//! How long the signatures of a zone hold.

use std::collections::BTreeMap;

use countersign_dns::{Rrsig, Rtype, SignedRrset};
use jiff::{SignedDuration, Timestamp};

use super::custody::Custody;
use super::finding::ZoneFinding;
use super::{APEX, ServerView, ZoneView};

/// A signature with less life left was not renewed in time: most signers renew when some days are left, and caches
/// keep records for up to a day (Zonemaster, DNSSEC04).
pub(crate) const LEFT_SHORT: SignedDuration = SignedDuration::from_hours(12);

/// With less, nobody who notices on a Friday evening can repair the signer before the zone fails.
pub(super) const LEFT_FEW: SignedDuration = SignedDuration::from_hours(3 * 24);

/// With more, whoever recorded an old answer can serve it again for half a year (Zonemaster, DNSSEC04).
pub(super) const LEFT_LONG: SignedDuration = SignedDuration::from_hours(180 * 24);

/// The signatures of one type by one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFact {
    /// What is signed.
    pub rtype: Rtype,
    /// The tag of the key.
    pub key_tag: u16,
    /// Its algorithm.
    pub algorithm: u8,
    /// Since when it holds, of the signature that ends first.
    pub inception: Timestamp,
    /// Until when.
    pub expiration: Timestamp,
    /// The servers that serve the signature that ends first.
    pub servers: Vec<String>,
}

/// How many seconds a time of a signature is after `now`: times are numbers modulo 2^32 (RFC 4034 §3.1.5, RFC 1982).
pub fn seconds_from(now: Timestamp, time: u32) -> i64 {
    let now = u32::try_from(now.as_second().rem_euclid(1 << 32)).expect("it is below 2^32");
    i64::from(time.wrapping_sub(now).cast_signed())
}

/// The time itself.
pub(crate) fn time(now: Timestamp, time: u32) -> Timestamp {
    Timestamp::from_second(now.as_second() + seconds_from(now, time)).unwrap_or(Timestamp::MAX)
}

/// The signatures of DS records and at the apex, by type and key: those that end first.
pub(super) fn signatures(view: &ZoneView) -> Vec<SignatureFact> {
    let mut found: BTreeMap<(u16, u16, u8), SignatureFact> = BTreeMap::new();
    let of_apex = APEX.into_iter().flat_map(|rtype| view.apex_sets(rtype));
    for (server, set) in view.delegation_sets(Rtype::DS).chain(of_apex) {
        for rrsig in &set.rrsigs {
            let fact = fact(view.now, server, set, rrsig);
            let key = (fact.rtype.to_int(), fact.key_tag, fact.algorithm);
            let known = found.entry(key).or_insert_with(|| fact.clone());
            if fact.expiration < known.expiration {
                *known = fact;
            } else if fact.expiration == known.expiration
                && !known.servers.contains(&fact.servers[0])
            {
                known.servers.extend(fact.servers);
            }
        }
    }
    found.into_values().collect()
}

fn fact(now: Timestamp, server: &ServerView, set: &SignedRrset, rrsig: &Rrsig) -> SignatureFact {
    SignatureFact {
        rtype: set.rrset.rtype(),
        key_tag: rrsig.key_tag,
        algorithm: rrsig.algorithm,
        inception: time(now, rrsig.inception),
        expiration: time(now, rrsig.expiration),
        servers: vec![server.label()],
    }
}

/// What is wrong with them. The signatures of one key mostly end together, so there is one finding for all types.
pub(super) fn findings(
    view: &ZoneView,
    signatures: &[SignatureFact],
    custody: &Custody,
) -> Vec<ZoneFinding> {
    let mut ends: BTreeMap<Class, Vec<&SignatureFact>> = BTreeMap::new();
    for fact in signatures {
        if let Some(class) = class(view.now, fact, custody) {
            ends.entry(class).or_default().push(fact);
        }
    }
    let finding = |(class, facts): (Class, Vec<&SignatureFact>)| {
        let mut rtypes: Vec<Rtype> = facts.iter().map(|fact| fact.rtype).collect();
        rtypes.dedup();
        let mut servers: Vec<String> = facts.iter().flat_map(|fact| fact.servers.clone()).collect();
        servers.sort();
        servers.dedup();
        let first = facts.iter().map(|fact| fact.expiration).min().unwrap_or_default();
        let last = facts.iter().map(|fact| fact.expiration).max().unwrap_or_default();
        let from = facts.iter().map(|fact| fact.inception).max().unwrap_or_default();
        match class {
            Class::NotYetValid => ZoneFinding::SignatureNotYetValid { rtypes, from, servers },
            Class::Expired => ZoneFinding::SignatureExpired { rtypes, until: first, servers },
            Class::Short => {
                ZoneFinding::SignatureExpiring { rtypes, until: first, is_urgent: true }
            }
            Class::Few => ZoneFinding::SignatureExpiring { rtypes, until: first, is_urgent: false },
            Class::Long => ZoneFinding::SignatureLong { rtypes, until: last },
        }
    };
    ends.into_iter().map(finding).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    NotYetValid,
    Expired,
    Short,
    Few,
    Long,
}

fn class(now: Timestamp, fact: &SignatureFact, custody: &Custody) -> Option<Class> {
    let left = fact.expiration.duration_since(now);
    if fact.inception > now {
        return Some(Class::NotYetValid);
    }
    if left < SignedDuration::ZERO {
        return Some(Class::Expired);
    }
    // The signer of DS records is the parent's, and not the operator's to look after in time.
    let is_parents = fact.rtype == Rtype::DS;
    // A signature that was made for this question need not be renewed.
    let is_fresh = custody.signs_each_answer && !is_parents;
    if left < LEFT_SHORT && !is_fresh {
        return Some(Class::Short);
    }
    if left < LEFT_FEW && !is_fresh && !is_parents {
        return Some(Class::Few);
    }
    (left > LEFT_LONG).then_some(Class::Long)
}
