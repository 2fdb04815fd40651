//! What was decided, and everything that it rests on.

use crate::account::Account;
use crate::climb::Climbed;
use crate::request::Request;

/// A decision about one name, with its evidence. Whoever has the evidence can decide again: see [`crate::decide`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What was asked.
    pub request: Request,
    /// The lookups.
    pub climbed: Climbed,
    /// What each of the relevant records says to the request, in their order.
    pub judged: Vec<Judged>,
    /// Why it was decided so.
    pub reason: Reason,
}

/// May the CA issue?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allow,
    /// It must not.
    Deny,
}

/// A record and what it says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The place of the record among the relevant ones.
    pub record: usize,
    /// What it says.
    pub bearing: Bearing,
}

/// What a record says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearing {
    /// It permits.
    Permits {
        /// The account that it is bound to, as a place in [`Request::accounts`].
        account: Option<usize>,
    },
    /// It would permit others.
    Unmet(Unmet),
    /// It demands validation that holds against whoever is on the way, and that was done.
    Constrains,
    /// It says nothing about this.
    Silent,
    /// It is critical and not known, or cannot be read: nobody may issue.
    Forbids,
}

/// Why a property does not permit, from the farthest to the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unmet {
    /// Its value does not follow the grammar. It counts as one that permits nobody (RFC 8659 §4.2).
    Malformed,
    /// It names nobody.
    EmptyIssuer,
    /// It names another issuer.
    OtherIssuer,
    /// It names several accounts (RFC 8657 §3).
    AccountMultiple,
    /// What it names as an account is no URI.
    AccountInvalid,
    /// It names another account.
    AccountMismatch,
    /// It has several lists of methods.
    MethodsMultiple,
    /// Its list of methods does not follow the grammar.
    MethodsMalformed,
    /// The method that was used is not in its list.
    MethodsMismatch,
}

/// Why it was decided so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Allowed: there are no records up to the top-level domain.
    NoCaa,
    /// Allowed: there are records, and none about such certificates.
    NoRelevantProperty,
    /// Allowed: this record permits it.
    Authorized {
        /// Its place among the relevant ones.
        record: usize,
        /// The account that it is bound to, as a place in [`Request::accounts`].
        account: Option<usize>,
    },
    /// Denied: a lookup failed, or nobody can tell whether its answer is right.
    LookupFailure,
    /// Denied: the answer to a lookup is forged or broken.
    Bogus,
    /// Denied: a lookup is not secure, and that is demanded.
    NotSecure,
    /// Denied: there are more records, or more octets in them, than a DNS message carries or anybody needs.
    TooMany,
    /// Denied: this record cannot be read.
    Unreadable {
        /// Its place among the relevant ones.
        record: usize,
    },
    /// Denied: this record is critical and not known.
    CriticalUnknown {
        /// Its place among the relevant ones.
        record: usize,
    },
    /// Denied: no property permits it; the one that came nearest does not for this reason.
    Unmet(Unmet),
    /// Denied: this record demands validation that was not done.
    Unconstrained {
        /// Its place among the relevant ones.
        record: usize,
    },
}

impl Decision {
    /// May the CA issue?
    pub fn verdict(&self) -> Verdict {
        self.reason.verdict()
    }

    /// The account that the permission is bound to; `None` if it is bound to none, or there is none.
    pub fn account(&self) -> Option<&Account> {
        match self.reason {
            Reason::Authorized { account, .. } => self.request.accounts.get(account?),
            _ => None,
        }
    }

    /// How long after the lookups the CA may still issue, in seconds: the life of the records, or eight hours if that
    /// is longer (Baseline Requirements §4.2.2.1).
    pub fn usable_s(&self) -> u32 {
        const EIGHT_HOURS_S: u32 = 8 * 3600;
        let shortest = self.climbed.steps.iter().map(|step| step.lookup.ttl_s).min();
        shortest.unwrap_or(0).max(EIGHT_HOURS_S)
    }
}

impl Reason {
    /// Whether it is a permission.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::NoCaa | Self::NoRelevantProperty | Self::Authorized { .. } => Verdict::Allow,
            Self::LookupFailure
            | Self::Bogus
            | Self::NotSecure
            | Self::TooMany
            | Self::Unreadable { .. }
            | Self::CriticalUnknown { .. }
            | Self::Unmet(_)
            | Self::Unconstrained { .. } => Verdict::Deny,
        }
    }

    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCaa => "no-caa",
            Self::NoRelevantProperty => "no-relevant-property",
            Self::Authorized { .. } => "authorized",
            Self::LookupFailure => "lookup-failure",
            Self::Bogus => "dnssec-bogus",
            Self::NotSecure => "not-secure",
            Self::TooMany => "too-many-records",
            Self::Unreadable { .. } => "unreadable-record",
            Self::CriticalUnknown { .. } => "critical-unknown",
            Self::Unmet(unmet) => unmet.as_str(),
            Self::Unconstrained { .. } => "security-unmet",
        }
    }
}

impl Unmet {
    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::EmptyIssuer => "empty-issuer",
            Self::OtherIssuer => "other-issuer",
            Self::AccountMultiple => "accounturi-multiple",
            Self::AccountInvalid => "accounturi-invalid",
            Self::AccountMismatch => "accounturi-mismatch",
            Self::MethodsMultiple => "validationmethods-multiple",
            Self::MethodsMalformed => "validationmethods-malformed",
            Self::MethodsMismatch => "validationmethods-mismatch",
        }
    }
}

impl Bearing {
    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permits { .. } => "permits",
            Self::Unmet(unmet) => unmet.as_str(),
            Self::Constrains => "constrains",
            Self::Silent => "silent",
            Self::Forbids => "forbids",
        }
    }
}
