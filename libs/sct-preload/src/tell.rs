//! Lines on standard error, where they do not flood the program's own.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Tells each thing once a minute at most, and not more than a few things.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    told: Mutex<VecDeque<(Timestamp, String)>>,
}

impl Teller {
    /// One line.
    pub(crate) fn say(&self, what: &str, now: Timestamp) {
        if self.is_due(what, now) {
            let line = format!("countersign: {}\n", plain(what));
            // In one piece, so that lines of threads do not mix. A program may have closed it: then nobody reads.
            let _closed = io::stderr().write_all(line.as_bytes());
        }
    }

    fn is_due(&self, what: &str, now: Timestamp) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|(when, _)| {
            let age = now.duration_since(*when);
            !age.is_negative() && age < SILENCE
        });
        if told.len() >= LINES_MAX || told.iter().any(|(_, known)| known == what) {
            return false;
        }
        told.push_back((now, what.to_owned()));
        true
    }
}

/// What the machine believes the time is.
#[expect(clippy::disallowed_methods, reason = "nobody hands a preloaded library a clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Names come from servers, in part: nothing in them may steer a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(LINE_CHARS_MAX).collect()
}

/// The same line is told again after this time: a program that tries again and again has one line a minute.
const SILENCE: SignedDuration = SignedDuration::from_secs(60);
/// Lines within that time. A browser that opens a page meets some tens of hosts.
const LINES_MAX: usize = 50;
/// Characters of a line. The longest reason, for sixteen SCTs, has some 1,500.
const LINE_CHARS_MAX: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_thing_is_told_once_a_minute_and_no_more_than_some() {
        let teller = Teller::default();
        let start = Timestamp::UNIX_EPOCH;
        let after = |seconds| start + SignedDuration::from_secs(seconds);
        assert!(teller.is_due("one", start));
        assert!(!teller.is_due("one", after(59)));
        assert!(teller.is_due("two", after(59)));
        assert!(teller.is_due("one", after(60)));
        let others = (0..100).filter(|n| teller.is_due(&format!("other {n}"), after(61)));
        assert_eq!(others.count(), LINES_MAX - 2);
        assert!(teller.is_due("one", start), "a clock that was set back silences nobody");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
    }
}
