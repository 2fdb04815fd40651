//! Who seems to hold the keys of a zone, seen from outside.
//!
//! A server that signs what nobody could have asked for before holds a key, and so does whoever runs it, and whoever can
//! compel them. The opposite cannot be seen: a host with a key may leave it unused. So there are three verdicts, and
//! none of them is "offline".

use std::collections::BTreeSet;

use countersign_dns::denial::{Nsec, Nsec3};
use countersign_dns::walk::Outcome;
use countersign_dns::{Dnskey, Name, Rrset, Rtype, Security, SignedRrset};

use super::facts::Facts;
use super::{APEX, Probe, ServerView, ZoneView, delegation};

/// Who seems to hold the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A server has signed something new while it was asked, so it can use a key.
    ProvedOnline,
    /// All looks as if zones were signed elsewhere, and servers only had copies.
    ConsistentWithKeyless,
    /// It cannot be told.
    Unknown,
}

impl Holder {
    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProvedOnline => "proved-online",
            Self::ConsistentWithKeyless => "consistent-with-keyless",
            Self::Unknown => "unknown",
        }
    }
}

/// The verdict, with what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custody {
    /// The verdict.
    pub holder: Holder,
    /// Whether signatures are made anew for each answer, so that they need not last.
    pub signs_each_answer: bool,
    /// What was seen for and against it, in sentences.
    pub seen: Vec<String>,
}

/// Octets of a random label that are found again in a record only if that was made for it: 8 letters and digits are
/// one of 10^12.
const PROBE_OCTETS_SHARED: usize = 8;

/// Two hashed names of a zone that lie this close together are no chance: of 10^9 names the closest two are about 2^100
/// apart.
const HASH_GAP_OCTETS: usize = 8;

/// Questions have to be this far apart for a time of signing to be seen to move with them.
pub const PROBES_APART_S: i64 = 3;

/// Clocks count seconds, and answers take time.
const MOVED_TOLERANCE_S: i64 = 1;

/// Judges what was seen.
pub(super) fn custody(view: &ZoneView) -> Custody {
    let unknown = |why: String| Custody {
        holder: Holder::Unknown,
        signs_each_answer: false,
        seen: vec![why],
    };
    match view.walks.get(&Rtype::DNSKEY).map(|walked| &walked.security) {
        Some(Security::Secure) => {}
        // Without a chain to the keys, anybody on the way may have answered.
        Some(other) => return unknown(format!("the keys of the zone are not proved: {other}")),
        None => return unknown("the keys of the zone are not proved: nobody asked".to_owned()),
    }
    let keys: Vec<Dnskey> = proved_keys(view);
    let keys: Vec<&Dnskey> = keys.iter().collect();
    let online: Vec<String> =
        view.servers.iter().flat_map(|server| made_to_order(server, &keys)).collect();
    let moving: Vec<String> =
        view.servers.iter().filter_map(|server| signed_anew(server, &keys)).collect();
    if !online.is_empty() || !moving.is_empty() {
        let signs_each_answer = !moving.is_empty();
        let mut seen = online;
        seen.extend(moving);
        seen.dedup();
        return Custody { holder: Holder::ProvedOnline, signs_each_answer, seen };
    }
    let signs = [copies(view, &keys), chain(view, &keys), primary(view)];
    let all = signs.iter().all(Result::is_ok);
    Custody {
        holder: if all { Holder::ConsistentWithKeyless } else { Holder::Unknown },
        signs_each_answer: false,
        seen: signs.into_iter().map(|sign| sign.unwrap_or_else(|sign| sign)).collect(),
    }
}

/// The keys to which the chain leads; a server may have shown others.
fn proved_keys(view: &ZoneView) -> Vec<Dnskey> {
    let hops = view.walks.get(&Rtype::DNSKEY).into_iter().flat_map(|walked| &walked.hops);
    let sets = hops.flat_map(|hop| match &hop.outcome {
        Outcome::Records(sets) => &sets[..],
        Outcome::Alias { .. } | Outcome::NoData | Outcome::NoName | Outcome::Unknown => &[],
    });
    sets.flat_map(Rrset::rdatas).filter_map(|rdata| Dnskey::from_rdata(rdata)).collect()
}

/// The signed records with which a server denies a name.
fn denying<'a>(probe: &'a Probe, keys: &'a [&Dnskey]) -> impl Iterator<Item = &'a SignedRrset> {
    let sets = probe.answer.iter().flat_map(|message| &message.authority);
    sets.filter(|set| matches!(set.rrset.rtype(), Rtype::NSEC | Rtype::NSEC3))
        .filter(|set| Facts::is_signed_by(set, keys))
}

/// Denials that were made for the name that was asked for.
fn made_to_order(server: &ServerView, keys: &[&Dnskey]) -> BTreeSet<String> {
    let by = |how: &str| format!("{} {how}", server.label());
    let probes = server.probes.iter();
    probes
        .flat_map(|probe| denying(probe, keys).filter_map(|set| made_for(&probe.name, set)))
        .map(by)
        .collect()
}

/// How a set shows that it was made for this name, if it does.
fn made_for(name: &Name, set: &SignedRrset) -> Option<&'static str> {
    if let Some(nsec3) = Nsec3::of(&set.rrset) {
        return is_narrow(&nsec3)
            .then_some("makes NSEC3 records that span no more than one hash (RFC 7129 app. B)");
    }
    let nsec = Nsec::of(&set.rrset)?;
    if nsec.owner == *name && nsec.types.contains(Rtype::NXNAME) {
        return Some("denies names as if they were there: compact denial (RFC 9824)");
    }
    if nsec.owner == *name {
        return Some("makes an NSEC record for each name that is asked for");
    }
    let is_near = shares_random(name, &nsec.owner) || shares_random(name, &nsec.next);
    is_near.then_some("makes NSEC records that span no more than the name (RFC 4470)")
}

/// Whether the other name has the beginning of the random label at the same place.
fn shares_random(name: &Name, other: &Name) -> bool {
    let label = name.labels().next().unwrap_or_default();
    let random = label.get(..PROBE_OCTETS_SHARED);
    let depth = name.label_count();
    let counterpart = other.ancestor(depth);
    let there = counterpart.labels().next().and_then(|label| label.get(..PROBE_OCTETS_SHARED));
    random.is_some() && random == there
}

/// Whether it spans so little that it was computed around a hash.
fn is_narrow(nsec3: &Nsec3) -> bool {
    // The octets in which the gap, as a number modulo 2^160, would have to lie.
    let mut gap = nsec3.next;
    let mut borrow = 0;
    for (octet, low) in gap.iter_mut().zip(nsec3.hash).rev() {
        let difference = i16::from(*octet) - i16::from(low) - borrow;
        borrow = i16::from(difference < 0);
        *octet = u8::try_from(difference.rem_euclid(256)).expect("it is below 256");
    }
    // The record of a zone with one name spans all others: a gap of nothing.
    let is_all = gap.iter().all(|octet| *octet == 0);
    !is_all && gap[..gap.len() - HASH_GAP_OCTETS].iter().all(|octet| *octet == 0)
}

/// Whether the same records came signed anew, later by as much as the question was later. A zone that changes all the
/// time has new signatures too, but for new records.
fn signed_anew(server: &ServerView, keys: &[&Dnskey]) -> Option<String> {
    let answered: Vec<_> = server
        .probes
        .iter()
        .filter_map(|probe| Some((probe.asked_at, probe.answer.as_ref().ok()?)))
        .collect();
    for (at, (earlier, one)) in answered.iter().enumerate() {
        for (later, other) in &answered[at + 1..] {
            let apart = later.as_second() - earlier.as_second();
            if apart < PROBES_APART_S {
                continue;
            }
            for set in one.answer.iter().chain(&one.authority) {
                let mut others = other.answer.iter().chain(&other.authority);
                let Some(again) = others.find(|again| again.rrset == set.rrset) else { continue };
                let moved = moved(set, again)
                    .is_some_and(|moved| (moved - apart).abs() <= MOVED_TOLERANCE_S);
                if moved && Facts::is_signed_by(set, keys) && Facts::is_signed_by(again, keys) {
                    let rtype = set.rrset.rtype();
                    return Some(format!(
                        "{} signed the same {rtype} record anew {apart} seconds later, when it was asked again",
                        server.label()
                    ));
                }
            }
        }
    }
    None
}

/// By how many seconds the inception of a set's signature is later.
fn moved(set: &SignedRrset, again: &SignedRrset) -> Option<i64> {
    let (one, other) = (set.rrsigs.first()?, again.rrsigs.first()?);
    Some(i64::from(other.inception.wrapping_sub(one.inception).cast_signed()))
}

/// Whether servers of different operators have the same signatures, byte for byte.
fn copies(view: &ZoneView, keys: &[&Dnskey]) -> Result<String, String> {
    for rtype in APEX {
        let sets: Vec<_> = view.apex_sets(rtype).collect();
        for (server, set) in &sets {
            let is_copy = |other: &&(&ServerView, &SignedRrset)| {
                operator(&other.0.name) != operator(&server.name)
                    && other.1.rrset.rdatas() == set.rrset.rdatas()
                    && set.rrsigs.iter().any(|rrsig| other.1.rrsigs.contains(rrsig))
            };
            let Some((other, _)) = sets.iter().find(is_copy) else { continue };
            if Facts::is_signed_by(set, keys) {
                return Ok(format!(
                    "{} and {}, of different operators by their names, have the same signature of {rtype}",
                    server.label(),
                    other.label()
                ));
            }
        }
    }
    Err("no two servers of different operators have the same signature".to_owned())
}

/// Who runs a server, as its name has it: its last two labels; or three, where the second is as short as in `co.uk`,
/// below a country. A list of public suffixes would know better, and none is needed: to take two operators for one
/// makes the verdict more careful, and names do not prove who runs a server anyway.
fn operator(server: &Name) -> Name {
    let two = server.ancestor(2);
    let lengths: Vec<usize> = two.labels().map(<[u8]>::len).collect();
    match lengths[..] {
        [second, 2] if second <= 3 => server.ancestor(3),
        _ => two,
    }
}

/// Whether fresh names are denied with records that were there before.
fn chain(view: &ZoneView, keys: &[&Dnskey]) -> Result<String, String> {
    let probes: Vec<&Probe> = view.servers.iter().flat_map(|server| &server.probes).collect();
    let denied = |probe: &&&Probe| denying(probe, keys).next().is_some();
    let count = probes.iter().filter(denied).count();
    match (probes.is_empty(), count == probes.len()) {
        (true, _) => Err("no fresh name was asked for".to_owned()),
        (false, true) => {
            Ok(format!("{count} answers about fresh names came from a chain that was there before"))
        }
        (false, false) => Err(format!(
            "of {} answers about fresh names, {count} show a chain that was there before",
            probes.len()
        )),
    }
}

/// Whether the server on which the zone is made is none of those that serve it (a hidden primary).
fn primary(view: &ZoneView) -> Result<String, String> {
    let mut soas = view.apex_sets(Rtype::SOA).flat_map(|(_, set)| set.rrset.rdatas());
    let Some((primary, _)) = soas.find_map(|rdata| Name::read(rdata).ok()) else {
        return Err("no server has told its SOA record".to_owned());
    };
    let mut named = delegation::names(view.apex_sets(Rtype::NS));
    named.extend(delegation::names(view.delegation_sets(Rtype::NS)));
    match named.contains(&primary) {
        true => Err(format!("the zone is made on {primary} (SOA), which also serves it")),
        false => Ok(format!("the zone is made on {primary} (SOA), which does not serve it")),
    }
}
