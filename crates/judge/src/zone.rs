//! A zone as it was seen from outside, and what to make of it: whether a chain of trust leads to it, what its keys and
//! signatures are worth, whether all servers say the same, and who seems to hold the keys.
//!
//! ```text
//!  walks of the apex ────────┐
//!  all servers of the parent ┼── ZoneView ── ZoneReport::of ──> findings, facts, custody
//!  all servers of the zone ──┘
//! ```
//!
//! What was not seen is a finding as well: a server that did not answer could have answered anything.
//!
//! # Limitations
//!
//! One look shows one moment. What servers say to others, or said a minute ago, is not in it.
//!
//! Where a server of the parent serves the zone too, it answers about the zone from below, so what its delegation names
//! as NS is not compared.

mod chain;
mod child_ds;
mod custody;
mod delegation;
mod denial;
mod facts;
mod finding;
mod keys;
mod servers;
mod sight;
mod signatures;
mod upstream;

use std::collections::BTreeMap;
use std::net::IpAddr;

use countersign_dns::walk::Walked;
use countersign_dns::{Message, Name, Rtype, Security};
use jiff::Timestamp;

pub use chain::ChainZone;
pub use child_ds::ChildDs;
pub use custody::{Custody, Holder, PROBES_APART_S};
pub use denial::Denial;
pub use facts::{DsFact, KeyFact};
pub use finding::ZoneFinding;
pub use keys::algorithm_name;
pub use servers::{ServerFact, Side};
pub(crate) use signatures::{LEFT_SHORT, time};
pub use signatures::{SignatureFact, seconds_from};
pub use upstream::Upstream;

/// What is asked about the apex of a zone: of a validator's walk, and of each server of the zone.
pub const APEX: [Rtype; 6] =
    [Rtype::SOA, Rtype::NS, Rtype::DNSKEY, Rtype::CDS, Rtype::CDNSKEY, Rtype::CAA];

/// What each server of the parent is asked about the zone.
pub const DELEGATION: [Rtype; 2] = [Rtype::DS, Rtype::NS];

/// What was seen of a zone.
#[derive(Clone, Debug)]
pub struct ZoneView {
    /// The zone.
    pub zone: Name,
    /// The zone above; `None` for the root.
    pub parent: Option<Name>,
    /// The time that all is judged as of.
    pub now: Timestamp,
    /// What a validator makes of the apex, for each of [`APEX`].
    pub walks: BTreeMap<Rtype, Walked>,
    /// The servers of the parent, each by its address.
    pub parents: Vec<ServerView>,
    /// Those of the zone.
    pub servers: Vec<ServerView>,
    /// What a resolver says that somebody relies on, if one was named.
    pub upstream: Option<Upstream>,
    /// What could not be looked at besides, such as a server without an address.
    pub unseen: Vec<Unseen>,
}

/// What one server says.
#[derive(Clone, Debug)]
pub struct ServerView {
    /// Its name.
    pub name: Name,
    /// The address at which it was asked.
    pub address: IpAddr,
    /// Its answer about each of [`DELEGATION`] or [`APEX`]; why there is none.
    pub answers: BTreeMap<Rtype, Result<Message, String>>,
    /// Its answers about names that nobody can have asked for before; of a server of the zone.
    pub probes: Vec<Probe>,
}

/// A question for a fresh name, whose first label is random and has at least 16 octets.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The name: one label below the apex.
    pub name: Name,
    /// When the server was asked.
    pub asked_at: Timestamp,
    /// Its answer; why there is none.
    pub answer: Result<Message, String>,
}

/// Something that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
}

/// What is to be made of a zone.
#[derive(Clone, Debug)]
pub struct ZoneReport {
    /// The zone.
    pub zone: Name,
    /// The zone above; `None` for the root.
    pub parent: Option<Name>,
    /// The time that it was judged as of.
    pub now: Timestamp,
    /// What a validator makes of its SOA record; `None` if none was asked.
    pub security: Option<Security>,
    /// The signed zones from the root down to this one, which is last.
    pub chain: Vec<ChainZone>,
    /// How long the records of each type may be kept, in seconds.
    pub ttls: BTreeMap<Rtype, u32>,
    /// The signatures of each type and key.
    pub signatures: Vec<SignatureFact>,
    /// How the zone denies names.
    pub denial: Denial,
    /// What its CDS and CDNSKEY records ask for.
    pub child_ds: ChildDs,
    /// The servers, those of the parent first.
    pub servers: Vec<ServerFact>,
    /// What is wrong, the most severe first.
    pub findings: Vec<ZoneFinding>,
    /// Who seems to hold the keys.
    pub custody: Custody,
}

impl ZoneReport {
    /// Judges.
    pub fn of(view: &ZoneView) -> Self {
        let facts = facts::Facts::of(view);
        let custody = custody::custody(view);
        let (denial, child_ds) = (denial::denial(view), child_ds::child_ds(view, &facts));
        let signatures = signatures::signatures(view);
        let mut findings = chain::findings(view);
        findings.extend(keys::findings(view, &facts));
        findings.extend(signatures::findings(view, &signatures, &custody));
        findings.extend(delegation::findings(view, &facts));
        findings.extend(denial::findings(view, &denial));
        findings.extend(child_ds::findings(view, &facts, &child_ds));
        findings.extend(servers::findings(view, &facts));
        findings.extend(upstream::findings(view));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
        Self {
            zone: view.zone.clone(),
            parent: view.parent.clone(),
            now: view.now,
            security: view.walks.get(&Rtype::SOA).map(|walked| walked.security.clone()),
            chain: chain::chain(view, &facts),
            ttls: facts.ttls,
            signatures,
            denial,
            child_ds,
            servers: servers::servers(view),
            findings,
            custody,
        }
    }
}

#[cfg(test)]
mod tests;
