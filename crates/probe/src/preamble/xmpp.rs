//! STARTTLS in XMPP (RFC 6120 §5.4), for clients and between servers.

use super::{Offered, Step};
use crate::inbox::Inbox;
use crate::xml::{Element, Event, Reader};
use crate::xmpp::{self, Features, StartTls};

#[derive(Clone, Debug, Default)]
pub(super) struct Xmpp {
    reader: Reader,
    expected: Expected,
}

#[derive(Clone, Copy, Debug, Default)]
enum Expected {
    #[default]
    Stream,
    Features,
    Proceed,
}

/// In the words of libstrophe, as is the start of the stream.
const STARTTLS: &[u8] = b"<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>";

impl Xmpp {
    pub(super) fn step(&mut self, inbox: &mut Inbox, offered: &mut Offered) -> Option<Step> {
        let event = self.reader.next(inbox)?;
        Some(match (self.expected, event) {
            (Expected::Stream, Ok(Event::Opened(stream))) if xmpp::is_stream(&stream) => {
                self.expected = Expected::Features;
                match stream.attribute("version") {
                    Some(_) => Step::Heard,
                    // Who speaks the XMPP of before RFC 3920 has no features (RFC 6120 §4.7.5).
                    None => Step::NotOffered,
                }
            }
            (Expected::Features, Ok(Event::Stanza(stanza))) => match Features::of(&stanza) {
                Some(features) => self.features(&features, offered),
                None => other(&stanza),
            },
            (Expected::Proceed, Ok(Event::Stanza(stanza))) if stanza.is(xmpp::TLS, "proceed") => {
                Step::StartTls
            }
            (Expected::Proceed, Ok(Event::Stanza(stanza))) if stanza.is(xmpp::TLS, "failure") => {
                Step::Refused
            }
            (Expected::Proceed, Ok(Event::Stanza(stanza))) => other(&stanza),
            (Expected::Features | Expected::Proceed, Ok(Event::Closed)) => Step::PeerError,
            (_, Ok(_) | Err(_)) => Step::NotThisProtocol,
        })
    }

    fn features(&mut self, features: &Features, offered: &mut Offered) -> Step {
        for name in &features.names {
            offered.add(name);
        }
        for mechanism in &features.mechanisms {
            offered.add(&format!("mechanism {mechanism}"));
        }
        let Some(starttls) = features.starttls else { return Step::NotOffered };
        if starttls == StartTls::Required {
            offered.add("starttls required");
        }
        self.expected = Expected::Proceed;
        Step::Say(STARTTLS.to_vec())
    }
}

/// An error of the stream (RFC 6120 §4.9), or something that has no place here.
fn other(stanza: &Element) -> Step {
    if stanza.is(xmpp::STREAM, "error") { Step::PeerError } else { Step::NotThisProtocol }
}
