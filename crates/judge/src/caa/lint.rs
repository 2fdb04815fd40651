//! Goes through what was seen around a name, and says what is wrong with it.

mod records;

use std::collections::HashSet;

use countersign_caa::persist::Grant;
use countersign_caa::{Tag, Wildcard};
use countersign_dns::Security;
use countersign_dns::security::Insecure;

use super::finding::{CaaFinding, kept};
use super::seen::{CaaView, SeenGrant, SeenName};

/// What is wrong, the most severe first. Nothing found does not mean that nobody can have a certificate: who holds the
/// account, the zone's keys or the delegation still can.
pub fn lint(view: &CaaView) -> Vec<CaaFinding> {
    let mut findings = trust(view);
    findings.extend(governing(view));
    if let Some(relevant) = view.relevant() {
        match records::too_many(relevant) {
            Some(found) => findings.push(found),
            None => findings.extend(records::findings(view, relevant)),
        }
        findings.extend(slow(relevant));
    }
    findings.extend(below(view));
    findings.extend(challenges(view));
    let cuts = view.unsigned_cuts.iter().cloned();
    findings.extend(cuts.map(|zone| CaaFinding::UnsignedCut { zone }));
    let mut told = HashSet::new();
    findings.retain(|finding| told.insert(finding.clone()));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    findings
}

/// Whether the answers on the way to the records can be relied on.
fn trust(view: &CaaView) -> Vec<CaaFinding> {
    let mut findings: Vec<_> =
        view.climbed().flat_map(|seen| aliases(&seen.name.to_string(), seen)).collect();
    let mut unsigned = None;
    for hop in view.climbed().filter_map(|seen| seen.hops.first()) {
        if let Some(Security::Insecure(why)) = &hop.security {
            unsigned.get_or_insert((hop.name.clone(), why.clone()));
        }
    }
    for hop in view.climbed().flat_map(|seen| &seen.hops) {
        if let Some(security) = &hop.security {
            findings.extend(unsure(&format!("CAA of {}", hop.name), security));
        }
    }
    let Some((name, why)) = unsigned else { return findings };
    // A zone below a signed one that is not a top-level domain has an operator who signs, and left a hole.
    let cut = match &why {
        Insecure::NoDs { zone } => Some(super::text(zone)),
        // Registries leave out of their denials what is not signed.
        Insecure::OptOut { name, .. } => Some(super::text(name)),
        _ => None,
    };
    let signed = cut.as_deref().and_then(|cut| signed_above(view, cut));
    findings.push(match (&why, cut, signed) {
        // Nobody delegated it: the proof that it is not there leaves room for somebody who says so.
        (Insecure::OptOut { .. }, Some(zone), Some(_)) if !is_there(view, &zone) => {
            CaaFinding::OptOut { why: why.to_string() }
        }
        (_, Some(zone), Some(signed)) => CaaFinding::InsecureDelegation { zone, signed },
        (_, _, _) => CaaFinding::Unsigned { name, why: why.to_string() },
    });
    findings
}

/// Where the aliases of a name lead that cannot be relied on. `name` is what it is called.
fn aliases(name: &str, seen: &SeenName) -> Vec<CaaFinding> {
    let mut findings = Vec::new();
    let mut before: (&str, Option<&Security>) = (name, None);
    for (place, hop) in seen.hops.iter().enumerate() {
        let target = hop.name.clone();
        match (&hop.security, before) {
            (None, _) if place > 0 => {
                findings.push(CaaFinding::AliasNotSeen { name: name.to_owned(), target });
            }
            (Some(Security::Insecure(_)), (alias, Some(Security::Secure))) => {
                findings.push(CaaFinding::InsecureAlias { name: alias.to_owned(), target });
            }
            (None | Some(_), _) => {}
        }
        before = (if place == 0 { name } else { &hop.name }, hop.security.as_ref());
    }
    findings
}

/// Whether there is such a name, as far as was seen.
fn is_there(view: &CaaView, name: &str) -> bool {
    view.seen.iter().find(|seen| seen.name.as_str() == name).is_none_or(|seen| seen.is_there)
}

/// The signed name just above a zone that is not. A top-level domain signs what it is given, so that does not count.
fn signed_above(view: &CaaView, zone: &str) -> Option<String> {
    let is_above = |seen: &&SeenName| zone.ends_with(&format!(".{}", seen.name));
    let above = view.seen.iter().find(is_above)?;
    let is_secure = above.hops.first().is_some_and(|hop| hop.security == Some(Security::Secure));
    (is_secure && above.name.parent().is_some()).then(|| above.name.to_string())
}

/// Whether the records that govern restrict anything.
fn governing(view: &CaaView) -> Option<CaaFinding> {
    let has_issue =
        |seen: &&SeenName| seen.records.iter().any(|record| records::is(record, Tag::Issue));
    let Some(relevant) = view.relevant() else {
        // Where something could not be seen, there may be records.
        let is_seen = view.seen.iter().flat_map(|seen| &seen.hops).all(|hop| {
            matches!(hop.security, None | Some(Security::Secure | Security::Insecure(_)))
        });
        let mut aliases = view.seen.iter().flat_map(|seen| seen.hops.iter().skip(1));
        let leads_out = aliases.any(|hop| hop.security.is_none());
        let found = match view.is_partial || leads_out {
            true => CaaFinding::OpenAsSeen,
            false => CaaFinding::Open,
        };
        return is_seen.then_some(found);
    };
    if has_issue(&relevant) {
        return None;
    }
    let above = view.seen.iter().find(has_issue);
    Some(match above {
        Some(above) => {
            CaaFinding::Shielded { at: relevant.name.to_string(), above: above.name.to_string() }
        }
        None => CaaFinding::Open,
    })
}

/// RFC 8659 lets a CA go by what it has seen for as long as it may be kept, and the Baseline Requirements §4.2.2.1 for
/// eight hours at least.
fn slow(relevant: &SeenName) -> Option<CaaFinding> {
    const EIGHT_HOURS_S: u32 = 8 * 3600;
    let ttl_s = relevant.ttl_s;
    (ttl_s > EIGHT_HOURS_S).then_some(CaaFinding::SlowToChange { ttl_s })
}

/// What an answer is worth that cannot be relied on; `None` of one that can.
fn unsure(what: &str, security: &Security) -> Option<CaaFinding> {
    let what = what.to_owned();
    match security {
        Security::Secure | Security::Insecure(_) => None,
        Security::Bogus(why) => Some(CaaFinding::Bogus { what, why: why.to_string() }),
        Security::Indeterminate(why) => Some(CaaFinding::NotLooked { what, why: why.to_string() }),
    }
}

/// What a name shows that nobody made.
fn below(view: &CaaView) -> Vec<CaaFinding> {
    let Some(fresh) = &view.fresh else { return Vec::new() };
    let mut findings = Vec::new();
    let name = || view.name.to_string();
    // Servers give the records of a set in any order.
    let sorted = |seen: &SeenName| {
        let mut records = seen.records.clone();
        records.sort();
        records
    };
    match (fresh.is_there, fresh.records.is_empty()) {
        (true, false) if view.relevant().map(sorted) != Some(sorted(fresh)) => {
            findings.push(CaaFinding::WildcardRecords { name: name() });
        }
        (true, _) => findings.push(CaaFinding::WildcardNode { name: name() }),
        (false, _) => {}
    }
    // The name that was asked is made up, so where it leads all names below do that nobody made.
    findings.extend(aliases(&format!("*.{}", view.name), fresh));
    let first = view.seen.first().and_then(|seen| seen.hops.first());
    let is_signed = first.is_some_and(|hop| hop.security == Some(Security::Secure));
    for security in fresh.hops.iter().filter_map(|hop| hop.security.as_ref()) {
        match security {
            // Where the name itself is not signed, that is what is told.
            Security::Insecure(why @ Insecure::OptOut { .. }) if is_signed => {
                findings.push(CaaFinding::OptOut { why: why.to_string() });
            }
            security => findings.extend(unsure(&format!("CAA below {}", view.name), security)),
        }
    }
    findings
}

/// Who else can validate, and what stands for good.
fn challenges(view: &CaaView) -> Vec<CaaFinding> {
    let is_bound = view.relevant().is_some_and(records::is_bound);
    let mut findings: Vec<_> = view
        .challenges
        .iter()
        .filter_map(|challenge| {
            let (label, to) = (challenge.label.clone(), kept(challenge.elsewhere.as_ref()?));
            // Mail and telephone validate orders that need no ACME account, and whether a CA holds such an order against
            // accounturi is its own affair.
            let is_bound = is_bound && !challenge.label.starts_with("_validation-contact");
            Some(CaaFinding::ChallengeElsewhere { label, to, is_bound })
        })
        .collect();
    let not_sure = view.unsure.iter().filter_map(|one| unsure(&one.what, &one.security));
    findings.extend(not_sure);
    findings.extend(view.grants.iter().filter_map(|grant| standing(view, grant)));
    findings
}

/// What a record of standing permission means for the name. One for a name above reaches it only by policy=wildcard
/// (draft-ietf-acme-dns-persist).
fn standing(view: &CaaView, seen: &SeenGrant) -> Option<CaaFinding> {
    let is_above = seen.at != view.name;
    match Grant::parse(&seen.text) {
        Ok(grant) if is_above && grant.wildcard == Wildcard::No => None,
        Ok(grant) => Some(CaaFinding::Standing {
            at: seen.at.to_string(),
            account: kept(grant.account.as_str()),
            is_wide: grant.wildcard == Wildcard::Yes,
            ends: grant.until.is_some(),
        }),
        Err(_) if is_above => None,
        Err(_) => {
            let value = kept(&String::from_utf8_lossy(&seen.text));
            Some(CaaFinding::StandingMalformed { value })
        }
    }
}
