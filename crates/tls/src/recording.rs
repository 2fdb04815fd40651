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
}

/// A handshake with a chain of ten certificates, post-quantum signatures and what stands before TLS fits in half of it.
/// What a server sends beyond is counted, and no longer kept.
pub const TAPE_BYTES_MAX: usize = 256 << 10;

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
    fn a_tape_keeps_what_it_has_room_for() {
        let mut tape = Tape::default();
        tape.push(&[1; TAPE_BYTES_MAX - 1]);
        tape.push(&[2, 3, 4]);
        tape.push(&[5]);
        assert_eq!(tape.bytes().len(), TAPE_BYTES_MAX);
        assert_eq!((tape.bytes().last(), tape.beyond()), (Some(&2), 3));
    }
}
