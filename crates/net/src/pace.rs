//! How fast a log lets itself be read: a rate that is learned, per log and per operator. Pure: `now` and
//! chance are arguments.
//!
//! Logs state no limits, and those they enforce change. So the rate rises slowly while requests are
//! answered and falls by a factor when one is refused (additive increase, multiplicative decrease):
//!
//! ```text
//!               refused: x 0.7
//!  +----------+                +----------+
//!  | Learning | -------------> | Holding  | ---+ refused: x 0.7
//!  | x 2 in   |                | the rate | <--+
//!  | 10 s     |                | stays    |
//!  +----------+                +----------+
//!       ^                        |      ^
//!       |      held long enough  |      |  refused: x 0.9
//!       |                        v      |
//!       |                      +------------+
//!       +--------------------- | Probing    |
//!         1.5 times the rate   | + 0.2 % of |
//!         refused last         | it a second|
//!                              +------------+
//! ```
//!
//! Holding is what keeps refusals rare: probing costs one refusal and its waiting time, and is only done
//! again after twenty times that.
//!
//! # Limitations
//!
//! Requests are spaced evenly; no burst is saved up while idle.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::after;

/// The pace of one log, or of all logs of one operator together.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    limits: Rates,
    /// Requests per second.
    rate: f64,
    phase: Phase,
    /// When the next request may go, as far as the rate is concerned.
    next: Timestamp,
    /// No request may go before: the server has asked for it, or does not answer.
    blocked_until: Timestamp,
    /// Whether the last request went as soon as it might. If not, it is not the rate that limits us, and
    /// an answer does not show that a higher one would do.
    is_limiting: bool,
    /// Refusals since the last answer.
    refusals_in_a_row: u32,
    /// Failures since the last answer.
    failures_in_a_row: u32,
    /// When the rate last had a chance to rise.
    risen_at: Timestamp,
}

/// Between which rates a log's pace is learned, in requests per second. An operator's logs together get
/// [`OPERATOR_SHARE`] times as much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// The first.
    pub start: f64,
    /// The highest.
    pub max: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self { start: RATE_LOG_START, max: RATE_LOG_MAX }
    }
}

/// See the diagram above.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// Nothing is known yet, or what was known is out of date.
    Learning,
    /// The rate stays until both have passed. `refused_rate` is too high.
    Holding { refused_rate: f64, until: Timestamp, answers_left: u32 },
    /// Looks for the limit, slowly.
    Probing { refused_rate: f64 },
}

/// What a log gets at first, in requests per second. The operator with the strictest limits has refused
/// as little as 1; all others have taken this.
const RATE_LOG_START: f64 = 2.0;
/// No follower needs more from one log: at 256 entries a request it is ten times what all public logs
/// together grow by.
const RATE_LOG_MAX: f64 = 100.0;
/// How many logs of one operator may be followed at full speed at a time: each has a handful of shards.
pub const OPERATOR_SHARE: f64 = 5.0;
/// Slower than one request in five minutes is not following; then the log is to be reported.
const RATE_MIN: f64 = 1.0 / 300.0;

/// While learning, the rate rises by this per answer, but doubles in no less than ten seconds, since a
/// server that saves up a burst shows its limit late.
const LEARNING_PER_ANSWER: f64 = 0.05;
const LEARNING_PER_SECOND: f64 = 0.07;
/// While probing, it rises by this part of the refused rate per answer, and per second.
const PROBING_PER_ANSWER: f64 = 0.005;
const PROBING_PER_SECOND: f64 = 0.002;
/// A rate refused while probing was just too high.
const DECREASE_PROBING: f64 = 0.9;
/// One refused otherwise was far too high, or the limit is lower now.
const DECREASE: f64 = 0.7;
/// So far above the last refused rate, the limit is another one and is learned anew.
const FORGET_ABOVE: f64 = 1.5;

/// After a refusal the rate stays for at least this long, ...
const HOLD_MIN: Duration = Duration::from_secs(60);
/// ... for so many times what the refusal made us wait, so that waiting stays below 5 %, ...
const HOLD_PAUSES: u32 = 20;
/// ... and for so many answers, so that refusals stay below 2 %.
const HOLD_ANSWERS: u32 = 50;

/// How long to wait after a refusal without `Retry-After`: this, or two requests' time; doubled with each
/// further refusal in a row.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// And at most.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// The bound of the wait after a first failure; doubled with each further one in a row.
pub const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// And at most. A log that is back is noticed within five minutes.
pub const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// Whether a refusal tells us something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// We were looking for the limit and found it, or the request was sent before we knew of it.
    Expected,
    /// The rate had been fine until now. Perhaps somebody else uses up the limit.
    Surprising,
}

impl Pace {
    /// The pace of a log that we know nothing about.
    pub fn of_log(rates: Rates) -> Self {
        Self::new(rates)
    }

    /// The pace of an operator that we know nothing about.
    pub fn of_operator(rates: Rates) -> Self {
        Self::new(Rates { start: rates.start * OPERATOR_SHARE, max: rates.max * OPERATOR_SHARE })
    }

    fn new(limits: Rates) -> Self {
        Self {
            limits,
            rate: limits.start,
            phase: Phase::Learning,
            next: Timestamp::MIN,
            blocked_until: Timestamp::MIN,
            is_limiting: false,
            refusals_in_a_row: 0,
            failures_in_a_row: 0,
            risen_at: Timestamp::MIN,
        }
    }

    /// The learned rate, in requests per second.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// When the next request may go: `now` or later.
    pub fn ready_at(&self, now: Timestamp) -> Timestamp {
        now.max(self.next).max(self.blocked_until)
    }

    /// A request goes out.
    pub fn on_request(&mut self, now: Timestamp) {
        let slot = Duration::from_secs_f64(1.0 / self.rate);
        let ready = self.next.max(self.blocked_until);
        self.is_limiting = now <= after(ready, slot);
        self.next = after(now.max(self.next), slot);
    }

    /// It was answered.
    pub fn on_success(&mut self, now: Timestamp) {
        self.refusals_in_a_row = 0;
        self.failures_in_a_row = 0;
        let seconds = seconds_between(self.risen_at, now);
        self.risen_at = now;
        let rise = match &mut self.phase {
            Phase::Learning => self.rate * LEARNING_PER_ANSWER.min(LEARNING_PER_SECOND * seconds),
            Phase::Holding { refused_rate, until, answers_left } => {
                *answers_left = answers_left.saturating_sub(1);
                if *answers_left == 0 && now >= *until {
                    self.phase = Phase::Probing { refused_rate: *refused_rate };
                }
                return;
            }
            Phase::Probing { refused_rate } => {
                *refused_rate * PROBING_PER_ANSWER.min(PROBING_PER_SECOND * seconds)
            }
        };
        if !self.is_limiting {
            return;
        }
        self.rate = (self.rate + rise).min(self.limits.max);
        if matches!(self.phase, Phase::Probing { refused_rate } if self.rate > FORGET_ABOVE * refused_rate)
        {
            self.phase = Phase::Learning;
        }
    }

    /// It was refused for being one too many (status 429 or 503), with or without a `Retry-After`.
    pub fn on_throttle(&mut self, now: Timestamp, retry_after: Option<Duration>) -> Refusal {
        if now < self.blocked_until {
            // It went out before the last refusal came in: the same news once more.
            if let Some(wait) = retry_after {
                self.blocked_until = self.blocked_until.max(after(now, wait));
            }
            return Refusal::Expected;
        }
        let pause = retry_after.unwrap_or_else(|| {
            let two_requests = Duration::from_secs_f64(2.0 / self.rate);
            doubled(PAUSE_MIN.max(two_requests), self.refusals_in_a_row, PAUSE_MAX)
        });
        self.refusals_in_a_row = self.refusals_in_a_row.saturating_add(1);
        self.blocked_until = after(now, pause);
        let (decrease, refusal) = match self.phase {
            Phase::Learning => (DECREASE, Refusal::Expected),
            Phase::Probing { .. } => (DECREASE_PROBING, Refusal::Expected),
            Phase::Holding { .. } => (DECREASE, Refusal::Surprising),
        };
        self.phase = Phase::Holding {
            refused_rate: self.rate,
            until: after(self.blocked_until, HOLD_MIN.max(pause.saturating_mul(HOLD_PAUSES))),
            answers_left: HOLD_ANSWERS,
        };
        self.rate = (self.rate * decrease).max(RATE_MIN);
        refusal
    }

    /// It came to nothing: no connection, no answer, an answer that is none. Waits for `jitter` of a bound
    /// that doubles, so that many clients of a server that comes back do not all come at once.
    ///
    /// # Panics
    ///
    /// If `jitter` is not between 0 and 1.
    pub fn on_failure(&mut self, now: Timestamp, jitter: f64) {
        assert!((0.0..=1.0).contains(&jitter), "jitter is a part of one");
        let bound = doubled(BACKOFF_MIN, self.failures_in_a_row, BACKOFF_MAX);
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        self.blocked_until = self.blocked_until.max(after(now, bound.mul_f64(jitter)));
    }
}

/// A log's pace and that of its operator: both have to be kept.
#[derive(Debug)]
pub struct Paces<'a> {
    /// Of this log alone.
    pub log: &'a mut Pace,
    /// Of all logs of its operator together.
    pub operator: &'a mut Pace,
}

impl Paces<'_> {
    /// See [`Pace::ready_at`].
    pub fn ready_at(&self, now: Timestamp) -> Timestamp {
        self.log.ready_at(now).max(self.operator.ready_at(now))
    }

    /// See [`Pace::on_request`].
    pub fn on_request(&mut self, now: Timestamp) {
        self.log.on_request(now);
        self.operator.on_request(now);
    }

    /// See [`Pace::on_success`].
    pub fn on_success(&mut self, now: Timestamp) {
        self.log.on_success(now);
        self.operator.on_success(now);
    }

    /// See [`Pace::on_throttle`]. A log that finds its own limit says nothing about the others of its
    /// operator. One that is refused at a rate that had been fine does: the limit is a common one.
    pub fn on_throttle(&mut self, now: Timestamp, retry_after: Option<Duration>) {
        match self.log.on_throttle(now, retry_after) {
            Refusal::Expected => (),
            Refusal::Surprising => {
                self.operator.on_throttle(now, retry_after);
            }
        }
    }

    /// See [`Pace::on_failure`]. It concerns this log only.
    pub fn on_failure(&mut self, now: Timestamp, jitter: f64) {
        self.log.on_failure(now, jitter);
    }
}

/// `start`, doubled `times` over, up to `max`.
fn doubled(start: Duration, times: u32, max: Duration) -> Duration {
    start.saturating_mul(2_u32.saturating_pow(times)).min(max)
}

fn seconds_between(earlier: Timestamp, later: Timestamp) -> f64 {
    later.duration_since(earlier).as_secs_f64().max(0.0)
}

#[cfg(test)]
mod tests;
