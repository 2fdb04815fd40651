//! Lines on standard error, where they do not flood the program's own.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::ops::RangeInclusive;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::ffi::{self, StandardError};

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
            if is_for_people() {
                // In one piece, so that lines of threads do not mix. Nobody may be left to read it.
                ffi::without_sigpipe(|| drop(io::stderr().write_all(line.as_bytes())));
            }
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

/// Where standard error led when the program began.
static AT_LOAD: OnceLock<Option<StandardError>> = OnceLock::new();

/// Notes where standard error leads, before the program can close it.
pub(crate) fn note_standard_error() {
    AT_LOAD.get_or_init(StandardError::now);
}

/// Whether standard error leads to where it did, or where lines belong. A program that has closed it gets its next
/// connection or file there.
fn is_for_people() -> bool {
    let before = AT_LOAD.get().copied().flatten();
    let is_same = |now: &StandardError| before.is_some_and(|before| before.place == now.place);
    StandardError::now().is_some_and(|now| now.is_for_lines || is_same(&now))
}

/// What the machine believes the time is.
#[expect(clippy::disallowed_methods, reason = "nobody hands a preloaded library a clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Names come from servers, in part: nothing in them may steer a terminal.
fn plain(text: &str) -> String {
    let steers = |c: char| c.is_control() || INVISIBLE.iter().any(|range| range.contains(&c));
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).take(LINE_CHARS_MAX).collect()
}

/// Characters that are not seen and change how others are: Unicode's category Cf, and the separators of lines.
const INVISIBLE: &[RangeInclusive<char>] = &[
    '\u{ad}'..='\u{ad}',
    '\u{600}'..='\u{605}',
    '\u{61c}'..='\u{61c}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{890}'..='\u{891}',
    '\u{8e2}'..='\u{8e2}',
    '\u{180e}'..='\u{180e}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{feff}'..='\u{feff}',
    '\u{fff9}'..='\u{fffb}',
    '\u{110bd}'..='\u{110bd}',
    '\u{110cd}'..='\u{110cd}',
    '\u{13430}'..='\u{1343f}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0001}'..='\u{e007f}',
];

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
        assert_eq!(plain("elpmaxe\u{202e}.é"), "elpmaxe\u{fffd}.é");
    }
}
