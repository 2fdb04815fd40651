//! Points in time as people write them.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::config::Period;

/// `2026-11-01T12:00:00Z`, or `2026-11-01` for the beginning of that day in UTC.
pub(crate) fn point(text: &str) -> Result<Timestamp, String> {
    if let Ok(timestamp) = text.parse() {
        return Ok(timestamp);
    }
    let day = text.parse::<Date>().ok().filter(|day| day.to_string() == text);
    day.and_then(|day| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()).ok_or_else(|| {
        format!("{text:?} is not a time: write \"2026-11-01\" or \"2026-11-01T12:00:00Z\"")
    })
}

/// A point in time, or one that long ago.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum When {
    At(Timestamp),
    Ago(Period),
}

impl When {
    /// The point, seen from `now`.
    pub(crate) fn seen_from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            // Longer ago than time is counted is the beginning of time.
            Self::Ago(Period(ago)) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(ago) = text.parse() {
            return Ok(Self::Ago(ago));
        }
        point(text).map(Self::At).map_err(|why| format!("{why}, or how long ago, as \"7d\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, at: Option<&str>) {
        let now = "2026-11-24T12:00:00Z".parse().expect("a time");
        let seen = text.parse::<When>().ok().map(|when| when.seen_from(now).to_string());
        assert_eq!(seen.as_deref(), at, "{text}");
    }

    #[test]
    fn days_begin_in_utc() {
        check("2026-11-01", Some("2026-11-01T00:00:00Z"));
        check("2026-11-01T12:30:00Z", Some("2026-11-01T12:30:00Z"));
        check("2026-11-01T12:30:00+02:00", Some("2026-11-01T10:30:00Z"));
    }

    #[test]
    fn spans_are_counted_back_from_now() {
        check("7d", Some("2026-11-17T12:00:00Z"));
        check("90m", Some("2026-11-24T10:30:00Z"));
        check("30000000w", Some(&Timestamp::MIN.to_string()));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["", "yesterday", "2026-13-01", "2026-11-01T12:30:00", "7"] {
            check(text, None);
        }
    }
}
