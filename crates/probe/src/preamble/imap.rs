//! STARTTLS in IMAP (RFC 9051 §6.2.1).

use super::{Offered, Step, command};
use crate::inbox::Inbox;

#[derive(Clone, Debug, Default)]
pub(super) struct Imap {
    expected: Expected,
}

#[derive(Clone, Copy, Debug, Default)]
enum Expected {
    #[default]
    Greeting,
    /// The end of the answer to the first command.
    Capabilities,
    /// The end of the answer to the second.
    Ready,
}

impl Imap {
    pub(super) fn step(&mut self, inbox: &mut Inbox, offered: &mut Offered) -> Option<Step> {
        let line = inbox.line()?;
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let (tag, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let word = word.to_ascii_uppercase();
        Some(match (self.expected, tag, word.as_str()) {
            (Expected::Greeting, "*", "OK") => {
                self.expected = Expected::Capabilities;
                // The greeting may name them (RFC 9051 §7.1). Clients like curl ask nevertheless, as may we.
                offered.replace(bracketed(text));
                command(&["A001 CAPABILITY"])
            }
            // Who is already known to the server cannot begin TLS any more (RFC 9051 §6.2.1): whoever forges this
            // keeps a client in clear text.
            (Expected::Greeting, "*", "PREAUTH") => Step::Refused,
            (_, "*", "BYE") => Step::PeerError,
            (Expected::Greeting, _, _) => Step::NotThisProtocol,
            (_, "*", "CAPABILITY") => {
                offered.replace(text);
                Step::Heard
            }
            // Whatever else the server wants us to know.
            (_, "*", _) => Step::Heard,
            (Expected::Capabilities, "A001", "OK") if offered.has("STARTTLS") => {
                self.expected = Expected::Ready;
                command(&["A002 STARTTLS"])
            }
            (Expected::Capabilities, "A001", "OK") => Step::NotOffered,
            (Expected::Capabilities, "A001", "NO" | "BAD") => Step::PeerError,
            (Expected::Ready, "A002", "OK") => Step::StartTls,
            (Expected::Ready, "A002", "NO" | "BAD") => Step::Refused,
            (Expected::Capabilities | Expected::Ready, _, _) => Step::NotThisProtocol,
        })
    }
}

/// The capabilities in a response code, `[CAPABILITY …]`; nothing, if there is none.
fn bracketed(text: &str) -> &str {
    let code = text.strip_prefix('[').and_then(|code| code.split_once(']'));
    code.and_then(|(code, _)| code.strip_prefix("CAPABILITY ")).unwrap_or("")
}
