//! STARTTLS in SMTP (RFC 3207), between servers and for authors of mail.

use super::{Offered, Step, command};
use crate::inbox::Inbox;

#[derive(Clone, Debug)]
pub(super) struct Smtp {
    /// Who we say we are (RFC 5321 §4.1.1.1).
    name: String,
    expected: Expected,
    /// The code of the reply that has begun.
    code: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Greeting,
    Extensions,
    Ready,
}

impl Smtp {
    pub(super) fn new(name: String) -> Self {
        Self { name, expected: Expected::Greeting, code: None }
    }

    pub(super) fn step(&mut self, inbox: &mut Inbox, offered: &mut Offered) -> Option<Step> {
        let line = inbox.line()?;
        let Some((code, is_last, text)) = reply(&line) else { return Some(Step::NotThisProtocol) };
        match self.code.replace(code) {
            Some(begun) if begun != code => return Some(Step::NotThisProtocol),
            // The first line of EHLO's answer names the server (RFC 5321 §4.1.1.1); each further one, an extension.
            Some(250) if self.expected == Expected::Extensions => offered.add(&text),
            Some(_) | None => {}
        }
        if !is_last {
            return Some(Step::More);
        }
        self.code = None;
        Some(self.replied(code, offered))
    }

    fn replied(&mut self, code: u16, offered: &Offered) -> Step {
        match (self.expected, code) {
            (Expected::Greeting, 220) => {
                self.expected = Expected::Extensions;
                command(&["EHLO ", &self.name])
            }
            (Expected::Extensions, 250) if offered.has("STARTTLS") => {
                self.expected = Expected::Ready;
                command(&["STARTTLS"])
            }
            // Without EHLO there are no extensions (RFC 5321 §4.1.1.1).
            (Expected::Extensions, 250 | 500 | 502 | 504) => Step::NotOffered,
            (Expected::Ready, 220) => Step::StartTls,
            (Expected::Ready, 400..) => Step::Refused,
            (Expected::Greeting | Expected::Extensions, 400..) => Step::PeerError,
            (Expected::Greeting | Expected::Extensions | Expected::Ready, _) => {
                Step::NotThisProtocol
            }
        }
    }
}

/// The code of a line, whether it is the last of its reply, and its text (RFC 5321 §4.2.1).
fn reply(line: &[u8]) -> Option<(u16, bool, String)> {
    let (code, rest) = line.split_at_checked(3)?;
    let code =
        std::str::from_utf8(code).ok().filter(|code| code.bytes().all(|c| c.is_ascii_digit()))?;
    let code = code.parse().ok().filter(|code| (200..600).contains(code))?;
    let (is_last, text) = match rest.split_first() {
        None => (true, &b""[..]),
        Some((b' ', text)) => (true, text),
        Some((b'-', text)) => (false, text),
        Some(_) => return None,
    };
    Some((code, is_last, String::from_utf8_lossy(text).trim().to_owned()))
}
