//! A finding as one sentence.

use std::borrow::Cow;
use std::fmt;

use countersign_dns::{Name, Rtype};

use super::ZoneFinding;
use crate::plain::{bounded, plain};
use crate::zone::facts::DsFact;
use crate::zone::keys::algorithm_name;
use crate::zone::servers::Side;

impl fmt::Display for ZoneFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |algorithm: &u8| format!("{algorithm} ({})", algorithm_name(*algorithm));
        match self {
            Self::Bogus(why) => write!(f, "validators refuse it: {why}"),
            Self::Insecure(why) => {
                write!(f, "no chain of trust, so whoever is on the way can change answers: {why}")
            }
            Self::Indeterminate(why) => {
                write!(f, "whether it can be relied on could not be told: {}", short(&why.to_string()))
            }
            Self::NotLooked { what, why } => {
                write!(f, "could not look at {}: {}", short(what), short(why))
            }
            Self::SignatureNotYetValid { rtypes, from, servers } => write!(
                f,
                "the signature of {} holds only from {from} on (at {})",
                types(rtypes),
                list(servers)
            ),
            Self::SignatureExpired { rtypes, until, servers } => write!(
                f,
                "the signature of {} has run out at {until} (at {})",
                types(rtypes),
                list(servers)
            ),
            Self::SignatureExpiring { rtypes, until, .. } => {
                write!(f, "the signature of {} runs out at {until}", types(rtypes))
            }
            Self::SignatureLong { rtypes, until } => write!(
                f,
                "the signature of {} holds until {until}; old answers can be served again for as long",
                types(rtypes)
            ),
            Self::AlgorithmDeprecated { algorithm } => {
                write!(f, "algorithm {} must not be used to sign", name(algorithm))
            }
            Self::AlgorithmNotRecommended { algorithm } => {
                write!(f, "algorithm {} is no longer recommended", name(algorithm))
            }
            Self::AlgorithmNotVerified { algorithm } => write!(
                f,
                "algorithm {} may be used, but many validators cannot verify it; nor can we, so we count what only it \
                 signs as unsigned",
                name(algorithm)
            ),
            Self::AlgorithmUnknown { algorithm } => {
                write!(f, "{algorithm} is no algorithm that zones are signed with")
            }
            Self::AlgorithmIncomplete { algorithm, rtypes } => write!(
                f,
                "there is a key of algorithm {}, and {} is not signed with it (RFC 4035 §2.2)",
                name(algorithm),
                types(rtypes)
            ),
            Self::RsaSmall { tag, bits } => write!(f, "the RSA key {tag} has only {bits} bits"),
            Self::TagsCollide { tag, algorithm, count } => {
                write!(f, "{count} keys of algorithm {} share the tag {tag}", name(algorithm))
            }
            Self::DigestDeprecated { digest_type, has_better } => {
                let beside = if *has_better { ", and is not needed beside better ones" } else { "" };
                write!(f, "DS digest type {digest_type} must not be used{beside}")
            }
            Self::DsWithoutKey { tag, algorithm, digest_type, has_algorithm } => {
                let no_key = if *has_algorithm { "" } else { ", nor any of its algorithm" };
                write!(
                    f,
                    "the DS record {tag} {algorithm} {digest_type} names a key that the zone does not have{no_key}"
                )
            }
            Self::TtlLong { rtype, ttl_s } => {
                write!(f, "{rtype} may be kept for {ttl_s} seconds, more than a day")
            }
            Self::TtlZero { rtype } => {
                write!(f, "{rtype} may not be kept at all, so each lookup asks the servers again")
            }
            Self::Nsec3Iterations { iterations } => write!(
                f,
                "NSEC3 with {iterations} iterations, with which validators may count the zone as unsigned"
            ),
            Self::Nsec3Salt => f.write_str("NSEC3 with a salt, which costs and hides nothing"),
            Self::OptOut => f.write_str(
                "NSEC3 with opt-out: whoever is on the way can make up names in the zone that are not there",
            ),
            Self::CdsDelete { is_signed: true } => {
                f.write_str("the zone asks its parent to remove all DS records, which turns DNSSEC off")
            }
            Self::CdsDelete { is_signed: false } => {
                f.write_str("the zone asks its parent to remove DS records, and there are none")
            }
            Self::CdsChanges { adds, removes, .. } => {
                let ds = |ds: &DsFact| format!("{} {} {}", ds.tag, ds.algorithm, ds.digest_type);
                let all = |of: &[DsFact]| list(&of.iter().map(ds).collect::<Vec<_>>());
                f.write_str("the zone asks its parent")?;
                if !adds.is_empty() {
                    write!(f, " to add the DS records {}", all(adds))?;
                }
                if !adds.is_empty() && !removes.is_empty() {
                    f.write_str(" and")?;
                }
                if !removes.is_empty() {
                    write!(f, " to remove {}", all(removes))?;
                }
                Ok(())
            }
            Self::CdsDisagree => f.write_str("CDS and CDNSKEY records ask for different keys"),
            Self::CdsNotByNamedKey { rtypes } => write!(
                f,
                "{} is signed by no key that a DS record names (RFC 7344 §4.1)",
                types(rtypes)
            ),
            Self::ServersDisagree { side, rtype, groups } => {
                let whose = match side {
                    Side::Parent => "the parent's servers",
                    Side::Zone => "the zone's servers",
                };
                write!(f, "{whose} disagree about {rtype}")?;
                for (at, (what, servers)) in groups.iter().take(LISTED_MAX).enumerate() {
                    let mark = if at == 0 { ':' } else { ';' };
                    write!(f, "{mark} {} at {}", short(what), list(servers))?;
                }
                match groups.len().saturating_sub(LISTED_MAX) {
                    0 => Ok(()),
                    more => write!(f, "; and {more} more versions"),
                }
            }
            Self::NsDiffer { only_parent, only_zone } => {
                let all = |names: &[Name]| list(&names.iter().map(Name::to_string).collect::<Vec<_>>());
                f.write_str("parent and zone name different servers:")?;
                if !only_parent.is_empty() {
                    write!(f, " only the parent {}", all(only_parent))?;
                }
                if !only_parent.is_empty() && !only_zone.is_empty() {
                    f.write_str(";")?;
                }
                if !only_zone.is_empty() {
                    write!(f, " only the zone {}", all(only_zone))?;
                }
                Ok(())
            }
            Self::Lame { server, rtypes, what } => {
                write!(f, "{server} does not serve the zone: {what}, asked for {}", types(rtypes))
            }
            Self::NoAnswer { server, rtypes, why } => {
                write!(f, "no answer of {server} about {}: {}", types(rtypes), plain(why))
            }
            Self::UpstreamDiffers { resolver, rtypes } => {
                write!(f, "the resolver {resolver} gives other {} than the zone has", types(rtypes))
            }
            Self::UpstreamRefuses { resolver, rtypes } => {
                write!(f, "the resolver {resolver} gives no {}, which can be had", types(rtypes))
            }
            Self::UpstreamUnverified { resolver } => {
                write!(f, "the resolver {resolver} does not say that it has verified the zone (AD)")
            }
            Self::SignaturesMissing { rtypes, servers, by_all } => {
                let who = if *by_all { "all servers".to_owned() } else { list(servers) };
                write!(f, "no signature of {} at {who}, in a zone that is signed", types(rtypes))
            }
        }
    }
}

fn types(rtypes: &[Rtype]) -> String {
    rtypes.iter().map(Rtype::to_string).collect::<Vec<_>>().join(", ")
}

/// The first of many, and how many more there are.
pub(in crate::zone) fn list(all: &[String]) -> String {
    let shown = all[..all.len().min(LISTED_MAX)].join(", ");
    match all.len().saturating_sub(LISTED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn short(text: &str) -> Cow<'_, str> {
    bounded(text, TEXT_CHARACTERS_MAX)
}

/// More in a sentence are not read.
const LISTED_MAX: usize = 8;

/// Longer reasons are not read either.
const TEXT_CHARACTERS_MAX: usize = 400;
