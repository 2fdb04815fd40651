//! What a peer has said so far: bounded, and taken piece by piece as it is understood.

use std::fmt;

use countersign_judge::plain;

/// The bytes of a peer, in order, and how far they are understood.
#[derive(Clone, Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    /// Where the answer begins that is being read.
    answer: usize,
    /// Up to where it is understood.
    at: usize,
    /// Up to where there is no line end.
    searched: usize,
    lines: usize,
}

/// What real servers say before TLS, or up to a login, is below 4 KiB, greetings and lists of mechanisms included.
pub const HEARD_BYTES_MAX: usize = 32 << 10;
/// The most talkative of them, an SMTP server with a greeting of its lawyers', stays below 60.
pub const HEARD_LINES_MAX: usize = 256;

impl Inbox {
    /// Takes as many of the bytes as there is room for, and says how many that were.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(HEARD_BYTES_MAX - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..taken]);
        taken
    }

    /// What is not yet understood.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// That many bytes are understood.
    pub fn skip(&mut self, count: usize) {
        self.at += count;
        assert!(self.at <= self.bytes.len(), "nobody understands what has not come");
    }

    /// The next line, without its end, if all of it is there.
    pub fn line(&mut self) -> Option<Vec<u8>> {
        let from = self.searched.max(self.at);
        let Some(end) = self.bytes[from..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            return None;
        };
        let line = &self.bytes[self.at..from + end];
        let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        self.at = from + end + 1;
        self.lines += 1;
        Some(line)
    }

    /// Whether there were more lines than anybody needs.
    pub fn has_too_many_lines(&self) -> bool {
        self.lines > HEARD_LINES_MAX
    }

    /// What comes now is another answer.
    pub fn next_answer(&mut self) {
        self.answer = self.at;
    }

    /// The answer that is being read, as far as it is understood.
    pub fn answer(&self) -> &[u8] {
        &self.bytes[self.answer..self.at]
    }

    /// The answer that is being read, and whatever came behind it.
    pub fn since_answer(&self) -> &[u8] {
        &self.bytes[self.answer..]
    }
}

/// What a peer said, in its own bytes, from the first on. Printed, it is plain.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Said(Vec<u8>);

/// More of it helps nobody who looks for the reason.
pub const SAID_BYTES_MAX: usize = 512;

impl Said {
    /// The first of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(bytes[..bytes.len().min(SAID_BYTES_MAX)].to_vec())
    }

    /// It said these as well.
    pub fn extend(&mut self, bytes: &[u8]) {
        let room = SAID_BYTES_MAX - self.0.len();
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The bytes, as they came.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.0);
        f.write_str(&plain::bounded(text.trim_end(), SAID_BYTES_MAX))
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Said({})", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_one_by_one() {
        let mut inbox = Inbox::default();
        for byte in b"one\r\ntwo\nthr" {
            inbox.push(&[*byte]);
        }
        assert_eq!(inbox.line().as_deref(), Some(&b"one"[..]));
        inbox.next_answer();
        assert_eq!(inbox.line().as_deref(), Some(&b"two"[..]));
        assert_eq!((inbox.line(), inbox.rest()), (None, &b"thr"[..]));
        assert_eq!((inbox.answer(), inbox.since_answer()), (&b"two\n"[..], &b"two\nthr"[..]));
        inbox.push(b"ee\r\n");
        assert_eq!(inbox.line().as_deref(), Some(&b"three"[..]));
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.push(&[b'x'; HEARD_BYTES_MAX - 1]), HEARD_BYTES_MAX - 1);
        assert_eq!((inbox.push(b"yz"), inbox.push(b"z")), (1, 0));
        let mut said = Said::of(&[b'x'; SAID_BYTES_MAX - 1]);
        said.extend(b"yz");
        assert_eq!(said.bytes().last_chunk(), Some(b"xy"));
    }

    #[test]
    fn what_was_said_is_printed_plain() {
        assert_eq!(Said::of(b"550 \x1b[2Jno\xff\r\n").to_string(), r"550 \u{1b}[2Jno�");
    }
}
