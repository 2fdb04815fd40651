//! The lines of a file, and what is wrong with them.

use countersign_dns::Name;

use super::record::Zone;

/// Why a text is no replay.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {wrong}")]
pub(crate) struct ReplayError {
    /// Where, from 1.
    pub(crate) line: usize,
    /// What.
    pub(crate) wrong: Wrong,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Wrong {
    /// The file is too large.
    #[error("the file is larger than 16 MiB")]
    Size,
    /// There are too many entries.
    #[error("there are more than 100000 entries")]
    Entries,
    /// An entry makes a message that is too long to be sent.
    #[error("the message is longer than 65535 octets")]
    Message,
    /// The file ends too early.
    #[error("the file ends before {0}")]
    Ended(&'static str),
    /// Something is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A word is not among those that can stand there.
    #[error("{word:?} is no {what}")]
    Unknown {
        /// What can stand there.
        what: &'static str,
        /// What stands there, cut short.
        word: String,
    },
    /// A record cannot be read.
    #[error("the record cannot be read: {0}")]
    Record(String),
}

/// The lines, without empty ones and comments.
pub(super) struct Lines<'a> {
    text: std::iter::Enumerate<std::str::Lines<'a>>,
    peeked: Option<Line<'a>>,
    last: usize,
    entries: usize,
    /// What holds for the records from here on.
    pub(super) zone: Zone,
}

/// A line, or what is left of it.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    /// Its number, from 1.
    pub(super) at: usize,
    /// All of it, without white space around it.
    pub(super) text: &'a str,
    left: &'a str,
    /// The word that was taken last.
    word: &'a str,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, ReplayError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ReplayError { line: 1, wrong: Wrong::Size });
        }
        let text = text.lines().enumerate();
        Ok(Self { text, peeked: None, last: 1, entries: 0, zone: Zone::default() })
    }

    pub(super) fn next(&mut self) -> Option<Line<'a>> {
        if let Some(peeked) = self.peeked.take() {
            return Some(peeked);
        }
        loop {
            let line = self.raw()?;
            if !line.text.is_empty() && !line.text.starts_with(COMMENT) {
                return Some(line);
            }
        }
    }

    /// The next line, whatever is on it. Not to be called when a line was peeked at.
    pub(super) fn raw(&mut self) -> Option<Line<'a>> {
        debug_assert!(self.peeked.is_none());
        let (before, text) = self.text.next()?;
        self.last = before + 1;
        let text = text.trim();
        Some(Line { at: self.last, text, left: text, word: "" })
    }

    /// The first word of the next line.
    pub(super) fn peek_word(&mut self) -> Option<&'a str> {
        self.peeked = self.next();
        self.peeked.clone()?.word()
    }

    /// The next line, which begins with this word.
    pub(super) fn expect(&mut self, word: &'static str) -> Result<Line<'a>, ReplayError> {
        let mut line = self.next().ok_or_else(|| self.ended(word))?;
        match line.word() == Some(word) {
            true => Ok(line),
            false => Err(line.unknown(word)),
        }
    }

    pub(super) fn ended(&self, before: &'static str) -> ReplayError {
        ReplayError { line: self.last, wrong: Wrong::Ended(before) }
    }

    /// Takes an entry into account.
    pub(super) fn count_entry(&mut self) -> Result<(), ReplayError> {
        self.entries += 1;
        match self.entries > ENTRIES_MAX {
            true => Err(ReplayError { line: self.last, wrong: Wrong::Entries }),
            false => Ok(()),
        }
    }

    /// `$ORIGIN` and `$TTL` (RFC 1035 §5.1, RFC 2308 §4), which hold for all records after them.
    pub(super) fn directive(&mut self, line: &Line<'a>) -> Result<(), ReplayError> {
        let mut line = line.again();
        match line.word() {
            Some("$ORIGIN") => {
                let origin: Option<Name> = line.word().and_then(|word| word.parse().ok());
                self.zone.origin = origin.ok_or_else(|| line.unknown("name"))?;
            }
            _ => self.zone.ttl_s = line.number()?,
        }
        line.end()
    }
}

impl<'a> Line<'a> {
    /// The next word; `None` if a comment or the end is next.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        let left = self.left.trim_start();
        if left.is_empty() || left.starts_with(COMMENT) {
            self.word = "";
            return None;
        }
        let end = left.find(char::is_whitespace).unwrap_or(left.len());
        (self.word, self.left) = left.split_at(end);
        Some(self.word)
    }

    /// The same line from its beginning.
    pub(super) fn again(&self) -> Self {
        Self { left: self.text, ..self.clone() }
    }

    /// What is left, comments too.
    pub(super) fn rest(&mut self) -> String {
        std::mem::take(&mut self.left).trim().to_owned()
    }

    pub(super) fn number(&mut self) -> Result<u32, ReplayError> {
        let digits = self.word().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|word| word.parse().ok()).ok_or_else(|| self.unknown("number"))
    }

    /// Seconds that may have a fraction, in milliseconds.
    pub(super) fn seconds(&mut self) -> Result<u64, ReplayError> {
        let (whole, fraction) =
            self.word().map_or(("", ""), |word| word.split_once('.').unwrap_or((word, "0")));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 3 {
            return Err(self.unknown("time in seconds"));
        }
        let whole: Option<u64> = whole.parse().ok();
        let fraction: Option<u64> = format!("{fraction:0<3}").parse().ok();
        let all = whole.and_then(|whole| whole.checked_mul(1000)?.checked_add(fraction?));
        all.ok_or_else(|| self.unknown("time in seconds"))
    }

    /// Nothing is left but a comment.
    pub(super) fn end(&mut self) -> Result<(), ReplayError> {
        match self.word() {
            None => Ok(()),
            Some(_) => Err(self.unknown("end of the line")),
        }
    }

    pub(super) fn wrong(&self, wrong: Wrong) -> ReplayError {
        ReplayError { line: self.at, wrong }
    }

    /// The word that was taken last is none of those that can stand there.
    pub(super) fn unknown(&self, what: &'static str) -> ReplayError {
        self.not(self.word, what)
    }

    pub(super) fn not(&self, word: &str, what: &'static str) -> ReplayError {
        let word = word.chars().take(WORD_CHARS_SHOWN).collect();
        self.wrong(Wrong::Unknown { what, word })
    }
}

/// What begins a comment.
pub(super) const COMMENT: [char; 2] = [';', '#'];

/// The largest of the files that are known has 100 KiB.
const TEXT_BYTES_MAX: usize = 16 << 20;
/// Each is a message in memory. The files that are known have less than a hundred.
const ENTRIES_MAX: usize = 100_000;
/// Enough to find it.
const WORD_CHARS_SHOWN: usize = 40;
