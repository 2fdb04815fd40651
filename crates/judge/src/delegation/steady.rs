//! What must hold of everything that is shown, whatever it is: it verifies, for a while yet; it may be kept; and
//! resolvers pass it on.

use std::collections::BTreeMap;

use countersign_dns::Rtype;
use jiff::SignedDuration;

use super::before::Before;
use super::expected::{Expected, Plan};
use super::finding::{DelegationFinding, Kind};
use super::shown::{Shown, Topic};
use super::snapshot::{ResolverView, Snapshot, Trust, View};
use super::text::at;
use super::{Condition, LASTING};
use crate::plain::plain;
use crate::zone::{LEFT_SHORT, Side};

pub(super) fn conditions(expected: &Expected, before: &Before, now: &Snapshot) -> Vec<Condition> {
    let mut found = Found::default();
    // That the zone's own DS records are gone is another finding, or meant.
    let ds = now.views.get(&Topic::parent(expected.zone.clone(), Rtype::DS));
    let is_gone = ds.into_iter().flatten().any(|view| view.shown == Shown::None);
    for (topic, view) in
        now.views.iter().flat_map(|(topic, views)| views.iter().map(move |view| (topic, view)))
    {
        if view.trust == Trust::Bogus {
            let text = format!("{topic} at {}: {}", at(&view.witnesses), plain(&view.why));
            found.add(Kind::Bogus, topic, view, text);
        }
        let was_secure = before.known.get(topic).is_some_and(|known| known.trust == Trust::Secure);
        // A denial may be insecure in a zone that is not, if it has unsigned names below (RFC 5155 §6).
        let is_there = view.shown != Shown::None;
        if was_secure && view.trust == Trust::Insecure && is_there && !is_gone {
            found.add(
                Kind::BecameInsecure,
                topic,
                view,
                format!("{topic} at {}", at(&view.witnesses)),
            );
        }
        if let Some(until) = runs_out(view, now) {
            found.add(Kind::SignatureExpiring, topic, view, format!("{topic} at {until}"));
        }
        // Whoever has announced a change lowers it first.
        let before_s = before.known.get(topic).and_then(|known| known.ttl_s);
        if let (Some(ttl_s), Some(before_s)) = (view.ttl_s, before_s)
            && ttl_s <= TTL_LOW_S
            && before_s >= TTL_USUAL_S
            && !expected.plans.values().any(Plan::announces)
        {
            let text = format!("{topic} may be kept for {ttl_s} s, and before for {before_s} s");
            found.add(Kind::TtlLow, topic, view, text);
        }
    }
    let mut conditions = found.conditions(before);
    for resolver in &now.resolvers {
        conditions.extend(of_resolver(expected, before, now, resolver));
    }
    conditions
}

/// Findings that many topics share: a signer that has stopped is one event.
#[derive(Default)]
struct Found(BTreeMap<(Kind, Side), Vec<Instance>>);

/// One topic that such a finding is about.
struct Instance {
    topic: Topic,
    view: View,
    text: String,
}

impl Found {
    fn add(&mut self, kind: Kind, topic: &Topic, view: &View, text: String) {
        let found = self.0.entry((kind, topic.side)).or_default();
        found.push(Instance { topic: topic.clone(), view: view.clone(), text });
    }

    fn conditions(self, before: &Before) -> Vec<Condition> {
        self.0.into_iter().map(|((kind, _), found)| condition(kind, &found, before)).collect()
    }
}

fn condition(kind: Kind, found: &[Instance], before: &Before) -> Condition {
    let mut texts: Vec<_> = found.iter().map(|instance| instance.text.clone()).collect();
    let more = texts.len().saturating_sub(TOLD_MAX);
    texts.truncate(TOLD_MAX);
    if more > 0 {
        texts.push(format!("and {more} more"));
    }
    let text = format!("{}: {}", kind.title(), texts.join("; "));
    let known = found.iter().filter_map(|instance| before.known.get(&instance.topic));
    let shown_before = known.flat_map(|known| known.evidence.clone()).collect();
    let topics = found.iter().map(|instance| instance.topic.clone()).collect();
    let finding = DelegationFinding {
        witnesses: found[0].view.witnesses.clone(),
        shown_before,
        shown_now: found.iter().flat_map(|instance| instance.view.evidence()).collect(),
        ..DelegationFinding::new(kind, topics, text)
    };
    // In the middle of a transfer a server can have new keys and old signatures.
    let after = if kind == Kind::Bogus { LASTING } else { SignedDuration::ZERO };
    Condition { finding, after }
}

/// When a signature runs out that should have been renewed by now: with half a day left, or with an eighth of its time
/// if it is made to last for a few days only.
fn runs_out(view: &View, now: &Snapshot) -> Option<jiff::Timestamp> {
    let (from, until) = view.valid?;
    let (span, left) = (until.duration_since(from), until.duration_since(now.at));
    (left < LEFT_SHORT.min(span / 8)).then_some(until)
}

fn of_resolver(
    expected: &Expected,
    before: &Before,
    now: &Snapshot,
    view: &ResolverView,
) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let resolver = plain(&view.resolver);
    for (topic, shown) in &view.shown {
        // Without a view of our own there is nothing to compare with.
        let Some(ours) = now.views.get(topic) else { continue };
        let known = before.known.get(topic);
        let (kind, text) = match shown {
            Ok(shown) => {
                let agrees = ours.iter().any(|view| view.shown == *shown)
                    || known.is_some_and(|known| known.shown == *shown)
                    || expected.plan(topic).is_some_and(|plan| plan.accepts(shown));
                if agrees {
                    continue;
                }
                let (theirs, ours) =
                    (shown.describe(topic.rtype), ours[0].shown.describe(topic.rtype));
                let (rtype, name) = (topic.rtype, &topic.name);
                let text = format!(
                    "the resolver {resolver} says of {rtype} of {name}: {theirs}; the servers say: {ours}"
                );
                (Kind::ResolverDiffers, text)
            }
            Err(why) => {
                let text = format!(
                    "the resolver {resolver} gives no answer about {} of {}: {}",
                    topic.rtype,
                    topic.name,
                    plain(why)
                );
                (Kind::ResolverRefuses, text)
            }
        };
        let finding = DelegationFinding {
            detail: resolver.clone().into_owned(),
            shown_now: ours.iter().flat_map(View::evidence).collect(),
            ..DelegationFinding::new(kind, vec![topic.clone()], text)
        };
        // What it has kept may be as old as it was allowed to be kept.
        let kept_s = known.and_then(|known| known.ttl_s).unwrap_or(0).min(KEPT_MAX_S);
        let after = LASTING.max(SignedDuration::from_secs(i64::from(kept_s)));
        conditions.push(Condition { finding, after });
    }
    conditions
}

/// A day: Unbound keeps nothing for longer (`cache-max-ttl`), whatever a server says.
const KEPT_MAX_S: u32 = 86_400;
/// Records that may be kept for no longer are asked for each time.
const TTL_LOW_S: u32 = 30;
/// A time to live that does not say that a change is near.
const TTL_USUAL_S: u32 = 300;
/// Topics that a sentence names.
const TOLD_MAX: usize = 4;
