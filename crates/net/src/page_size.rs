//! How many entries a log gives at once: learned from its short answers. Pure.
//!
//! RFC 6962 §4.6 lets a log answer `get-entries` with fewer entries than asked for. Some give their page
//! size from wherever one starts; others also end each answer at a multiple of it, so that caches can help.
//! Requests that end where the log's pages end waste nothing.

use std::ops::Range;

/// What a log was seen to give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageSize {
    /// The most entries in a short answer.
    largest: u64,
    /// The greatest common divisor of the indices at which short answers ended; 0 before the first. A log
    /// that aligns its pages makes this a multiple of its page size.
    boundary: u64,
    /// Short answers since the last full one.
    short_in_a_row: u32,
    /// Full answers since the last short one.
    full_in_a_row: u32,
}

/// The most to ask for at once. At about 6 kB an entry this makes an answer of 6 MB; the largest page seen
/// on a public log is 1024.
pub const PAGE_ENTRIES_MAX: u64 = 1024;

/// After so many short answers in a row, what was learned is out of date: pages are smaller now.
const SHORT_MAX: u32 = 3;

/// After so many full answers in a row, the log is asked for more, since its pages may be larger now.
const FULL_MAX: u32 = 256;

impl PageSize {
    /// How many entries a request gets, as far as we know; [`PAGE_ENTRIES_MAX`] before the first answer.
    pub fn entries(&self) -> u64 {
        let learned = if self.is_aligned() { self.boundary } else { self.largest };
        if learned == 0 { PAGE_ENTRIES_MAX } else { learned.min(PAGE_ENTRIES_MAX) }
    }

    /// Whether all short answers ended at multiples of one size.
    fn is_aligned(&self) -> bool {
        self.boundary >= self.largest
    }

    /// The next indices to ask for, from `start`, below `tree_size`.
    ///
    /// # Panics
    ///
    /// If there are no entries from `start` on.
    pub fn request(&self, start: u64, tree_size: u64) -> Range<u64> {
        assert!(start < tree_size, "asks for entries that are not there");
        let size = if self.full_in_a_row < FULL_MAX { self.entries() } else { PAGE_ENTRIES_MAX };
        let past = if self.is_aligned() { start % size } else { 0 };
        start..tree_size.min(start.saturating_add(size - past))
    }

    /// Learns from an answer of `entries` entries to a request for the indices `asked`.
    pub fn on_answer(&mut self, asked: &Range<u64>, entries: u64) {
        let wanted = asked.end - asked.start;
        if entries == 0 || entries > wanted {
            // That is misbehaviour, for others to judge.
            return;
        }
        if entries == wanted {
            self.short_in_a_row = 0;
            if entries >= self.entries() {
                self.full_in_a_row = self.full_in_a_row.saturating_add(1);
            }
            return;
        }
        self.full_in_a_row = 0;
        self.short_in_a_row += 1;
        if self.short_in_a_row > SHORT_MAX || entries > self.entries() {
            *self = Self::default();
        }
        self.largest = self.largest.max(entries);
        self.boundary = greatest_common_divisor(self.boundary, asked.start + entries);
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A log with pages of `size` entries.
    #[derive(Clone, Copy, Debug)]
    struct Log {
        size: u64,
        is_aligned: bool,
    }

    impl Log {
        fn answer(self, asked: &Range<u64>) -> u64 {
            let past = if self.is_aligned { asked.start % self.size } else { 0 };
            (asked.end - asked.start).min(self.size - past)
        }
    }

    /// Reads `requests` pages from `start` and returns the next index.
    fn read(page_size: &mut PageSize, log: Log, mut start: u64, requests: u32) -> u64 {
        for _ in 0..requests {
            let asked = page_size.request(start, u64::MAX);
            let entries = log.answer(&asked);
            page_size.on_answer(&asked, entries);
            start += entries;
        }
        start
    }

    /// After a few answers, requests are what the log gives: no answer is short, and none could be longer.
    fn check(log: Log, start: u64) {
        let mut page_size = PageSize::default();
        let mut start = read(&mut page_size, log, start, 8);
        for _ in 0..20 {
            let asked = page_size.request(start, u64::MAX);
            let most = log.answer(&(start..start + PAGE_ENTRIES_MAX));
            assert_eq!(asked.end - asked.start, most, "{log:?} at {start}: {page_size:?}");
            page_size.on_answer(&asked, most);
            start = asked.end;
        }
    }

    proptest! {
        #[test]
        fn learns_aligned_pages(size in 2_u64..=1024, start in 0_u64..10_000_000_000) {
            check(Log { size, is_aligned: true }, start);
        }

        #[test]
        fn learns_pages_from_anywhere(size in 1_u64..=1024, start in 0_u64..10_000_000_000) {
            let log = Log { size, is_aligned: false };
            let mut page_size = PageSize::default();
            let start = read(&mut page_size, log, start, 8);
            let end = read(&mut page_size, log, start, 20);
            prop_assert!(end - start >= 19 * size, "{} entries in 20 requests", end - start);
        }

        /// A request is never empty, too large or past the tree, whatever a log answers.
        #[test]
        fn asks_for_what_is_there(
            answers in proptest::collection::vec((0_u64..5000, 0_u64..5000, 0_u64..2000), 0..400),
        ) {
            let mut page_size = PageSize::default();
            for (start, more, entries) in answers {
                let asked = page_size.request(start, start + 1 + more);
                prop_assert!(asked.start == start && asked.end > start && asked.end <= start + 1 + more);
                prop_assert!(asked.end - start <= PAGE_ENTRIES_MAX);
                page_size.on_answer(&asked, entries);
            }
        }
    }

    #[test]
    fn follows_a_log_that_changes_its_pages() {
        let (large, small) =
            (Log { size: 512, is_aligned: true }, Log { size: 32, is_aligned: true });
        let mut page_size = PageSize::default();
        let start = read(&mut page_size, large, 77, 10);
        assert_eq!(page_size.entries(), 512);
        let start = read(&mut page_size, small, start, 10);
        assert_eq!(page_size.entries(), 32);
        read(&mut page_size, large, start, FULL_MAX + 10);
        assert_eq!(page_size.entries(), 512);
    }

    #[test]
    fn the_end_of_the_tree_is_no_page_size() {
        let mut page_size = PageSize::default();
        let asked = page_size.request(1000, 1003);
        assert_eq!(asked, 1000..1003);
        page_size.on_answer(&asked, 3);
        assert_eq!(page_size.entries(), PAGE_ENTRIES_MAX);
    }
}
