//! What is wrong with what a service showed.

use super::observation::Stratum;
use crate::decision::ToldFinding;
use crate::severity::Severity;

/// Something that is wrong with what a service showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeFinding {
    /// What.
    pub kind: Kind,
    /// One harmless sentence, without a capital letter or a full stop.
    pub text: String,
    /// From where and as whom it was seen; two of them where they disagree.
    pub strata: Vec<Stratum>,
    /// What sets it apart from others of its kind: a key, a version.
    pub detail: String,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A key that nobody registered serves, and clients trust its certificate.
    ForeignKey,
    /// A key that nobody registered serves; clients that verify do not trust its certificate.
    ForeignUntrusted,
    /// Whoever answered does not hold the key of the certificate.
    NotHeld,
    /// A public CA's certificate without enough SCTs.
    Unlogged,
    /// It has an SCT that no log has signed.
    ForgedSct,
    /// It has SCTs, and no log has it.
    AbsentFromLogs,
    /// The server sees another TLS session than the prober.
    BindingRefused,
    /// The server signed another list of mechanisms than the one that arrived.
    MechanismsChanged,
    /// Whoever answered does not know the account's password.
    ServerNotVerified,
    /// STARTTLS is not offered any more, or refused.
    StartTlsStripped,
    /// Clear text was pushed in front of TLS.
    Injected,
    /// Mechanisms that bind to the channel are gone.
    PlusStripped,
    /// Vantages, or clients, are shown different keys.
    VantagesDisagree,
    /// Ports of one host show different keys.
    PortsDisagree,
    /// A signed zone names other keys.
    DaneMismatch,
    /// CAA forbade the CA to issue.
    CaaForbade,
    /// An older version than before was agreed upon.
    VersionLower,
    /// A weaker group than before was agreed upon.
    GroupLower,
    /// A suite without authentication was accepted.
    Anonymous,
    /// The chain leads to no root that clients trust.
    NotRooted,
    /// The certificate has run out.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The certificate is for other names.
    OtherName,
    /// The certificate is about to run out.
    Expiring,
    /// The server's software looks different.
    StackChanged,
}

/// How much a finding says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Strength {
    /// It has harmless causes: it is noted.
    Noted,
    /// Somebody should look; together with another kind of these, at once.
    IfTwo,
    /// There is no harmless cause but somebody's mistake.
    Alone,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::ForeignKey,
        Self::ForeignUntrusted,
        Self::NotHeld,
        Self::Unlogged,
        Self::ForgedSct,
        Self::AbsentFromLogs,
        Self::BindingRefused,
        Self::MechanismsChanged,
        Self::ServerNotVerified,
        Self::StartTlsStripped,
        Self::Injected,
        Self::PlusStripped,
        Self::VantagesDisagree,
        Self::PortsDisagree,
        Self::DaneMismatch,
        Self::CaaForbade,
        Self::VersionLower,
        Self::GroupLower,
        Self::Anonymous,
        Self::NotRooted,
        Self::Expired,
        Self::NotYetValid,
        Self::OtherName,
        Self::Expiring,
        Self::StackChanged,
    ];

    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ForeignKey => "foreign-key",
            Self::ForeignUntrusted => "foreign-untrusted",
            Self::NotHeld => "not-held",
            Self::Unlogged => "unlogged",
            Self::ForgedSct => "forged-sct",
            Self::AbsentFromLogs => "absent-from-logs",
            Self::BindingRefused => "binding-refused",
            Self::MechanismsChanged => "mechanisms-changed",
            Self::ServerNotVerified => "server-not-verified",
            Self::StartTlsStripped => "starttls-stripped",
            Self::Injected => "injected",
            Self::PlusStripped => "plus-stripped",
            Self::VantagesDisagree => "vantages-disagree",
            Self::PortsDisagree => "ports-disagree",
            Self::DaneMismatch => "dane-mismatch",
            Self::CaaForbade => "caa-forbade",
            Self::VersionLower => "version-lower",
            Self::GroupLower => "group-lower",
            Self::Anonymous => "anonymous",
            Self::NotRooted => "not-rooted",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::OtherName => "other-name",
            Self::Expiring => "expiring",
            Self::StackChanged => "stack-changed",
        }
    }

    /// The kind of that name.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// How much it says by itself.
    pub fn strength(self) -> Strength {
        match self {
            Self::ForeignKey
            | Self::ForeignUntrusted
            | Self::NotHeld
            | Self::Unlogged
            | Self::ForgedSct
            | Self::AbsentFromLogs
            | Self::BindingRefused
            | Self::MechanismsChanged
            | Self::ServerNotVerified
            | Self::StartTlsStripped
            | Self::Injected
            | Self::PlusStripped
            | Self::Expired
            | Self::OtherName => Strength::Alone,
            Self::VantagesDisagree
            | Self::PortsDisagree
            | Self::DaneMismatch
            | Self::CaaForbade
            | Self::VersionLower
            | Self::GroupLower
            | Self::Anonymous
            | Self::NotRooted
            | Self::NotYetValid => Strength::IfTwo,
            Self::Expiring | Self::StackChanged => Strength::Noted,
        }
    }

    /// How much it matters by itself.
    pub fn severity(self) -> Severity {
        match self {
            Self::ForeignKey
            | Self::NotHeld
            | Self::ForgedSct
            | Self::AbsentFromLogs
            | Self::BindingRefused
            | Self::MechanismsChanged
            | Self::ServerNotVerified => Severity::Critical,
            Self::ForeignUntrusted
            | Self::Unlogged
            | Self::StartTlsStripped
            | Self::Injected
            | Self::PlusStripped
            | Self::Expired
            | Self::OtherName => Severity::High,
            Self::VantagesDisagree
            | Self::PortsDisagree
            | Self::DaneMismatch
            | Self::CaaForbade
            | Self::VersionLower
            | Self::GroupLower
            | Self::Anonymous
            | Self::NotRooted
            | Self::NotYetValid => Severity::Warning,
            Self::Expiring | Self::StackChanged => Severity::Notice,
        }
    }

    /// What it lets somebody do, as a sentence without a capital letter or a full stop.
    pub fn allows(self) -> &'static str {
        match self {
            Self::ForeignKey | Self::AbsentFromLogs | Self::Unlogged | Self::ForgedSct => {
                "whoever holds this key can read and change all that clients say to the service, and they notice nothing"
            }
            Self::ForeignUntrusted
            | Self::NotRooted
            | Self::Expired
            | Self::NotYetValid
            | Self::OtherName => {
                "clients that verify certificates cannot connect; those that do not, or whose users click it away, may talk to somebody else"
            }
            Self::NotHeld
            | Self::BindingRefused
            | Self::ServerNotVerified
            | Self::MechanismsChanged => {
                "somebody stands between the prober and the service, and answers in its place"
            }
            Self::StartTlsStripped | Self::Injected => {
                "clients that do not insist on TLS speak in clear text to whoever is on the way"
            }
            Self::PlusStripped => {
                "clients fall back to a login that somebody in the middle can pass on unnoticed"
            }
            Self::VantagesDisagree | Self::PortsDisagree => {
                "somebody answers in the place of the service on one of these ways, and not on the other"
            }
            Self::DaneMismatch => {
                "clients that ask the signed zone refuse the connection; all others do not"
            }
            Self::CaaForbade => {
                "the CA issued against the zone's word, by mistake or because it had to"
            }
            Self::VersionLower | Self::GroupLower => {
                "what is said now can be attacked in ways that what was agreed upon before could not"
            }
            Self::Anonymous => "anybody on the way can answer to clients that take such a suite",
            Self::Expiring => "soon no client can connect",
            Self::StackChanged => "it may be an upgrade, or another server",
        }
    }

    /// What to do about it, as a sentence without a capital letter or a full stop.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::ForeignKey | Self::ForeignUntrusted => {
                "look on the server itself whether it has this key; if it has, register it with `countersign authorize`; if not, tell your users by another way, and keep the evidence (`countersign evidence`)"
            }
            Self::NotHeld
            | Self::ServerNotVerified
            | Self::BindingRefused
            | Self::MechanismsChanged => {
                "log in from another network and compare; look at the way to the server (a hop too many, other ports that answer differently); do not use passwords on this way"
            }
            Self::Unlogged | Self::ForgedSct | Self::AbsentFromLogs => {
                "keep the certificate (`countersign evidence`) and send it to the CA's problem-reporting address and to the browsers' root programmes"
            }
            Self::StartTlsStripped | Self::Injected | Self::PlusStripped => {
                "ask the service from the server's own machine; if it offers there what is missing here, somebody on the way takes it out"
            }
            Self::VantagesDisagree | Self::PortsDisagree => {
                "find out which of the keys is yours; if both are, register both, and this goes away"
            }
            Self::DaneMismatch => {
                "compare the TLSA records with the key on the server; publish the next key before it serves"
            }
            Self::CaaForbade => {
                "report it to the CA with the certificate; it has to revoke within a day"
            }
            Self::VersionLower | Self::GroupLower | Self::StackChanged => {
                "look whether the server, or what stands before it, was changed on purpose"
            }
            Self::Anonymous => {
                "take suites without authentication out of the server's configuration; if they are not in it, it is not your server that answers"
            }
            Self::NotRooted | Self::NotYetValid | Self::OtherName => {
                "look at the chain that the server is configured to send"
            }
            Self::Expired | Self::Expiring => {
                "look whether it is your certificate; if it is, renew it; if it is not, somebody forgot to renew theirs"
            }
        }
    }
}

impl ProbeFinding {
    /// A finding of one stratum.
    pub(super) fn new(kind: Kind, stratum: &Stratum, text: String, detail: String) -> Self {
        Self { kind, text, strata: vec![stratum.clone()], detail }
    }

    /// What makes it the same finding at the next probe, its kind first.
    pub fn mark(&self) -> String {
        format!("{} {}", self.kind.as_str(), self.detail)
    }

    /// In words, as severe as it is beside the others.
    pub fn told(&self, beside: &[Self]) -> ToldFinding {
        let (kind, text) = (self.kind.as_str().to_owned(), self.text.clone());
        ToldFinding { kind, severity: self.severity(beside), text }
    }

    /// How much it matters beside others: two different ones that are weak by themselves are not.
    pub fn severity(&self, beside: &[Self]) -> Severity {
        let alone = self.kind.severity();
        let agrees =
            |other: &Self| other.kind != self.kind && other.kind.strength() >= Strength::IfTwo;
        match self.kind.strength() {
            Strength::IfTwo if beside.iter().any(agrees) => alone.max(Severity::High),
            Strength::IfTwo | Strength::Noted | Strength::Alone => alone,
        }
    }
}

/// Whether somebody is to be told, or the findings are only noted.
pub fn is_told(findings: &[ProbeFinding]) -> bool {
    findings.iter().any(|finding| finding.kind.strength() > Strength::Noted)
}
