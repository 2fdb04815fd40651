//! How old a list is, and whether it can be the next one at all.

use countersign_sct::SignedList;
use jiff::{SignedDuration, Timestamp};

/// Whole days since then.
pub(super) fn days(issued: Timestamp, now: Timestamp) -> i64 {
    now.duration_since(issued).as_secs() / DAY.as_secs()
}

/// Why a list can be nobody's next one: whoever took it could take none with a true date, or a true version, after it.
/// `last_version` is that of the list before, or 0.
pub(super) fn leap(list: &SignedList, last_version: u64, now: Timestamp) -> Option<String> {
    ahead(list.issued, now).or_else(|| {
        (list.version > last_version.saturating_add(VERSION_STEP_MAX)).then(|| {
            let version = list.version;
            format!("version {version} is more than {VERSION_STEP_MAX} after {last_version}")
        })
    })
}

/// Why a list may not say that it was issued then.
pub(super) fn ahead(issued: Timestamp, now: Timestamp) -> Option<String> {
    (issued.duration_since(now) > DAY)
        .then(|| format!("it is issued at {issued}, which is more than a day from now"))
}

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Versions that a list may be ahead of the one before. With two a month somebody has slept for forty years.
const VERSION_STEP_MAX: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_at_most_a_day_and_a_thousand_versions_ahead() {
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().expect("a time");
        let leaps = |version, issued: &str, last_version| {
            let issued = issued.parse().expect("a time");
            let list = SignedList { version, issued, ..SignedList::built_in() };
            leap(&list, last_version, now)
        };
        assert_eq!(leaps(1, "2026-11-29T12:00:00Z", 0), None);
        assert!(leaps(1, "2026-11-29T12:00:01Z", 0).is_some_and(|why| why.contains("a day")));
        assert!(leaps(1, "9999-12-30T00:00:00Z", 0).is_some());
        assert_eq!(leaps(1_000, "2026-11-28T00:00:00Z", 0), None);
        assert!(leaps(1_001, "2026-11-28T00:00:00Z", 0).is_some_and(|why| why.contains("1000")));
        assert_eq!(leaps(1_001, "2026-11-28T00:00:00Z", 1), None);
        assert!(leaps(u64::MAX, "2026-11-28T00:00:00Z", 7).is_some());
        assert_eq!(leaps(u64::MAX, "2026-11-28T00:00:00Z", u64::MAX), None);
    }
}
