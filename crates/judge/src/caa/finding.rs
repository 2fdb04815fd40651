//! What is wrong with the CAA records of a name.

mod words;

use std::fmt;

use countersign_caa::ValueError;

use crate::plain::bounded;
use crate::severity::Severity;

/// One thing that is wrong, or could not be seen. Printed, it is one sentence in which all foreign text is harmless.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CaaFinding {
    /// A lookup failed.
    NotLooked {
        /// What was asked.
        what: String,
        /// Why.
        why: String,
    },
    /// Validators refuse an answer.
    Bogus {
        /// What was asked.
        what: String,
        /// Why.
        why: String,
    },
    /// No record restricts who may issue.
    Open,
    /// No record that could be seen does, and there may be others.
    OpenAsSeen,
    /// The records that govern restrict nothing, and hide those of a name above that do.
    Shielded {
        /// The name that has the record.
        at: String,
        /// The name above.
        above: String,
    },
    /// No chain of trust leads to the records.
    Unsigned {
        /// Which name.
        name: String,
        /// Why.
        why: String,
    },
    /// A signed zone delegates the name without DS records.
    InsecureDelegation {
        /// The zone.
        zone: String,
        /// The zone above it.
        signed: String,
    },
    /// A signed alias leads to where nothing is signed.
    InsecureAlias {
        /// Which name.
        name: String,
        /// Where it leads.
        target: String,
    },
    /// An alias leads out of the zone file.
    AliasNotSeen {
        /// Which name.
        name: String,
        /// Where it leads.
        target: String,
    },
    /// The zone file delegates a zone without DS records.
    UnsignedCut {
        /// The zone below.
        zone: String,
    },
    /// The zone leaves out of its denials what is not delegated.
    OptOut {
        /// Why.
        why: String,
    },
    /// Names nobody made exist.
    WildcardNode {
        /// Which name.
        name: String,
    },
    /// They have CAA records of their own, which come out of a wildcard.
    WildcardRecords {
        /// The name above them.
        name: String,
    },
    /// More records than anybody looks at.
    TooMany {
        /// The name that has the records.
        at: String,
        /// How many.
        records: usize,
        /// How many octets of data they have.
        octets: usize,
    },
    /// A value does not follow the grammar.
    Malformed {
        /// The name that has the record.
        at: String,
        /// The value as it stands there.
        value: String,
        /// Why.
        why: ValueError,
    },
    /// A record whose tag cannot be read.
    Unreadable {
        /// The name that has the record.
        at: String,
    },
    /// A parameter that nobody knows.
    UnknownParameter {
        /// The value as it stands there.
        value: String,
        /// The tag as it stands there.
        tag: String,
        /// What it looks like.
        meant: Option<&'static str>,
    },
    /// A parameter in capitals that some CAs do not see.
    ParameterCase {
        /// The value as it stands there.
        value: String,
        /// The tag as it stands there.
        tag: String,
    },
    /// Wildcards may be issued under weaker conditions than names.
    WildcardsLaxer {
        /// The value as it stands there.
        value: String,
    },
    /// Wildcards are permitted, and nobody said so.
    WildcardsUnsaid,
    /// Wildcards are permitted by methods that cannot validate them.
    WildcardsUnreachable {
        /// The value as it stands there.
        value: String,
    },
    /// An account that is not the operator's.
    ForeignAccount {
        /// The account.
        uri: String,
    },
    /// An account of the operator's that has ended.
    EndedAccount {
        /// The account.
        uri: String,
    },
    /// An account that is only for tests.
    StagingAccount {
        /// The account.
        uri: String,
    },
    /// An account that is not of the issuer that the record names.
    OtherIssuerAccount {
        /// The name of the issuer.
        issuer: String,
        /// The account.
        uri: String,
    },
    /// A parameter that can never be met.
    NeverMet {
        /// The value as it stands there.
        value: String,
        /// Why.
        why: &'static str,
    },
    /// An issuer may issue to any account.
    Unbound {
        /// The name of the issuer.
        issuer: String,
    },
    /// An account may be validated by any method.
    AnyMethod {
        /// The name of the issuer.
        issuer: String,
    },
    /// An issuer that is not known to heed the parameters.
    Unconfirmed {
        /// The name of the issuer.
        issuer: String,
    },
    /// A name that no known CA has.
    UnknownIssuer {
        /// The name of the issuer.
        issuer: String,
    },
    /// A critical flag where it does nothing.
    CriticalIssue {
        /// The value as it stands there.
        value: String,
    },
    /// A critical property that CAs do not know.
    CriticalUnknown {
        /// The tag as it stands there.
        tag: String,
    },
    /// Others answer where validation looks.
    ChallengeElsewhere {
        /// The label in front of the name.
        label: String,
        /// Who answers.
        to: String,
        /// Whether every permission is bound to an account.
        is_bound: bool,
    },
    /// A standing permission.
    Standing {
        /// The name below which it stands.
        at: String,
        /// The account.
        account: String,
        /// Whether wildcards and names below are in it.
        is_wide: bool,
        /// Whether it ends at some time.
        ends: bool,
    },
    /// A standing permission that cannot be read.
    StandingMalformed {
        /// The value as it stands there.
        value: String,
    },
    /// A mail or telephone contact by which control can be shown.
    Contact {
        /// The tag as it stands there.
        tag: String,
    },
    /// Records that are kept for long.
    SlowToChange {
        /// How long, in seconds.
        ttl_s: u32,
    },
}

/// How much foreign text is kept and shown: an account's URL fits, and a sentence stays one.
const CHARACTERS_MAX: usize = 160;

/// Foreign text as a finding keeps it: harmless, and not too long for a sentence.
pub(super) fn kept(text: &str) -> String {
    bounded(text, CHARACTERS_MAX).into_owned()
}

impl CaaFinding {
    /// A word that never changes.
    pub fn kind(&self) -> &'static str {
        words::words(self).kind
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        words::words(self).severity
    }

    /// What it leaves open to whom.
    pub fn attack(&self) -> &'static str {
        words::words(self).attack
    }

    /// What to do about it.
    pub fn fix(&self) -> &'static str {
        words::words(self).fix
    }

    /// Whether it says that something could not be seen, and not that something is wrong.
    pub fn is_blindness(&self) -> bool {
        matches!(self, Self::NotLooked { .. })
    }
}

impl fmt::Display for CaaFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words::sentence(self, f)
    }
}
