//! What a walk found out about an answer (RFC 4033 §5), each with its reason.

use std::fmt;

use domain::base::iana::Rtype;

use crate::limits::Limit;
use crate::message::Query;
use crate::name::Name;

/// Whether an answer can be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// A chain of signatures leads to it from a trust anchor.
    Secure,
    /// It is proved that there is no such chain: whoever is on the way can change the answer.
    Insecure(Insecure),
    /// There should be a chain, and it does not hold.
    Bogus(Bogus),
    /// It could not be told. Never to be taken for good.
    Indeterminate(Indeterminate),
}

impl Security {
    /// `secure`, `insecure`, `bogus` or `indeterminate`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Secure => "secure",
            Self::Insecure(_) => "insecure",
            Self::Bogus(_) => "bogus",
            Self::Indeterminate(_) => "indeterminate",
        }
    }

    /// From good to bad; of an answer in several parts the worst counts.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Secure => 0,
            Self::Insecure(_) => 1,
            Self::Indeterminate(_) => 2,
            Self::Bogus(_) => 3,
        }
    }
}

impl fmt::Display for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secure => f.write_str("secure"),
            Self::Insecure(why) => write!(f, "insecure: {why}"),
            Self::Bogus(why) => write!(f, "bogus: {why}"),
            Self::Indeterminate(why) => write!(f, "could not tell: {why}"),
        }
    }
}

/// Why there is no chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Insecure {
    /// The zone above has signed that this one has no DS record.
    #[error("{zone} is delegated without a DS record")]
    NoDs {
        /// The zone.
        zone: Name,
    },
    /// The zone above has left open whether there is such a delegation (RFC 5155 §6).
    #[error("{zone} has opted out of saying whether {name} is delegated")]
    OptOut {
        /// The zone above.
        zone: Name,
        /// The name that is in the span left out.
        name: Name,
    },
    /// Every DS record of the zone is of an algorithm or a digest type that does not count (RFC 4035 §5.2, RFC 9905).
    #[error("{zone} is signed only with what is not supported: {}", pairs(.found))]
    Unsupported {
        /// The zone.
        zone: Name,
        /// Algorithm and digest type of each DS record.
        found: Vec<(u8, u8)>,
    },
    /// Signatures are not signed themselves (RFC 4035 §2.2).
    #[error("signatures, as those of {name}, are not signed themselves")]
    Signatures {
        /// Whose they are.
        name: Name,
    },
    /// The zone denies with more iterations of NSEC3 than are computed (RFC 9276 §3.2).
    #[error("{zone} uses {iterations} iterations of NSEC3, which are too many")]
    Iterations {
        /// The zone.
        zone: Name,
        /// How many.
        iterations: u16,
    },
}

impl Insecure {
    /// A word that does not change.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoDs { .. } => "no-ds",
            Self::OptOut { .. } => "opt-out",
            Self::Unsupported { .. } => "unsupported",
            Self::Signatures { .. } => "signatures",
            Self::Iterations { .. } => "nsec3-iterations",
        }
    }
}

fn pairs(found: &[(u8, u8)]) -> String {
    let pair = |(algorithm, digest): &(u8, u8)| format!("algorithm {algorithm}, digest {digest}");
    found.iter().map(pair).collect::<Vec<_>>().join("; ")
}

/// Why a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rtype} of {name}: {fault}")]
pub struct Bogus {
    /// Whose records.
    pub name: Name,
    /// Which records.
    pub rtype: Rtype,
    /// What is wrong with them.
    pub fault: Fault,
}

/// What is wrong with records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// They have no signature, and no proof that they need none.
    #[error("they are not signed, in a zone that is")]
    Unsigned,
    /// Their signatures are by something that is no zone at or above them, or of a zone that is not theirs.
    #[error("they are signed by {0}, which is no zone that could sign them")]
    Signer(Name),
    /// No key of the zone has the tag and algorithm of a signature.
    #[error(
        "they are signed with the key {tag} of algorithm {algorithm}, which the zone does not have"
    )]
    NoKey {
        /// Its tag.
        tag: u16,
        /// Its algorithm.
        algorithm: u8,
    },
    /// The signature is over another name or type, or over more labels than there are.
    #[error("their signature is for something else")]
    Mismatch,
    /// The signature does not verify.
    #[error("their signature does not verify")]
    Signature,
    /// It is not valid yet.
    #[error("their signature is valid only from {0} on")]
    NotYetValid(jiff::Timestamp),
    /// It is not valid any more.
    #[error("their signature has expired at {0}")]
    Expired(jiff::Timestamp),
    /// No key in the set is named by a DS record or a trust anchor.
    #[error("no key among them is named by the zone above")]
    NotNamed,
    /// No signature of this algorithm verifies, and each that the zone above names was demanded.
    #[error("they are not signed with algorithm {0}, which the zone above names")]
    Algorithm(u8),
    /// They are not there.
    #[error("there are none, and no proof of that")]
    NotDenied,
    /// They came out of a wildcard, and it is not proved that nothing is closer.
    #[error("a wildcard stands for them, without proof that there is nothing closer")]
    Closer,
    /// A CNAME that is not what the DNAME makes of the name, or several where there can be one.
    #[error("the alias is not one that could be there")]
    Alias,
}

impl Fault {
    /// A word that does not change.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Signer(_) => "signer",
            Self::NoKey { .. } => "no-key",
            Self::Mismatch => "mismatch",
            Self::Signature => "signature",
            Self::NotYetValid(_) => "not-yet-valid",
            Self::Expired(_) => "expired",
            Self::NotNamed => "not-named",
            Self::Algorithm(_) => "algorithm",
            Self::NotDenied => "not-denied",
            Self::Closer => "closer",
            Self::Alias => "alias",
        }
    }
}

/// Why it could not be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Indeterminate {
    /// No trust anchor is at or above the name.
    #[error("there is no trust anchor for {0}")]
    NoAnchor(Name),
    /// A question that had to be asked was not answered.
    #[error("no answer for {} of {}: {why}", .query.rtype, .query.name)]
    NoAnswer {
        /// The question.
        query: Query,
        /// What happened.
        why: String,
    },
    /// It takes more work than a stranger may cause.
    #[error("it takes too many {}", .0.as_str())]
    Exceeded(Limit),
}

impl Indeterminate {
    /// A word that does not change.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoAnchor(_) => "no-anchor",
            Self::NoAnswer { .. } => "no-answer",
            Self::Exceeded(limit) => limit.as_str(),
        }
    }
}
