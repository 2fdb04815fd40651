//! STLS in POP3 (RFC 2595 §4), which CAPA announces (RFC 2449).

use super::{Offered, Step, command};
use crate::inbox::Inbox;

#[derive(Clone, Debug, Default)]
pub(super) struct Pop3 {
    expected: Expected,
}

#[derive(Clone, Copy, Debug, Default)]
enum Expected {
    #[default]
    Greeting,
    Capabilities,
    /// One capability, or the dot behind the last.
    Capability,
    Ready,
}

impl Pop3 {
    pub(super) fn step(&mut self, inbox: &mut Inbox, offered: &mut Offered) -> Option<Step> {
        let line = inbox.line()?;
        let is_ok = line.starts_with(b"+OK");
        if !is_ok && !line.starts_with(b"-ERR") && !matches!(self.expected, Expected::Capability) {
            return Some(Step::NotThisProtocol);
        }
        Some(match (self.expected, is_ok) {
            (Expected::Greeting, true) => {
                self.expected = Expected::Capabilities;
                command(&["CAPA"])
            }
            (Expected::Greeting, false) => Step::PeerError,
            (Expected::Capabilities, true) => {
                self.expected = Expected::Capability;
                Step::More
            }
            // Who does not know CAPA has no extensions.
            (Expected::Capabilities, false) => Step::NotOffered,
            (Expected::Capability, _) if line == b"." => match offered.has("STLS") {
                true => {
                    self.expected = Expected::Ready;
                    command(&["STLS"])
                }
                false => Step::NotOffered,
            },
            (Expected::Capability, _) => {
                offered.add(&String::from_utf8_lossy(&line));
                Step::More
            }
            (Expected::Ready, true) => Step::StartTls,
            (Expected::Ready, false) => Step::Refused,
        })
    }
}
