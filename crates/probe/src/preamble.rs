//! What a client says before TLS, and what it hears.
//!
//! ```text
//!   next: Send ──> feed ──> next: Receive ──> feed ──> … ──> next: StartTls   TLS begins with the next byte
//!                                                      ├──> next: Over(Early) the peer did something else
//!                                     (connection ends) end()
//! ```
//!
//! The words are those of curl and of libstrophe, which are built on OpenSSL, as is the stack that says hello next:
//! who looks at both sees one client. Whatever is said before TLS can be forged, and is only noted.

mod imap;
mod irc;
mod ldap;
mod pop3;
mod postgresql;
mod smtp;
mod xmpp;

use std::fmt;

use countersign_judge::probe::{Opening, Protocol, Service};

use crate::inbox::{HEARD_BYTES_MAX, HEARD_LINES_MAX, Inbox, Said};
use crate::xmpp::{client_header, server_header};

/// One conversation, from the first byte up to TLS.
#[derive(Clone, Debug)]
pub struct Preamble {
    inbox: Inbox,
    offered: Offered,
    talk: Talk,
    state: State,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// These are to be sent; then there will be an answer.
    Send(Vec<u8>),
    /// The peer has not said enough.
    Receive,
    /// The next byte belongs to TLS.
    StartTls,
    /// TLS does not begin.
    Over(Early),
}

/// What a peer did instead of beginning TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Early {
    /// It does not offer STARTTLS: it has none, or somebody took it out.
    StartTlsNotOffered,
    /// It offers STARTTLS, and then will not.
    StartTlsRefused {
        /// What it said.
        said: Said,
    },
    /// It speaks something else.
    NotThisProtocol {
        /// What it said.
        said: Said,
    },
    /// It does not come to an end.
    TooMuch {
        /// Of what.
        limit: Limit,
    },
    /// Bytes came behind the answer to STARTTLS, in clear text. Software that takes them for part of what is encrypted
    /// obeys whoever put them there (CVE-2011-0411, CVE-2021-23222). A server that waits for a ClientHello has no
    /// reason to send any.
    InjectedAfterStartTls {
        /// Those bytes.
        said: Said,
    },
    /// It ended the conversation with an error of its own.
    PeerError {
        /// What it said.
        said: Said,
    },
    /// It closed the connection in the middle.
    Closed {
        /// What it had said of an answer.
        said: Said,
    },
}

/// What there was too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`HEARD_BYTES_MAX`].
    Bytes,
    /// [`HEARD_LINES_MAX`].
    Lines,
}

#[derive(Clone, Debug)]
enum State {
    /// What is to be sent, if anything.
    Talking(Vec<u8>),
    StartTls,
    Over(Early),
}

#[derive(Clone, Debug)]
enum Talk {
    Xmpp(xmpp::Xmpp),
    Smtp(smtp::Smtp),
    Imap(imap::Imap),
    Pop3(pop3::Pop3),
    Irc(irc::Irc),
    Ldap(ldap::Ldap),
    Postgresql(postgresql::Postgresql),
    /// TLS comes first.
    Nothing,
}

/// What an answer, or part of one, leads to.
#[derive(Debug)]
enum Step {
    /// The answer goes on.
    More,
    /// It is over, and nothing follows from it.
    Heard,
    Say(Vec<u8>),
    StartTls,
    NotOffered,
    Refused,
    NotThisProtocol,
    PeerError,
}

impl Preamble {
    /// As a client that gives no name of its own, or none that says anything.
    pub fn new(service: &Service) -> Self {
        Self::named(service, None)
    }

    /// As somebody of that name: the host in SMTP's `EHLO`, the server that an XMPP stream between servers is from.
    pub fn named(service: &Service, name: Option<&str>) -> Self {
        let domain = &service.domain;
        let (talk, first) = match (service.opening, service.protocol) {
            (Opening::Direct, _) | (_, Protocol::Http | Protocol::Plain) => {
                (Talk::Nothing, Vec::new())
            }
            (Opening::StartTls, Protocol::Xmpp) => {
                (Talk::Xmpp(xmpp::Xmpp::default()), client_header(domain))
            }
            (Opening::StartTls, Protocol::XmppServer) => {
                (Talk::Xmpp(xmpp::Xmpp::default()), server_header(domain, name))
            }
            (Opening::StartTls, Protocol::Smtp | Protocol::Submission) => {
                let name = word(name.unwrap_or(NAMELESS));
                (Talk::Smtp(smtp::Smtp::new(name)), Vec::new())
            }
            (Opening::StartTls, Protocol::Imap) => (Talk::Imap(imap::Imap::default()), Vec::new()),
            (Opening::StartTls, Protocol::Pop3) => (Talk::Pop3(pop3::Pop3::default()), Vec::new()),
            (Opening::StartTls, Protocol::Irc) => {
                (Talk::Irc(irc::Irc::default()), line(&[irc::FIRST]))
            }
            (Opening::StartTls, Protocol::Ldap) => (Talk::Ldap(ldap::Ldap), ldap::REQUEST.to_vec()),
            (Opening::StartTls, Protocol::Postgresql) => {
                (Talk::Postgresql(postgresql::Postgresql), postgresql::REQUEST.to_vec())
            }
        };
        let state = match talk {
            Talk::Nothing => State::StartTls,
            _ => State::Talking(first),
        };
        Self { inbox: Inbox::default(), offered: Offered::default(), talk, state }
    }

    /// What is to be done. The same until the next `feed` or `end`.
    pub fn next(&self) -> Next {
        match &self.state {
            State::Talking(to_send) if to_send.is_empty() => Next::Receive,
            State::Talking(to_send) => Next::Send(to_send.clone()),
            State::StartTls => Next::StartTls,
            State::Over(early) => Next::Over(early.clone()),
        }
    }

    /// Takes what the peer said. What is behind the answer to STARTTLS belongs to nobody's TLS, since we have not begun
    /// it: it is reported, never swallowed.
    pub fn feed(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut beyond = bytes;
        if let State::Talking(to_send) = &mut self.state {
            to_send.clear();
            beyond = &bytes[self.inbox.push(bytes)..];
            self.listen();
        }
        if !beyond.is_empty() {
            self.heard_beyond(beyond);
        }
    }

    /// The peer closed the connection.
    pub fn end(&mut self) {
        if let State::Talking(_) = self.state {
            let said = Said::of(self.inbox.since_answer());
            self.state = State::Over(Early::Closed { said });
        }
    }

    /// What the peer offered in clear text, in the protocol's words and in its order: SMTP's extensions, the capabilities
    /// of IMAP, POP3 and IRC; the names of XMPP's features, `starttls required`, and `mechanism PLAIN` for each
    /// mechanism that it would take before TLS.
    pub fn offered(&self) -> &[String] {
        &self.offered.0
    }

    /// Understands as much as there is.
    fn listen(&mut self) {
        while let State::Talking(to_send) = &mut self.state {
            let (inbox, offered) = (&mut self.inbox, &mut self.offered);
            let step = match &mut self.talk {
                Talk::Xmpp(xmpp) => xmpp.step(inbox, offered),
                Talk::Smtp(smtp) => smtp.step(inbox, offered),
                Talk::Imap(imap) => imap.step(inbox, offered),
                Talk::Pop3(pop3) => pop3.step(inbox, offered),
                Talk::Irc(irc) => irc.step(inbox, offered),
                Talk::Ldap(_) => ldap::Ldap::step(inbox),
                Talk::Postgresql(_) => postgresql::Postgresql::step(inbox),
                Talk::Nothing => None,
            };
            let Some(step) = step else { return };
            match step {
                _ if inbox.has_too_many_lines() => {
                    self.state = State::Over(Early::TooMuch { limit: Limit::Lines });
                }
                Step::More => {}
                Step::Heard => inbox.next_answer(),
                Step::Say(words) => {
                    inbox.next_answer();
                    to_send.extend(words);
                }
                Step::StartTls => {
                    inbox.next_answer();
                    self.state = State::StartTls;
                }
                Step::NotOffered => self.state = State::Over(Early::StartTlsNotOffered),
                Step::Refused => {
                    let said = Said::of(inbox.answer());
                    self.state = State::Over(Early::StartTlsRefused { said });
                }
                Step::PeerError => {
                    let said = Said::of(inbox.answer());
                    self.state = State::Over(Early::PeerError { said });
                }
                Step::NotThisProtocol => {
                    let said = Said::of(inbox.since_answer());
                    self.state = State::Over(Early::NotThisProtocol { said });
                }
            }
        }
        if let State::StartTls = self.state {
            let behind = self.inbox.rest().to_vec();
            if !behind.is_empty() {
                self.heard_beyond(&behind);
            }
        }
    }

    /// More came than is to be understood.
    fn heard_beyond(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Talking(_) => self.state = State::Over(Early::TooMuch { limit: Limit::Bytes }),
            State::StartTls => {
                let said = Said::of(bytes);
                self.state = State::Over(Early::InjectedAfterStartTls { said });
            }
            State::Over(
                Early::InjectedAfterStartTls { said } | Early::NotThisProtocol { said },
            ) => said.extend(bytes),
            State::Over(_) => {}
        }
    }
}

impl fmt::Display for Early {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartTlsNotOffered => f.write_str("it does not offer STARTTLS"),
            Self::StartTlsRefused { said } => write!(f, "it refuses STARTTLS: {said}"),
            Self::NotThisProtocol { said } => write!(f, "it speaks something else: {said}"),
            Self::TooMuch { limit: Limit::Bytes } => {
                write!(f, "it said more than {HEARD_BYTES_MAX} bytes before TLS")
            }
            Self::TooMuch { limit: Limit::Lines } => {
                write!(f, "it said more than {HEARD_LINES_MAX} lines before TLS")
            }
            Self::InjectedAfterStartTls { said } => {
                write!(f, "clear text came behind its answer to STARTTLS: {said}")
            }
            Self::PeerError { said } => write!(f, "it ended with an error: {said}"),
            Self::Closed { said } if said.bytes().is_empty() => {
                f.write_str("it closed the connection before TLS")
            }
            Self::Closed { said } => write!(f, "it closed the connection in the middle of: {said}"),
        }
    }
}

/// What a peer offers, in its order. The limit of what is heard at all is its limit.
#[derive(Clone, Debug, Default)]
struct Offered(Vec<String>);

impl Offered {
    fn add(&mut self, offer: &str) {
        self.0.push(offer.to_owned());
    }

    /// These take the place of what was offered before.
    fn replace(&mut self, words: &str) {
        self.0 = words.split_ascii_whitespace().map(str::to_owned).collect();
    }

    /// Whether something is offered, in whatever case, with whatever arguments or value.
    fn has(&self, name: &str) -> bool {
        let named = |offer: &String| {
            offer.split([' ', '=']).next().is_some_and(|first| first.eq_ignore_ascii_case(name))
        };
        self.0.iter().any(named)
    }
}

/// What a program says that does not know the name of its host.
const NAMELESS: &str = "localhost";

/// A command, put together.
fn command(parts: &[&str]) -> Step {
    Step::Say(line(parts))
}

fn line(parts: &[&str]) -> Vec<u8> {
    let mut line: String = parts.concat();
    line.retain(|c| !c.is_control());
    line.push_str("\r\n");
    line.into_bytes()
}

/// A name that stays one word, whatever is in it.
fn word(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).collect()
}

#[cfg(test)]
mod tests;
