//! What a resolver gives to its client, and what our validator makes of it.

use countersign_dns::security::Indeterminate;
use countersign_dns::walk::{Hop, Next, Outcome, Reply};
use countersign_dns::{Name, Query, Rrset, Rtype, Security, Walk};

use super::cache::with_ttl;

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) security: Security,
    pub(super) rcode: u16,
    /// The answer section, without signatures.
    pub(super) answer: Vec<Rrset>,
    /// What about the file made it so.
    pub(super) notes: Vec<String>,
}

impl Given {
    /// Of a walk that is over. What is bogus or could not be told is not given (RFC 4035 §5.5); where there is no
    /// anchor nothing is wrong.
    pub(super) fn of(query: &Query, walk: &Walk) -> Self {
        let Next::Done(walked) = walk.next() else { unreachable!("it is over") };
        let mut given = Self {
            security: walked.security.clone(),
            rcode: SERVFAIL,
            answer: Vec::new(),
            notes: Vec::new(),
        };
        if given.is_good() {
            given.rcode = rcode(query, walk, &walked.hops);
            given.answer = walked.hops.iter().flat_map(records).collect();
        }
        given
    }

    /// Whether it is an answer, not a refusal.
    pub(super) fn is_good(&self) -> bool {
        matches!(self.security, Security::Secure | Security::Insecure(_)) || self.is_unanchored()
    }

    /// Whether no anchor is above some of it.
    pub(super) fn is_unanchored(&self) -> bool {
        matches!(self.security, Security::Indeterminate(Indeterminate::NoAnchor(_)))
    }

    /// The same with another time to live.
    pub(super) fn with_ttl(&self, ttl_s: u32) -> Self {
        let answer = self.answer.iter().map(|rrset| with_ttl(rrset, ttl_s)).collect();
        Self { answer, ..self.clone() }
    }
}

/// Records have the code that they came with: it can be NXDOMAIN beside an alias that nobody has followed
/// (RFC 6604 §3).
fn rcode(query: &Query, walk: &Walk, hops: &[Hop]) -> u16 {
    match hops.last().map(|hop| &hop.outcome) {
        Some(Outcome::NoName) => return NXDOMAIN,
        Some(Outcome::Records(_) | Outcome::Alias { .. }) => {}
        Some(Outcome::NoData | Outcome::Unknown) | None => return NOERROR,
    }
    let replied = |hop: &Hop| {
        let asked = Query { name: hop.name.clone(), rtype: query.rtype };
        walk.replies().find(|(query, _)| **query == asked).map(|(_, reply)| reply)
    };
    match hops.iter().rev().find_map(replied) {
        Some(Reply::Answer(message)) => message.rcode,
        Some(Reply::Failed(_)) | None => NOERROR,
    }
}

/// The records of a hop; of a DNAME also the CNAME that it makes (RFC 6672 §3.1).
fn records(hop: &Hop) -> Vec<Rrset> {
    match &hop.outcome {
        Outcome::Records(sets) => sets.clone(),
        Outcome::Alias { rrset, target } if rrset.rtype() == Rtype::DNAME => {
            let made = cname(&hop.name, rrset, target);
            [Some(rrset.clone()), made].into_iter().flatten().collect()
        }
        Outcome::Alias { rrset, .. } => vec![rrset.clone()],
        Outcome::NoData | Outcome::NoName | Outcome::Unknown => Vec::new(),
    }
}

fn cname(name: &Name, dname: &Rrset, target: &Name) -> Option<Rrset> {
    Rrset::new(name.clone(), Rtype::CNAME, dname.ttl_s(), target.wire())
}

/// RFC 1035 §4.1.1.
pub(super) const NOERROR: u16 = 0;
pub(super) const SERVFAIL: u16 = 2;
pub(super) const NXDOMAIN: u16 = 3;
