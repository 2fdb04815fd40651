//! The delegation of a zone over time: what it is expected to be, what each server of parent and zone says from each
//! vantage, and what to make of the difference.
//!
//! ```text
//!  declared, announced, learned ────> Expected ──┐
//!  the looks before, their proofs ──> Before   ──┼── judge ──> Judged: findings, and what is known from now on
//!  every server, from each vantage ─> Snapshot ──┘
//! ```
//!
//! What contradicts an expectation is a finding at once: a planned change is announced. What only differs from server
//! to server, or does not verify at one of them, is a finding when it has outlasted the spreading of a change
//! ([`LASTING`]): secondaries get a zone minutes later than its primary.
//!
//! # Limitations
//!
//! Where nothing is declared and nothing learned, only contradictions are found: a change that all servers show alike is
//! none. One exception is a DS set that vanishes, which nobody does by accident.
//!
//! What stands between two looks is not seen.
//!
//! A server of the parent that serves the zone as well answers from below: what it would refer others to is not seen.

mod before;
mod expected;
mod finding;
mod keys;
mod records;
mod shown;
mod snapshot;
mod steady;
mod text;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

pub use before::{Before, Known};
pub use expected::{Basis, Expected, Plan};
pub use finding::{DelegationFinding, Kind};
pub use shown::{NotShown, Referred, Shown, Topic, is_challenge};
pub use snapshot::{Piece, ResolverView, Snapshot, Trust, View, Witness, until};
pub use text::title;

/// What came of a look.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What is wrong, the most severe first.
    pub findings: Vec<DelegationFinding>,
    /// What is known from now on.
    pub before: Before,
    /// The bytes that findings and `before` refer to and that were seen in this look.
    pub pieces: Vec<Piece>,
}

/// How long servers may differ, or fail to verify, before that is a finding. A secondary that missed a notice asks
/// again after the refresh time of the zone, mostly an hour; registries publish within minutes.
pub const LASTING: SignedDuration = SignedDuration::from_hours(1);

/// A condition: a finding once it has lasted so long.
struct Condition {
    finding: DelegationFinding,
    after: SignedDuration,
}

impl Condition {
    fn at_once(finding: DelegationFinding) -> Self {
        Self { finding, after: SignedDuration::ZERO }
    }

    fn lasting(finding: DelegationFinding) -> Self {
        Self { finding, after: LASTING }
    }
}

/// Judges a look, with what was known before it.
pub fn judge(expected: &Expected, before: &Before, now: &Snapshot) -> Judged {
    let of_keys = keys::conditions(expected, now);
    let mut conditions = records::conditions(expected, before, now, &of_keys);
    conditions.extend(of_keys);
    conditions.extend(steady::conditions(expected, before, now));
    let (mut findings, mut since) = (Vec::<DelegationFinding>::new(), BTreeMap::new());
    for Condition { finding, after } in conditions {
        let mark = finding.mark();
        let began: Timestamp = before.since.get(&mark).copied().unwrap_or(now.at);
        since.insert(mark, began);
        if now.at.duration_since(began) >= after {
            findings.push(finding);
        }
    }
    carry(before, now, &mut since);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let before = before.after(expected, now, since);
    let pieces = referred(&findings, &before, now);
    Judged { findings, before, pieces }
}

/// Keeps what has not lasted long enough yet, and was not seen in a look that missed something: whoever is not seen for
/// once does not begin anew.
fn carry(before: &Before, now: &Snapshot, since: &mut BTreeMap<String, Timestamp>) {
    if now.unseen.is_empty() {
        return;
    }
    let lasts = |mark: &str| mark.split(' ').next().and_then(Kind::of).is_some_and(Kind::lasts);
    let missed = before.since.iter().filter(|(mark, _)| lasts(mark) && !since.contains_key(*mark));
    let mut missed: Vec<_> = missed.map(|(mark, began)| (mark.clone(), *began)).collect();
    missed.sort_by_key(|(_, began)| *began);
    missed.truncate(CARRIED_MAX);
    since.extend(missed);
}

/// More than a zone with all its names is spoken of at once.
const CARRIED_MAX: usize = 256;

/// What there is to learn: of what nothing is expected yet, and all servers say the same. While something is not seen,
/// only what has been the same for [`LASTING`]; and glue only of servers that are expected.
///
/// Wishes for other DS records are never learned: they are held against the DS records.
pub fn learn(expected: &Expected, before: &Before, now: &Snapshot) -> BTreeMap<Topic, Shown> {
    let has_lasted = |topic: &Topic, view: &View| {
        before.known.get(topic).is_some_and(|known| {
            known.shown == view.shown && now.at.duration_since(known.since) >= LASTING
        })
    };
    let mut learned = BTreeMap::new();
    for (topic, views) in &now.views {
        let [view] = &views[..] else { continue };
        let counts = now.unseen.is_empty() || has_lasted(topic, view);
        if counts && view.trust.holds() && !topic.is_wish() && expected.plan(topic).is_none() {
            learned.insert(topic.clone(), view.shown.clone());
        }
    }
    let servers = expected.with_learned(&learned).servers();
    learned.retain(|topic, _| !topic.is_glue() || servers.contains(&topic.name));
    learned
}

/// The pieces of this look that somebody refers to, each once.
fn referred(findings: &[DelegationFinding], before: &Before, now: &Snapshot) -> Vec<Piece> {
    let of_findings = findings.iter().flat_map(|finding| &finding.shown_now);
    let of_before = before.known.values().flat_map(|known| &known.evidence);
    let wanted: std::collections::BTreeSet<[u8; 32]> =
        of_findings.chain(of_before).map(|(_, sha256)| *sha256).collect();
    let seen = now.views.values().flatten().flat_map(|view| &view.pieces);
    let pieces: BTreeMap<[u8; 32], &Piece> = seen.map(|piece| (piece.sha256(), piece)).collect();
    wanted.iter().filter_map(|sha256| pieces.get(sha256)).map(|piece| (*piece).clone()).collect()
}

#[cfg(test)]
mod tests;
