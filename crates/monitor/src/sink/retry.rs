//! When a sink is asked again: soon at first, then ever later, and never later than an hour.

use std::time::Duration;

use jiff::Timestamp;

/// The earliest that a sink is asked again.
pub const WAIT_MIN: Duration = Duration::from_secs(5);

/// The latest. A sink that was away for a day has what it missed within the hour after.
pub const WAIT_MAX: Duration = Duration::from_secs(60 * 60);

/// When to ask again after `attempts` in a row that failed, the last one `now`. The wait doubles with each;
/// `jitter`, from 0 to 1, spreads it over its upper half, so that many sinks of one server do not all come
/// back at once. What the receiver asked for (`retry_after`) can only make it longer, within [`WAIT_MAX`].
pub fn next_at(
    attempts: u32,
    retry_after: Option<Duration>,
    now: Timestamp,
    jitter: f64,
) -> Timestamp {
    let doubled = 2_u32.checked_pow(attempts).unwrap_or(u32::MAX);
    let longest = WAIT_MIN.saturating_mul(doubled).min(WAIT_MAX);
    let wait = (longest / 2).mul_f64(1.0 + jitter.clamp(0.0, 1.0));
    let wait = wait.max(retry_after.unwrap_or_default()).clamp(WAIT_MIN, WAIT_MAX);
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(attempts: u32, retry_after_s: Option<u64>, jitter: f64, expected_s: f64) {
        let now: Timestamp = "2026-11-24T02:00:00Z".parse().unwrap();
        let at = next_at(attempts, retry_after_s.map(Duration::from_secs), now, jitter);
        assert_eq!(at.duration_since(now).as_secs_f64(), expected_s, "{attempts} {jitter}");
    }

    #[test]
    fn the_wait_doubles_up_to_an_hour() {
        for (attempts, expected_s) in
            [(1, 5.0), (2, 10.0), (3, 20.0), (9, 1280.0), (10, 1800.0), (11, 1800.0)]
        {
            check(attempts, None, 0.0, expected_s);
        }
        check(0, None, 0.0, 5.0);
        check(u32::MAX, None, 0.0, 1800.0);
        check(u32::MAX, None, 1.0, 3600.0);
    }

    #[test]
    fn jitter_spreads_the_upper_half() {
        check(1, None, 0.5, 7.5);
        check(1, None, 1.0, 10.0);
        check(1, None, 7.0, 10.0);
        check(1, None, -7.0, 5.0);
        check(1, None, f64::INFINITY, 10.0);
    }

    #[test]
    fn the_receiver_can_ask_for_more_but_not_for_ever() {
        check(1, Some(90), 0.0, 90.0);
        check(5, Some(1), 0.0, 80.0);
        check(1, Some(u64::MAX), 0.0, 3600.0);
    }

    #[test]
    fn time_has_an_end() {
        assert_eq!(next_at(3, None, Timestamp::MAX, 1.0), Timestamp::MAX);
    }
}
