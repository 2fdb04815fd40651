//! What makes a certificate an expected one.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use crate::scope::Scope;

/// One reason to expect certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which one.
    pub id: RuleId,
    /// What a certificate is known by.
    pub basis: Basis,
    /// The names that it may be for.
    pub scope: Scope,
    /// When it was registered. A certificate that was seen before is expected too: what was logged first can be
    /// registered later.
    pub since: Timestamp,
    /// Certificates that are first seen later than this are not expected. `None`: it has no end.
    pub until: Option<Timestamp>,
    /// Where it came from.
    pub origin: Origin,
}

impl Rule {
    /// Whether it stands for a certificate that was first seen then.
    pub fn applies_at(&self, seen_at: Timestamp) -> bool {
        self.until.is_none_or(|until| seen_at <= until)
    }
}

/// What a certificate is known by. There is no rule by issuer name, serial number or subject key identifier: an
/// attacker's certificate can have any of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Its key is ours. It can be registered before the certificate is ordered, and so before it is logged; and a
    /// certificate for our key is of no use to anybody else.
    Key {
        /// SHA-256 of the SubjectPublicKeyInfo.
        spki_sha256: [u8; 32],
    },
    /// It is this very certificate.
    Certificate {
        /// See [`crate::observation::Observation::tbs_sha256`].
        tbs_sha256: [u8; 32],
    },
    /// Somebody else holds the key, such as a CDN, so all that is known is which CA they go to. Weak: an attacker
    /// can go to that CA too.
    ThirdParty {
        /// SHA-256 of the SubjectPublicKeyInfo of each issuer.
        issuer_keys: BTreeSet<[u8; 32]>,
        /// The longest validity.
        validity_max: SignedDuration,
    },
}

/// Where a rule came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// `countersign authorize`.
    Command,
    /// A file in a watched directory.
    Directory {
        /// Its path.
        path: String,
    },
    /// A signed statement from another host.
    Statement {
        /// That host.
        host: String,
    },
    /// The configuration file.
    Configuration,
}

/// In a sentence: "registered by …".
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command => f.write_str("the command line"),
            Self::Directory { path } => write!(f, "the file {path}"),
            Self::Statement { host } => write!(f, "a statement of the host {host}"),
            Self::Configuration => f.write_str("the configuration"),
        }
    }
}

/// Which rule. Its text never changes, and reads back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleId {
    /// One that was registered, by its number in the store: `authorization 17`.
    Authorization(u64),
    /// One of the configuration, by its name: `third party "cdn"`.
    ThirdParty(String),
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorization(number) => write!(f, "authorization {number}"),
            Self::ThirdParty(name) => write!(f, "third party \"{name}\""),
        }
    }
}

/// A text names no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rule is named as in: authorization 17, third party \"cdn\"")]
pub struct NoRuleId;

impl FromStr for RuleId {
    type Err = NoRuleId;

    fn from_str(text: &str) -> Result<Self, NoRuleId> {
        if let Some(number) = text.strip_prefix("authorization ") {
            let id = number.parse().map(Self::Authorization).map_err(|_| NoRuleId)?;
            // `+7` and `007` are numbers too, but not how one is written.
            return if id.to_string() == text { Ok(id) } else { Err(NoRuleId) };
        }
        let name = text.strip_prefix("third party \"").and_then(|rest| rest.strip_suffix('"'));
        name.map(|name| Self::ThirdParty(name.to_owned())).ok_or(NoRuleId)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<RuleId, NoRuleId>) {
        assert_eq!(text.parse(), expected);
        if let Ok(id) = expected {
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn a_rule_has_one_name() {
        check("authorization 17", Ok(RuleId::Authorization(17)));
        check("third party \"cdn\"", Ok(RuleId::ThirdParty("cdn".into())));
        for text in ["authorization +7", "authorization 007", "17", "third party cdn", "cdn", ""] {
            check(text, Err(NoRuleId));
        }
    }

    proptest! {
        #[test]
        fn any_name_reads_back(name: String, number: u64) {
            for id in [RuleId::ThirdParty(name.clone()), RuleId::Authorization(number)] {
                prop_assert_eq!(id.to_string().parse(), Ok(id));
            }
        }
    }
}
