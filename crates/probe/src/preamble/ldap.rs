//! The StartTLS operation of LDAP (RFC 4511 §4.14).

use super::Step;
use crate::inbox::{HEARD_BYTES_MAX, Inbox};

#[derive(Clone, Debug)]
pub(super) struct Ldap;

/// `ExtendedRequest` number 1 with the name of the operation, in BER.
pub(super) const REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const ENUMERATED: u8 = 0x0a;
/// `[APPLICATION 24]`, constructed.
const EXTENDED_RESPONSE: u8 = 0x78;
/// The result code of success (RFC 4511 §4.1.9).
const SUCCESS: [u8; 1] = [0];

impl Ldap {
    pub(super) fn step(inbox: &mut Inbox) -> Option<Step> {
        let (content, behind) = match element(inbox.rest(), SEQUENCE) {
            Ber::Whole { content, behind } => (content, behind),
            Ber::Partial => return None,
            Ber::Other => {
                return Some(Step::NotThisProtocol);
            }
        };
        let step = answer(content).unwrap_or(Step::NotThisProtocol);
        let length = inbox.rest().len() - behind.len();
        inbox.skip(length);
        Some(step)
    }
}

/// What an `LDAPMessage` says, if it is an answer to an extended request.
fn answer(message: &[u8]) -> Option<Step> {
    let (number, behind) = element(message, INTEGER).whole()?;
    let (response, _) = element(behind, EXTENDED_RESPONSE).whole()?;
    let (result, _) = element(response, ENUMERATED).whole()?;
    Some(match (number, result) {
        // Nobody asked: the server takes its leave (RFC 4511 §4.4.1).
        ([0], _) => Step::PeerError,
        ([1], result) if result == SUCCESS => Step::StartTls,
        ([1], _) => Step::Refused,
        _ => return None,
    })
}

/// How bytes begin.
enum Ber<'a> {
    /// With a whole element of that kind.
    Whole { content: &'a [u8], behind: &'a [u8] },
    /// With part of one.
    Partial,
    /// With something else.
    Other,
}

impl<'a> Ber<'a> {
    fn whole(self) -> Option<(&'a [u8], &'a [u8])> {
        match self {
            Self::Whole { content, behind } => Some((content, behind)),
            Self::Partial | Self::Other => None,
        }
    }
}

/// LDAP has its lengths definite, not necessarily short (RFC 4511 §5.1).
fn element(bytes: &[u8], tag: u8) -> Ber<'_> {
    let Some((first, rest)) = bytes.split_first() else { return Ber::Partial };
    if *first != tag {
        return Ber::Other;
    }
    let Some((length, rest)) = rest.split_first() else { return Ber::Partial };
    let (length, rest) = match *length {
        short @ 0..=0x7f => (usize::from(short), rest),
        octets @ 0x81..=0x84 => {
            let Some((length, rest)) = rest.split_at_checked(usize::from(octets & 0x7f)) else {
                return Ber::Partial;
            };
            let length = length.iter().fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet));
            (usize::try_from(length).unwrap_or(usize::MAX), rest)
        }
        _ => return Ber::Other,
    };
    if length > HEARD_BYTES_MAX {
        return Ber::Other;
    }
    match rest.split_at_checked(length) {
        Some((content, behind)) => Ber::Whole { content, behind },
        None => Ber::Partial,
    }
}
