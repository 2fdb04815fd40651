//! Standing permission to validate: TXT records at `_validation-persist` (draft-ietf-acme-dns-persist, Baseline
//! Requirements §3.2.2.4.22). Each record lets an account have certificates without showing anything again.

use jiff::Timestamp;

use crate::account::{Account, AccountUri};
use crate::name::{Name, Wildcard};
use crate::value::IssueValue;

/// The label in front of the name that is validated.
pub const LABEL: &str = "_validation-persist";

/// How long a validation that such a record gave may be used again, in seconds, whatever its time to live (Baseline
/// Requirements §3.2.2.4.22).
const REUSE_MAX_S: u32 = 10 * 24 * 3600;

/// Who wants to use such a record, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use<'a> {
    /// The names by which the CA is known.
    pub issuers: &'a [Name],
    /// The account that asks.
    pub accounts: &'a [Account],
    /// Whether it is for a wildcard, or for a name below the one that has the record.
    pub wildcard: Wildcard,
    /// The time.
    pub now: Timestamp,
}

/// What the records say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// This one permits it.
    Valid {
        /// Its place among the records.
        record: usize,
        /// The account, as a place in [`Use::accounts`].
        account: usize,
    },
    /// None permits it.
    Unauthorized,
    /// None permits it, and one that may be meant for this CA cannot be read.
    Malformed,
}

impl Standing {
    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid { .. } => "valid",
            Self::Unauthorized => "unauthorized",
            Self::Malformed => "malformed",
        }
    }
}

/// What a record grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The issuer, lower-case, without a final dot.
    pub issuer: String,
    /// The account.
    pub account: AccountUri,
    /// Whether wildcards and names below are in it.
    pub wildcard: Wildcard,
    /// The last second of it, since 1970.
    pub until: Option<u64>,
}

/// A record is of another kind, or cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// It names no issuer, so it is meant for nobody.
    #[error("it names no issuer")]
    NoIssuer,
    /// It does not follow the grammar, or its parameters mean nothing.
    #[error("it is malformed")]
    Malformed,
}

impl Grant {
    /// Reads the strings of a TXT record, joined.
    pub fn parse(text: &[u8]) -> Result<Self, GrantError> {
        let value = IssueValue::parse_persistent(text).map_err(|_| GrantError::Malformed)?;
        let issuer = value.issuer.ok_or(GrantError::NoIssuer)?;
        Self::of(issuer, &value).ok_or(GrantError::Malformed)
    }

    fn of(issuer: &str, value: &IssueValue<'_>) -> Option<Self> {
        let account = AccountUri::parse(only(value, "accounturi")??)?;
        let wildcard = match only(value, "policy")? {
            Some(policy) if policy.eq_ignore_ascii_case("wildcard") => Wildcard::Yes,
            // A policy that nobody knows widens nothing.
            Some(_) | None => Wildcard::No,
        };
        let until = match only(value, "persistUntil")? {
            None => None,
            Some(text) if text.bytes().all(|octet| octet.is_ascii_digit()) => {
                Some(text.parse().ok()?)
            }
            Some(_) => return None,
        };
        Some(Self { issuer: issuer.to_ascii_lowercase(), account, wildcard, until })
    }
}

/// The value of a parameter that can be there once; `None` if it is there twice.
fn only<'a>(value: &IssueValue<'a>, tag: &str) -> Option<Option<&'a str>> {
    let mut values = value.values_of(tag);
    let first = values.next();
    values.next().is_none().then_some(first)
}

/// Holds the TXT records at [`LABEL`] below a name, each with its strings joined, against a use of them.
pub fn standing(texts: &[impl AsRef<[u8]>], wanted: &Use<'_>) -> Standing {
    let mut found = Standing::Unauthorized;
    for (record, text) in texts.iter().enumerate() {
        match Grant::parse(text.as_ref()) {
            Ok(grant) => {
                if let Some(account) = permitted(&grant, wanted) {
                    return Standing::Valid { record, account };
                }
            }
            Err(GrantError::Malformed) => found = Standing::Malformed,
            Err(GrantError::NoIssuer) => {}
        }
    }
    found
}

/// The account by which a grant permits this.
fn permitted(grant: &Grant, wanted: &Use<'_>) -> Option<usize> {
    let is_issuer = wanted.issuers.iter().any(|issuer| issuer.as_str() == grant.issuer);
    let is_wide = wanted.wildcard == Wildcard::No || grant.wildcard == Wildcard::Yes;
    // A time before 1970 is before every grant's end.
    let now = u64::try_from(wanted.now.as_second()).unwrap_or(0);
    let is_over = grant.until.is_some_and(|until| now > until);
    let account = wanted.accounts.iter().position(|account| account.uri == grant.account.as_str());
    account.filter(|_| is_issuer && is_wide && !is_over)
}

/// How long a validation may be used again, in seconds, that rests on a record with this time to live.
pub fn reuse_s(ttl_s: u32) -> u32 {
    ttl_s.min(REUSE_MAX_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wildcard: Wildcard, expected: &str) {
        let issuers = [Name::parse("ca.example").expect("a name")];
        let accounts = [Account::own("https://ca.example/1")];
        let now = Timestamp::from_second(1_795_000_000).expect("a time");
        let wanted = Use { issuers: &issuers, accounts: &accounts, wildcard, now };
        assert_eq!(standing(&[text], &wanted).as_str(), expected, "{text}");
    }

    #[test]
    fn a_grant_is_for_one_account_of_one_issuer() {
        check("ca.example; accounturi=https://ca.example/1", Wildcard::No, "valid");
        check("CA.Example. ; AccountURI=https://ca.example/1", Wildcard::No, "valid");
        check("ca.example; accounturi=https://ca.example/2", Wildcard::No, "unauthorized");
        check("other.example; accounturi=https://ca.example/1", Wildcard::No, "unauthorized");
        check("ca.example; accounturi=1", Wildcard::No, "malformed");
        check("v=spf1 -all", Wildcard::No, "malformed");
    }

    #[test]
    fn a_grant_ends_and_is_wide_only_where_it_says_so() {
        let grant = "ca.example; accounturi=https://ca.example/1";
        check(grant, Wildcard::Yes, "unauthorized");
        check(&format!("{grant}; policy=wildcard"), Wildcard::Yes, "valid");
        check(&format!("{grant}; persistUntil=1795000000"), Wildcard::No, "valid");
        check(&format!("{grant}; persistUntil=1794999999"), Wildcard::No, "unauthorized");
        check(&format!("{grant}; persistUntil=99999999999999999999"), Wildcard::No, "malformed");
        assert_eq!((reuse_s(60), reuse_s(u32::MAX)), (60, 864_000));
    }
}
