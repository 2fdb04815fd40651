//! What CAA said to a CA about a certificate that it has issued: the difference between a CA that broke the rules and
//! records that let it.

use countersign_caa::climb::{Hop, Lookup, Next, Outcome};
use countersign_caa::{
    Climb, Failures, Identifier, Name, Profile, Purpose, Reason, Record, Request, Security, Unmet,
    decide,
};

use crate::plain::plain;

/// What the records that were in force say to the issuer of a certificate. From bad to good for the one who wrote them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaaThen {
    /// No record restricted who may issue.
    Open,
    /// They let the CA issue to any of its accounts.
    AnyAccount {
        /// The name that has them.
        at: String,
    },
    /// They bound the CA to an account or a method.
    Bound {
        /// The name that has them.
        at: String,
    },
    /// They forbade the CA to issue.
    Forbade {
        /// The name that has them.
        at: String,
        /// Why, in a word that does not change.
        reason: &'static str,
    },
}

/// Records of a name, and what is known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The name that has them.
    pub at: Name,
    /// The records; none where it is known that there are none up to the top-level domain.
    pub records: Vec<Record>,
}

/// Holds one name of a certificate against the records that govern it. `issuers` are the names by which the CA is known;
/// without any, what it may cannot be told.
pub fn then(name: &Identifier, in_force: &InForce, issuers: &[Name]) -> Option<CaaThen> {
    if issuers.is_empty() {
        return None;
    }
    let at = in_force.at.to_string();
    let mut climb = Climb::new(name.name.clone(), Failures::Deny);
    let climbed = loop {
        let lookup = match climb.next() {
            Next::Done(climbed) => break climbed.clone(),
            Next::Ask(asked) => {
                let has_them = *asked == in_force.at && !in_force.records.is_empty();
                Lookup {
                    // That it was known is enough here; whether it was signed is told elsewhere.
                    hops: vec![Hop { name: asked.to_string(), security: Security::Insecure }],
                    outcome: match has_them {
                        true => Outcome::Records(in_force.records.clone()),
                        false => Outcome::None,
                    },
                    ttl_s: 0,
                }
            }
        };
        climb.feed(lookup);
    };
    let request = Request {
        identifier: name.clone(),
        purpose: Purpose::Tls,
        issuers: issuers.to_vec(),
        accounts: Vec::new(),
        method: None,
        constrained: Vec::new(),
    };
    let reason = decide(&request, climbed, &Profile::default()).reason;
    Some(match reason {
        Reason::NoCaa | Reason::NoRelevantProperty => CaaThen::Open,
        Reason::Authorized { .. } => CaaThen::AnyAccount { at },
        // Accounts are looked at first, so this one binds to a method only.
        Reason::Unmet(Unmet::MethodsMismatch) => CaaThen::AnyAccount { at },
        Reason::Unmet(Unmet::AccountMismatch) => CaaThen::Bound { at },
        Reason::Unmet(_)
        | Reason::CriticalUnknown { .. }
        | Reason::Unreadable { .. }
        | Reason::TooMany
        | Reason::LookupFailure
        | Reason::Bogus
        | Reason::NotSecure
        | Reason::Unconstrained { .. } => CaaThen::Forbade { at, reason: reason.as_str() },
    })
}

impl CaaThen {
    /// One sentence, without a capital letter or a full stop. `issuer` is what the CA is called.
    pub fn sentence(&self, issuer: &str) -> String {
        let issuer = plain(issuer);
        match self {
            Self::Open => format!(
                "no CAA record restricted who may issue: one that names your CA and your account would have stopped \
                 {issuer}"
            ),
            Self::AnyAccount { at } => format!(
                "the CAA records at {at} allowed any account of {issuer}: accounturi is what would have stopped it"
            ),
            Self::Bound { at } => format!(
                "the CAA records at {at} bound {issuer} to one account: whoever ordered this has that account, or \
                 answered in the place of the DNS, or {issuer} did not heed them"
            ),
            Self::Forbade { at, reason } => format!(
                "the CAA records at {at} forbade {issuer} to issue ({reason}): it did not heed them, or saw others"
            ),
        }
    }

    /// A word that never changes.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::AnyAccount { .. } => "any-account",
            Self::Bound { .. } => "bound",
            Self::Forbade { .. } => "forbade",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, records: &[(&str, &str)], expected: Option<&str>) {
        let at = Name::parse("b.example").expect("a name");
        let records = records.iter().map(|(tag, value)| Record::new(0, tag, value)).collect();
        let issuers = [Name::parse("ca.example").expect("a name")];
        let name = Identifier::parse(name).expect("a name");
        let found = then(&name, &InForce { at, records }, &issuers);
        assert_eq!(found.as_ref().map(CaaThen::as_str), expected);
    }

    #[test]
    fn who_broke_the_rules_is_told_from_what_they_let() {
        check("a.b.example", &[], Some("open"));
        check("a.b.example", &[("iodef", "mailto:a@b.example")], Some("open"));
        check("a.b.example", &[("issue", "ca.example")], Some("any-account"));
        check(
            "a.b.example",
            &[("issue", "ca.example; validationmethods=dns-01")],
            Some("any-account"),
        );
        check(
            "a.b.example",
            &[("issue", "ca.example; accounturi=https://ca.example/1")],
            Some("bound"),
        );
        check("a.b.example", &[("issue", "other.example")], Some("forbade"));
        check("*.b.example", &[("issue", "ca.example"), ("issuewild", ";")], Some("forbade"));
        check("a.b.example", &[("issue", "ca.example."), ("issue", ";")], Some("forbade"));
    }

    #[test]
    fn a_ca_that_is_not_known_is_not_judged() {
        let at = Name::parse("b.example").expect("a name");
        let name = Identifier::parse("b.example").expect("a name");
        assert_eq!(then(&name, &InForce { at, records: Vec::new() }, &[]), None);
    }
}
