//! Records that are held against a plan, and against what other servers show.

use countersign_dns::Rtype;

use super::Condition;
use super::before::{Before, Known};
use super::expected::{Expected, Plan};
use super::finding::{DelegationFinding, Kind};
use super::shown::{Shown, Topic, is_challenge};
use super::snapshot::{Snapshot, Trust, View};
use super::text::at;
use crate::zone::Side;

/// `told` is what is wrong with keys and wishes: that servers differ about these then is the same event.
pub(super) fn conditions(
    expected: &Expected,
    before: &Before,
    now: &Snapshot,
    told: &[Condition],
) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (topic, views) in &now.views {
        let known = before.known.get(topic);
        // Keys and wishes are judged by who vouches for them, not one by one.
        let is_judged_elsewhere = topic.rtype == Rtype::DNSKEY || topic.is_wish();
        match expected.plan(topic).filter(|_| !is_judged_elsewhere) {
            Some(plan) => {
                for view in views.iter().filter(|view| !plan.accepts(&view.shown)) {
                    let finding = unexpected(expected, topic, view, plan, known, now);
                    conditions.push(Condition::at_once(finding));
                }
                let is_unexpected = views.iter().any(|view| !plan.accepts(&view.shown));
                if let Some(finding) = conflict(topic, views, known).filter(|_| is_unexpected) {
                    conditions.push(Condition::at_once(finding));
                }
            }
            None => {
                conditions.extend(vanished(topic, views, known).map(Condition::at_once));
                let is_told = told.iter().any(|told| told.finding.topics.contains(topic));
                let differing = conflict(topic, views, known)
                    .or_else(|| differ(topic, views, known).filter(|_| !is_told));
                conditions.extend(differing.map(Condition::lasting));
            }
        }
    }
    conditions
}

fn unexpected(
    expected: &Expected,
    topic: &Topic,
    view: &View,
    plan: &Plan,
    known: Option<&Known>,
    now: &Snapshot,
) -> DelegationFinding {
    let kind = kind(topic, &view.shown);
    let (rtype, side) = (topic.rtype, topic.side.as_str());
    let mut text = format!(
        "{rtype} of {} at the servers of the {side}: {}; {} is {}; seen at {}",
        topic.name,
        view.shown.describe(rtype),
        plan.basis.as_str(),
        plan.accepted[0].describe(rtype),
        at(&view.witnesses),
    );
    let ds = Topic::parent(expected.zone.clone(), Rtype::DS);
    if kind == Kind::CaaChanged && view.trust == Trust::Secure && is_as_expected(expected, &ds, now)
    {
        text.push_str("; it is signed, and the DS records are the expected ones: whoever did it has the zone's keys");
    }
    if let Some(known) = known
        && let (Trust::Secure, Trust::Secure, Some(until)) = (view.trust, known.trust, known.until)
        && until > now.at
    {
        text.push_str(&format!("; what was there before is validly signed until {until}"));
    }
    if view.trust == Trust::Bogus {
        text.push_str(&format!("; it does not verify: {}", crate::plain::plain(&view.why)));
    }
    DelegationFinding {
        shown_before: evidence(known),
        ..DelegationFinding::of_view(kind, topic, view, text)
    }
}

/// What shows how it was. Of what is known no other proof is made, so where that is shown still this is the proof of it.
fn evidence(known: Option<&Known>) -> Vec<(String, [u8; 32])> {
    known.map(|known| known.evidence.clone()).unwrap_or_default()
}

/// Whether a topic was seen, and is as it should be.
fn is_as_expected(expected: &Expected, topic: &Topic, now: &Snapshot) -> bool {
    let (Some(plan), Some(views)) = (expected.plan(topic), now.views.get(topic)) else {
        return false;
    };
    views.iter().all(|view| plan.accepts(&view.shown))
}

fn kind(topic: &Topic, shown: &Shown) -> Kind {
    match (shown, topic.side, topic.rtype) {
        (Shown::Alias(_), _, _) => Kind::AliasAdded,
        (Shown::Delegated { .. }, _, _) => Kind::DelegatedAway,
        (Shown::None, _, Rtype::DS) => Kind::DsRemoved,
        (_, _, Rtype::DS) => Kind::DsChanged,
        (_, _, Rtype::NS) if is_challenge(&topic.name) => Kind::DelegatedAway,
        (_, _, Rtype::NS) => Kind::NsChanged,
        (_, Side::Parent, Rtype::A | Rtype::AAAA) => Kind::GlueChanged,
        (_, _, Rtype::CAA) => Kind::CaaChanged,
        (_, _, Rtype::TLSA) => Kind::TlsaChanged,
        (_, _, _) => Kind::RecordsChanged,
    }
}

/// Two sets that the parent has signed, and that cannot both be true: whoever signed one cannot deny the other.
fn conflict(topic: &Topic, views: &[View], known: Option<&Known>) -> Option<DelegationFinding> {
    let signed: Vec<&View> = views.iter().filter(|view| view.trust == Trust::Secure).collect();
    let (&first, rest) = signed.split_first().filter(|_| topic.rtype == Rtype::DS)?;
    let second = rest.first()?;
    let text = format!(
        "two DS sets of {} are served at the same time, both validly signed: {} at {}, and {} at {}",
        topic.name,
        first.shown.describe(Rtype::DS),
        at(&first.witnesses),
        second.shown.describe(Rtype::DS),
        at(&second.witnesses),
    );
    let topics = vec![topic.clone()];
    Some(DelegationFinding {
        witnesses: signed.iter().flat_map(|view| view.witnesses.clone()).collect(),
        shown_before: evidence(known),
        shown_now: signed.iter().flat_map(|view| view.evidence()).collect(),
        ..DelegationFinding::new(Kind::DsConflict, topics, text)
    })
}

/// Servers that differ where nobody has said what is right.
fn differ(topic: &Topic, views: &[View], known: Option<&Known>) -> Option<DelegationFinding> {
    let [first, second, ..] = views else { return None };
    let text = format!(
        "servers of the {} differ about {} of {}: {} at {}, but {} at {}",
        topic.side.as_str(),
        topic.rtype,
        topic.name,
        first.shown.describe(topic.rtype),
        at(&first.witnesses),
        second.shown.describe(topic.rtype),
        at(&second.witnesses),
    );
    Some(DelegationFinding {
        witnesses: views.iter().flat_map(|view| view.witnesses.clone()).collect(),
        shown_before: evidence(known),
        shown_now: views.iter().flat_map(View::evidence).collect(),
        ..DelegationFinding::new(Kind::ServersDiffer, vec![topic.clone()], text)
    })
}

/// A DS set that was there and is not any more.
fn vanished(topic: &Topic, views: &[View], known: Option<&Known>) -> Option<DelegationFinding> {
    let known = known.filter(|known| topic.rtype == Rtype::DS && known.shown != Shown::None)?;
    let [view] = views else { return None };
    if view.shown != Shown::None {
        return None;
    }
    let text = format!(
        "{} has no DS records any more; there were {}; seen at {}",
        topic.name,
        known.shown.describe(Rtype::DS),
        at(&view.witnesses)
    );
    Some(DelegationFinding {
        shown_before: known.evidence.clone(),
        ..DelegationFinding::of_view(Kind::DsRemoved, topic, view, text)
    })
}
