//! STARTTLS in IRC, an extension of IRCv3 that is found by its capability `tls`. Most servers and clients have given
//! it up for TLS from the first byte.

use super::{Offered, Step, command};
use crate::inbox::Inbox;

#[derive(Clone, Debug, Default)]
pub(super) struct Irc {
    expected: Expected,
}

#[derive(Clone, Copy, Debug, Default)]
enum Expected {
    #[default]
    Capabilities,
    Ready,
}

/// Clients ask what there is before they give a name.
pub(super) const FIRST: &str = "CAP LS 302";

impl Irc {
    pub(super) fn step(&mut self, inbox: &mut Inbox, offered: &mut Offered) -> Option<Step> {
        let line = inbox.line()?;
        if line.is_empty() {
            return Some(Step::Heard);
        }
        let line = String::from_utf8_lossy(&line);
        let Some((word, parameters)) = message(&line) else { return Some(Step::NotThisProtocol) };
        Some(match (self.expected, word.to_ascii_uppercase().as_str(), &parameters[..]) {
            // Some servers hold a connection until this is answered.
            (_, "PING", [token, ..]) => command(&["PONG :", token]),
            (_, "ERROR", _) => Step::PeerError,
            // "CAP * LS * :…" is to be continued.
            (Expected::Capabilities, "CAP", [_, "LS", "*", listed]) => {
                capabilities(listed, offered);
                Step::More
            }
            (Expected::Capabilities, "CAP", [_, "LS", listed]) => {
                capabilities(listed, offered);
                if !offered.has("tls") {
                    return Some(Step::NotOffered);
                }
                self.expected = Expected::Ready;
                command(&["STARTTLS"])
            }
            // ERR_UNKNOWNCOMMAND and ERR_NOTREGISTERED: it knows no capabilities.
            (Expected::Capabilities, "421" | "451", _) => Step::NotOffered,
            (Expected::Ready, "670", _) => Step::StartTls,
            (Expected::Ready, "691" | "421" | "451", _) => Step::Refused,
            // Notices, and whatever else it wants us to know.
            (Expected::Capabilities | Expected::Ready, _, _) => Step::Heard,
        })
    }
}

/// The command of a message and its parameters (RFC 2812 §2.3.1), less tags and source.
fn message(line: &str) -> Option<(&str, Vec<&str>)> {
    let mut rest = line;
    for mark in ['@', ':'] {
        if rest.starts_with(mark) {
            rest = rest.split_once(' ')?.1.trim_start_matches(' ');
        }
    }
    let (rest, trailing) = match rest.split_once(" :") {
        Some((rest, trailing)) => (rest, Some(trailing)),
        None => (rest, None),
    };
    let mut words = rest.split_ascii_whitespace();
    let word = words.next()?;
    let is_number = word.len() == 3 && word.bytes().all(|c| c.is_ascii_digit());
    let is_command = is_number || word.bytes().all(|c| c.is_ascii_alphabetic());
    is_command.then(|| (word, words.chain(trailing).collect()))
}

/// Values follow their names (`sasl=PLAIN,EXTERNAL`).
fn capabilities(text: &str, offered: &mut Offered) {
    for capability in text.split_ascii_whitespace() {
        offered.add(capability);
    }
}
