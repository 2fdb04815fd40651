//! A question as it was sent, and what can be its answer.

use countersign_dns::message::{Asking, EdnsAsking, MessageError};
use countersign_dns::{Message, Query};

use super::Role;
use super::cookies::{Cookie, Returned};

/// A question as it was sent.
pub(super) struct Asked {
    wire: Vec<u8>,
    id: [u8; 2],
    /// Name, type and class, as they stand behind the header.
    question: Vec<u8>,
    cookie: Option<Cookie>,
}

/// How a question is put.
pub(super) struct Manner {
    pub(super) role: Role,
    pub(super) edns: Edns,
    /// Whether the name gets random capitals.
    pub(super) capitals: Capitals,
    /// The cookie, if there is EDNS to carry it.
    pub(super) cookie: Option<Cookie>,
}

/// Whether there is an OPT record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edns {
    /// With DO, for signatures and proofs.
    With,
    /// For servers that do not bear it.
    Without,
}

/// Whether letters of the name are sent as capitals, by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capitals {
    Random,
    None,
}

/// What came, held against the question.
pub(super) enum Heard {
    /// Something else, such as a guess of somebody who knows nothing.
    Stray,
    /// It has our ID, and is not the answer: a lucky guess, or a server that does not repeat the question as it was,
    /// which some do.
    Doubtful,
    /// It repeats ID and question, but is malformed, or lacks the cookie that the server has: most likely from the
    /// server, and not to be used.
    Unusable(Option<MessageError>),
    /// An answer to the question.
    Answer(Message),
}

/// The random bytes that a question takes: two for the ID, and a bit for each octet that a name can have.
pub(super) const CHANCE_BYTES: usize = 2 + 32;

/// The largest answer over UDP that is asked for, in octets: what fits into one packet on nearly all paths, so that
/// nobody can put in a second fragment of his own (dnsflagday.net/2020; RFC 9715 §3.2).
pub(super) const DATAGRAM_BYTES_MAX: usize = 1232;

impl Asked {
    pub(super) fn new(query: &Query, manner: Manner, chance: [u8; CHANCE_BYTES]) -> Self {
        let ([first, second], bits) = ([chance[0], chance[1]], &chance[2..]);
        let bit = |index: usize| bits[index / 8] >> (index % 8) & 1 == 1;
        let capitals = match manner.capitals {
            Capitals::Random => (0..8 * bits.len()).map(bit).collect(),
            Capitals::None => Vec::new(),
        };
        let cookie = manner.cookie.filter(|_| manner.edns == Edns::With);
        let edns = EdnsAsking {
            udp_payload_max: u16::try_from(DATAGRAM_BYTES_MAX).expect("1232 has 16 bits"),
            dnssec_ok: true,
            cookie: cookie.as_ref().map(Cookie::data),
        };
        let asking = Asking {
            id: u16::from_be_bytes([first, second]),
            recursion_desired: manner.role == Role::Resolver,
            checking_disabled: false,
            edns: (manner.edns == Edns::With).then_some(edns),
            capitals,
        };
        let wire = query.to_wire(&asking);
        let question = wire[HEADER_BYTES..HEADER_BYTES + query.name.wire().len() + 4].to_vec();
        Self { wire, id: [first, second], question, cookie }
    }

    /// The message.
    pub(super) fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Holds a datagram against the question.
    pub(super) fn judge_datagram(&self, bytes: &[u8]) -> Heard {
        let Some((header, rest)) = self.header(bytes) else { return Heard::Stray };
        // One question, repeated to the letter: an attacker has to guess the capitals, too.
        if !is_one(header) || !rest.starts_with(&self.question) {
            return Heard::Doubtful;
        }
        let message = match Message::parse(bytes) {
            Ok(message) if bytes.len() <= DATAGRAM_BYTES_MAX => message,
            Ok(_) => return Heard::Unusable(None),
            Err(error) => return Heard::Unusable(Some(error)),
        };
        match self.cookie.as_ref().map(|cookie| cookie.judge(self.returned(&message))) {
            None | Some(Returned::Right) => Heard::Answer(message),
            Some(Returned::Wrong) => Heard::Doubtful,
            Some(Returned::Missing) => Heard::Unusable(None),
        }
    }

    /// The cookie that came back; `None`, too, if none was sent.
    pub(super) fn returned<'a>(&self, message: &'a Message) -> Option<&'a [u8]> {
        self.cookie.as_ref()?;
        message.edns.as_ref()?.cookie.as_deref()
    }

    /// Holds what came over a connection against the question. Nobody else can have sent it who does not see the
    /// connection, so neither the case of letters matters nor, to a server that understood nothing, the question.
    pub(super) fn judge_stream(&self, bytes: &[u8]) -> Heard {
        let Some((header, rest)) = self.header(bytes) else { return Heard::Stray };
        let repeated = rest.get(..self.question.len());
        let is_repeated =
            repeated.is_some_and(|repeated| repeated.eq_ignore_ascii_case(&self.question));
        let is_bare = header[4..6] == [0, 0] && OBJECTIONS.contains(&(header[3] & 0xf));
        match Message::parse(bytes) {
            Err(error) => Heard::Unusable(Some(error)),
            Ok(message) if is_one(header) && is_repeated || is_bare => Heard::Answer(message),
            Ok(_) => Heard::Doubtful,
        }
    }

    /// The header, if it is that of an answer to a query with our ID, and what follows it.
    fn header<'a>(&self, bytes: &'a [u8]) -> Option<(&'a [u8; HEADER_BYTES], &'a [u8])> {
        let (header, rest) = bytes.split_first_chunk()?;
        // RFC 1035 §4.1.1: QR is set, the opcode is that of a query.
        let is_answer = header[..2] == self.id && header[2] & 0xf8 == 0x80;
        is_answer.then_some((header, rest))
    }
}

/// Whether there is one question.
fn is_one(header: &[u8; HEADER_BYTES]) -> bool {
    header[4..6] == [0, 1]
}

/// RFC 1035 §4.1.1.
const HEADER_BYTES: usize = 12;

/// FORMERR and NOTIMP: what servers answer that cannot read a question (RFC 6891 §7).
const OBJECTIONS: [u8; 2] = [1, 4];

#[cfg(test)]
mod tests {
    use countersign_dns::Rtype;
    use proptest::prelude::*;

    use super::super::cookies::Cookies;
    use super::*;

    fn asked(chance: [u8; CHANCE_BYTES]) -> Asked {
        let query = Query { name: "www.example".parse().unwrap(), rtype: Rtype::A };
        let cookie = Cookies::new([0; 32]).cookie(([127, 0, 0, 1], 53).into());
        let manner = Manner {
            role: Role::Server,
            edns: Edns::With,
            capitals: Capitals::Random,
            cookie: Some(cookie),
        };
        Asked::new(&query, manner, chance)
    }

    /// The question, sent back as an answer.
    fn echo(asked: &Asked) -> Vec<u8> {
        let mut echo = asked.wire().to_vec();
        echo[2] |= 0x80;
        echo
    }

    fn word(heard: &Heard) -> &'static str {
        match heard {
            Heard::Stray => "stray",
            Heard::Doubtful => "doubtful",
            Heard::Unusable(_) => "unusable",
            Heard::Answer(_) => "answer",
        }
    }

    #[test]
    fn chance_decides_id_and_capitals() {
        let mut chance = [0; CHANCE_BYTES];
        chance[..3].copy_from_slice(&[0x12, 0x34, 0b0000_0101]);
        let asked = asked(chance);
        assert_eq!(asked.wire()[..2], [0x12, 0x34]);
        assert_eq!(&asked.wire()[12..25], b"\x03WwW\x07example\0");
    }

    #[test]
    fn only_the_answer_is_one() {
        let asked = asked([0x55; CHANCE_BYTES]);
        let check = |change: &dyn Fn(&mut Vec<u8>), datagram: &str, stream: &str| {
            let mut bytes = echo(&asked);
            change(&mut bytes);
            assert_eq!(word(&asked.judge_datagram(&bytes)), datagram);
            assert_eq!(word(&asked.judge_stream(&bytes)), stream);
        };
        check(&|_| {}, "answer", "answer");
        check(&|bytes| bytes[0] ^= 1, "stray", "stray");
        check(&|bytes| bytes[2] = 0, "stray", "stray");
        check(&|bytes| bytes[2] |= 8, "stray", "stray");
        check(&|bytes| bytes.truncate(11), "stray", "stray");
        // Another case, another name, type, class, none and two.
        check(&|bytes| bytes[13] ^= 0x20, "doubtful", "answer");
        check(&|bytes| bytes[13] = b'v', "doubtful", "doubtful");
        check(&|bytes| bytes[26] = 2, "doubtful", "doubtful");
        check(&|bytes| bytes[28] = 3, "doubtful", "doubtful");
        check(&|bytes| bytes[5] = 0, "doubtful", "unusable");
        check(&|bytes| bytes[5] = 2, "doubtful", "unusable");
        // A cookie that is not ours.
        let last = echo(&asked).len() - 1;
        check(&|bytes| bytes[last] ^= 1, "doubtful", "answer");
        // Cut off, and over-long.
        check(&|bytes| bytes.truncate(last), "unusable", "unusable");
        check(&|bytes| bytes.resize(1233, 0), "unusable", "answer");
        // A server that understood nothing has nothing to repeat.
        let bare = |bytes: &mut Vec<u8>| {
            bytes.truncate(12);
            bytes[3..].fill(0);
            bytes[3] = 1;
        };
        check(&bare, "doubtful", "answer");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_not(tail: Vec<u8>, chance: [u8; CHANCE_BYTES]) {
            let asked = asked(chance);
            let bytes = [&echo(&asked)[..12], &tail].concat();
            prop_assert_ne!(word(&asked.judge_datagram(&bytes)), "stray");
            let _survived = asked.judge_stream(&bytes);
        }
    }
}
