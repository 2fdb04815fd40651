//! Whether all servers of the parent and of the zone answer, and say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use countersign_dns::{Dnskey, Ds, Name, Rtype, SignedRrset};

use super::facts::Facts;
use super::finding::{ZoneFinding, list};
use super::sight::Sight;
use super::{APEX, DELEGATION, ServerView, ZoneView};
use crate::plain::hex;

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The parent's.
    Parent,
    /// The zone's.
    Zone,
}

impl Side {
    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::Zone => "zone",
        }
    }
}

/// A server, and how it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFact {
    /// Whose it is.
    pub side: Side,
    /// Its name.
    pub name: Name,
    /// Its address.
    pub address: IpAddr,
    /// The serial of the SOA record that it has; of a server of the zone.
    pub serial: Option<u32>,
    /// What it gave no usable answer about.
    pub unanswered: Vec<Rtype>,
    /// What it says otherwise than more than half of the servers of its side.
    pub differs: Vec<Rtype>,
}

/// What each group of servers says about one thing: the more first.
pub(super) type Groups = Vec<(String, Vec<String>)>;

/// What a server says, as far as all must say the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Content {
    Nothing,
    Serial(u32),
    Records(Vec<Vec<u8>>),
}

fn content(rtype: Rtype, sight: &Sight<'_>) -> Option<Content> {
    match sight {
        Sight::Records(set) if rtype == Rtype::SOA => serial(set).map(Content::Serial),
        Sight::Records(set) => Some(Content::Records(set.rrset.rdatas().to_vec())),
        Sight::None => Some(Content::Nothing),
        Sight::Lame(_) | Sight::Unanswered(_) | Sight::OtherSide => None,
    }
}

/// The serial of a SOA record: four octets, with four numbers of four after them (RFC 1035 §3.3.13).
fn serial(set: &SignedRrset) -> Option<u32> {
    let numbers = set.rrset.rdatas().first()?.last_chunk::<20>()?;
    Some(u32::from_be_bytes([numbers[0], numbers[1], numbers[2], numbers[3]]))
}

/// What the servers of one side say about one thing.
fn said(view: &ZoneView, side: Side, rtype: Rtype) -> Vec<(&ServerView, Option<Content>)> {
    let read = |(server, sight): (_, Sight<'_>)| (server, content(rtype, &sight));
    match side {
        Side::Parent => view.delegation(rtype).map(read).collect(),
        Side::Zone => view.apex(rtype).map(read).collect(),
    }
}

fn asked(side: Side) -> &'static [Rtype] {
    match side {
        Side::Parent => &DELEGATION,
        Side::Zone => &APEX,
    }
}

/// The servers by what they say, the largest group first.
fn groups(view: &ZoneView, side: Side, rtype: Rtype) -> Vec<(Content, Vec<&ServerView>)> {
    let mut groups: BTreeMap<Content, Vec<&ServerView>> = BTreeMap::new();
    for (server, content) in said(view, side, rtype) {
        if let Some(content) = content {
            groups.entry(content).or_default().push(server);
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, servers)| std::cmp::Reverse(servers.len()));
    groups
}

/// All servers, those of the parent first.
pub(super) fn servers(view: &ZoneView) -> Vec<ServerFact> {
    let mut facts = Vec::new();
    for (side, servers) in [(Side::Parent, &view.parents), (Side::Zone, &view.servers)] {
        let odd: Vec<_> =
            asked(side).iter().map(|rtype| (*rtype, odd(view, side, *rtype))).collect();
        for server in servers {
            let is_odd = |(_, odd): &&(Rtype, Vec<&ServerView>)| {
                odd.iter().any(|other| std::ptr::eq(*other, server))
            };
            let is_useless = |rtype: &&Rtype| trouble(view, side, server, **rtype).is_some();
            facts.push(ServerFact {
                side,
                name: server.name.clone(),
                address: server.address,
                serial: match side {
                    Side::Parent => None,
                    Side::Zone => server.apex(&view.zone, Rtype::SOA).records().and_then(serial),
                },
                unanswered: asked(side).iter().filter(is_useless).copied().collect(),
                differs: odd.iter().filter(is_odd).map(|(rtype, _)| *rtype).collect(),
            });
        }
    }
    facts
}

/// The servers that do not say what more than half of them say. Where no more than half agree, all are.
fn odd(view: &ZoneView, side: Side, rtype: Rtype) -> Vec<&ServerView> {
    let groups = groups(view, side, rtype);
    let count: usize = groups.iter().map(|(_, servers)| servers.len()).sum();
    let others = groups.into_iter().filter(|(_, servers)| 2 * servers.len() <= count);
    others.flat_map(|(_, servers)| servers).collect()
}

/// Why a server was of no use about something.
enum Trouble {
    Lame(String),
    Unanswered(String),
}

fn trouble(view: &ZoneView, side: Side, server: &ServerView, rtype: Rtype) -> Option<Trouble> {
    let sight = match side {
        Side::Parent => server.delegation(&view.zone, rtype),
        Side::Zone => server.apex(&view.zone, rtype),
    };
    match sight {
        Sight::Records(_) | Sight::None | Sight::OtherSide => None,
        Sight::Lame(what) => Some(Trouble::Lame(what)),
        Sight::Unanswered(why) => Some(Trouble::Unanswered(why)),
    }
}

pub(super) fn findings(view: &ZoneView, facts: &Facts) -> Vec<ZoneFinding> {
    let mut findings: Vec<_> = view
        .unseen
        .iter()
        .map(|unseen| ZoneFinding::NotLooked { what: unseen.what.clone(), why: unseen.why.clone() })
        .collect();
    let mut sides = vec![(Side::Zone, &view.servers, view.zone.to_string())];
    if let Some(parent) = &view.parent {
        sides.push((Side::Parent, &view.parents, parent.to_string()));
    }
    for (side, servers, zone) in sides {
        if servers.is_empty() {
            let what = format!("the servers of {zone}");
            findings.push(ZoneFinding::NotLooked { what, why: "none is known".to_owned() });
        }
        for server in servers {
            findings.extend(troubles(view, side, server));
        }
        for rtype in asked(side) {
            let groups = groups(view, side, *rtype);
            if groups.len() > 1 {
                let groups = groups.iter().map(|group| in_words(*rtype, group)).collect();
                findings.push(ZoneFinding::ServersDisagree { side, rtype: *rtype, groups });
            }
        }
    }
    if facts.is_signed() {
        findings.extend(unsigned(view));
    }
    findings
}

fn in_words(rtype: Rtype, group: &(Content, Vec<&ServerView>)) -> (String, Vec<String>) {
    let (content, servers) = group;
    let what = match content {
        Content::Nothing => "no records".to_owned(),
        Content::Serial(serial) => format!("serial {serial}"),
        Content::Records(records) => {
            let read: Vec<String> =
                records.iter().filter_map(|rdata| record_in_words(rtype, rdata)).collect();
            list(&read)
        }
    };
    (what, servers.iter().map(|server| server.label()).collect())
}

/// What tells a record from another.
fn record_in_words(rtype: Rtype, rdata: &[u8]) -> Option<String> {
    Some(match rtype {
        Rtype::NS => Name::from_wire(rdata).ok()?.to_string(),
        Rtype::DS | Rtype::CDS => {
            let ds = Ds::from_rdata(rdata)?;
            format!("{} {} {} {}", ds.key_tag, ds.algorithm, ds.digest_type, hex(&ds.digest))
        }
        Rtype::DNSKEY | Rtype::CDNSKEY => {
            let key = Dnskey::from_rdata(rdata)?;
            format!("key {} of algorithm {}", key.tag(), key.algorithm)
        }
        Rtype::CAA => {
            // RFC 8659 §4.1.
            let (&[flags, length], rest) = rdata.split_first_chunk::<2>()?;
            let (tag, value) = rest.split_at_checked(usize::from(length))?;
            format!("{flags} {} \"{}\"", tag.escape_ascii(), value.escape_ascii())
        }
        _ => hex(rdata),
    })
}

/// What one server was of no use about: a finding for each reason.
fn troubles(view: &ZoneView, side: Side, server: &ServerView) -> Vec<ZoneFinding> {
    let (mut lame, mut unanswered) = (BTreeMap::new(), BTreeMap::new());
    for rtype in asked(side) {
        let (reasons, why): (&mut BTreeMap<String, Vec<Rtype>>, _) =
            match trouble(view, side, server, *rtype) {
                Some(Trouble::Lame(what)) => (&mut lame, what),
                Some(Trouble::Unanswered(why)) => (&mut unanswered, why),
                None => continue,
            };
        reasons.entry(why).or_default().push(*rtype);
    }
    let server = server.label();
    let lame = lame.into_iter().map(|(what, rtypes)| ZoneFinding::Lame {
        server: server.clone(),
        rtypes,
        what,
    });
    let unanswered = unanswered.into_iter().map(|(why, rtypes)| ZoneFinding::NoAnswer {
        server: server.clone(),
        rtypes,
        why,
    });
    lame.chain(unanswered).collect()
}

/// Servers that serve records of a signed zone without signatures.
fn unsigned(view: &ZoneView) -> Option<ZoneFinding> {
    let (mut servers, mut rtypes) = (BTreeSet::new(), Vec::new());
    let of_apex = APEX.into_iter().flat_map(|rtype| view.apex_sets(rtype));
    for (server, set) in of_apex.filter(|(_, set)| set.rrsigs.is_empty()) {
        servers.insert(server.label());
        if !rtypes.contains(&set.rrset.rtype()) {
            rtypes.push(set.rrset.rtype());
        }
    }
    let servers: Vec<_> = servers.into_iter().collect();
    let by_all = servers.len() == view.servers.len();
    (!rtypes.is_empty()).then_some(ZoneFinding::SignaturesMissing { rtypes, servers, by_all })
}
