//! What somebody on the way makes of an answer. She has no keys.

use std::sync::Arc;

use countersign_dns::{Name, Query, Rrset, Rtype, SignedRrset};

use super::answer::{answer, renamed};
use super::reply::Reply;
use super::zone::Zone;

/// A change to the answers to some questions.
#[derive(Clone, Debug)]
pub struct Forgery {
    /// Questions of this name and those below it.
    pub below: Name,
    /// Of this type, or of any.
    pub rtype: Option<Rtype>,
    /// What becomes of the answer.
    pub change: Change,
}

/// What becomes of an answer.
#[derive(Clone, Debug)]
pub enum Change {
    /// No signature is left in it.
    StripSignatures,
    /// No DS, NSEC and NSEC3 record is left in its authority section.
    StripProofs,
    /// Each signature has a bit flipped.
    FlipSignatures,
    /// NXDOMAIN for NOERROR and the other way round, with the proofs of what it was.
    OtherRcode,
    /// The sets of this type in the answer section have this data; their signatures stay.
    Replace {
        /// The type.
        rtype: Rtype,
        /// The data of each record, uncompressed.
        rdatas: Vec<Vec<u8>>,
    },
    /// The sets of this type lose their first record, those of one record altogether; nothing else changes.
    DropRecord(Rtype),
    /// It comes from this zone: one with old signatures (a replay), or one of the forger's own, signed or not.
    Instead(Arc<Zone>),
    /// What is true of this name is told of the name that was asked for, with its signatures and proofs.
    OfName(Name),
    /// This comes along in the additional section.
    Along(Rrset),
    /// The proofs that this zone has for it come along with its own.
    ProofsToo(Arc<Zone>),
    /// Anything else.
    By(fn(&mut Reply)),
}

impl Forgery {
    /// Changes the answer to every question of this name and what is below it.
    pub fn below(below: Name, change: Change) -> Self {
        Self { below, rtype: None, change }
    }

    /// The answer that the asker gets, where these zones gave this one.
    pub(crate) fn apply<'a>(
        &self,
        query: &Query,
        zones: impl IntoIterator<Item = &'a Zone>,
        mut reply: Reply,
    ) -> Reply {
        if !query.name.is_within(&self.below) || self.rtype.is_some_and(|own| own != query.rtype) {
            return reply;
        }
        match &self.change {
            Change::StripSignatures => sets(&mut reply, |set| set.rrsigs.clear()),
            Change::StripProofs => reply.proofs.clear(),
            Change::FlipSignatures => sets(&mut reply, flip),
            Change::OtherRcode => {
                reply.rcode = match reply.rcode {
                    Reply::NXDOMAIN => Reply::NOERROR,
                    _ => Reply::NXDOMAIN,
                }
            }
            Change::Replace { rtype, rdatas } => {
                of_type(&mut reply.answer, *rtype, |set| with_data(set, rdatas));
            }
            Change::DropRecord(rtype) => {
                of_type(&mut reply.answer, *rtype, |set| with_data(set, &set.rrset.rdatas()[1..]));
            }
            Change::Instead(zone) => return answer([&**zone], query),
            Change::OfName(name) => return of_name(name, query, zones),
            Change::Along(record) => {
                reply.additional.push(SignedRrset { rrset: record.clone(), rrsigs: Vec::new() })
            }
            Change::ProofsToo(zone) => reply.proofs.extend(answer([&**zone], query).proofs),
            Change::By(change) => change(&mut reply),
        }
        reply
    }
}

fn sets(reply: &mut Reply, change: impl FnMut(&mut SignedRrset)) {
    reply.sections_mut().into_iter().flatten().for_each(change);
}

fn of_type(
    section: &mut Vec<SignedRrset>,
    rtype: Rtype,
    change: impl Fn(&SignedRrset) -> Option<SignedRrset>,
) {
    *section = std::mem::take(section)
        .into_iter()
        .filter_map(|set| if set.rrset.rtype() == rtype { change(&set) } else { Some(set) })
        .collect();
}

/// The same set, and signatures, over other data; `None` if there is none.
fn with_data(set: &SignedRrset, rdatas: &[Vec<u8>]) -> Option<SignedRrset> {
    let record = |rdata: &Vec<u8>| {
        let owner = set.rrset.owner().clone();
        Rrset::new(owner, set.rrset.rtype(), set.rrset.ttl_s(), rdata)
    };
    let rrset = rdatas.iter().filter_map(record).reduce(|mut all, record| {
        all.add(record);
        all
    })?;
    Some(SignedRrset { rrset, rrsigs: set.rrsigs.clone() })
}

/// Flips a bit in the middle of each signature.
pub(crate) fn flip(set: &mut SignedRrset) {
    for rrsig in &mut set.rrsigs {
        let middle = rrsig.signature.len() / 2;
        rrsig.signature[middle] ^= 1;
    }
}

fn of_name<'a>(name: &Name, query: &Query, zones: impl IntoIterator<Item = &'a Zone>) -> Reply {
    let other = Query { name: name.clone(), rtype: query.rtype };
    let mut reply = answer(zones, &other);
    for set in reply.answer.iter_mut().filter(|set| set.rrset.owner() == name) {
        *set = renamed(set, &query.name);
    }
    reply
}
