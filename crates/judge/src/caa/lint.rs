//! Goes through what was seen around a name, and says what is wrong with it.

mod records;

use countersign_caa::persist::Grant;
use countersign_caa::{Tag, Wildcard};
use countersign_dns::Security;
use countersign_dns::security::Insecure;

use super::finding::CaaFinding;
use super::seen::{CaaView, SeenName};

/// What is wrong, the most severe first. Nothing found does not mean that nobody can have a certificate: who holds the
/// account, the zone's keys or the delegation still can.
pub fn lint(view: &CaaView) -> Vec<CaaFinding> {
    let mut findings = trust(view);
    findings.extend(governing(view));
    if let Some(relevant) = view.relevant() {
        findings.extend(records::findings(view, relevant));
        findings.extend(slow(relevant));
    }
    findings.extend(below(view));
    findings.extend(challenges(view));
    let mut seen = Vec::new();
    findings.retain(|finding| {
        let is_new = !seen.contains(finding);
        seen.push(finding.clone());
        is_new
    });
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    findings
}

/// Whether the answers on the way to the records can be relied on.
fn trust(view: &CaaView) -> Vec<CaaFinding> {
    let mut findings = Vec::new();
    let (mut unsigned, mut signed_above) = (None, None);
    for seen in view.climbed() {
        let mut before_is_secure = false;
        for (place, hop) in seen.hops.iter().enumerate() {
            let name = hop.name.clone();
            match &hop.security {
                None if place > 0 => findings
                    .push(CaaFinding::AliasNotSeen { name: seen.name.to_string(), target: name }),
                None => {}
                Some(Security::Secure) => {}
                Some(Security::Bogus(why)) => {
                    findings.push(CaaFinding::Bogus { name, why: why.to_string() });
                }
                Some(Security::Indeterminate(why)) => {
                    findings.push(CaaFinding::NotLooked { name, why: why.to_string() });
                }
                Some(Security::Insecure(why @ Insecure::OptOut { .. })) => {
                    findings.push(CaaFinding::OptOut { why: why.to_string() });
                }
                Some(Security::Insecure(_)) if place > 0 && before_is_secure => {
                    let alias = seen.hops[place - 1].name.clone();
                    findings.push(CaaFinding::InsecureAlias { name: alias, target: name });
                }
                Some(Security::Insecure(why)) if place == 0 => {
                    unsigned.get_or_insert((name, why.clone()));
                }
                Some(Security::Insecure(_)) => {}
            }
            before_is_secure = hop.security == Some(Security::Secure);
        }
        let first = seen.hops.first().and_then(|hop| hop.security.as_ref());
        if unsigned.is_some() && first == Some(&Security::Secure) {
            signed_above.get_or_insert(seen.name.to_string());
        }
    }
    let Some((name, why)) = unsigned else { return findings };
    // A zone below a signed one that is not a top-level domain has an operator who signs, and left a hole.
    let cut = match &why {
        Insecure::NoDs { zone } => Some(super::text(zone)),
        _ => None,
    };
    let signed = signed_above.or_else(|| signed_beyond(view, cut.as_deref()?));
    findings.push(match (cut, signed) {
        (Some(zone), Some(signed)) => CaaFinding::InsecureDelegation { zone, signed },
        _ => CaaFinding::Unsigned { name, why: why.to_string() },
    });
    findings
}

/// The signed name just above a zone that is not, beyond the records that were found. A top-level domain signs what it
/// is given, so that does not count.
fn signed_beyond(view: &CaaView, zone: &str) -> Option<String> {
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
        return is_seen.then_some(CaaFinding::Open);
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

/// What a name shows that nobody made.
fn below(view: &CaaView) -> Vec<CaaFinding> {
    let Some(fresh) = &view.fresh else { return Vec::new() };
    let mut findings = Vec::new();
    if fresh.is_there {
        findings.push(CaaFinding::WildcardNode { name: view.name.to_string() });
    }
    for hop in &fresh.hops {
        if let Some(Security::Insecure(why @ Insecure::OptOut { .. })) = &hop.security {
            findings.push(CaaFinding::OptOut { why: why.to_string() });
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
            let (label, to) = (challenge.label.clone(), challenge.elsewhere.clone()?);
            // A standing permission names its account, so who answers there names their own.
            let is_bound = is_bound && !challenge.label.starts_with("_validation-contact");
            Some(CaaFinding::ChallengeElsewhere { label, to, is_bound })
        })
        .collect();
    for grant in &view.grants {
        findings.push(match Grant::parse(grant) {
            Ok(grant) => CaaFinding::Standing {
                account: grant.account.as_str().to_owned(),
                is_wide: grant.wildcard == Wildcard::Yes,
                ends: grant.until.is_some(),
            },
            Err(_) => {
                CaaFinding::StandingMalformed { value: String::from_utf8_lossy(grant).into_owned() }
            }
        });
    }
    findings
}
