//! `SSLRequest` of PostgreSQL's protocol ("Message Flow", "SSL Session Encryption").

use super::Step;
use crate::inbox::{HEARD_BYTES_MAX, Inbox};

#[derive(Clone, Debug)]
pub(super) struct Postgresql;

/// Its length, eight, and the number that stands where a start-up message has its version: 1234.5679.
pub(super) const REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

impl Postgresql {
    pub(super) fn step(inbox: &mut Inbox) -> Option<Step> {
        let (length, step) = match inbox.rest() {
            [b'S', ..] => (1, Step::StartTls),
            [b'N', ..] => (1, Step::NotOffered),
            // An `ErrorResponse`. Nothing in it is proved (CVE-2024-10977); it is shown, and that is all.
            [b'E', a, b, c, d, behind @ ..] => {
                // The length counts its own four octets.
                let length = u32::from_be_bytes([*a, *b, *c, *d]);
                let length =
                    usize::try_from(length).ok().filter(|length| *length <= HEARD_BYTES_MAX);
                match length.and_then(|length| length.checked_sub(4)) {
                    Some(text) if text > behind.len() => return None,
                    Some(text) => (5 + text, Step::PeerError),
                    None => return Some(Step::NotThisProtocol),
                }
            }
            [] | [b'E', ..] => return None,
            [_, ..] => (1, Step::NotThisProtocol),
        };
        inbox.skip(length);
        Some(step)
    }
}
