//! The bytes of a connection, each way, as they passed.

/// What went over one connection, from its first byte on: what stands before TLS as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// From the client to the server.
    pub sent: Tape,
    /// From the server to the client.
    pub received: Tape,
}

/// The first bytes of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tape {
    bytes: Vec<u8>,
    beyond: u64,
    /// Where it went on after the other side had said more.
    turns: Vec<Turn>,
}

/// One side speaks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    /// How much it had said.
    at: usize,
    /// How much it had heard.
    heard: usize,
}

/// A handshake with a chain of ten certificates, post-quantum signatures and what stands before TLS fits in half of it.
/// What a server sends beyond is counted, and no longer kept.
pub const TAPE_BYTES_MAX: usize = 256 << 10;

/// What stands before TLS has less than twenty turns.
const TURNS_MAX: usize = 64;

impl Recording {
    /// Keeps bytes of the client, and how much it had heard before it sent them: where TLS begins, what a server said
    /// before cannot be taken for its answer, whatever it looks like.
    pub fn send(&mut self, bytes: &[u8]) {
        let turn = Turn { at: self.sent.bytes.len(), heard: self.received.bytes.len() };
        let last = self.sent.turns.last();
        let is_first = last.is_none_or(|last| last.heard < turn.heard);
        if !bytes.is_empty() && is_first && self.sent.turns.len() < TURNS_MAX {
            self.sent.turns.push(turn);
        }
        self.sent.push(bytes);
    }

    /// Keeps bytes of the server.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.received.push(bytes);
    }

    /// How much the server had said before the client sent the byte that stands there. None if that was not kept.
    pub(crate) fn heard_before(&self, at: usize) -> Option<usize> {
        let mut turns = self.sent.turns.iter().rev();
        turns.find(|turn| turn.at <= at).map(|turn| turn.heard)
    }
}

impl Tape {
    /// Keeps bytes that passed, as far as there is room.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = TAPE_BYTES_MAX - self.bytes.len();
        let (kept, beyond) = bytes.split_at(room.min(bytes.len()));
        self.bytes.extend_from_slice(kept);
        self.beyond += u64::try_from(beyond.len()).expect("no slice is longer than a u64 counts");
    }

    /// What was kept, in order.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes passed that were not kept.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_kept() {
        let mut recording = Recording::default();
        assert_eq!(recording.heard_before(0), None);
        recording.receive(b"220 hello");
        recording.send(b"EH");
        recording.send(b"LO");
        recording.receive(b"250");
        recording.send(b"STARTTLS");
        assert_eq!([0, 3, 4, 9].map(|at| recording.heard_before(at)), [9, 9, 12, 12].map(Some));
    }

    #[test]
    fn a_tape_keeps_what_it_has_room_for() {
        let mut tape = Tape::default();
        tape.push(&[1; TAPE_BYTES_MAX - 1]);
        tape.push(&[2, 3, 4]);
        tape.push(&[5]);
        assert_eq!(tape.bytes().len(), TAPE_BYTES_MAX);
        assert_eq!((tape.bytes().last(), tape.beyond()), (Some(&2), 3));
    }
}
