//! What is wrong with the records that govern a name.

use countersign_caa::{AccountUri, IssueValue, Method, Parameter, Record, Tag, permitted_methods};

use crate::caa::finding::CaaFinding;
use crate::caa::seen::{CaaView, SeenName};

const ACCOUNT: &str = "accounturi";
const METHODS: &str = "validationmethods";

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
                let text = String::from_utf8_lossy(parts.value).into_owned();
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
                findings.push(CaaFinding::Contact { tag: parts.tag.to_owned() });
            }
            Tag::Unknown | Tag::Security if parts.is_critical() => {
                findings.push(CaaFinding::CriticalUnknown { tag: parts.tag.to_owned() });
            }
            Tag::Unknown | Tag::Security | Tag::Iodef | Tag::Issuemail | Tag::Issuevmc => {}
        }
    }
    findings.extend(wildcards(relevant));
    findings
}

/// What is wrong with one permission.
fn permission(view: &CaaView, value: &IssueValue<'_>, text: &str, tag: Tag) -> Vec<CaaFinding> {
    // Nobody is permitted, and nothing can be wrong with that.
    let Some(issuer) = value.issuer else { return Vec::new() };
    let mut findings: Vec<_> =
        value.parameters.iter().filter_map(|parameter| odd(parameter, text)).collect();
    let never = |why| CaaFinding::NeverMet { value: text.to_owned(), why };
    let uris: Vec<_> = value.values_of(ACCOUNT).collect();
    let lists: Vec<_> = value.values_of(METHODS).collect();
    let known = view.issuer(issuer);
    match uris[..] {
        [] => findings.push(CaaFinding::Unbound { issuer: issuer.to_owned() }),
        [uri] if AccountUri::parse(uri).is_none() => findings.push(never("its account is no URI")),
        [uri] => findings.extend(account(view, issuer, uri)),
        [..] => findings.push(never("it names several accounts")),
    }
    match lists[..] {
        // Whoever can be any account can choose any method.
        [] if uris.is_empty() => {}
        [] => findings.push(CaaFinding::AnyMethod { issuer: issuer.to_owned() }),
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
    match known {
        Some(known) if !known.binds && has_parameters => {
            findings.push(CaaFinding::Unconfirmed { issuer: issuer.to_owned() });
        }
        None if !view.issuers.is_empty() => {
            findings.push(CaaFinding::UnknownIssuer { issuer: issuer.to_owned() });
        }
        Some(_) | None => {}
    }
    findings
}

/// What is odd about a parameter's name.
fn odd(parameter: &Parameter<'_>, text: &str) -> Option<CaaFinding> {
    let (value, tag) = (text.to_owned(), parameter.tag.to_owned());
    let is = |known: &&&str| tag.eq_ignore_ascii_case(known);
    if let Some(known) = [ACCOUNT, METHODS].iter().find(is) {
        return (tag != *known).then_some(CaaFinding::ParameterCase { value, tag });
    }
    let letters: String =
        tag.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
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
    let uri_owned = || uri.to_owned();
    if let Some(known) = view.issuer(issuer) {
        if begins(&known.staging) {
            return Some(CaaFinding::StagingAccount { uri: uri_owned() });
        }
        let is_elsewhere =
            view.issuers.iter().any(|other| other != known && begins(&other.accounts));
        if is_elsewhere && !begins(&known.accounts) {
            let issuer = issuer.to_owned();
            return Some(CaaFinding::OtherIssuerAccount { issuer, uri: uri_owned() });
        }
    }
    let is_foreign = view.accounts.as_ref().is_some_and(|own| !own.iter().any(|own| own == uri));
    is_foreign.then(|| CaaFinding::ForeignAccount { uri: uri_owned() })
}

/// Whether wildcards are as well guarded as names.
fn wildcards(relevant: &SeenName) -> Vec<CaaFinding> {
    let of = |tag| relevant.records.iter().filter(move |record| is(record, tag));
    let wild: Vec<_> = of(Tag::Issuewild).collect();
    let permits_some =
        of(Tag::Issue).any(|record| value(record).is_some_and(|value| value.issuer.is_some()));
    if wild.is_empty() {
        return if permits_some { vec![CaaFinding::WildcardsUnsaid] } else { Vec::new() };
    }
    let strict: Vec<_> = of(Tag::Issue).filter_map(value).collect();
    // Without issue nothing is restricted for names, which is told as that.
    if strict.is_empty() {
        return Vec::new();
    }
    let permissions = wild.iter().filter_map(|record| Some((value(record)?, record)));
    permissions
        .filter(|(wild, _)| {
            wild.issuer.is_some() && !strict.iter().any(|issue| covers(issue, wild))
        })
        .map(|(_, record)| CaaFinding::WildcardsLaxer { value: text_of(record) })
        .collect()
}

/// Whether whoever a permission lets in is let in by another one as well, which demands no more.
fn covers(issue: &IssueValue<'_>, wild: &IssueValue<'_>) -> bool {
    let is_same_issuer = match (issue.issuer, wild.issuer) {
        (Some(issue), Some(wild)) => issue.eq_ignore_ascii_case(wild),
        (Some(_) | None, _) => false,
    };
    let demands_as_much = |tag| {
        issue.values_of(tag).all(|demanded| wild.values_of(tag).any(|value| value == demanded))
    };
    // Methods that validate wildcards are fewer, so another list is no laxer for it; none is.
    let has_methods = |value: &IssueValue<'_>| value.values_of(METHODS).next().is_some();
    is_same_issuer && demands_as_much(ACCOUNT) && (!has_methods(issue) || has_methods(wild))
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
    record
        .parts()
        .map(|parts| String::from_utf8_lossy(parts.value).into_owned())
        .unwrap_or_default()
}

/// Whether the method validates a wildcard: by HTTP and TLS only names that exist are (Baseline Requirements
/// §3.2.2.4.19, §3.2.2.4.20).
fn reaches_wildcards(label: &str) -> bool {
    let by_address = ["http-01", "tls-alpn-01"].map(Method::parse);
    !by_address.iter().flatten().any(|method| method.is_named(label))
}
