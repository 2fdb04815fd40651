//! The same for TLS: an `AuthenticationChain` (RFC 9102 §2.2), which is also what logs of DS records take.

use domain::base::iana::Rtype;

use super::link::{Link, record};
use crate::name::Name;
use crate::security::Security;
use crate::walk::{Outcome, Walked};

/// The records that lead from the root to an answer, uncompressed, the answer first; each set with one signature.
/// `None` where RFC 9102 has no chain: for what is not secure, and for what is not there.
pub fn authentication_chain(walked: &Walked) -> Option<Vec<u8>> {
    let is_positive = matches!(walked.hops.last()?.outcome, Outcome::Records(_));
    if !is_positive || walked.security != Security::Secure {
        return None;
    }
    // RFC 9102 §2.2: the answer and its aliases first, in their order; of all others the order does not matter.
    let (mut chain, mut places) = (Vec::new(), Vec::<usize>::new());
    for hop in &walked.hops {
        for place in &hop.steps {
            let links = &walked.steps[*place].links;
            chain.extend(links.iter().flat_map(|link| records(link, Some(&hop.name))));
            places.push(*place);
        }
    }
    let mut at = 0;
    while let Some(place) = places.get(at) {
        if let Some(parent) = walked.steps[*place].parent.filter(|parent| !places.contains(parent))
        {
            let links = &walked.steps[parent].links;
            chain.extend(links.iter().flat_map(|link| records(link, None)));
            places.push(parent);
        }
        at += 1;
    }
    Some(chain)
}

/// The records of a link and its signature. An answer has the name that was asked for, where a wildcard stands for it.
fn records(link: &Link, name: Option<&Name>) -> Vec<u8> {
    let (rrsig, signed) = link.read().expect("it has verified, so it was read");
    let set = match name {
        Some(name) => link.signed_rrset(name).expect("it was read").rrset,
        None => signed,
    };
    let ttl_s = rrsig.original_ttl_s;
    let mut records: Vec<u8> = set
        .rdatas()
        .iter()
        .flat_map(|rdata| record(set.owner(), set.rtype(), ttl_s, rdata))
        .collect();
    records.extend(record(set.owner(), Rtype::RRSIG, ttl_s, &rrsig.rdata()));
    records
}
