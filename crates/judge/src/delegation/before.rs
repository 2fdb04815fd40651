//! What is known of a delegation from the looks before.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use countersign_dns::Rtype;
use jiff::Timestamp;

use super::expected::Expected;
use super::shown::{Shown, Topic};
use super::snapshot::{Snapshot, Trust, View};
use crate::zone::Side;

/// What is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Of each topic, what was in order when it was last seen: where something is expected, that; else what the servers
    /// showed.
    pub known: BTreeMap<Topic, Known>,
    /// Since when each condition holds that there was at the last look, by its mark.
    pub since: BTreeMap<String, Timestamp>,
}

/// What is known of one topic. It stays the same while nothing changes, so that it need not be written again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What was shown.
    pub shown: Shown,
    /// Whether it could be relied on, at best.
    pub trust: Trust,
    /// The longest time for which it might be kept, in seconds, as far as was seen.
    pub ttl_s: Option<u32>,
    /// Since when it is so.
    pub since: Timestamp,
    /// Until when the signatures hold that are in the evidence.
    pub until: Option<Timestamp>,
    /// What shows it: labels, and SHA-256s of the bytes.
    pub evidence: Vec<(String, [u8; 32])>,
}

impl Before {
    /// What is known after a look.
    pub(super) fn after(
        &self,
        expected: &Expected,
        now: &Snapshot,
        since: BTreeMap<String, Timestamp>,
    ) -> Self {
        let mut known = self.known.clone();
        let is_let_go = expected.is_let_go(now);
        for (topic, views) in &now.views {
            let old = self.known.get(topic);
            // What is unsigned now, and may be, is not held against the proofs of the time before.
            let is_meant = is_let_go
                && topic.side == Side::Zone
                && views.iter().all(|view| view.trust == Trust::Insecure);
            let old = old.filter(|old| !(is_meant && old.trust == Trust::Secure));
            if let Some(view) = in_order(expected, topic, old, views) {
                known.insert(topic.clone(), Known::after(old, view, now.at));
            }
        }
        // Glue of servers that are no longer named is not compared with anything.
        let ns = now.views.get(&Topic::parent(expected.zone.clone(), Rtype::NS));
        if let Some(views) = ns {
            let mut servers = expected.servers();
            servers.extend(views.iter().flat_map(|view| view.shown.servers()));
            known.retain(|topic, _| !topic.is_glue() || servers.contains(&topic.name));
        }
        Self { known, since }
    }
}

/// Of several views, the one that counts as the state of things. `None`: none does, and what was known stays.
fn in_order<'a>(
    expected: &Expected,
    topic: &Topic,
    old: Option<&Known>,
    views: &'a [View],
) -> Option<&'a View> {
    // What is less sure takes the place of nothing else: somebody may have made it up on the way.
    let counts = |view: &View| {
        old.is_none_or(|old| view.shown == old.shown || view.trust.rank() <= old.trust.rank())
    };
    if let Some(plan) = expected.plan(topic) {
        return views.iter().find(|view| plan.accepts(&view.shown) && counts(view));
    }
    let same = old.and_then(|old| views.iter().find(|view| view.shown == old.shown));
    // That DS records are gone is told until somebody accepts it, or they are back.
    let is_gone = topic.rtype == Rtype::DS
        && old.is_some_and(|old| old.shown != Shown::None)
        && views.iter().all(|view| view.shown == Shown::None);
    match (same, views) {
        (Some(view), _) => Some(view),
        (None, _) if is_gone => None,
        (None, [view]) => Some(view).filter(|view| counts(view)),
        (None, views) if old.is_none() => views.first(),
        (None, _) => None,
    }
}

impl Known {
    fn after(old: Option<&Self>, view: &View, now: Timestamp) -> Self {
        let same = old.filter(|old| old.shown == view.shown);
        // Proofs are replaced only when they have run out: each look has another one. What is less sure now does not
        // take away what was proved.
        let stays = |old: &&Self| match view.trust.rank().cmp(&old.trust.rank()) {
            Ordering::Less => false,
            Ordering::Equal => old.until.is_none_or(|until| until > now),
            Ordering::Greater => true,
        };
        if let Some(old) = same.filter(stays) {
            return Self { ttl_s: old.ttl_s.max(view.ttl_s), ..old.clone() };
        }
        Self {
            shown: view.shown.clone(),
            trust: view.trust,
            ttl_s: view.ttl_s.max(same.and_then(|old| old.ttl_s)),
            since: same.map_or(now, |old| old.since),
            until: view.valid.map(|(_, until)| until),
            evidence: view.evidence(),
        }
    }
}

impl View {
    /// What shows it: labels, and SHA-256s of the bytes.
    pub fn evidence(&self) -> Vec<(String, [u8; 32])> {
        self.pieces.iter().map(|piece| (piece.label.clone(), piece.sha256())).collect()
    }
}
