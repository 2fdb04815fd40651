//! Whether a resolver that somebody relies on says what was found without it.

use std::collections::BTreeMap;

use countersign_dns::walk::{Outcome, Walked};
use countersign_dns::{Message, Rtype, Security};

use super::ZoneView;
use super::finding::ZoneFinding;

/// What a resolver says of the zone.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Where it is.
    pub resolver: String,
    /// Its answer about each of [`super::APEX`]; why there is none.
    pub answers: BTreeMap<Rtype, Result<Message, String>>,
}

pub(super) fn findings(view: &ZoneView) -> Vec<ZoneFinding> {
    let Some(Upstream { resolver, answers }) = &view.upstream else { return Vec::new() };
    let (mut findings, mut unverified, mut refused, mut differ) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (&rtype, answer) in answers {
        let message = match answer {
            Ok(message) => message,
            Err(why) => {
                let what = format!("{rtype} through the resolver {resolver}");
                findings.push(ZoneFinding::NotLooked { what, why: why.clone() });
                continue;
            }
        };
        let Some(ours) = view.walks.get(&rtype).and_then(records) else { continue };
        let theirs = rdatas(message, view, rtype);
        if !matches!(message.rcode, NO_ERROR | NO_SUCH_NAME) {
            refused.push(rtype);
        } else if rtype != Rtype::SOA && theirs != ours.rdatas {
            // A SOA record changes with whatever else does, and may be kept for a while.
            differ.push(rtype);
        } else if ours.is_secure && !message.flags.authentic {
            unverified.push(rtype);
        }
    }
    let resolver = || resolver.clone();
    if !differ.is_empty() {
        findings.push(ZoneFinding::UpstreamDiffers { resolver: resolver(), rtypes: differ });
    }
    if !refused.is_empty() {
        findings.push(ZoneFinding::UpstreamRefuses { resolver: resolver(), rtypes: refused });
    }
    if !unverified.is_empty() {
        findings.push(ZoneFinding::UpstreamUnverified { resolver: resolver() });
    }
    findings
}

struct Ours {
    is_secure: bool,
    rdatas: Vec<Vec<u8>>,
}

/// What a walk found at the apex, if it can be relied on or there is nothing to rely on.
fn records(walked: &Walked) -> Option<Ours> {
    let is_secure = walked.security == Security::Secure;
    let hop = walked
        .hops
        .first()
        .filter(|_| is_secure || matches!(walked.security, Security::Insecure(_)))?;
    let rdatas = match &hop.outcome {
        Outcome::Records(sets) => sets.iter().flat_map(|set| set.rdatas().to_vec()).collect(),
        Outcome::NoData => Vec::new(),
        Outcome::Alias { .. } | Outcome::NoName | Outcome::Unknown => return None,
    };
    Some(Ours { is_secure, rdatas })
}

fn rdatas(message: &Message, view: &ZoneView, rtype: Rtype) -> Vec<Vec<u8>> {
    let sets = message.answer.iter().map(|set| &set.rrset);
    let ours = sets.filter(|set| *set.owner() == view.zone && set.rtype() == rtype);
    ours.flat_map(|set| set.rdatas().to_vec()).collect()
}

/// RFC 1035 §4.1.1.
const NO_ERROR: u16 = 0;
const NO_SUCH_NAME: u16 = 3;
