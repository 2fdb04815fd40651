//! What one server said about one thing, read out of its answer.

use countersign_dns::message::Message;
use countersign_dns::{Name, Rtype, SignedRrset};

use super::{ServerView, ZoneView};
use crate::plain::bounded;

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight<'a> {
    /// These records.
    Records(&'a SignedRrset),
    /// That there are none.
    None,
    /// Something that shows that it does not serve the zone, and what.
    Lame(String),
    /// Nothing, and why.
    Unanswered(String),
    /// Nothing about this side of the delegation, since it serves the other one too.
    OtherSide,
}

impl<'a> Sight<'a> {
    /// The records.
    pub(super) fn records(&self) -> Option<&'a SignedRrset> {
        match self {
            Self::Records(set) => Some(set),
            Self::None | Self::Lame(_) | Self::Unanswered(_) | Self::OtherSide => None,
        }
    }
}

impl ServerView {
    /// `ns1.example. (192.0.2.1)`.
    pub(super) fn label(&self) -> String {
        format!("{} ({})", self.name, self.address)
    }

    /// What a server of the zone says about its apex.
    pub(super) fn apex(&self, zone: &Name, rtype: Rtype) -> Sight<'_> {
        let message = match self.message(rtype) {
            Ok(message) => message,
            Err(sight) => return sight,
        };
        if !message.flags.authoritative {
            return Sight::Lame("its answer is not authoritative".to_owned());
        }
        set(&message.answer, zone, rtype).map_or(Sight::None, Sight::Records)
    }

    /// What a server of the parent says about the delegation.
    pub(super) fn delegation(&self, zone: &Name, rtype: Rtype) -> Sight<'_> {
        let message = match self.message(rtype) {
            Ok(message) => message,
            Err(sight) => return sight,
        };
        match (rtype, message.flags.authoritative) {
            // The parent has the DS records itself (RFC 4035 §3.1.4.1).
            (Rtype::DS, true) => {
                set(&message.answer, zone, rtype).map_or(Sight::None, Sight::Records)
            }
            (Rtype::DS, false) => Sight::Lame("its answer is not authoritative".to_owned()),
            (_, true) => Sight::OtherSide,
            // A referral (RFC 1034 §4.3.2).
            (_, false) => match set(&message.authority, zone, rtype) {
                Some(set) => Sight::Records(set),
                None => Sight::Lame("it does not lead to the zone".to_owned()),
            },
        }
    }

    /// What it answered, if that is no error.
    fn message(&self, rtype: Rtype) -> Result<&Message, Sight<'_>> {
        match self.answers.get(&rtype) {
            None => Err(Sight::Unanswered("it was not asked".to_owned())),
            Some(Err(why)) => {
                Err(Sight::Unanswered(bounded(why, REASON_CHARACTERS_MAX).into_owned()))
            }
            Some(Ok(message)) if message.rcode != 0 => {
                Err(Sight::Lame(format!("it answered {}", rcode(message.rcode))))
            }
            Some(Ok(message)) => Ok(message),
        }
    }
}

impl ZoneView {
    /// What each server of the zone says about the apex.
    pub(super) fn apex(&self, rtype: Rtype) -> impl Iterator<Item = (&ServerView, Sight<'_>)> {
        self.servers.iter().map(move |server| (server, server.apex(&self.zone, rtype)))
    }

    /// What each server of the parent says about the delegation.
    pub(super) fn delegation(
        &self,
        rtype: Rtype,
    ) -> impl Iterator<Item = (&ServerView, Sight<'_>)> {
        self.parents.iter().map(move |server| (server, server.delegation(&self.zone, rtype)))
    }

    /// The records at the apex, as each server has them.
    pub(super) fn apex_sets(
        &self,
        rtype: Rtype,
    ) -> impl Iterator<Item = (&ServerView, &SignedRrset)> {
        self.apex(rtype).filter_map(|(server, sight)| Some((server, sight.records()?)))
    }

    /// The records of the delegation, as each server of the parent has them.
    pub(super) fn delegation_sets(
        &self,
        rtype: Rtype,
    ) -> impl Iterator<Item = (&ServerView, &SignedRrset)> {
        self.delegation(rtype).filter_map(|(server, sight)| Some((server, sight.records()?)))
    }

    /// All answers of servers of the zone.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.servers.iter().flat_map(|server| {
            let probes = server.probes.iter().map(|probe| &probe.answer);
            server.answers.values().chain(probes).filter_map(|answer| answer.as_ref().ok())
        })
    }
}

/// The set of this owner and type.
pub(super) fn set<'a>(
    sets: &'a [SignedRrset],
    owner: &Name,
    rtype: Rtype,
) -> Option<&'a SignedRrset> {
    sets.iter().find(|set| set.rrset.owner() == owner && set.rrset.rtype() == rtype)
}

/// The name of an RCODE that servers give (RFC 1035 §4.1.1, RFC 2136 §2.2).
fn rcode(rcode: u16) -> String {
    match rcode {
        1 => "FORMERR".to_owned(),
        2 => "SERVFAIL".to_owned(),
        3 => "NXDOMAIN".to_owned(),
        4 => "NOTIMP".to_owned(),
        5 => "REFUSED".to_owned(),
        9 => "NOTAUTH".to_owned(),
        other => format!("with the error code {other}"),
    }
}

/// A reason is a sentence; a resolver's may list all servers.
const REASON_CHARACTERS_MAX: usize = 300;
