//! What is wrong with the records that govern a name.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use countersign_caa::{
    AccountUri, IssueValue, Method, OCTETS_MAX, Parameter, RECORDS_MAX, Record, Tag,
    permitted_methods,
};

use crate::caa::finding::{CaaFinding, kept};
use crate::caa::seen::{CaaView, Issuer, SeenName};

const ACCOUNT: &str = "accounturi";
const METHODS: &str = "validationmethods";

/// How many parameters of one value are told of. A record that has more than two is a mistake or made to tire somebody.
const PARAMETERS_MAX: usize = 8;

/// More records than `decide` looks at, which are not gone through here, either.
pub(super) fn too_many(relevant: &SeenName) -> Option<CaaFinding> {
    let records = relevant.records.len();
    let octets = relevant.records.iter().map(|record| record.rdata().len()).sum();
    let at = relevant.name.to_string();
    (records > RECORDS_MAX || octets > OCTETS_MAX).then_some(CaaFinding::TooMany {
        at,
        records,
        octets,
    })
}

/// Goes through the records.
pub(super) fn findings(view: &CaaView, relevant: &SeenName) -> Vec<CaaFinding> {
    let mut findings = Vec::new();
    let at = relevant.name.to_string();
    for record in &relevant.records {
        let Ok(parts) = record.parts() else {
            findings.push(CaaFinding::Unreadable { at: at.clone() });
            continue;
        };
        match parts.known() {
            Tag::Issue | Tag::Issuewild => {
                let text = kept(&String::from_utf8_lossy(parts.value));
                match IssueValue::parse(parts.value) {
                    Ok(value) => {
                        if parts.is_critical() && !value.parameters.is_empty() {
                            findings.push(CaaFinding::CriticalIssue { value: text.clone() });
                        }
                        findings.extend(permission(view, &value, &text, parts.known()));
                    }
                    Err(why) => {
                        findings.push(CaaFinding::Malformed { at: at.clone(), value: text, why });
                    }
                }
            }
            Tag::Contactemail | Tag::Contactphone => {
                findings.push(CaaFinding::Contact { tag: kept(parts.tag) });
            }
            Tag::Unknown | Tag::Security if parts.is_critical() => {
                findings.push(CaaFinding::CriticalUnknown { tag: kept(parts.tag) });
            }
            Tag::Unknown | Tag::Security | Tag::Iodef | Tag::Issuemail | Tag::Issuevmc => {}
        }
    }
    findings.extend(wildcards(view, relevant));
    findings
}

/// What is wrong with one permission.
fn permission(view: &CaaView, value: &IssueValue<'_>, text: &str, tag: Tag) -> Vec<CaaFinding> {
    // Nobody is permitted, and nothing can be wrong with that.
    let Some(issuer) = value.issuer else { return Vec::new() };
    let mut findings: Vec<_> =
        value.parameters.iter().filter_map(|parameter| odd(parameter, text)).collect();
    findings.sort_by_key(|finding| Reverse(finding.severity()));
    findings.truncate(PARAMETERS_MAX);
    let never = |why| CaaFinding::NeverMet { value: text.to_owned(), why };
    let uris: Vec<_> = value.values_of(ACCOUNT).collect();
    let lists: Vec<_> = value.values_of(METHODS).collect();
    let name = || kept(issuer);
    match uris[..] {
        [] => findings.push(CaaFinding::Unbound { issuer: name() }),
        [uri] if AccountUri::parse(uri).is_none() => findings.push(never("its account is no URI")),
        [uri] => findings.extend(account(view, issuer, uri)),
        [..] => findings.push(never("it names several accounts")),
    }
    match lists[..] {
        // Whoever can be any account can choose any method.
        [] if uris.is_empty() => {}
        [] => findings.push(CaaFinding::AnyMethod { issuer: name() }),
        [list] => match permitted_methods(list) {
            Err(_) => findings.push(never("its methods are no list with commas")),
            Ok(methods) if methods.is_empty() => findings.push(never("it permits no method")),
            Ok(methods)
                if tag == Tag::Issuewild && !methods.iter().any(|one| reaches_wildcards(one)) =>
            {
                findings.push(CaaFinding::WildcardsUnreachable { value: text.to_owned() });
            }
            Ok(_) => {}
        },
        [..] => findings.push(never("it has several lists of methods")),
    }
    let has_parameters = !uris.is_empty() || !lists.is_empty();
    let mut known = view.issuers_of(issuer).peekable();
    if known.peek().is_none() && !view.issuers.is_empty() {
        findings.push(CaaFinding::UnknownIssuer { issuer: name() });
    }
    // Of CAs that share a name the one that heeds nothing lets everybody in.
    if has_parameters && !known.all(|one| one.binds) {
        findings.push(CaaFinding::Unconfirmed { issuer: name() });
    }
    findings
}

/// What is odd about a parameter's name.
fn odd(parameter: &Parameter<'_>, text: &str) -> Option<CaaFinding> {
    let (value, tag) = (text.to_owned(), kept(parameter.tag));
    let is = |known: &&&str| parameter.tag.eq_ignore_ascii_case(known);
    if let Some(known) = [ACCOUNT, METHODS].iter().find(is) {
        return (parameter.tag != *known).then_some(CaaFinding::ParameterCase { value, tag });
    }
    let letters = parameter.tag.chars().filter(char::is_ascii_alphabetic);
    let letters: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    let meant = match letters.as_str() {
        "account" | "accounturl" | "accountid" | "accounturis" | "accounturi" => Some(ACCOUNT),
        "validationmethod" | "validationmethods" | "methods" | "method" => Some(METHODS),
        _ => None,
    };
    Some(CaaFinding::UnknownParameter { value, tag, meant })
}

/// What is wrong with the account that a permission is bound to.
fn account(view: &CaaView, issuer: &str, uri: &str) -> Option<CaaFinding> {
    let begins = |prefixes: &[String]| prefixes.iter().any(|prefix| uri.starts_with(prefix));
    let uri_kept = || kept(uri);
    let known: Vec<&Issuer> = view.issuers_of(issuer).collect();
    if known.iter().any(|one| begins(&one.staging)) {
        return Some(CaaFinding::StagingAccount { uri: uri_kept() });
    }
    let mut others = view.issuers.iter().filter(|other| !other.is_named(issuer));
    let is_theirs = known.is_empty() || known.iter().any(|one| begins(&one.accounts));
    if !is_theirs && others.any(|other| begins(&other.accounts)) {
        return Some(CaaFinding::OtherIssuerAccount { issuer: kept(issuer), uri: uri_kept() });
    }
    if view.is_own(uri) {
        return None;
    }
    if view.ended.iter().any(|ended| ended == uri) {
        return Some(CaaFinding::EndedAccount { uri: uri_kept() });
    }
    view.accounts.is_some().then(|| CaaFinding::ForeignAccount { uri: uri_kept() })
}

/// Whether wildcards are as well guarded as names.
fn wildcards(view: &CaaView, relevant: &SeenName) -> Vec<CaaFinding> {
    let of = |tag| relevant.records.iter().filter(move |record| is(record, tag));
    let strict: Vec<_> = of(Tag::Issue).filter_map(Demands::of).collect();
    if of(Tag::Issuewild).next().is_none() {
        return if strict.is_empty() { Vec::new() } else { vec![CaaFinding::WildcardsUnsaid] };
    }
    // Without issue nothing is restricted for names, which is told as that.
    if of(Tag::Issue).next().is_none() {
        return Vec::new();
    }
    let is_laxer = |record: &&Record| {
        let Some(wild) = Demands::of(record).and_then(Demands::of_wildcards) else { return false };
        let is_own = wild.account.is_some_and(|uri| view.is_own(uri));
        !strict.iter().any(|issue| issue.covers(&wild, is_own))
    };
    let laxer = of(Tag::Issuewild).filter(is_laxer);
    laxer.map(|record| CaaFinding::WildcardsLaxer { value: text_of(record) }).collect()
}

/// What a permission demands of those whom it lets in.
struct Demands<'a> {
    issuer: &'a str,
    account: Option<&'a str>,
    /// One of these has to be used.
    methods: Option<BTreeSet<&'a str>>,
}

impl<'a> Demands<'a> {
    /// `None` if it lets nobody in.
    fn of(record: &'a Record) -> Option<Self> {
        let value = value(record)?;
        let account = only(value.values_of(ACCOUNT))?;
        let methods = match only(value.values_of(METHODS))? {
            Some(list) => Some(permitted_methods(list).ok()?.into_iter().collect()),
            None => None,
        };
        let is_met = account.is_none_or(|uri| AccountUri::parse(uri).is_some());
        let lets_in =
            is_met && methods.as_ref().is_none_or(|methods: &BTreeSet<_>| !methods.is_empty());
        value.issuer.filter(|_| lets_in).map(|issuer| Self { issuer, account, methods })
    }

    /// What is left of it for wildcards: a method in the DNS is as good as any.
    fn of_wildcards(mut self) -> Option<Self> {
        if let Some(methods) = &mut self.methods {
            methods.retain(|label| reaches_wildcards(label));
            if methods.is_empty() {
                return None;
            }
            methods.retain(|label| !is_one_of(label, IN_DNS));
        }
        Some(self)
    }

    /// Whether whoever is let in by the other one needs as much as by this one. An account of the operator's own is as
    /// good as any.
    fn covers(&self, wild: &Self, is_own: bool) -> bool {
        let is_same = self.issuer.eq_ignore_ascii_case(wild.issuer)
            && (self.account.is_none() || self.account == wild.account);
        let has_methods = match (&self.methods, &wild.methods) {
            (None, _) => true,
            (Some(_), None) => false,
            // Those that have two names are in the DNS or do not reach wildcards.
            (Some(mine), Some(theirs)) => theirs.is_subset(mine),
        };
        (is_own || is_same) && has_methods
    }
}

/// The only value, if there is one; `None` if there are several, which nobody can meet.
fn only<'a>(mut values: impl Iterator<Item = &'a str>) -> Option<Option<&'a str>> {
    let first = values.next();
    values.next().is_none().then_some(first)
}

/// Whether every permission is bound to an account.
pub(super) fn is_bound(relevant: &SeenName) -> bool {
    let values = relevant
        .records
        .iter()
        .filter(|record| is(record, Tag::Issue) || is(record, Tag::Issuewild));
    let mut values = values.filter_map(value).filter(|value| value.issuer.is_some()).peekable();
    let has_issue = relevant.records.iter().any(|record| is(record, Tag::Issue));
    has_issue && values.all(|value| value.values_of(ACCOUNT).next().is_some())
}

/// Whether a record is of this kind.
pub(super) fn is(record: &Record, tag: Tag) -> bool {
    record.parts().is_ok_and(|parts| parts.known() == tag)
}

fn value(record: &Record) -> Option<IssueValue<'_>> {
    IssueValue::parse(record.parts().ok()?.value).ok()
}

fn text_of(record: &Record) -> String {
    record.parts().map(|parts| kept(&String::from_utf8_lossy(parts.value))).unwrap_or_default()
}

/// Methods that look into the DNS below the name itself.
const IN_DNS: [&str; 3] = ["dns-01", "dns-account-01", "dns-persist-01"];

/// Whether the method validates a wildcard: by HTTP and TLS only names that exist are (Baseline Requirements
/// §3.2.2.4.19, §3.2.2.4.20).
fn reaches_wildcards(label: &str) -> bool {
    !is_one_of(label, ["http-01", "tls-alpn-01"])
}

/// Whether a label names one of these methods.
fn is_one_of<const N: usize>(label: &str, names: [&str; N]) -> bool {
    names.map(Method::parse).iter().flatten().any(|method| method.is_named(label))
}
