//! Handshake messages (RFC 8446 §4): put together again from records, or cut out of one.

use crate::bytes::Bytes;
use crate::flaw::Flaw;
use crate::recording::TAPE_BYTES_MAX;

/// One message with its header, as hashes cover it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    pub(crate) const CLIENT_HELLO: u8 = 1;
    pub(crate) const SERVER_HELLO: u8 = 2;
    pub(crate) const NEW_SESSION_TICKET: u8 = 4;
    pub(crate) const ENCRYPTED_EXTENSIONS: u8 = 8;
    pub(crate) const CERTIFICATE: u8 = 11;
    pub(crate) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(crate) const CERTIFICATE_REQUEST: u8 = 13;
    pub(crate) const SERVER_HELLO_DONE: u8 = 14;
    pub(crate) const CERTIFICATE_VERIFY: u8 = 15;
    pub(crate) const FINISHED: u8 = 20;
    pub(crate) const CERTIFICATE_STATUS: u8 = 22;
    pub(crate) const COMPRESSED_CERTIFICATE: u8 = 25;

    /// Which kind.
    pub(crate) fn kind(&self) -> u8 {
        self.bytes[0]
    }

    /// What it says.
    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[HEADER_BYTES..]
    }

    /// All of it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What records carry, until it is a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Messages {
    bytes: Vec<u8>,
    /// How much of them was given out.
    given: usize,
}

impl Messages {
    pub(crate) fn push(&mut self, payload: &[u8]) {
        self.bytes.drain(..self.given);
        self.given = 0;
        self.bytes.extend_from_slice(payload);
    }

    /// The next message that is whole.
    pub(crate) fn next(&mut self) -> Result<Option<Message>, Flaw> {
        let rest = &self.bytes[self.given..];
        let mut fields = Bytes::new(rest);
        let (Some(_), Some(length)) = (fields.u8(), fields.u24()) else { return Ok(None) };
        if length > MESSAGE_BYTES_MAX {
            return Err(Flaw::TooLong(length));
        }
        let Some(bytes) = rest.get(..HEADER_BYTES + length) else { return Ok(None) };
        self.given += bytes.len();
        Ok(Some(Message { bytes: bytes.to_vec() }))
    }

    /// Whether nothing is left over.
    pub(crate) fn is_empty(&self) -> bool {
        self.given == self.bytes.len()
    }
}

/// The type, and a length of three octets.
const HEADER_BYTES: usize = 4;

/// What is longer cannot have been recorded.
const MESSAGE_BYTES_MAX: usize = TAPE_BYTES_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_cross_records() {
        let mut messages = Messages::default();
        messages.push(&[1, 0]);
        assert_eq!(messages.next(), Ok(None));
        messages.push(&[0, 2, 7, 8, 14, 0, 0, 0, 2]);
        let kinds = [messages.next(), messages.next(), messages.next()];
        let kinds = kinds.map(|message| message.unwrap().map(|message| message.kind()));
        assert_eq!(kinds, [Some(1), Some(14), None]);
        assert!(!messages.is_empty());
    }

    #[test]
    fn no_message_is_longer_than_a_recording() {
        let mut messages = Messages::default();
        messages.push(&[11, 0xff, 0xff, 0xff]);
        assert_eq!(messages.next(), Err(Flaw::TooLong(0xff_ffff)));
    }
}
