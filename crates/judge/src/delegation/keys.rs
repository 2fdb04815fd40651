//! Keys of the zone, and its wishes for other DS records: judged by who vouches for them.

use countersign_dns::{Dnskey, Ds, Rtype};

use super::Condition;
use super::expected::Expected;
use super::finding::{DelegationFinding, Kind};
use super::shown::{Shown, Topic};
use super::snapshot::{Snapshot, Trust, View};
use super::text::at;
use crate::severity::Severity;

pub(super) fn conditions(expected: &Expected, now: &Snapshot) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let keys = Topic::zone(expected.zone.clone(), Rtype::DNSKEY);
    for view in now.views.get(&keys).into_iter().flatten() {
        conditions.extend(unvouched(expected, &keys, view).map(Condition::at_once));
    }
    for rtype in [Rtype::CDS, Rtype::CDNSKEY] {
        let topic = Topic::zone(expected.zone.clone(), rtype);
        for view in now.views.get(&topic).into_iter().flatten() {
            conditions.extend(wish(expected, now, &topic, view).map(Condition::at_once));
        }
    }
    conditions
}

/// Keys that nobody vouches for: those to be named by the parent, unless an expected DS record names them or they were
/// learned; the others only if they are pinned.
fn unvouched(expected: &Expected, topic: &Topic, view: &View) -> Option<DelegationFinding> {
    let zone = &expected.zone;
    let ds = expected.ds();
    let is_learned = |key: &Dnskey| {
        expected.plan(topic).is_some_and(|plan| {
            plan.accepted.iter().flat_map(Shown::rdatas).any(|rdata| rdata == key.rdata())
        })
    };
    let is_named = |by: &[Ds], key: &Dnskey| by.iter().any(|ds| ds.names(zone, key));
    let keys = view.shown.rdatas().filter_map(Dnskey::from_rdata).filter(Dnskey::signs);
    let unknown: Vec<Dnskey> = keys
        .filter(|key| match (&ds, key.is_sep()) {
            // Where no DS record is expected nobody can vouch, and no key counts.
            (None, _) => false,
            (Some(ds), _) if ds.is_empty() => false,
            (Some(ds), true) => !is_named(ds, key) && !is_learned(key),
            (Some(ds), false) => {
                let is_pinned = !expected.zsks.is_empty();
                is_pinned && !is_named(&expected.zsks, key) && !is_named(ds, key)
            }
        })
        .collect();
    if unknown.is_empty() {
        return None;
    }
    let shown = |key: &Dnskey| {
        let named = Ds::of(zone, key, SHA256).map(|ds| crate::plain::hex(&ds.digest));
        let role = if key.is_sep() { "to be named by the parent" } else { "signs records" };
        format!(
            "tag {}, algorithm {}, {role}, SHA-256 {}",
            key.tag(),
            key.algorithm,
            named.unwrap_or_default()
        )
    };
    let list: Vec<_> = unknown.iter().take(KEYS_TOLD_MAX).map(shown).collect();
    let text = format!(
        "{zone} has {} that no expected record vouches for: {}; seen at {}",
        if unknown.len() == 1 { "a key" } else { "keys" },
        list.join("; "),
        at(&view.witnesses)
    );
    let mut finding = DelegationFinding::of_view(Kind::KeysChanged, topic, view, text);
    // A key that signs records comes and goes beside it, and that is no other event.
    let tags: Vec<_> = unknown.iter().map(|key| key.tag().to_string()).collect();
    finding.detail = tags.join(" ");
    Some(finding)
}

/// What a zone asks its parent for, if that is not what is expected there; where nothing is expected, if it is not what
/// is there.
fn wish(
    expected: &Expected,
    now: &Snapshot,
    topic: &Topic,
    view: &View,
) -> Option<DelegationFinding> {
    let zone = &expected.zone;
    let of = |topic: Topic| now.views.get(&topic).into_iter().flatten();
    let due = expected.ds().unwrap_or_else(|| {
        let there = of(Topic::parent(zone.clone(), Rtype::DS));
        there.flat_map(|view| view.shown.rdatas()).filter_map(Ds::from_rdata).collect()
    });
    let keys: Vec<Dnskey> = of(Topic::zone(zone.clone(), Rtype::DNSKEY))
        .flat_map(|view| view.shown.rdatas())
        .filter_map(Dnskey::from_rdata)
        .collect();
    let is_due_key = |key: &Dnskey| due.iter().any(|ds| ds.names(zone, key));
    // A record with another digest of the same key changes nothing that counts.
    let is_due =
        |ds: &Ds| due.contains(ds) || keys.iter().any(|key| ds.names(zone, key) && is_due_key(key));
    let ds = expected.plan(&Topic::parent(zone.clone(), Rtype::DS));
    let may_go = ds.is_some_and(|plan| plan.accepts(&Shown::None));
    let (mut deletes, mut changes) = (false, false);
    for rdata in view.shown.rdatas() {
        match topic.rtype {
            Rtype::CDS => {
                let ds = Ds::from_rdata(rdata);
                // `0 0 0 00` (RFC 8078 §4).
                let is_deletion = ds.as_ref().is_some_and(|ds| ds.algorithm == 0);
                deletes |= is_deletion && !may_go;
                changes |= !is_deletion && !ds.as_ref().is_some_and(is_due);
            }
            _ => {
                let key = Dnskey::from_rdata(rdata);
                let is_deletion = key.as_ref().is_some_and(|key| key.algorithm == 0);
                deletes |= is_deletion && !may_go;
                changes |= !is_deletion && !key.as_ref().is_some_and(is_due_key);
            }
        }
    }
    let kind = match (deletes, changes) {
        (true, _) => Kind::CdsDeletes,
        (false, true) => Kind::CdsChanges,
        (false, false) => return None,
    };
    let text = format!(
        "{} of {zone} asks the parent for other DS records: {}; seen at {}",
        topic.rtype,
        view.shown.describe(topic.rtype),
        at(&view.witnesses)
    );
    let mut finding = DelegationFinding::of_view(kind, topic, view, text);
    // A parent follows only what a key signs that it names itself (RFC 7344 §4.1).
    if view.trust != Trust::Secure {
        finding.severity = Severity::Warning;
    }
    Some(finding)
}

/// RFC 4509.
const SHA256: u8 = 2;
/// More keys than a zone has in the middle of a change.
const KEYS_TOLD_MAX: usize = 4;
