//! Certification authorities: the names by which CAA records know them, the URLs of their accounts, and whether they
//! are known to heed what a record says of an account.

use countersign_caa::Name;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::Offset;

use super::built_in;
use crate::acme_account::AccountUrl;
use crate::acme_account::renewal::Challenge;

/// From then on every publicly trusted CA must process `accounturi` and `validationmethods` (ballot SC-098 of the
/// CA/Browser Forum, which passed on 2026-05-13).
pub const MUST_FROM: Date = date(2027, 3, 15);

/// A CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// What people call it.
    pub name: String,
    /// The names that it recognizes in records. Records get the first; never empty.
    pub issuers: Vec<Name>,
    /// How the URLs of its accounts begin; empty if that is not known.
    pub accounts: Vec<AccountPrefix>,
    /// Whether it heeds RFC 8657 already.
    pub support: Support,
    /// The ways of validation that it offers; empty if that is not known.
    pub challenges: Vec<Challenge>,
    /// Where all this is from.
    pub source: String,
    /// As of when.
    pub as_of: Date,
}

/// How the URLs of accounts begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountPrefix {
    /// Up to what tells one account from another.
    pub prefix: String,
    /// What such an account is for.
    pub environment: Environment,
}

/// What an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Certificates that everybody trusts.
    Production,
    /// Tests. What is issued there nobody trusts, so no record must let it in.
    Staging,
}

/// Whether a CA heeds `accounturi` and `validationmethods` (RFC 8657) before it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Support {
    /// It says so, and its code or others show it.
    Confirmed,
    /// Nobody has shown it, either way.
    Unconfirmed,
    /// It says that it does not.
    No,
}

impl Support {
    /// A word that never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Unconfirmed => "unconfirmed",
            Self::No => "no",
        }
    }
}

/// What can be relied on at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The CA is known to heed the parameters.
    Known,
    /// Nothing is known of it, but it must, since [`MUST_FROM`].
    Required,
    /// It is not known to, and need not yet.
    Open,
}

impl Binding {
    /// What the CA does about a record that is bound to an account.
    pub fn text(self) -> &'static str {
        match self {
            Self::Known => "is known to heed the account",
            Self::Required => "must heed the account",
            Self::Open => "is not known to heed the account",
        }
    }

    /// A word that never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Required => "required",
            Self::Open => "open",
        }
    }
}

impl Authority {
    /// Whether a record binds this CA to an account and a method.
    pub fn binding(&self, now: Timestamp) -> Binding {
        let today = Offset::UTC.to_datetime(now).date();
        match self.support {
            Support::Confirmed => Binding::Known,
            Support::Unconfirmed | Support::No if today >= MUST_FROM => Binding::Required,
            Support::Unconfirmed | Support::No => Binding::Open,
        }
    }

    /// What an account of this CA is for; `None` if the URL is not of this CA.
    fn environment(&self, url: &AccountUrl) -> Option<Environment> {
        let begins = |known: &&AccountPrefix| url.as_str().starts_with(&known.prefix);
        self.accounts.iter().find(begins).map(|known| known.environment)
    }
}

/// All CAs that are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities {
    rows: Vec<Authority>,
    /// When a report of the CCADB was read into it, if one was.
    imported: Option<Date>,
}

/// What a report says of one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// As in the subjects of its certificates.
    pub name: String,
    /// The names that it recognizes in records; never empty, in order, each once.
    pub issuers: Vec<Name>,
}

impl Authorities {
    /// Those that are known without being told: see [`built_in::AS_OF`].
    pub fn built_in() -> Self {
        Self { rows: built_in::rows(), imported: None }
    }

    /// Adds what a report said that was read on that day. What is known of a CA otherwise stays.
    pub fn with(mut self, organizations: Vec<Organization>, on: Date) -> Self {
        let known: Vec<Name> = self.rows.iter().flat_map(|row| row.issuers.clone()).collect();
        for Organization { name, issuers } in organizations {
            let issuers: Vec<_> = issuers.into_iter().filter(|one| !known.contains(one)).collect();
            if !issuers.is_empty() {
                self.rows.push(Authority {
                    name,
                    issuers,
                    accounts: Vec::new(),
                    support: Support::Unconfirmed,
                    challenges: Vec::new(),
                    source: "CCADB, list of CAA identifiers".to_owned(),
                    as_of: on,
                });
            }
        }
        self.imported = Some(on);
        self
    }

    /// All of them.
    pub fn all(&self) -> &[Authority] {
        &self.rows
    }

    /// When a report was read into it.
    pub fn imported(&self) -> Option<Date> {
        self.imported
    }

    /// Those that recognize a name in records: none, one, or several that share it.
    pub fn of_issuer<'a>(&'a self, issuer: &'a Name) -> impl Iterator<Item = &'a Authority> {
        self.rows.iter().filter(move |row| row.issuers.contains(issuer))
    }

    /// The names by which records know the CA with this organization in its certificates; none if it is not known.
    ///
    /// `DigiCert` is also `DigiCert, Inc.` and `DigiCert Inc`: what follows says in which form it is incorporated.
    pub fn issuers_of(&self, organization: &str) -> Vec<Name> {
        let organization = organization.trim().to_lowercase();
        let is_it = |row: &&Authority| {
            let name = row.name.split(", through ").next().unwrap_or(&row.name).to_lowercase();
            let rest = organization.strip_prefix(&name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ',']))
        };
        self.rows.iter().filter(is_it).flat_map(|row| row.issuers.clone()).collect()
    }

    /// Whose account it is, and what for.
    pub fn of_account(&self, url: &AccountUrl) -> Option<(&Authority, Environment)> {
        self.rows.iter().find_map(|row| Some((row, row.environment(url)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).expect("a name")
    }

    #[track_caller]
    fn check(url: &str, expected: Option<(&str, Environment)>) {
        let known = Authorities::built_in();
        let found = known.of_account(&AccountUrl::parse(url).expect("a URL"));
        assert_eq!(found.map(|(row, environment)| (row.name.as_str(), environment)), expected);
    }

    #[test]
    fn an_organization_is_known_in_all_its_forms() {
        let known = Authorities::built_in();
        let check = |organization: &str, expected: Option<&str>| {
            let found = known.issuers_of(organization);
            assert_eq!(found.first().map(Name::as_str), expected, "{organization}");
        };
        check("Let's Encrypt", Some("letsencrypt.org"));
        check("DigiCert, Inc.", Some("digicert.com"));
        check("Sectigo Limited", Some("sectigo.com"));
        check("ZeroSSL", Some("sectigo.com"));
        check("DigiCertificates", None);
        check("", None);
    }

    #[test]
    fn an_account_is_told_by_its_url() {
        let (production, staging) = (Environment::Production, Environment::Staging);
        let le = "Let's Encrypt";
        check("https://acme-v02.api.letsencrypt.org/acme/acct/1", Some((le, production)));
        check("https://acme-v01.api.letsencrypt.org/acme/reg/1", Some((le, production)));
        check("https://acme-staging-v02.api.letsencrypt.org/acme/acct/1", Some((le, staging)));
        let google = "Google Trust Services";
        check("https://dv.acme-v02.api.pki.goog/account/A-_1", Some((google, production)));
        check("https://dv.acme-v02.test-api.pki.goog/account/A", Some((google, staging)));
        check(
            "https://acme.zerossl.com/v2/DV90/account/A",
            Some(("ZeroSSL, through Sectigo", production)),
        );
        check("https://acme-v02.api.letsencrypt.org.evil.example/acme/acct/1", None);
        check("https://ca.example/acct/1", None);
    }

    #[test]
    fn every_ca_is_bound_in_the_end() {
        let known = Authorities::built_in();
        let google = known.of_issuer(&name("pki.goog")).next().expect("it is known").clone();
        let before: Timestamp = "2027-03-14T23:59:59Z".parse().expect("a time");
        let after: Timestamp = "2027-03-15T00:00:00Z".parse().expect("a time");
        assert_eq!(
            (google.binding(before), google.binding(after)),
            (Binding::Open, Binding::Required)
        );
        let le = known.of_issuer(&name("letsencrypt.org")).next().expect("it is known").clone();
        assert_eq!((le.binding(before), le.binding(after)), (Binding::Known, Binding::Known));
    }

    #[test]
    fn a_report_adds_what_is_not_known() {
        let report = vec![
            Organization { name: "Neu".to_owned(), issuers: vec![name("neu.example")] },
            Organization { name: "ISRG".to_owned(), issuers: vec![name("letsencrypt.org")] },
        ];
        let built_in = Authorities::built_in();
        let known = built_in.clone().with(report, date(2027, 1, 1));
        assert_eq!(known.all().len(), built_in.all().len() + 1);
        let le: Vec<_> = known.of_issuer(&name("letsencrypt.org")).map(|row| row.support).collect();
        assert_eq!(le, [Support::Confirmed]);
        let new = known.of_issuer(&name("neu.example")).next().expect("it was added").clone();
        assert_eq!((new.name.as_str(), new.support), ("Neu", Support::Unconfirmed));
        assert_eq!((built_in.imported(), known.imported()), (None, Some(date(2027, 1, 1))));
    }
}
