//! What an XMPP client says inside TLS: what does the server offer there, and a login that succeeds only if nobody is in
//! the middle (RFC 6120 §6, SCRAM with channel binding).
//!
//! ```text
//!   stream ──> features ──> (only looking: Looked)
//!                 │ auth
//!                 v
//!              challenge ──> response ──> success ──> Bound, if the server's signature is right
//! ```
//!
//! It ends with the login: no resource is bound and no roster asked for, so that nobody sees the account online.
//! Passwords leave only as proofs; there is no PLAIN here.

mod account;
mod exchange;
pub mod scram;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

pub use account::{Account, AccountError, Binding, Terms, Unbound};

use crate::inbox::{Inbox, Said};
use crate::xml::{Element, Event, Reader};
use crate::xmpp::{self, Features, SASL};
use exchange::{Exchange, Expectation, Flag};
use scram::ServerFinal;

/// One stream, from its start up to the login.
#[derive(Clone, Debug)]
pub struct Login {
    inbox: Inbox,
    reader: Reader,
    wish: Wish,
    features: Features,
    state: State,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// These are to be sent; then there will be an answer.
    Send(Vec<u8>),
    /// The server has not said enough.
    Receive,
    /// It is decided. The farewell is to be sent, and the connection closed.
    Over {
        /// What came of it.
        outcome: Outcome,
        /// The last words.
        farewell: &'static [u8],
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Only the features were wanted: see [`Login::features`].
    Looked,
    /// Both sides know the password, and both are ends of the same TLS connection: nobody is in the middle, as far as
    /// that binding tells.
    Bound {
        /// The mechanism.
        mechanism: &'static str,
        /// The binding: `tls-exporter` says more than `tls-server-end-point`.
        binding: &'static str,
        /// What the server said of its lists.
        lists: Lists,
    },
    /// Both sides know the password. Who is in between is not known.
    NotBound {
        /// The mechanism.
        mechanism: &'static str,
        /// What the server said of its lists.
        lists: Lists,
    },
    /// The server found that its TLS is not ours: it takes this type of binding, and not what we hold.
    BindingRefused {
        /// What the login was bound to.
        binding: &'static str,
        /// What the server said.
        said: Said,
    },
    /// The server did not say what it binds to (XEP-0440), and refused what was tried: it may know only another type, as
    /// servers do that have nothing but `tls-unique`. Or somebody took out what it said.
    BindingNotAnnounced {
        /// What the login was bound to.
        binding: &'static str,
        /// What the server said.
        said: Said,
    },
    /// No mechanism with channel binding is offered: the server has none, or somebody took it out.
    PlusNotOffered {
        /// What is offered.
        mechanisms: Vec<String>,
    },
    /// The server binds to something that is not known here.
    NoCommonBinding {
        /// The types that it announces.
        offered: Vec<String>,
    },
    /// No mechanism is offered that keeps the password secret.
    ScramNotOffered {
        /// What is offered.
        mechanisms: Vec<String>,
    },
    /// The server does not take the account. Some say so as well when it is the binding that is wrong, without a word
    /// about it: then a login from another place, where nobody can be in between, tells.
    PasswordRefused {
        /// The mechanism.
        mechanism: &'static str,
        /// What the server said.
        said: Said,
    },
    /// It said that all was well, and did not prove that it knows the password.
    ServerNotVerified {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// What we were offered is not what the server offered: its first message contradicts its lists (XEP-0474), or it
    /// does have the channel binding that was not in them (RFC 5802 §6).
    Downgraded {
        /// What the server said.
        said: Said,
    },
    /// It asks for so few iterations that the password could be guessed, or for more than anybody would.
    Iterations {
        /// How many.
        asked: u32,
    },
    /// It speaks something else.
    NotThisProtocol {
        /// What it said.
        said: Said,
    },
    /// It ended the stream with an error of its own.
    PeerError {
        /// What it said.
        said: Said,
    },
    /// It said more than [`crate::inbox::HEARD_BYTES_MAX`] bytes.
    TooMuch,
    /// It closed the connection in the middle.
    Closed {
        /// What it had said of an answer.
        said: Said,
    },
}

/// What a server said of its lists of mechanisms and types of channel binding (XEP-0474), in a message that is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lists {
    /// They are those that we got.
    Confirmed,
    /// Nothing.
    Unstated,
}

#[derive(Clone, Debug)]
enum Wish {
    Look,
    LogIn { account: Account, terms: Terms, nonce: [u8; 18] },
}

#[derive(Clone, Debug)]
enum State {
    /// What is to be sent, if anything, and what is to come then.
    Talking(Vec<u8>, Expected),
    Over(Outcome, &'static [u8]),
}

#[derive(Clone, Debug)]
enum Expected {
    Stream,
    Features,
    /// The server's first message.
    First(Exchange),
    /// Its last one.
    Last(Exchange, Expectation),
    /// Its last one was right, but came by itself.
    Success(Exchange, Expectation),
}

/// The end of a stream (RFC 6120 §4.4).
const FAREWELL: &[u8] = b"</stream:stream>";
/// Within an exchange it is given up first (RFC 6120 §6.4.4).
const ABORT: &[u8] = b"<abort xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/></stream:stream>";

impl Login {
    /// Only looks at what is offered. Needs no account.
    pub fn look(domain: &str) -> Self {
        Self::begin(domain, Wish::Look)
    }

    /// Logs in, on these terms. The nonce is 18 random bytes.
    #[expect(clippy::self_named_constructors, reason = "the other one only looks")]
    pub fn log_in(domain: &str, account: Account, terms: Terms, nonce: [u8; 18]) -> Self {
        Self::begin(domain, Wish::LogIn { account, terms, nonce })
    }

    fn begin(domain: &str, wish: Wish) -> Self {
        let state = State::Talking(xmpp::client_header(domain), Expected::Stream);
        let (inbox, reader, features) = (Inbox::default(), Reader::default(), Features::default());
        Self { inbox, reader, wish, features, state }
    }

    /// What is to be done. The same until the next `feed` or `end`.
    pub fn next(&self) -> Next {
        match &self.state {
            State::Talking(to_send, _) if to_send.is_empty() => Next::Receive,
            State::Talking(to_send, _) => Next::Send(to_send.clone()),
            State::Over(outcome, farewell) => Next::Over { outcome: outcome.clone(), farewell },
        }
    }

    /// Takes what the server said. Where that is its first message, the password is hashed, which may take a second at
    /// [`scram::ITERATIONS_MAX`].
    pub fn feed(&mut self, bytes: &[u8]) {
        let State::Talking(to_send, _) = &mut self.state else { return };
        if bytes.is_empty() {
            return;
        }
        to_send.clear();
        let taken = self.inbox.push(bytes);
        self.listen();
        if let State::Talking(..) = self.state
            && taken < bytes.len()
        {
            self.state = State::Over(Outcome::TooMuch, FAREWELL);
        }
    }

    /// The server closed the connection.
    pub fn end(&mut self) {
        if let State::Talking(..) = self.state {
            let said = Said::of(self.inbox.since_answer());
            self.state = State::Over(Outcome::Closed { said }, &[]);
        }
    }

    /// What the server offers inside TLS, as far as it has said so.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Understands as much as there is.
    fn listen(&mut self) {
        while let State::Talking(to_send, _) = &mut self.state {
            let Some(event) = self.reader.next(&mut self.inbox) else { return };
            let words = std::mem::take(to_send);
            let State::Talking(_, expected) =
                std::mem::replace(&mut self.state, State::Over(Outcome::Looked, FAREWELL))
            else {
                return;
            };
            let event = event.map_err(|_| self.something_else());
            self.state = match event.and_then(|event| self.heard(expected, event)) {
                Ok((more, expected)) => State::Talking([words, more].concat(), expected),
                Err(outcome) => {
                    let farewell = outcome.farewell();
                    State::Over(outcome, farewell)
                }
            };
            self.inbox.next_answer();
        }
    }

    /// What follows from an event: what to say and what to expect then, or the end of it.
    fn heard(&mut self, expected: Expected, event: Event) -> Result<(Vec<u8>, Expected), Outcome> {
        let stanza = match (&expected, event) {
            (Expected::Stream, Event::Opened(stream)) if xmpp::is_stream(&stream) => {
                return Ok((Vec::new(), Expected::Features));
            }
            (Expected::Stream, _) | (_, Event::Opened(_)) => return Err(self.something_else()),
            (_, Event::Closed) => return Err(self.peer_error()),
            (_, Event::Stanza(stanza)) => stanza,
        };
        if stanza.is(xmpp::STREAM, "error") {
            return Err(self.peer_error());
        }
        match expected {
            Expected::Stream | Expected::Features => self.offered(&stanza),
            Expected::First(exchange) => match Answer::of(&stanza) {
                Some(Answer::Challenge(message)) => self.first(exchange, &message),
                Some(Answer::Failure(why)) => Err(self.refused(&exchange, &why)),
                // It would let us in without having asked.
                Some(Answer::Success(_)) => Err(not_verified(&exchange)),
                None => Err(self.something_else()),
            },
            Expected::Last(exchange, expectation) => match Answer::of(&stanza) {
                Some(Answer::Challenge(message)) => {
                    self.last(&exchange, &expectation, &message)?;
                    let empty = format!("<response xmlns=\"{SASL}\"/>");
                    Ok((empty.into_bytes(), Expected::Success(exchange, expectation)))
                }
                Some(Answer::Success(message)) => {
                    self.last(&exchange, &expectation, &message)?;
                    Err(logged_in(&exchange, &expectation))
                }
                Some(Answer::Failure(why)) => Err(self.refused(&exchange, &why)),
                None => Err(self.something_else()),
            },
            Expected::Success(exchange, expectation) => match Answer::of(&stanza) {
                Some(Answer::Success(_)) => Err(logged_in(&exchange, &expectation)),
                Some(Answer::Failure(why)) => Err(self.refused(&exchange, &why)),
                Some(Answer::Challenge(_)) | None => Err(self.something_else()),
            },
        }
    }

    fn offered(&mut self, stanza: &Element) -> Result<(Vec<u8>, Expected), Outcome> {
        let Some(features) = Features::of(stanza) else { return Err(self.something_else()) };
        self.features = features;
        let Wish::LogIn { account, terms, nonce } = &self.wish else { return Err(Outcome::Looked) };
        let exchange = Exchange::choose(&self.features, account, terms, *nonce)?;
        let (mechanism, first) = (exchange.mechanism.as_str(), exchange.first());
        let auth = format!("<auth xmlns=\"{SASL}\" mechanism=\"{mechanism}\">{first}</auth>");
        Ok((auth.into_bytes(), Expected::First(exchange)))
    }

    fn first(&self, exchange: Exchange, message: &str) -> Result<(Vec<u8>, Expected), Outcome> {
        let Wish::LogIn { account, .. } = &self.wish else { return Err(Outcome::Looked) };
        let (last, expectation) = exchange.answer(message, &self.features, account)?;
        let response = format!("<response xmlns=\"{SASL}\">{last}</response>");
        Ok((response.into_bytes(), Expected::Last(exchange, expectation)))
    }

    /// Whether the server's last message is right.
    fn last(
        &self,
        exchange: &Exchange,
        expectation: &Expectation,
        message: &str,
    ) -> Result<(), Outcome> {
        match ServerFinal::parse(message) {
            Some(ServerFinal::Signature(signature))
                if scram::is_same(&signature, &expectation.signature) =>
            {
                Ok(())
            }
            Some(ServerFinal::Error(why)) => Err(self.refused(exchange, &why)),
            Some(ServerFinal::Signature(_)) | None => Err(not_verified(exchange)),
        }
    }

    fn refused(&self, exchange: &Exchange, why: &str) -> Outcome {
        let said = Said::of(self.inbox.answer());
        let why = why.to_ascii_lowercase();
        // "channel-bindings-dont-match" (RFC 5802 §7), "Invalid channel binding value." (Prosody), and so on; some
        // have the condition for it that is for messages that cannot be read.
        let names_binding = why.contains("channel") && why.contains("binding");
        match (exchange.flag, &exchange.binding) {
            (Flag::ServerCannot, _) if names_binding => Outcome::Downgraded { said },
            (Flag::Bound, Some(binding)) if names_binding || why.contains("malformed-request") => {
                let binding = binding.as_str();
                match self.features.bindings {
                    Some(_) => Outcome::BindingRefused { binding, said },
                    None => Outcome::BindingNotAnnounced { binding, said },
                }
            }
            _ => Outcome::PasswordRefused { mechanism: exchange.mechanism.as_str(), said },
        }
    }

    fn something_else(&self) -> Outcome {
        Outcome::NotThisProtocol { said: Said::of(self.inbox.since_answer()) }
    }

    fn peer_error(&self) -> Outcome {
        Outcome::PeerError { said: Said::of(self.inbox.answer()) }
    }
}

fn logged_in(exchange: &Exchange, expectation: &Expectation) -> Outcome {
    let (mechanism, lists) = (exchange.mechanism.as_str(), expectation.lists);
    match &exchange.binding {
        Some(binding) => Outcome::Bound { mechanism, binding: binding.as_str(), lists },
        None => Outcome::NotBound { mechanism, lists },
    }
}

fn not_verified(exchange: &Exchange) -> Outcome {
    Outcome::ServerNotVerified { mechanism: exchange.mechanism.as_str() }
}

impl Outcome {
    /// The last words that fit.
    fn farewell(&self) -> &'static [u8] {
        match self {
            Self::Downgraded { .. } | Self::Iterations { .. } => ABORT,
            Self::Looked
            | Self::Bound { .. }
            | Self::NotBound { .. }
            | Self::BindingRefused { .. }
            | Self::BindingNotAnnounced { .. }
            | Self::PlusNotOffered { .. }
            | Self::NoCommonBinding { .. }
            | Self::ScramNotOffered { .. }
            | Self::PasswordRefused { .. }
            | Self::ServerNotVerified { .. }
            | Self::NotThisProtocol { .. }
            | Self::PeerError { .. }
            | Self::TooMuch
            | Self::Closed { .. } => FAREWELL,
        }
    }
}

/// What a server answers within an exchange (RFC 6120 §6.4).
enum Answer {
    Challenge(String),
    /// With the additional data, where it has any.
    Success(String),
    /// The condition and its text.
    Failure(String),
}

impl Answer {
    fn of(stanza: &Element) -> Option<Self> {
        if &*stanza.namespace != SASL {
            return None;
        }
        match stanza.name.as_str() {
            "challenge" => Some(Self::Challenge(decoded(&stanza.text)?)),
            "success" => Some(Self::Success(decoded(&stanza.text)?)),
            "failure" => {
                let parts = stanza.children.iter().flat_map(|child| [&*child.name, &*child.text]);
                Some(Self::Failure(parts.collect::<Vec<_>>().join(" ")))
            }
            _ => None,
        }
    }
}

/// A message in base64, which may be broken into lines. A single `=` stands for an empty one (RFC 6120 §6.4.2).
fn decoded(text: &str) -> Option<String> {
    let text: String = text.split_ascii_whitespace().collect();
    if text == "=" {
        return Some(String::new());
    }
    String::from_utf8(BASE64.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests;
