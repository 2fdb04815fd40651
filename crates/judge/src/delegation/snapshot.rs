//! What one look at a delegation showed, from all vantages.

use std::collections::BTreeMap;
use std::net::IpAddr;

use aws_lc_rs::digest::{self, digest};
use countersign_dns::walk::Walked;
use countersign_dns::{Name, Security};
use jiff::Timestamp;

use super::shown::{Shown, Topic};
use crate::zone::{Side, Unseen};

/// One look.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The zone.
    pub zone: Name,
    /// The time that everything was verified as of.
    pub at: Timestamp,
    /// What was shown of each topic: each different thing once. A topic of which no server said anything is not here.
    pub views: BTreeMap<Topic, Vec<View>>,
    /// What could not be looked at.
    pub unseen: Vec<Unseen>,
    /// What resolvers say that somebody relies on.
    pub resolvers: Vec<ResolverView>,
}

/// One thing that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// What.
    pub shown: Shown,
    /// The shortest time for which it may be kept, in seconds; `None` of what is not there.
    pub ttl_s: Option<u32>,
    /// Who showed it, at least one.
    pub witnesses: Vec<Witness>,
    /// Whether it can be relied on.
    pub trust: Trust,
    /// Why it cannot; empty where there is nothing to say.
    pub why: String,
    /// Since when and until when its signatures hold.
    pub valid: Option<(Timestamp, Timestamp)>,
    /// What shows it: a proof, or the answer of a server.
    pub pieces: Vec<Piece>,
}

/// A server, as it was seen from a vantage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Witness {
    /// The vantage.
    pub vantage: String,
    /// The server.
    pub server: Name,
    /// Its address.
    pub address: IpAddr,
}

/// Whether something can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// A chain of signatures leads to it.
    Secure,
    /// It is proved that there is none.
    Insecure,
    /// There should be one, and it does not hold.
    Bogus,
    /// It could not be told.
    Unknown,
    /// It is of a kind that is never signed: the NS records of a referral, and glue (RFC 4035 §2.2).
    Unsigned,
}

/// Bytes that show something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What they are: `proof` (docs/dnssec.md) or `answer`, a DNS message.
    pub label: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a resolver says.
#[derive(Clone, Debug)]
pub struct ResolverView {
    /// Where it is.
    pub resolver: String,
    /// What it shows of each topic; why it refuses to.
    pub shown: BTreeMap<Topic, Result<Shown, String>>,
}

impl Snapshot {
    /// Whether servers of both sides were heard.
    pub fn sees(&self) -> bool {
        let side = |side| self.views.keys().any(|topic| topic.side == side);
        side(Side::Parent) && side(Side::Zone)
    }
}

impl View {
    /// Takes another look at the same: the worse of both counts, and comes first.
    pub fn join(&mut self, mut other: Self) {
        if other.trust.rank() > self.trust.rank() {
            std::mem::swap(self, &mut other);
        }
        let new = other.witnesses.into_iter().filter(|witness| !self.witnesses.contains(witness));
        let new: Vec<_> = new.collect();
        self.witnesses.extend(new);
        self.ttl_s = self.ttl_s.into_iter().chain(other.ttl_s).min();
        self.valid = match (self.valid, other.valid) {
            (Some((from, until)), Some((_, earlier))) if earlier < until => Some((from, earlier)),
            (Some(valid), _) | (None, Some(valid)) => Some(valid),
            (None, None) => None,
        };
        for piece in other.pieces {
            if !self.pieces.contains(&piece) && self.pieces.len() < PIECES_MAX {
                self.pieces.push(piece);
            }
        }
    }
}

/// Proofs of the same records by the same keys differ only in their times: two show what there is to see.
const PIECES_MAX: usize = 2;

impl Trust {
    /// Whether it is what its owner says, as far as can be told.
    pub fn holds(self) -> bool {
        match self {
            Self::Secure | Self::Insecure | Self::Unsigned => true,
            Self::Bogus | Self::Unknown => false,
        }
    }

    /// From good to bad.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Secure | Self::Unsigned => 0,
            Self::Insecure => 1,
            Self::Unknown => 2,
            Self::Bogus => 3,
        }
    }

    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Secure, Self::Insecure, Self::Bogus, Self::Unknown, Self::Unsigned];

    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secure => "secure",
            Self::Insecure => "insecure",
            Self::Bogus => "bogus",
            Self::Unknown => "indeterminate",
            Self::Unsigned => "unsigned",
        }
    }
}

impl From<&Security> for Trust {
    fn from(security: &Security) -> Self {
        match security {
            Security::Secure => Self::Secure,
            Security::Insecure(_) => Self::Insecure,
            Security::Bogus(_) => Self::Bogus,
            Security::Indeterminate(_) => Self::Unknown,
        }
    }
}

impl Piece {
    /// Their SHA-256.
    pub fn sha256(&self) -> [u8; 32] {
        let hash = digest(&digest::SHA256, &self.bytes);
        hash.as_ref().try_into().expect("SHA-256 gives 32 octets")
    }
}

/// `ns1.example. (192.0.2.1) from direct`.
impl std::fmt::Display for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}) from {}", self.server, self.address, self.vantage)
    }
}

/// Since when and until when all signatures over the answer itself hold that a walk rested on; `None` if there are none.
/// Those above it are somebody else's.
pub fn until(walked: &Walked, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let hop = walked.hops.first()?;
    let links = hop.steps.iter().flat_map(|step| &walked.steps[*step].links);
    let signatures = links.filter_map(|link| link.read()).map(|(rrsig, _)| {
        let time = |time| crate::zone::time(now, time);
        (time(rrsig.inception), time(rrsig.expiration))
    });
    signatures.reduce(|(from, until), (other_from, other_until)| {
        (from.max(other_from), until.min(other_until))
    })
}
