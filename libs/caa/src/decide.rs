//! Holds a request against the records that govern its name (RFC 8659 §4, RFC 8657 §3, §4).

use crate::account::AccountUri;
use crate::climb::{Climbed, End, Security};
use crate::constrained::{AUTHENTICATED, Constrained, Constraint};
use crate::decision::{Bearing, Decision, Judged, Reason, Unmet, Verdict};
use crate::method::permitted_methods;
use crate::name::{Name, Wildcard};
use crate::profile::{Demand, Profile, ReservedFlags, SecurityProperty};
use crate::record::{Parts, Record, Tag};
use crate::request::{Purpose, Request};
use crate::value::IssueValue;

/// More than any domain has use for; what is more would only cost time.
pub const RECORDS_MAX: usize = 1_000;

/// All records of a name come in one DNS message (RFC 1035 §4.2.2).
pub const OCTETS_MAX: usize = 65_535;

/// Decides. `climbed` is what a [`crate::Climb`] for the name of the request found. The same arguments give the same
/// decision, so that whoever keeps them can decide again.
pub fn decide(request: &Request, climbed: Climbed, profile: &Profile) -> Decision {
    let (judged, reason) = judge(request, &climbed, profile);
    Decision { request: request.clone(), climbed, judged, reason }
}

fn judge(request: &Request, climbed: &Climbed, profile: &Profile) -> (Vec<Judged>, Reason) {
    let nothing = |reason| (Vec::new(), reason);
    if climbed.end == End::Bogus || climbed.security() == Security::Bogus {
        return nothing(Reason::Bogus);
    }
    // What is no whole climb for this name, by the same rules, says nothing about it.
    if !climbed.is_of(&request.identifier.name, profile.failures) {
        return nothing(Reason::LookupFailure);
    }
    match climbed.end {
        End::Failed | End::UnderWay | End::Bogus => return nothing(Reason::LookupFailure),
        End::Relevant | End::NoRecords => {}
    }
    if profile.demand == Demand::Secure && climbed.security() != Security::Secure {
        return nothing(Reason::NotSecure);
    }
    let Some((_, records)) = climbed.relevant() else { return nothing(Reason::NoCaa) };
    let octets: usize = records.iter().map(|record| record.rdata().len()).sum();
    if records.len() > RECORDS_MAX || octets > OCTETS_MAX {
        return nothing(Reason::TooMany);
    }
    let mut judged = Vec::with_capacity(records.len());
    let mut unreadable = None;
    let mut critical = None;
    let governing = governing(request, records);
    for (place, record) in records.iter().enumerate() {
        let bearing = match record.parts() {
            Err(_) => {
                unreadable.get_or_insert(Reason::Unreadable { record: place });
                Bearing::Forbids
            }
            Ok(parts) if governing == Some(parts.known()) => permission(request, parts.value),
            Ok(parts) => match other(&parts, profile) {
                Bearing::Forbids => {
                    critical.get_or_insert(Reason::CriticalUnknown { record: place });
                    Bearing::Forbids
                }
                bearing => bearing,
            },
        };
        judged.push(Judged { record: place, bearing });
    }
    let issuing = unreadable.or(critical).unwrap_or_else(|| issuing(governing, &judged));
    let reason = match issuing.verdict() {
        Verdict::Deny => issuing,
        Verdict::Allow => constrain(request, climbed, records, profile, issuing, &mut judged),
    };
    (judged, reason)
}

/// Which property governs such a certificate; `None` if none is there.
fn governing(request: &Request, records: &[Record]) -> Option<Tag> {
    let has =
        |tag| records.iter().any(|record| record.parts().is_ok_and(|parts| parts.known() == tag));
    let wanted = match (request.purpose, request.identifier.wildcard) {
        // RFC 8659 §4.3: for wildcards, issuewild hides every issue.
        (Purpose::Tls, Wildcard::Yes) if has(Tag::Issuewild) => Tag::Issuewild,
        (Purpose::Tls, _) => Tag::Issue,
        (Purpose::Smime, _) => Tag::Issuemail,
        (Purpose::Mark, _) => Tag::Issuevmc,
    };
    has(wanted).then_some(wanted)
}

/// What a property says that does not govern.
fn other(parts: &Parts<'_>, profile: &Profile) -> Bearing {
    let is_critical = match profile.reserved_flags {
        ReservedFlags::Ignored => parts.is_critical(),
        ReservedFlags::LowestIsCritical => parts.is_critical() || parts.flags & 1 != 0,
    };
    match (parts.known(), profile.security_property) {
        (Tag::Security, SecurityProperty::Honoured) => Bearing::Constrains,
        (Tag::Unknown | Tag::Security, _) if is_critical => Bearing::Forbids,
        (
            Tag::Unknown
            | Tag::Security
            | Tag::Issue
            | Tag::Issuewild
            | Tag::Iodef
            | Tag::Issuemail
            | Tag::Issuevmc
            | Tag::Contactemail
            | Tag::Contactphone,
            _,
        ) => Bearing::Silent,
    }
}

/// What a property that governs says: does it permit?
fn permission(request: &Request, value: &[u8]) -> Bearing {
    let Ok(value) = IssueValue::parse(value) else { return Bearing::Unmet(Unmet::Malformed) };
    let Some(issuer) = value.issuer else { return Bearing::Unmet(Unmet::EmptyIssuer) };
    let is_issuer = |name: &Name| name.as_str().eq_ignore_ascii_case(issuer);
    if !request.issuers.iter().any(is_issuer) {
        return Bearing::Unmet(Unmet::OtherIssuer);
    }
    let bound = account(request, &value).and_then(|account| {
        method(request, &value)?;
        Ok(account)
    });
    match bound {
        Ok(account) => Bearing::Permits { account },
        Err(unmet) => Bearing::Unmet(unmet),
    }
}

/// The account that the property is bound to, if it is to one and that is one of the request's (RFC 8657 §3).
fn account(request: &Request, value: &IssueValue<'_>) -> Result<Option<usize>, Unmet> {
    let mut uris = value.values_of("accounturi");
    let Some(uri) = uris.next() else { return Ok(None) };
    if uris.next().is_some() {
        return Err(Unmet::AccountMultiple);
    }
    let uri = AccountUri::parse(uri).ok_or(Unmet::AccountInvalid)?;
    let found = request.accounts.iter().position(|account| account.uri == uri.as_str());
    found.map(Some).ok_or(Unmet::AccountMismatch)
}

/// Whether the method is one that the property permits (RFC 8657 §4).
fn method(request: &Request, value: &IssueValue<'_>) -> Result<(), Unmet> {
    let mut lists = value.values_of("validationmethods");
    let Some(list) = lists.next() else { return Ok(()) };
    if lists.next().is_some() {
        return Err(Unmet::MethodsMultiple);
    }
    let permitted = permitted_methods(list).map_err(|_| Unmet::MethodsMalformed)?;
    let method = request.method.as_ref().ok_or(Unmet::MethodsMismatch)?;
    let is_permitted = permitted.iter().any(|label| method.is_named(label));
    if is_permitted { Ok(()) } else { Err(Unmet::MethodsMismatch) }
}

/// What the properties that govern say together: one permission is enough (RFC 8659 §4.2).
fn issuing(governing: Option<Tag>, judged: &[Judged]) -> Reason {
    if governing.is_none() {
        return Reason::NoRelevantProperty;
    }
    let permits = judged.iter().find_map(|one| match one.bearing {
        Bearing::Permits { account } => Some(Reason::Authorized { record: one.record, account }),
        Bearing::Unmet(_) | Bearing::Constrains | Bearing::Silent | Bearing::Forbids => None,
    });
    let nearest = judged.iter().filter_map(|one| match one.bearing {
        Bearing::Unmet(unmet) => Some(unmet),
        Bearing::Permits { .. } | Bearing::Constrains | Bearing::Silent | Bearing::Forbids => None,
    });
    let unmet =
        || Reason::Unmet(nearest.max().expect("a property that governs permits or is unmet"));
    permits.unwrap_or_else(unmet)
}

/// Holds a permission against the properties `security`: all of them must be met (§3.3.1 of the draft).
fn constrain(
    request: &Request,
    climbed: &Climbed,
    records: &[Record],
    profile: &Profile,
    issuing: Reason,
    judged: &mut [Judged],
) -> Reason {
    if profile.security_property == SecurityProperty::Unknown {
        return issuing;
    }
    let is_secure = climbed.security() == Security::Secure;
    let is_bound = matches!(issuing, Reason::Authorized { account: Some(_), .. });
    let mut done: Vec<_> = request.constrained.clone();
    if is_secure && is_bound {
        done.push(Constrained::KnownAccountSpecifier);
    }
    for one in judged {
        let Ok(parts) = records[one.record].parts() else { continue };
        if parts.known() != Tag::Security {
            continue;
        }
        let is_met = Constraint::parse(parts.value).is_ok_and(|constraint| {
            let is_option = |option: &String| option == AUTHENTICATED && is_secure;
            let is_method = |done: &Constrained| match &constraint.methods {
                None => true,
                Some(methods) => methods.iter().any(|method| method == done.as_str()),
            };
            constraint.options_critical.iter().all(is_option) && done.iter().any(is_method)
        });
        if !is_met {
            one.bearing = Bearing::Forbids;
            return Reason::Unconstrained { record: one.record };
        }
    }
    issuing
}

#[cfg(test)]
mod tests;
