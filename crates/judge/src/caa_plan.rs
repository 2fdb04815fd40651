//! Which CAA records bind a name to the accounts that the operator has, what each of them stops, and what stays open.
//!
//! ```text
//!  account files ── acme_account ──┐
//!  renewal files ── acme_account ──┤
//!  certificates ─── material ──────┼─▶ Plan::of ─▶ records, each with what it stops and leaves open ─▶ format
//!  Authorities (built in, CCADB) ──┤              warnings: what would no longer be renewed
//!  Choices ────────────────────────┘
//! ```
//!
//! A plan never locks its operator out without saying so: no account, no plan; an account whose CA is not known needs
//! a word about it; what is renewed in a way that the records forbid is a warning.
//!
//! # Limitations
//!
//! What the zone has now, and whether it is signed, is not looked at here.

pub mod authority;
mod built_in;
mod ccadb;
mod csv;
mod explain;
pub mod format;

use std::collections::{BTreeMap, BTreeSet};

use countersign_caa::{Name, Record};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::acme_account::AccountUrl;
use crate::acme_account::renewal::Challenge;
use crate::caa_plan::authority::{Authorities, Authority, Binding, Environment};
use crate::policy::Wildcards;

pub use built_in::AS_OF;
pub use ccadb::{CaaReport, CaaReportError, REPORT_BYTES_MAX};
pub use csv::CsvError;

/// What the operator decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// The only ways of validation to permit. Empty: all.
    pub challenges: BTreeSet<Challenge>,
    /// Whether certificates with wildcards are used.
    pub wildcards: Wildcards,
    /// Where CAs may report what they refused.
    pub iodef: Option<ReportTo>,
    /// How long resolvers may keep the records, in seconds.
    pub ttl_s: u32,
    /// For hosts of account URLs whose CA is not known: its name in records.
    pub issuers: BTreeMap<String, Name>,
    /// Hosts of account URLs that get no record.
    pub left_out: BTreeSet<String>,
}

/// A CA may look at records again only after the longer of their TTL and 8 hours, so a short TTL gains nothing there;
/// an hour lets a mistake be undone within one.
pub const TTL_S_DEFAULT: u32 = 3600;

impl Default for Choices {
    fn default() -> Self {
        Self {
            challenges: BTreeSet::new(),
            wildcards: Wildcards::NotExpected,
            iodef: None,
            ttl_s: TTL_S_DEFAULT,
            issuers: BTreeMap::new(),
            left_out: BTreeSet::new(),
        }
    }
}

/// Where reports go: a URL of `mailto:` or `https:` that can stand in a record (RFC 8659 §4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportTo(String);

/// A text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("reports go to mailto:SOMEBODY@HOST or to an https:// URL")]
pub struct NoReportTo;

/// Longer ones do not fit beside the other records.
const REPORT_TO_BYTES_MAX: usize = 255;

impl ReportTo {
    /// Reads a URL.
    pub fn parse(text: &str) -> Result<Self, NoReportTo> {
        let mail = text.strip_prefix("mailto:").and_then(|address| address.split_once('@'));
        let is_mail = mail.is_some_and(|(who, host)| !who.is_empty() && host.contains('.'));
        let is_url = text.strip_prefix("https://").is_some_and(|rest| rest.contains('.'));
        let is_plain =
            text.bytes().all(|octet| octet.is_ascii_graphic() && !b"\"\\".contains(&octet));
        let is_good = (is_mail || is_url) && is_plain && text.len() <= REPORT_TO_BYTES_MAX;
        if is_good { Ok(Self(text.to_owned())) } else { Err(NoReportTo) }
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is known of how the names are certified now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Practice {
    /// Where each renewal is configured, in words, and the ways that it may use.
    pub renewals: Vec<(String, BTreeSet<Challenge>)>,
    /// Names with a wildcard in certificates that were found.
    pub wildcards: BTreeSet<String>,
}

/// A property of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// Who may issue.
    Issue,
    /// Who may issue for wildcards.
    Issuewild,
    /// Where reports go.
    Iodef,
}

impl Property {
    /// Its tag (RFC 8659 §4.1).
    pub fn tag(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Issuewild => "issuewild",
            Self::Iodef => "iodef",
        }
    }
}

/// A record, and what it is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRecord {
    /// Which property.
    pub property: Property,
    /// Its value: printable ASCII without quotes and backslashes.
    pub value: String,
    /// Of a record that lets somebody in, whom.
    pub permits: Option<Permitted>,
    /// What an attacker can no longer do, in sentences.
    pub stops: Vec<String>,
    /// What he still can, in sentences.
    pub leaves: Vec<String>,
}

/// Whom a record lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permitted {
    /// The CA.
    pub authority: String,
    /// The account.
    pub account: AccountUrl,
    /// Whether the CA heeds that it is bound to the account.
    pub binding: Binding,
    /// Where that is from, and as of when; `None` if nothing is known of the CA but what the operator says.
    pub known: Option<(String, Date)>,
}

impl PlannedRecord {
    /// The record, as it is in the DNS.
    pub fn record(&self) -> Record {
        Record::new(0, self.property.tag(), &self.value)
    }

    /// Its data as zone files have it.
    pub fn presentation(&self) -> String {
        format!("0 {} \"{}\"", self.property.tag(), self.value)
    }
}

/// What should be looked at before the records are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanWarning {
    /// A renewal may only be done in ways that the records do not permit.
    RenewalForbidden {
        /// Where it is configured.
        place: String,
        /// How it would be done.
        challenges: BTreeSet<Challenge>,
    },
    /// There are certificates with wildcards, which the records forbid.
    WildcardForbidden {
        /// The names.
        names: BTreeSet<String>,
    },
    /// The CA is not known to offer any of the ways that are permitted.
    MethodNotOffered {
        /// The CA.
        authority: String,
    },
    /// No CA is known by the name that was given for one.
    IssuerUnknown {
        /// The name.
        issuer: Name,
    },
}

/// An account that gets no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The account.
    pub account: AccountUrl,
    /// Why.
    pub why: LeftOutWhy,
}

/// Why an account gets no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOutWhy {
    /// What it gets nobody trusts.
    Staging,
    /// The operator said so.
    Chosen,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoPlan {
    /// There is no account to let in: the records would let nobody in.
    #[error("no account was found, and records without one would forbid every certificate")]
    NoAccount,
    /// All accounts were left out.
    #[error(
        "all accounts that were found are for tests or left out, and records without one would forbid every certificate"
    )]
    AllLeftOut,
    /// Nobody said which CA an account is at.
    #[error(
        "it is not known which CA the account {0} is at, and records without it would forbid its certificates"
    )]
    UnknownAuthority(AccountUrl),
    /// A wildcard can only be proved in the DNS (RFC 8555 §7.1.3).
    #[error("a certificate with a wildcard needs a method in the DNS, and none is permitted")]
    WildcardWithoutDns,
    /// More accounts than fit into an answer.
    #[error("there are more than {ACCOUNTS_MAX} accounts")]
    TooMany,
}

/// Each takes two records at most, of at most 600 octets; a DNS message has 65,535.
pub const ACCOUNTS_MAX: usize = 40;

/// The records for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The name.
    pub name: Name,
    /// How long resolvers may keep the records, in seconds.
    pub ttl_s: u32,
    /// The records, in order; at least one lets somebody in.
    pub records: Vec<PlannedRecord>,
    /// What all of them together leave open, in sentences.
    pub leaves: Vec<String>,
    /// Accounts that get no record.
    pub left_out: Vec<LeftOut>,
    /// What to look at first.
    pub warnings: Vec<PlanWarning>,
}

impl Plan {
    /// Plans the records for a name and what is below it. An account that is there twice counts once.
    pub fn of(
        name: &Name,
        accounts: &[AccountUrl],
        authorities: &Authorities,
        practice: &Practice,
        choices: &Choices,
        now: Timestamp,
    ) -> Result<Self, NoPlan> {
        let accounts: BTreeSet<&AccountUrl> = accounts.iter().collect();
        if accounts.is_empty() {
            return Err(NoPlan::NoAccount);
        }
        if accounts.len() > ACCOUNTS_MAX {
            return Err(NoPlan::TooMany);
        }
        let (mut sides, mut left_out) = (Vec::new(), Vec::new());
        for account in accounts {
            match side(account, authorities, choices, now)? {
                Ok(side) => sides.push(side),
                Err(why) => left_out.push(LeftOut { account: account.clone(), why }),
            }
        }
        if sides.is_empty() {
            return Err(NoPlan::AllLeftOut);
        }
        let in_dns: BTreeSet<_> =
            choices.challenges.iter().copied().filter(|one| one.is_in_dns()).collect();
        let mut records: Vec<_> = sides
            .iter()
            .map(|side| side.record(Property::Issue, &choices.challenges, name))
            .collect();
        match choices.wildcards {
            Wildcards::Expected if in_dns.is_empty() && !choices.challenges.is_empty() => {
                return Err(NoPlan::WildcardWithoutDns);
            }
            Wildcards::Expected => {
                records.extend(
                    sides.iter().map(|side| side.record(Property::Issuewild, &in_dns, name)),
                );
            }
            Wildcards::NotExpected => records.push(explain::no_wildcards(name)),
        }
        records.extend(choices.iodef.as_ref().map(explain::reports));
        Ok(Self {
            name: name.clone(),
            ttl_s: choices.ttl_s,
            leaves: explain::together(name, choices.ttl_s, &choices.challenges),
            warnings: warnings(name, &sides, authorities, practice, choices),
            records,
            left_out,
        })
    }

    /// Whether every CA that is let in heeds the account.
    pub fn binds_all(&self) -> bool {
        let mut permitted = self.records.iter().filter_map(|record| record.permits.as_ref());
        permitted.all(|permitted| permitted.binding != Binding::Open)
    }
}

/// An account that gets a record.
struct Side<'a> {
    account: &'a AccountUrl,
    issuer: &'a Name,
    /// `None`: only what the operator said of it is known.
    authority: Option<&'a Authority>,
    binding: Binding,
}

impl Side<'_> {
    fn authority_name(&self) -> &str {
        self.authority.map_or(self.issuer.as_str(), |authority| &authority.name)
    }

    fn record(
        &self,
        property: Property,
        challenges: &BTreeSet<Challenge>,
        name: &Name,
    ) -> PlannedRecord {
        let labels: Vec<_> = challenges.iter().map(|challenge| challenge.as_str()).collect();
        let mut value = format!("{}; accounturi={}", self.issuer, self.account);
        if !labels.is_empty() {
            value.push_str(&format!("; validationmethods={}", labels.join(",")));
        }
        let (stops, leaves) = explain::permitting(self, property, challenges, name);
        let permits = Permitted {
            authority: self.authority_name().to_owned(),
            account: self.account.clone(),
            binding: self.binding,
            known: self.authority.map(|authority| (authority.source.clone(), authority.as_of)),
        };
        PlannedRecord { property, value, permits: Some(permits), stops, leaves }
    }
}

/// Who an account is at, or why it gets no record.
fn side<'a>(
    account: &'a AccountUrl,
    authorities: &'a Authorities,
    choices: &'a Choices,
    now: Timestamp,
) -> Result<Result<Side<'a>, LeftOutWhy>, NoPlan> {
    if choices.left_out.contains(account.host()) {
        return Ok(Err(LeftOutWhy::Chosen));
    }
    if let Some(issuer) = choices.issuers.get(account.host()) {
        let authority = authorities.of_issuer(issuer).next();
        let binding = authority.map_or(Binding::Open, |authority| authority.binding(now));
        return Ok(Ok(Side { account, issuer, authority, binding }));
    }
    match authorities.of_account(account) {
        None => Err(NoPlan::UnknownAuthority(account.clone())),
        Some((_, Environment::Staging)) => Ok(Err(LeftOutWhy::Staging)),
        Some((authority, Environment::Production)) => {
            let issuer = authority.issuers.first().expect("an authority has a name in records");
            let binding = authority.binding(now);
            Ok(Ok(Side { account, issuer, authority: Some(authority), binding }))
        }
    }
}

fn warnings(
    name: &Name,
    sides: &[Side<'_>],
    authorities: &Authorities,
    practice: &Practice,
    choices: &Choices,
) -> Vec<PlanWarning> {
    let mut warnings = Vec::new();
    let forbids = |ways: &BTreeSet<Challenge>| {
        !choices.challenges.is_empty() && !ways.is_empty() && ways.is_disjoint(&choices.challenges)
    };
    for (place, ways) in practice.renewals.iter().filter(|(_, ways)| forbids(ways)) {
        let (place, challenges) = (place.clone(), ways.clone());
        warnings.push(PlanWarning::RenewalForbidden { place, challenges });
    }
    let is_governed = |wildcard: &&String| {
        let parent = wildcard.strip_prefix("*.").unwrap_or(wildcard);
        parent == name.as_str()
            || parent.strip_suffix(name.as_str()).is_some_and(|it| it.ends_with('.'))
    };
    let names: BTreeSet<_> = practice.wildcards.iter().filter(is_governed).cloned().collect();
    if choices.wildcards == Wildcards::NotExpected && !names.is_empty() {
        warnings.push(PlanWarning::WildcardForbidden { names });
    }
    for side in sides {
        let Some(authority) = side.authority else {
            if authorities.imported().is_some() {
                warnings.push(PlanWarning::IssuerUnknown { issuer: side.issuer.clone() });
            }
            continue;
        };
        let offers = |one: &Challenge| authority.challenges.contains(one);
        let is_known = !authority.challenges.is_empty() && !choices.challenges.is_empty();
        if is_known && !choices.challenges.iter().any(offers) {
            warnings.push(PlanWarning::MethodNotOffered { authority: authority.name.clone() });
        }
    }
    warnings.dedup();
    warnings
}

#[cfg(test)]
mod tests;
