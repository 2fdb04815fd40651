//! What an answer of a zone's server is to somebody who iterates: the answer, a referral, or useless.

use std::net::IpAddr;

use domain::base::iana::Rtype;

use super::cuts::{Cut, Server};
use super::{Failure, Limits};
use crate::message::{Message, Query};
use crate::name::Name;
use crate::rrset::{Rrset, SignedRrset};

/// What an answer is.
pub(super) enum Reading {
    /// What was asked for, or that it does not exist; nothing in it is from outside the zone.
    Answer(Box<Message>),
    /// To the servers of a zone that is nearer to the name.
    Referral(Name, Cut),
    /// Of no use.
    Useless(Failure),
}

/// Reads what a server of `zone` answered to `query`.
pub(super) fn read(query: &Query, zone: &Name, message: Box<Message>, limits: &Limits) -> Reading {
    if let Err(failure) = framed(query, &message) {
        return Reading::Useless(failure);
    }
    let owners = |rtype| {
        message
            .authority
            .iter()
            .map(|set| &set.rrset)
            .filter(move |set| set.rtype() == rtype)
            .map(Rrset::owner)
    };
    // The child's side of a cut knows nothing of the DS records, and says so with its own SOA (RFC 4035 §3.1.4.1).
    let is_ds = query.rtype == Rtype::DS && !query.name.is_root();
    if is_ds && owners(Rtype::SOA).any(|owner| *owner == query.name) {
        return Reading::Useless(Failure::WrongSide);
    }
    if is_answered(query, &message) {
        return Reading::Answer(scrubbed(message, zone));
    }
    if !message.answer.is_empty() {
        return Reading::Useless(Failure::Unrelated);
    }
    // RFC 2308 §2: the SOA record tells a denial from a referral.
    if let Some(apex) = owners(Rtype::SOA).next() {
        let is_ours = query.name.is_within(apex) && apex.is_within(zone);
        return if is_ours {
            Reading::Answer(scrubbed(message, zone))
        } else {
            Reading::Useless(Failure::Lame)
        };
    }
    let leads_on = |owner: &&Name| {
        owner.is_below(zone) && query.name.is_within(owner) && !(is_ds && **owner == query.name)
    };
    // Who refers to the very zone whose delegation is asked for has said what there is of it, the DS records or the
    // proof that there are none beside it (RFC 4035 §3.1.4).
    let is_shown =
        |set: &SignedRrset| matches!(set.rrset.rtype(), Rtype::DS | Rtype::NSEC | Rtype::NSEC3);
    let refers_to_it = owners(Rtype::NS).any(|owner| *owner == query.name);
    if is_ds && message.rcode == NOERROR && refers_to_it && message.authority.iter().any(is_shown) {
        return Reading::Answer(scrubbed(delegated(message, &query.name), zone));
    }
    let deepest =
        owners(Rtype::NS).filter(leads_on).max_by_key(|owner| owner.label_count()).cloned();
    if let Some(child) = deepest.filter(|_| message.rcode == NOERROR) {
        let cut = referred(&message, zone, &child, limits);
        return Reading::Referral(child, cut);
    }
    // A denial without any record is believed from the zone's own server only. Who leads upwards or sideways serves
    // another zone.
    let is_lame = owners(Rtype::NS).any(|owner| owner != zone) || !message.flags.authoritative;
    if is_lame { Reading::Useless(Failure::Lame) } else { Reading::Answer(scrubbed(message, zone)) }
}

/// The records of an answer that are addresses of its name.
pub(super) fn addresses(query: &Query, message: &Message) -> Vec<IpAddr> {
    addresses_in(&message.answer, &query.name).collect()
}

/// The servers that an answer names for its name.
pub(super) fn servers(message: &Message, zone: &Name) -> Vec<Name> {
    named(&message.answer, zone)
}

/// Whether it is a complete answer to this question that says something.
fn framed(query: &Query, message: &Message) -> Result<(), Failure> {
    let is_about_it = message.question.as_ref().is_some_and(|question| question.query == *query);
    if !message.flags.is_response || !is_about_it {
        return Err(Failure::WrongQuestion);
    }
    if message.flags.truncated {
        return Err(Failure::Truncated);
    }
    match message.rcode {
        NOERROR | NXDOMAIN => Ok(()),
        rcode => Err(Failure::Rcode(rcode)),
    }
}

/// Whether it has records for the name: of the type, or an alias in its place (RFC 1034 §3.6.2, RFC 6672 §3.1).
fn is_answered(query: &Query, message: &Message) -> bool {
    message.answer.iter().map(|set| &set.rrset).any(|set| match set.rtype() {
        Rtype::DNAME if query.name.is_below(set.owner()) => true,
        _ if query.rtype == Rtype::ANY => *set.owner() == query.name,
        rtype => *set.owner() == query.name && [query.rtype, Rtype::CNAME].contains(&rtype),
    })
}

/// A referral as the answer to a question for the DS records in it.
fn delegated(mut message: Box<Message>, child: &Name) -> Box<Message> {
    let is_ds =
        |set: &mut SignedRrset| set.rrset.rtype() == Rtype::DS && set.rrset.owner() == child;
    message.answer = message.authority.extract_if(.., is_ds).collect();
    message.authority.retain(|set| set.rrset.rtype() != Rtype::NS);
    message
}

/// Without records of owners outside the zone, for which its servers cannot speak.
fn scrubbed(mut message: Box<Message>, zone: &Name) -> Box<Message> {
    for section in [&mut message.answer, &mut message.authority, &mut message.additional] {
        section.retain(|set| set.rrset.owner().is_within(zone));
    }
    message
}

/// The servers that a referral names, with the addresses that `zone` can speak for.
fn referred(message: &Message, zone: &Name, child: &Name, limits: &Limits) -> Cut {
    let named = named(&message.authority, child);
    let left_out = named.len().saturating_sub(limits.servers_max);
    let server = |name: Name| {
        let mut server = Server { name: name.clone(), addresses: Vec::new() };
        if name.is_within(zone) {
            server.add(addresses_in(&message.additional, &name), limits.addresses_max);
        }
        server
    };
    let servers = named.into_iter().take(limits.servers_max).map(server).collect();
    Cut { servers, left_out }
}

/// The names in the NS records of a zone.
fn named(section: &[SignedRrset], zone: &Name) -> Vec<Name> {
    let sets = section.iter().map(|set| &set.rrset);
    let sets = sets.filter(|set| set.rtype() == Rtype::NS && set.owner() == zone);
    sets.flat_map(|set| set.rdatas()).filter_map(|rdata| Name::from_wire(rdata).ok()).collect()
}

fn addresses_in<'a>(
    section: &'a [SignedRrset],
    name: &'a Name,
) -> impl Iterator<Item = IpAddr> + 'a {
    let sets = section.iter().map(|set| &set.rrset).filter(move |set| set.owner() == name);
    sets.flat_map(|set| set.rdatas().iter().filter_map(|rdata| address(set.rtype(), rdata)))
}

/// The address in the data of an A or AAAA record (RFC 1035 §3.4.1, RFC 3596 §2.2).
pub(super) fn address(rtype: Rtype, rdata: &[u8]) -> Option<IpAddr> {
    match rtype {
        Rtype::A => <[u8; 4]>::try_from(rdata).ok().map(IpAddr::from),
        Rtype::AAAA => <[u8; 16]>::try_from(rdata).ok().map(IpAddr::from),
        _ => None,
    }
}

/// RFC 1035 §4.1.1.
const NOERROR: u16 = 0;
const NXDOMAIN: u16 = 3;
