//! One mail, handed to a submission server (RFC 6409) by SMTP (RFC 5321): bounded in time, bytes and trust.
//!
//! Nothing leaves this machine in the clear. With implicit TLS (RFC 8314 §3.3) and with STARTTLS (RFC 3207)
//! alike, a server without a trusted certificate gets neither login nor mail. Each mail has a connection of
//! its own and one recipient, so that one refused address never holds up another's mail.
//!
//! # Limitations
//!
//! Addresses are ASCII, with internationalised domains as A-labels. Mail does not go through a vantage's
//! proxy: to the server that takes our login, we are no stranger.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fetch::tls_hint;
use crate::net::Net;
use session::{Peer, Session};

mod compose;
mod session;

/// One mail.
#[derive(Clone, Copy, Debug)]
pub struct Mail<'a> {
    /// Who takes it from us.
    pub server: &'a MailServer,
    /// Who it says it is from, and who hears that it could not be delivered.
    pub from: &'a Mailbox,
    /// Who gets it.
    pub to: &'a Mailbox,
    /// What it is, in the caller's words: with the same id it has the same Message-ID when it is sent again.
    pub id: &'a str,
    /// One line, any text.
    pub subject: &'a str,
    /// Plain text, its lines ended by `\n`.
    pub text: &'a str,
    /// How long all of it may take.
    pub deadline: Duration,
}

/// A submission server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// Its name, or its address. It is also the name that its certificate has to have.
    pub host: String,
    /// Its port: usually 465 for [`Security::Tls`] and 587 for [`Security::StartTls`].
    pub port: u16,
    /// What keeps the connection secret.
    pub security: Security,
    /// Who we are to it.
    pub login: Option<Login>,
}

/// What keeps the connection to a mail server secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after the STARTTLS command. A server that does not offer it gets nothing.
    StartTls,
    /// Nothing; for a server on this machine, at a loopback address.
    Loopback,
}

/// A name and a password (RFC 4954, by PLAIN or LOGIN).
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    user: String,
    password: String,
}

impl Login {
    /// Nothing, where one of them is empty or holds a NUL, which PLAIN cannot carry (RFC 4616 §2).
    pub fn new(user: String, password: String) -> Option<Self> {
        let fits = |text: &str| !text.is_empty() && !text.contains('\0');
        (fits(&user) && fits(&password)).then_some(Self { user, password })
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Where mail goes: an address that can stand in a command and in a header as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    local: String,
    domain: String,
}

/// A text that is no [`Mailbox`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a mail address such as ops@example.org")]
pub struct NotAMailbox;

impl FromStr for Mailbox {
    type Err = NotAMailbox;

    /// A `Dot-string`, `@`, and a domain or an address literal (RFC 5321 §4.1.2); no quoted strings.
    fn from_str(text: &str) -> Result<Self, NotAMailbox> {
        /// RFC 5321 §4.5.3.1.1 and §4.5.3.1.2, in bytes.
        const LOCAL_BYTES_MAX: usize = 64;
        const DOMAIN_BYTES_MAX: usize = 255;
        let (local, domain) = text.rsplit_once('@').ok_or(NotAMailbox)?;
        let is_atext =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
        let is_atom = |atom: &str| !atom.is_empty() && atom.bytes().all(is_atext);
        let fits = local.len() <= LOCAL_BYTES_MAX && domain.len() <= DOMAIN_BYTES_MAX;
        if !fits || !local.split('.').all(is_atom) || !(is_domain(domain) || is_literal(domain)) {
            return Err(NotAMailbox);
        }
        Ok(Self { local: local.to_owned(), domain: domain.to_owned() })
    }
}

fn is_domain(text: &str) -> bool {
    text.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

/// RFC 5321 §4.1.3.
fn is_literal(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) else {
        return false;
    };
    match inner.strip_prefix("IPv6:") {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => inner.parse::<std::net::Ipv4Addr>().is_ok(),
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// The server's name has no address.
    #[error("cannot resolve {host}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// No connection.
    #[error("cannot connect to {host}")]
    Connect {
        /// Whom we wanted to reach.
        host: String,
        /// Why, at the last of its addresses.
        source: io::Error,
    },
    /// The connection would be in the clear and leave this machine.
    #[error("{host} is not on this machine, and nothing would keep the mail secret on its way")]
    NotLoopback {
        /// The server.
        host: String,
    },
    /// The TLS handshake failed, or the server is not who it should be.
    #[error("no trustworthy TLS connection to {host}")]
    Tls {
        /// The server.
        host: String,
        /// Why.
        source: rustls::Error,
    },
    /// The server does not offer STARTTLS, or somebody in between took the offer out.
    #[error("{host} does not offer STARTTLS")]
    NoStartTls {
        /// The server.
        host: String,
    },
    /// Something came in the clear behind the answer to STARTTLS. A server does not do that; somebody in
    /// between does, who wants it to be taken for what the server says later under TLS.
    #[error("somebody put words in front of the TLS handshake with {host}")]
    Injected {
        /// The server.
        host: String,
    },
    /// The server takes no login by PLAIN or LOGIN.
    #[error("{host} offers no login by PLAIN or LOGIN")]
    NoLogin {
        /// The server.
        host: String,
    },
    /// The server answered that it will not.
    #[error("{host} refused {stage}: {code} {text:?}")]
    Refused {
        /// The server.
        host: String,
        /// What it refused.
        stage: Stage,
        /// Its reply code: 4yz is for now, 5yz for good (RFC 5321 §4.2.1).
        code: u16,
        /// What it said, cut to a readable length.
        text: String,
    },
    /// What came is not an answer of a mail server.
    #[error("{host} answered {stage} with something that is not SMTP")]
    NotSmtp {
        /// The server.
        host: String,
        /// What it was to answer.
        stage: Stage,
    },
    /// The time was up.
    #[error("{host} did not answer {stage} within {} s", .after.as_secs_f64())]
    Deadline {
        /// The server.
        host: String,
        /// What it was to answer.
        stage: Stage,
        /// How long all of it was allowed to take.
        after: Duration,
    },
    /// The connection broke.
    #[error("the connection to {host} broke before an answer to {stage}")]
    Broken {
        /// The server.
        host: String,
        /// What it was to answer.
        stage: Stage,
        /// Why.
        source: io::Error,
    },
}

/// Where in the exchange we were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before the connection.
    Connect,
    /// The server speaks first.
    Greeting,
    /// EHLO.
    Hello,
    /// STARTTLS, and the handshake.
    Tls,
    /// AUTH.
    Login,
    /// MAIL: the sender.
    From,
    /// RCPT: the recipient.
    To,
    /// DATA: the announcement of the mail.
    Data,
    /// The mail itself.
    Content,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "our connection",
            Self::Greeting => "our connection with a greeting",
            Self::Hello => "our hello",
            Self::Tls => "our TLS handshake",
            Self::Login => "our login",
            Self::From => "the sender's address",
            Self::To => "the recipient's address",
            Self::Data => "the announcement of the mail",
            Self::Content => "the mail",
        })
    }
}

impl MailError {
    /// Whether the server will never take this mail, while it may well take another: it refused the content
    /// and not one of the addresses or us.
    pub fn rejects_content(&self) -> bool {
        matches!(self, Self::Refused { stage: Stage::Data | Stage::Content, code: 500.., .. })
    }

    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Resolve { .. } => Some("check this machine's DNS, and the server's name"),
            Self::NotLoopback { .. } => Some("use TLS or STARTTLS"),
            Self::Tls { source, .. } => tls_hint(source),
            Self::NoStartTls { .. } => {
                Some("try TLS on port 465; if it was offered before, someone may be in between")
            }
            Self::Injected { .. } => Some("someone is in between"),
            Self::NoLogin { .. } => Some("see what logins the server allows"),
            Self::Refused { stage: Stage::Login, code: 500.., .. } => {
                Some("check the user name and the password")
            }
            Self::Connect { .. }
            | Self::Refused { .. }
            | Self::NotSmtp { .. }
            | Self::Deadline { .. }
            | Self::Broken { .. } => None,
        }
    }
}

/// How many of a server's addresses are tried. Submission servers have a few; a zone could have thousands.
const ADDRESSES_MAX: usize = 8;

impl Net {
    /// Hands a mail to its server. `now` is its date. When this fails the server may have taken it all the
    /// same, if the connection broke or the time was up before the last answer.
    pub async fn mail(&self, mail: &Mail<'_>, now: Timestamp) -> Result<(), MailError> {
        let server = mail.server;
        let until = Instant::now() + mail.deadline;
        let peer = Peer { host: &server.host, until, after: mail.deadline };
        let stream = self.connect(server, &peer).await?;
        let content = compose::message(mail, now);
        match server.security {
            Security::Loopback => {
                let mut session = Session::new(stream, &peer);
                session.greeting().await?;
                session.submit(mail, &content).await
            }
            Security::Tls => {
                let mut session = Session::new(self.handshake(stream, &peer).await?, &peer);
                session.greeting().await?;
                session.submit(mail, &content).await
            }
            Security::StartTls => {
                let mut session = Session::new(stream, &peer);
                session.greeting().await?;
                let stream = session.start_tls().await?;
                let mut session = Session::new(self.handshake(stream, &peer).await?, &peer);
                session.submit(mail, &content).await
            }
        }
    }

    async fn connect(&self, server: &MailServer, peer: &Peer<'_>) -> Result<TcpStream, MailError> {
        let addresses = peer.within(Stage::Connect, self.addresses(server)).await??;
        let host = || server.host.clone();
        if server.security == Security::Loopback
            && !addresses.iter().all(|address| address.ip().is_loopback())
        {
            return Err(MailError::NotLoopback { host: host() });
        }
        let mut source = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            let until = peer.until.min(Instant::now() + self.patience().connect);
            let connection = tokio::time::timeout_at(until, TcpStream::connect(address)).await;
            source = match connection {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => error,
                Err(_) => io::ErrorKind::TimedOut.into(),
            };
        }
        Err(MailError::Connect { host: host(), source })
    }

    async fn addresses(&self, server: &MailServer) -> Result<Vec<SocketAddr>, MailError> {
        let resolve = |source| MailError::Resolve { host: server.host.clone(), source };
        if let Some(redirects) = self.redirects() {
            let address = redirects.address(&server.host, server.port);
            let address =
                address.ok_or_else(|| resolve(io::Error::other("the lab has no such host")))?;
            return Ok(vec![address]);
        }
        let found = tokio::net::lookup_host((server.host.as_str(), server.port)).await;
        Ok(found.map_err(resolve)?.take(ADDRESSES_MAX).collect())
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        peer: &Peer<'_>,
    ) -> Result<TlsStream<TcpStream>, MailError> {
        let tls = |source| MailError::Tls { host: peer.host.to_owned(), source };
        let name = ServerName::try_from(peer.host.to_owned()).map_err(|_| {
            tls(rustls::Error::General("its name can be in no certificate".to_owned()))
        })?;
        let handshake = TlsConnector::from(self.mail_tls()).connect(name, stream);
        let error = match peer.within(Stage::Tls, handshake).await? {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(found) => Err(tls(found.clone())),
            None => Err(peer.broken(Stage::Tls, error)),
        }
    }
}

#[cfg(test)]
mod tests;
