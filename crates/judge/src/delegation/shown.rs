//! What is asked about a delegation, and what a server says to it, read out of its answer.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use countersign_dns::{Message, Name, Rtype, SignedRrset, zone_text};

use crate::zone::Side;

/// One thing to know of a zone: what servers of one side say of a name and a type. Of a server of the parent A and AAAA
/// are the glue beside its referral.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic {
    /// Whose servers.
    pub side: Side,
    /// Which name.
    pub name: Name,
    /// Which type.
    pub rtype: Rtype,
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// Records with these data, in canonical form; at least one.
    Records(BTreeSet<Vec<u8>>),
    /// That the name is an alias of this one.
    Alias(Name),
    /// That the name is in another zone, which these servers have.
    Delegated {
        /// The other zone.
        zone: Name,
        /// Its servers.
        servers: BTreeSet<Name>,
    },
    /// That there are no such records.
    None,
}

/// The glue beside a referral.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Referred {
    /// What it shows.
    pub glue: Vec<(Topic, Shown)>,
    /// How many servers there are besides, as it is too many.
    pub left_out: usize,
}

/// Why an answer says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotShown {
    /// An error code.
    #[error("it answered with the code {0}")]
    Code(u16),
    /// The server does not serve the zone.
    #[error("its answer is not authoritative")]
    Lame,
}

impl Topic {
    /// A topic of a server of the parent.
    pub fn parent(name: Name, rtype: Rtype) -> Self {
        Self { side: Side::Parent, name, rtype }
    }

    /// A topic of a server of the zone.
    pub fn zone(name: Name, rtype: Rtype) -> Self {
        Self { side: Side::Zone, name, rtype }
    }

    /// What an answer to the question about it is about: a server of the parent that serves the zone as well answers
    /// from below.
    pub fn of_answer(&self, message: &Message) -> Self {
        let is_delegation = self.side == Side::Parent && self.rtype == Rtype::NS;
        let is_from_below = is_delegation
            && message.flags.authoritative
            && find(&message.answer, &self.name, Rtype::NS).is_some();
        match is_from_below {
            true => Self::zone(self.name.clone(), Rtype::NS),
            false => self.clone(),
        }
    }

    /// Whether it is an address of a server, at the parent.
    pub(super) fn is_glue(&self) -> bool {
        self.side == Side::Parent && matches!(self.rtype, Rtype::A | Rtype::AAAA)
    }

    /// Whether the records ask the parent for other DS records (RFC 7344).
    pub fn is_wish(&self) -> bool {
        matches!(self.rtype, Rtype::CDS | Rtype::CDNSKEY)
    }
}

/// `parent xmpp.example. DS`.
impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.side.as_str(), self.name, self.rtype)
    }
}

/// A text is no topic, or says nothing that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this was not written by us")]
pub struct NotOurs;

impl FromStr for Topic {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let mut parts = text.splitn(3, ' ');
        let mut part = || parts.next().ok_or(NotOurs);
        let side = match part()? {
            "parent" => Side::Parent,
            "zone" => Side::Zone,
            _ => return Err(NotOurs),
        };
        let name = part()?.parse().map_err(|_| NotOurs)?;
        let rtype = part()?.parse().map_err(|_| NotOurs)?;
        Ok(Self { side, name, rtype })
    }
}

impl Shown {
    /// Records of these data; [`Shown::None`] if there are none.
    pub fn records(rdatas: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let rdatas: BTreeSet<_> = rdatas.into_iter().collect();
        if rdatas.is_empty() { Self::None } else { Self::Records(rdatas) }
    }

    /// The data of the records; none if it is something else.
    pub fn rdatas(&self) -> impl Iterator<Item = &[u8]> {
        let records = match self {
            Self::Records(rdatas) => Some(rdatas),
            Self::Alias(_) | Self::Delegated { .. } | Self::None => None,
        };
        records.into_iter().flatten().map(Vec::as_slice)
    }

    /// The servers that NS records name.
    pub(super) fn servers(&self) -> impl Iterator<Item = Name> {
        self.rdatas().filter_map(|rdata| Name::from_wire(rdata).ok())
    }

    /// What an answer about a topic says, as [`Topic::of_answer`] has it. Glue is not asked for: see
    /// [`Shown::referred`].
    ///
    /// A referral counts whether or not it says that it is authoritative: resolvers follow it.
    pub fn of(topic: &Topic, zone: &Name, message: &Message) -> Result<Self, NotShown> {
        let said = message.flags.authoritative.then(|| Self::answered(topic, message));
        match (topic.side, message.rcode) {
            (_, NO_ERROR) | (Side::Zone, NO_SUCH_NAME) => {}
            // A name that is gone is not delegated any more.
            (Side::Parent, NO_SUCH_NAME) if message.flags.authoritative => return Ok(Self::None),
            (_, code) => return Err(NotShown::Code(code)),
        }
        let shown = match (topic.side, topic.rtype, said) {
            // The zone has all it is asked for, unless the name is delegated.
            (Side::Zone, _, said @ (None | Some(Self::None))) => {
                Self::delegated(&topic.name, zone, message).or(said)
            }
            (Side::Zone, _, said) => said,
            (Side::Parent, Rtype::NS, said) => match find(&message.authority, zone, Rtype::NS) {
                Some(set) => Some(Self::records(set.rrset.rdatas().iter().cloned())),
                // Who refers elsewhere has not said that there is no delegation.
                None => said.filter(|_| !refers(message)),
            },
            // The parent has the DS records itself (RFC 4035 §3.1.4.1).
            (Side::Parent, Rtype::DS, said) => said,
            (Side::Parent, _, _) => None,
        };
        shown.ok_or(NotShown::Lame)
    }

    /// What a resolver's answer says.
    pub fn resolved(topic: &Topic, message: &Message) -> Result<Self, NotShown> {
        match message.rcode {
            NO_ERROR | NO_SUCH_NAME => Ok(Self::answered(topic, message)),
            code => Err(NotShown::Code(code)),
        }
    }

    /// The glue beside a referral: of each server whose name is in the zone its addresses, or that there are none of a
    /// type.
    pub fn referred(zone: &Name, message: &Message) -> Referred {
        let mut referred = Referred::default();
        let Some(servers) = find(&message.authority, zone, Rtype::NS) else { return referred };
        let servers = servers.rrset.rdatas().iter().filter_map(|rdata| Name::from_wire(rdata).ok());
        for server in servers.filter(|server| server.is_within(zone)) {
            if referred.glue.len() >= GLUE_MAX {
                referred.left_out += 1;
                continue;
            }
            for rtype in [Rtype::A, Rtype::AAAA] {
                let set = find(&message.additional, &server, rtype);
                let rdatas = set.into_iter().flat_map(|set| set.rrset.rdatas()).cloned();
                referred.glue.push((Topic::parent(server.clone(), rtype), Self::records(rdatas)));
            }
        }
        referred
    }

    fn answered(topic: &Topic, message: &Message) -> Self {
        if let Some(set) = find(&message.answer, &topic.name, topic.rtype) {
            // They change with each certificate that is ordered. That they are here is what counts.
            if topic.rtype == Rtype::TXT && is_label(&topic.name, b"_acme-challenge") {
                return Self::None;
            }
            return Self::records(set.rrset.rdatas().iter().cloned());
        }
        if let Some(target) =
            find(&message.answer, &topic.name, Rtype::CNAME).and_then(|cname| cname.rrset.target())
        {
            return Self::Alias(target);
        }
        let dnames = message.answer.iter().filter(|set| set.rrset.rtype() == Rtype::DNAME);
        let mut above = dnames.filter(|set| topic.name.is_below(set.rrset.owner()));
        let renamed =
            above.find_map(|set| topic.name.substitute(set.rrset.owner(), &set.rrset.target()?));
        renamed.map_or(Self::None, Self::Alias)
    }

    /// A referral to another zone, below this one (RFC 1034 §4.3.2).
    fn delegated(name: &Name, zone: &Name, message: &Message) -> Option<Self> {
        let mut sets = message.authority.iter().filter(|set| set.rrset.rtype() == Rtype::NS);
        let set = sets.find(|set| {
            let owner = set.rrset.owner();
            owner.is_below(zone) && name.is_within(owner)
        })?;
        let servers = set.rrset.rdatas().iter().filter_map(|rdata| Name::from_wire(rdata).ok());
        Some(Self::Delegated { zone: set.rrset.owner().clone(), servers: servers.collect() })
    }

    /// For people: records as in a zone file, not more than a few of them.
    pub fn describe(&self, rtype: Rtype) -> String {
        let list = |texts: Vec<String>| {
            let more = texts.len().saturating_sub(DESCRIBED_MAX);
            let mut shown: Vec<_> = texts.into_iter().take(DESCRIBED_MAX).collect();
            if more > 0 {
                shown.push(format!("{more} more"));
            }
            shown.join(", ")
        };
        match self {
            Self::Records(rdatas) => list(
                rdatas
                    .iter()
                    .map(|rdata| {
                        let text = zone_text::presentation(rtype, rdata);
                        crate::plain::bounded(&text, DESCRIBED_CHARACTERS_MAX).into_owned()
                    })
                    .collect(),
            ),
            Self::Alias(target) => format!("an alias of {target}"),
            Self::Delegated { zone, servers } => {
                let servers = list(servers.iter().map(ToString::to_string).collect());
                format!("in the zone {zone} at {servers}")
            }
            Self::None => "none".to_owned(),
        }
    }
}

/// For the state: one line that reads back.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(rdatas) => {
                f.write_str("records")?;
                rdatas.iter().try_for_each(|rdata| write!(f, " {}", crate::plain::hex(rdata)))
            }
            Self::Alias(target) => write!(f, "alias {target}"),
            Self::Delegated { zone, servers } => {
                write!(f, "delegated {zone}")?;
                servers.iter().try_for_each(|server| write!(f, " {server}"))
            }
            Self::None => f.write_str("none"),
        }
    }
}

impl FromStr for Shown {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let mut parts = text.split(' ');
        let kind = parts.next().ok_or(NotOurs)?;
        let name = |text: &str| text.parse::<Name>().map_err(|_| NotOurs);
        match kind {
            "records" => {
                let rdatas = parts.map(|digits| unhex(digits).ok_or(NotOurs));
                Ok(Self::records(rdatas.collect::<Result<Vec<_>, _>>()?))
            }
            "alias" => Ok(Self::Alias(name(parts.next().ok_or(NotOurs)?)?)),
            "delegated" => {
                let zone = name(parts.next().ok_or(NotOurs)?)?;
                Ok(Self::Delegated { zone, servers: parts.map(name).collect::<Result<_, _>>()? })
            }
            "none" => Ok(Self::None),
            _ => Err(NotOurs),
        }
    }
}

/// Whether certification authorities look at records of this name (RFC 8555 §8.4, draft-ietf-acme-dns-persist): who has
/// it in hand can have certificates for the name below the first label.
pub fn is_challenge(name: &Name) -> bool {
    is_label(name, b"_acme-challenge") || is_label(name, b"_validation-persist")
}

fn is_label(name: &Name, label: &[u8]) -> bool {
    name.labels().next().is_some_and(|first| first == label)
}

fn refers(message: &Message) -> bool {
    message.authority.iter().any(|set| set.rrset.rtype() == Rtype::NS)
}

fn find<'a>(sets: &'a [SignedRrset], owner: &Name, rtype: Rtype) -> Option<&'a SignedRrset> {
    sets.iter().find(|set| set.rrset.owner() == owner && set.rrset.rtype() == rtype)
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(|pair| (pair.len() == 2).then(|| octet(pair))?).collect()
}

/// A and AAAA of 32 servers: the root has 13, and no zone comes near.
const GLUE_MAX: usize = 64;
/// RFC 1035 §4.1.1.
const NO_ERROR: u16 = 0;
const NO_SUCH_NAME: u16 = 3;
/// A sentence lists so many records; all of them are in the evidence.
const DESCRIBED_MAX: usize = 6;
/// As much of a record as is read at a glance.
const DESCRIBED_CHARACTERS_MAX: usize = 160;
