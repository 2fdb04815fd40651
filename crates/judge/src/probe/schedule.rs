//! When to look at what: at times that nobody can foresee, never twice alike, and at once when something has changed.
//!
//! ```text
//!   Plan::new ──▶ turn armed ──begun──▶ turn armed ──▶ …        gaps: a minute, and an exponential rest
//!                     │ burst
//!                     ▼
//!               burst armed ──begun──▶ burst armed ──▶ …        all targets of a domain within minutes
//!                     ▲                    │ none left
//!                     └────── burst        └──▶ turn armed
//! ```
//!
//! The gaps have no memory but for their shortest and longest: whoever waits for the next probe knows no more about it
//! than before he waited. Clamping the gaps of an exponential distribution would put a tenth of them on exactly one
//! minute; here the shortest is added, and what would be too long is drawn again, at a rate that makes the mean as
//! asked. The next target is any that is not like the last, but none waits for more than a few rounds.
//!
//! Values in, values out: who runs a plan has the clock and the chance.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::observation::Stratum;
use super::service::Service;

/// What is looked at in one way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The service.
    pub service: Service,
    /// From where, and as whom.
    pub stratum: Stratum,
}

/// How often to look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// The mean of the exponential part of a gap, before what is too long is drawn again.
    rate_mean_s: f64,
    per_hour_max: usize,
}

/// Why there is no such pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaceError {
    /// Such a mean leaves no room between the shortest gap and the longest.
    #[error("the mean time between probes must be from 2 minutes to 1 hour")]
    Mean,
    /// With so few there would be fewer probes than the mean asks for.
    #[error("more probes an hour must be allowed than the mean time between them makes")]
    Budget,
}

impl Pace {
    /// Gaps with this mean, and never more than so many probes in an hour, those of bursts included.
    pub fn new(mean: SignedDuration, per_hour_max: u16) -> Result<Self, PaceError> {
        if mean < MEAN_MIN || mean > MEAN_MAX {
            return Err(PaceError::Mean);
        }
        if f64::from(per_hour_max) * mean.as_secs_f64() < 3600.0 {
            return Err(PaceError::Budget);
        }
        let rate_mean_s = untruncated((mean - GAP_MIN).as_secs_f64(), SPAN_S);
        Ok(Self { rate_mean_s, per_hour_max: usize::from(per_hour_max) })
    }
}

/// What has changed, so that somebody who prepared for it would begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A certificate for a guarded name was logged.
    NewCertificate,
    /// The delegation of a zone is another.
    DelegationChanged,
    /// The operator has changed something, and wants to know that all is well.
    Deployed,
}

impl Reason {
    /// A name for people and files that never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewCertificate => "new-certificate",
            Self::DelegationChanged => "delegation-changed",
            Self::Deployed => "deployed",
        }
    }
}

/// The next probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// When to begin.
    pub at: Timestamp,
    /// What to look at.
    pub target: Target,
    /// No other probe has this text, so that a proxy that tells connections apart by it carries no two on one path.
    pub isolation: String,
    /// What it belongs to, if it is no ordinary turn.
    pub burst: Option<Reason>,
}

/// Which probe is next, of a set that does not change.
#[derive(Clone, Debug)]
pub struct Plan {
    pace: Pace,
    targets: Vec<Waiting>,
    /// How many probes have begun.
    turn: u64,
    /// The last of them.
    last: Option<usize>,
    /// When they began, as far back as the budget reaches.
    begun: VecDeque<Timestamp>,
    burst: Option<Burst>,
    armed: Option<(usize, Due)>,
}

#[derive(Clone, Debug)]
struct Waiting {
    target: Target,
    /// The turn after which it waits.
    since: u64,
}

/// Probes that are to follow each other soon.
#[derive(Clone, Debug)]
struct Burst {
    reason: Reason,
    gap_mean_s: f64,
    /// Places of targets. Never empty.
    left: Vec<usize>,
}

impl Plan {
    /// Looks at these targets. `chance` are two numbers from 0 to less than 1, here and elsewhere: one for the time of
    /// the next probe, one for its target.
    pub fn new(
        targets: impl IntoIterator<Item = Target>,
        pace: Pace,
        now: Timestamp,
        chance: [f64; 2],
    ) -> Self {
        let targets = targets.into_iter().take(TARGETS_MAX);
        let targets = targets.map(|target| Waiting { target, since: 0 }).collect();
        let (begun, turn) = (VecDeque::new(), 0);
        let mut plan = Self { pace, targets, turn, last: None, begun, burst: None, armed: None };
        plan.arm(now, chance);
        plan
    }

    /// The next probe, the same until [`Plan::begun`] or [`Plan::burst`]. `None`: there is no target.
    pub fn next(&self) -> Option<&Due> {
        self.armed.as_ref().map(|(_, due)| due)
    }

    /// The next probe has begun, now. Probes for which nobody was awake are not made up for.
    pub fn begun(&mut self, now: Timestamp, chance: [f64; 2]) {
        let Some((place, _)) = self.armed.take() else { return };
        self.turn += 1;
        self.targets[place].since = self.turn;
        self.last = Some(place);
        self.begun.push_back(now);
        while self.begun.len() > self.pace.per_hour_max {
            self.begun.pop_front();
        }
        if let Some(burst) = &mut self.burst {
            burst.left.retain(|left| *left != place);
        }
        self.burst.take_if(|burst| burst.left.is_empty());
        self.arm(now, chance);
    }

    /// Something has changed: all targets of this domain, or all there are, are looked at within a few minutes, as far
    /// as the budget goes. A burst that has not ended begins again, with those that it had.
    pub fn burst(
        &mut self,
        reason: Reason,
        domain: Option<&str>,
        now: Timestamp,
        chance: [f64; 2],
    ) {
        let before = self.burst.take().map(|burst| burst.left).unwrap_or_default();
        let concerned = |service: &Service| domain.is_none_or(|domain| service.domain == domain);
        let places = 0..self.targets.len();
        let left: Vec<usize> = places
            .filter(|place| {
                concerned(&self.targets[*place].target.service) || before.contains(place)
            })
            .collect();
        let Some(gap_mean_s) = (!left.is_empty()).then(|| BURST_S / count(left.len())) else {
            return;
        };
        let gap_mean_s = gap_mean_s.clamp(BURST_GAP_MEAN_MIN_S, BURST_GAP_MEAN_MAX_S);
        self.burst = Some(Burst { reason, gap_mean_s, left });
        self.arm(now, chance);
    }

    fn arm(&mut self, now: Timestamp, [time, target]: [f64; 2]) {
        let Some(place) = self.choose(target) else { return };
        let (gap, burst) = match &self.burst {
            None => (GAP_MIN + drawn(self.pace.rate_mean_s, SPAN_S, time), None),
            Some(burst) => (drawn(burst.gap_mean_s, BURST_GAP_MAX_S, time), Some(burst.reason)),
        };
        let at = match self.begun.front() {
            // Not at the moment when the budget has room again: that is the time of an earlier probe, and an hour.
            Some(first) if self.begun.len() == self.pace.per_hour_max => {
                now.max(*first + SignedDuration::from_hours(1)) + gap
            }
            Some(_) | None => now + gap,
        };
        let isolation = format!("{:x}-{:x}", at.as_nanosecond(), self.turn);
        let target = self.targets[place].target.clone();
        self.armed = Some((place, Due { at, target, isolation, burst }));
    }

    /// A target that is not like the last, as far as there is one: of the burst, or who has waited too long, or any.
    fn choose(&self, chance: f64) -> Option<usize> {
        let stratum = |place: usize| &self.targets[place].target.stratum;
        let differs = |place: &usize| self.last.is_none_or(|last| stratum(last) != stratum(*place));
        let left = self.burst.as_ref().map_or(&[][..], |burst| &burst.left);
        let of_burst: Vec<usize> = left.iter().copied().filter(differs).collect();
        if !of_burst.is_empty() {
            return drawn_of(&of_burst, chance);
        }
        let others: Vec<usize> = (0..self.targets.len()).filter(differs).collect();
        if others.is_empty() {
            // All are alike.
            let all: Vec<usize> = (0..self.targets.len()).collect();
            return drawn_of(if left.is_empty() { &all } else { left }, chance);
        }
        let waited = |place: &usize| self.turn - self.targets[*place].since;
        let longest = others.iter().copied().max_by_key(waited);
        match longest {
            Some(longest) if waited(&longest) >= ROUNDS_MAX * self.rounds() => Some(longest),
            Some(_) | None => drawn_of(&others, chance),
        }
    }

    /// Turns in which each target could have one.
    fn rounds(&self) -> u64 {
        u64::try_from(self.targets.len()).expect("there are at most TARGETS_MAX")
    }
}

/// A time from an exponential distribution with this mean, cut off at the longest.
fn drawn(mean_s: f64, longest_s: f64, chance: f64) -> SignedDuration {
    let within = -(-longest_s / mean_s).exp_m1();
    let chance = if chance.is_nan() { 0.0 } else { chance.clamp(0.0, 1.0) };
    let seconds = -mean_s * (-chance * within).ln_1p();
    SignedDuration::from_secs_f64(seconds.clamp(0.0, longest_s))
}

/// The mean that an exponential distribution has if it has this one once it is cut off at the longest. That is less,
/// and grows with it, so that halving finds it.
fn untruncated(mean_s: f64, longest_s: f64) -> f64 {
    let truncated = |mean: f64| mean - longest_s / (longest_s / mean).exp_m1();
    let (mut low, mut high) = (mean_s, longest_s);
    for _ in 0..f64::MANTISSA_DIGITS {
        let middle = f64::midpoint(low, high);
        if truncated(middle) < mean_s {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

fn drawn_of(places: &[usize], chance: f64) -> Option<usize> {
    let all = count(places.len());
    let found = (1..).zip(places).find(|(nth, _)| chance * all < f64::from(*nth));
    found.map(|(_, place)| *place).or(places.last().copied())
}

fn count(places: usize) -> f64 {
    f64::from(u32::try_from(places).expect("there are at most TARGETS_MAX"))
}

/// The shortest gap between two probes that are no burst.
pub const GAP_MIN: SignedDuration = SignedDuration::from_mins(1);
/// The longest.
pub const GAP_MAX: SignedDuration = SignedDuration::from_hours(4);
/// What lies between them.
const SPAN_S: f64 = 3.0 * 3600.0 + 59.0 * 60.0;
/// Below this most gaps would be close to the shortest: a grid.
const MEAN_MIN: SignedDuration = SignedDuration::from_mins(2);
/// Above this the longest gap would be the usual one.
const MEAN_MAX: SignedDuration = SignedDuration::from_hours(1);
/// How long a burst takes, about.
const BURST_S: f64 = 5.0 * 60.0;
/// With few targets a burst is over sooner.
const BURST_GAP_MEAN_MAX_S: f64 = 30.0;
/// With many it takes longer: each probe is a few connections and a client.
const BURST_GAP_MEAN_MIN_S: f64 = 2.0;
const BURST_GAP_MAX_S: f64 = 120.0;
/// A target that was not chosen for so many rounds goes first. By chance one in fifty is not, so that most stay
/// unforeseeable.
const ROUNDS_MAX: u64 = 4;
/// A hundred domains with a hundred ways to look at each. Whoever has more would wait for weeks for each.
pub const TARGETS_MAX: usize = 10_000;

#[cfg(test)]
mod tests;
