//! Whether a log is being caught up with: how fast it grows, how fast we read.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// Sizes over the last hour. Fed at each poll, it says how the race stands.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    samples: VecDeque<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Timestamp,
    head: u64,
    downloaded: u64,
}

/// How the race between a log and its follower stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Race {
    /// All that the log signed is read, or nearly.
    CaughtUp,
    /// Not seen for long enough to say.
    Unknown,
    /// The rest will be read in about this time.
    Gaining {
        /// Time until the head is reached.
        left: SignedDuration,
    },
    /// The log grows at least as fast as it is read: at this rate it is never caught up with.
    Losing {
        /// Entries signed but not read.
        lag: u64,
        /// Entries that the log adds in an hour.
        growth_per_hour: u64,
        /// Entries that are read in an hour.
        read_per_hour: u64,
    },
}

impl Backlog {
    /// Notes where the log and the follower stood at `now`.
    pub fn observe(&mut self, now: Timestamp, head: u64, downloaded: u64) {
        let outdated = |sample: &Sample| {
            let age = now.duration_since(sample.at);
            // A clock that was set back, or a follower that went back, makes earlier samples worthless.
            age > WINDOW_MAX || age < SignedDuration::ZERO || sample.downloaded > downloaded
        };
        while self.samples.front().is_some_and(outdated) || self.samples.len() >= SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { at: now, head, downloaded });
    }

    /// How the race stands.
    pub fn race(&self) -> Race {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return Race::Unknown;
        };
        let lag = last.head.saturating_sub(last.downloaded);
        if lag <= LAG_MIN {
            return Race::CaughtUp;
        }
        let span = last.at.duration_since(first.at);
        if span < WINDOW_MIN {
            return Race::Unknown;
        }
        let growth = last.head.saturating_sub(first.head);
        let read = last.downloaded - first.downloaded;
        if read > growth {
            let seconds = u128::from(lag) * span.as_millis().unsigned_abs()
                / u128::from(read - growth)
                / 1000;
            let left = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            return Race::Gaining { left };
        }
        Race::Losing {
            lag,
            growth_per_hour: per_hour(growth, span),
            read_per_hour: per_hour(read, span),
        }
    }
}

fn per_hour(entries: u64, span: SignedDuration) -> u64 {
    let per_hour = u128::from(entries) * 3_600_000 / span.as_millis().unsigned_abs().max(1);
    u64::try_from(per_hour).unwrap_or(u64::MAX)
}

/// A lag of less is no backlog: a few tiles, which every busy log adds between two polls.
const LAG_MIN: u64 = 4096;
/// What happened longer ago says nothing about the rate now.
const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(1);
/// Over a shorter time rates jump about too much to judge.
const WINDOW_MIN: SignedDuration = SignedDuration::from_mins(10);
/// One a minute for the whole window, and some.
const SAMPLES_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten samples, two minutes apart, of a log that grows and a follower that reads so much a minute.
    fn check(lag: u64, growth: u64, read: u64, expected: Race) {
        let mut backlog = Backlog::default();
        for sample in 0..10 {
            let now = Timestamp::UNIX_EPOCH
                + SignedDuration::from_mins(2 * i64::try_from(sample).unwrap());
            backlog.observe(
                now,
                1_000_000 + lag + 2 * growth * sample,
                1_000_000 + 2 * read * sample,
            );
        }
        assert_eq!(backlog.race(), expected);
    }

    #[test]
    fn the_race_is_judged_by_both_rates() {
        check(0, 1000, 1000, Race::CaughtUp);
        check(100_000, 1000, 2000, Race::Gaining { left: SignedDuration::from_secs(4920) });
        let losing = Race::Losing { lag: 118_000, growth_per_hour: 120_000, read_per_hour: 60_000 };
        check(100_000, 2000, 1000, losing);
    }

    #[test]
    fn nothing_is_said_too_early() {
        let mut backlog = Backlog::default();
        assert_eq!(backlog.race(), Race::Unknown);
        backlog.observe(Timestamp::UNIX_EPOCH, 1_000_000, 0);
        assert_eq!(backlog.race(), Race::Unknown);
    }
}
