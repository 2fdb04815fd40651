//! What is wrong with a certificate or a log: one difference between what was expected and what was seen.

use std::fmt;

use countersign_sct::LogId;
use jiff::{SignedDuration, Timestamp};

use crate::plain::{Name, hex, plain};
use crate::rule::RuleId;
use crate::severity::Severity;

/// One difference between what was expected and what was seen. Printed, it is one sentence in which all foreign
/// text is harmless.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finding {
    /// Nobody has registered the key or the certificate.
    UnknownKey {
        /// SHA-256 of the SubjectPublicKeyInfo.
        spki_sha256: [u8; 32],
    },
    /// The key cannot be read, so that nobody can have registered it.
    NoKey,
    /// The key or the certificate is registered, but not for this name.
    NameNotCovered {
        /// The name.
        name: String,
        /// The rules for the key or the certificate, the first [`crate::decision::RULES_TOLD_MAX`] of them.
        rules: Vec<RuleId>,
    },
    /// There was a rule, and it had run out when the certificate was first seen.
    RuleExpired {
        /// The rule.
        rule: RuleId,
        /// When it ran out.
        until: Timestamp,
    },
    /// The CA is none of those that may issue for the name.
    IssuerNotAllowed {
        /// SHA-256 of its SubjectPublicKeyInfo. `None`: it is not known, but none at all may issue.
        issuer_key_sha256: Option<[u8; 32]>,
    },
    /// Only some CAs may issue for the name, and nobody can tell which one did.
    IssuerUnknown,
    /// A wildcard, where none is used.
    WildcardNotExpected {
        /// The name.
        name: String,
    },
    /// Valid for longer than any certificate for the name should be.
    ValidityTooLong {
        /// How long it is valid.
        validity: SignedDuration,
        /// How long it may be.
        validity_max: SignedDuration,
    },
    /// The validity is limited for the name, and cannot be read.
    ValidityUnknown,
    /// A log has promised an entry and does not have it.
    PromiseNotKept {
        /// The log's id.
        log: [u8; 32],
        /// When it promised, in milliseconds since 1970.
        timestamp_ms: u64,
        /// When it should have had it at the latest.
        due: Timestamp,
    },
    /// A log has the certificate, but not the entry that it promised.
    PromiseKeptElsewhere {
        /// The log's id.
        log: [u8; 32],
        /// Where the entry should be, if the log said so.
        promised: Option<u64>,
        /// Where the certificate is.
        index: u64,
    },
    /// There is more of the same: the findings that are listed are not all.
    More {
        /// How many are left out.
        count: usize,
    },
}

/// The kinds that an explanation goes by.
pub(crate) const UNKNOWN_KEY: &str = "unknown-key";
pub(crate) const NO_KEY: &str = "no-key";
pub(crate) const NAME_NOT_COVERED: &str = "name-not-covered";
pub(crate) const RULE_EXPIRED: &str = "rule-expired";

impl Finding {
    /// A name for programs that never changes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownKey { .. } => UNKNOWN_KEY,
            Self::NoKey => NO_KEY,
            Self::NameNotCovered { .. } => NAME_NOT_COVERED,
            Self::RuleExpired { .. } => RULE_EXPIRED,
            Self::IssuerNotAllowed { .. } => "issuer-not-allowed",
            Self::IssuerUnknown => "issuer-unknown",
            Self::WildcardNotExpected { .. } => "wildcard-not-expected",
            Self::ValidityTooLong { .. } => "validity-too-long",
            Self::ValidityUnknown => "validity-unknown",
            Self::PromiseNotKept { .. } => "promise-not-kept",
            Self::PromiseKeptElsewhere { .. } => "promise-kept-elsewhere",
            Self::More { .. } => "more",
        }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            // Who holds an unknown key can be the service to everybody; nothing need be wrong about the rest.
            Self::UnknownKey { .. } | Self::NoKey | Self::IssuerNotAllowed { .. } => {
                Severity::Critical
            }
            // The key is one of ours; but who broke into one host must not become another, and who has kept an old
            // key must not come back with it.
            Self::NameNotCovered { .. }
            | Self::RuleExpired { .. }
            | Self::WildcardNotExpected { .. }
            | Self::ValidityTooLong { .. }
            | Self::PromiseNotKept { .. }
            | Self::PromiseKeptElsewhere { .. } => Severity::High,
            Self::IssuerUnknown | Self::ValidityUnknown => Severity::Warning,
            Self::More { .. } => Severity::Notice,
        }
    }

    /// Whether it contradicts what the operator said, so that there is nothing to wait for. What could not be told
    /// contradicts nothing, but is not fine either.
    pub fn is_contradiction(&self) -> bool {
        match self {
            Self::IssuerNotAllowed { .. }
            | Self::WildcardNotExpected { .. }
            | Self::ValidityTooLong { .. } => true,
            Self::UnknownKey { .. }
            | Self::NoKey
            | Self::NameNotCovered { .. }
            | Self::RuleExpired { .. }
            | Self::IssuerUnknown
            | Self::ValidityUnknown
            | Self::PromiseNotKept { .. }
            | Self::PromiseKeptElsewhere { .. }
            | Self::More { .. } => false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { spki_sha256 } => {
                write!(f, "nobody here has registered its key (SHA-256 {})", hex(spki_sha256))
            }
            Self::NoKey => f.write_str("its key cannot be read, so it cannot be one of yours"),
            Self::NameNotCovered { name, rules } => {
                let (name, rules) = (Name(name), list(rules));
                write!(f, "its key or certificate is registered ({rules}), but not for {name}")
            }
            Self::RuleExpired { rule, until } => {
                let rule = rule.to_string();
                write!(f, "{} had run out at {until}, before it was first seen", plain(&rule))
            }
            Self::IssuerNotAllowed { issuer_key_sha256: Some(key) } => {
                write!(f, "its CA (key SHA-256 {}) may not issue for this name", hex(key))
            }
            Self::IssuerNotAllowed { issuer_key_sha256: None } => {
                f.write_str("no CA at all may issue for this name")
            }
            Self::IssuerUnknown => f.write_str(
                "only some CAs may issue for this name, and which one did cannot be told",
            ),
            Self::WildcardNotExpected { name } => {
                write!(f, "it is for {}, and wildcards are not used here", Name(name))
            }
            Self::ValidityTooLong { validity, validity_max } => {
                let (validity, validity_max) = (period(*validity), period(*validity_max));
                write!(f, "it is valid for {validity}; at most {validity_max} are expected")
            }
            Self::ValidityUnknown => f.write_str("how long it is valid cannot be read"),
            Self::PromiseNotKept { log, due, .. } => {
                let log = LogId(*log);
                write!(f, "the log {log} promised to have it by {due}, and does not have it")
            }
            Self::PromiseKeptElsewhere { log, promised: Some(promised), index } => {
                let log = LogId(*log);
                write!(f, "the log {log} promised it at index {promised}, and has it at {index}")
            }
            Self::PromiseKeptElsewhere { log, promised: None, index } => {
                let log = LogId(*log);
                write!(f, "the log {log} has it at index {index}, but not with the promised time")
            }
            Self::More { count } => write!(f, "and {count} more findings like these"),
        }
    }
}

/// Some rules; a key may have thousands.
fn list(rules: &[RuleId]) -> String {
    let shown: Vec<String> = rules
        .iter()
        .take(RULES_SHOWN_MAX)
        .map(|rule| plain(&rule.to_string()).into_owned())
        .collect();
    match rules.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// More rules in a sentence are not read.
const RULES_SHOWN_MAX: usize = 5;

/// In whole days; what is shorter, or left over, in hours and seconds.
fn period(period: SignedDuration) -> String {
    let (days, seconds) = (period.as_secs() / DAY_S, period.as_secs() % DAY_S);
    let (hours, seconds) = (seconds / HOUR_S, seconds % HOUR_S);
    let parts = [(days, "days"), (hours, "hours"), (seconds, "seconds")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count != 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(" ") }
}

const DAY_S: i64 = 24 * HOUR_S;
const HOUR_S: i64 = 60 * 60;

#[cfg(test)]
mod tests;
