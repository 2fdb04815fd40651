//! What the keys of a zone are worth: their algorithms and sizes, and whether each algorithm signs everything.

use std::collections::{BTreeMap, BTreeSet};

use countersign_dns::{Dnskey, Rtype};

use super::facts::Facts;
use super::finding::ZoneFinding;
use super::{APEX, ZoneView};

/// NIST SP 800-131A allows nothing smaller since 2014; 1,024 bits are within reach of those who would want this key.
pub(super) const RSA_BITS_MIN: usize = 2048;

/// What to make of an algorithm (IANA, "DNS Security Algorithm Numbers", with the columns of RFC 9904 and RFC 9905).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// To be used.
    Good,
    /// Still verified, and no longer to be used.
    NotRecommended,
    /// Must not be used.
    Deprecated,
    /// May be used; we have nothing to verify it with.
    NotVerified,
    /// No algorithm of zones.
    Unknown,
}

fn standing(algorithm: u8) -> Standing {
    match algorithm {
        8 | 13 | 14 | 15 => Standing::Good,
        10 => Standing::NotRecommended,
        1 | 3 | 5 | 6 | 7 | 12 => Standing::Deprecated,
        16 | 17 | 23 => Standing::NotVerified,
        _ => Standing::Unknown,
    }
}

/// The name of an algorithm, as IANA has it; `unknown` for a number that is none.
pub fn algorithm_name(algorithm: u8) -> &'static str {
    match algorithm {
        1 => "RSAMD5",
        3 => "DSA",
        5 => "RSASHA1",
        6 => "DSA-NSEC3-SHA1",
        7 => "RSASHA1-NSEC3-SHA1",
        8 => "RSASHA256",
        10 => "RSASHA512",
        12 => "ECC-GOST",
        13 => "ECDSAP256SHA256",
        14 => "ECDSAP384SHA384",
        15 => "ED25519",
        16 => "ED448",
        17 => "SM2SM3",
        23 => "ECC-GOST12",
        _ => "unknown",
    }
}

pub(super) fn findings(view: &ZoneView, facts: &Facts) -> Vec<ZoneFinding> {
    let mut findings = Vec::new();
    let in_use: BTreeSet<u8> = facts
        .keys
        .iter()
        .map(|key| key.algorithm)
        .chain(facts.ds.iter().map(|ds| ds.algorithm))
        // 0 stands for no key at all (RFC 8078 §4).
        .filter(|algorithm| *algorithm != 0)
        .collect();
    for algorithm in in_use {
        findings.extend(match standing(algorithm) {
            Standing::Good => None,
            Standing::NotRecommended => Some(ZoneFinding::AlgorithmNotRecommended { algorithm }),
            Standing::Deprecated => Some(ZoneFinding::AlgorithmDeprecated { algorithm }),
            Standing::NotVerified => Some(ZoneFinding::AlgorithmNotVerified { algorithm }),
            Standing::Unknown => Some(ZoneFinding::AlgorithmUnknown { algorithm }),
        });
    }
    for key in &facts.keys {
        if let Some(bits) = key.rsa_bits().filter(|bits| *bits < RSA_BITS_MIN) {
            findings.push(ZoneFinding::RsaSmall { tag: key.tag(), bits });
        }
    }
    findings.extend(collisions(&facts.keys));
    findings.extend(incomplete(view));
    findings
}

/// Keys that share tag and algorithm: a validator has to try each, and may stop at the first (CVE-2023-50387).
fn collisions(keys: &[Dnskey]) -> Vec<ZoneFinding> {
    let mut counts: BTreeMap<(u16, u8), usize> = BTreeMap::new();
    for key in keys {
        *counts.entry((key.tag(), key.algorithm)).or_default() += 1;
    }
    let several = counts.into_iter().filter(|(_, count)| *count > 1);
    several
        .map(|((tag, algorithm), count)| ZoneFinding::TagsCollide { tag, algorithm, count })
        .collect()
}

/// Algorithms of keys with which not all is signed. Each must sign every set (RFC 4035 §2.2).
fn incomplete(view: &ZoneView) -> Vec<ZoneFinding> {
    let mut lacking: BTreeMap<u8, Vec<Rtype>> = BTreeMap::new();
    for server in &view.servers {
        let records = |rtype| server.apex(&view.zone, rtype).records();
        let Some(keys) = records(Rtype::DNSKEY) else { continue };
        let keys = keys.rrset.rdatas().iter().filter_map(|rdata| Dnskey::from_rdata(rdata));
        let algorithms: BTreeSet<u8> =
            keys.filter(Dnskey::signs).map(|key| key.algorithm).collect();
        // A set without any signature is a finding of its own.
        let signed = APEX.into_iter().filter_map(records).filter(|set| !set.rrsigs.is_empty());
        for set in signed {
            for algorithm in &algorithms {
                if !set.rrsigs.iter().any(|rrsig| rrsig.algorithm == *algorithm) {
                    let rtypes = lacking.entry(*algorithm).or_default();
                    if !rtypes.contains(&set.rrset.rtype()) {
                        rtypes.push(set.rrset.rtype());
                    }
                }
            }
        }
    }
    lacking
        .into_iter()
        .map(|(algorithm, rtypes)| ZoneFinding::AlgorithmIncomplete { algorithm, rtypes })
        .collect()
}
