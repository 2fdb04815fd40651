//! A service that is looked at: a domain, what is spoken there, and how TLS begins.

use std::fmt;
use std::str::FromStr;

/// Where a domain is served.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Service {
    /// What clients ask for: the server name of TLS, the `to` of an XMPP stream, the name in the certificate.
    pub domain: String,
    /// What is spoken.
    pub protocol: Protocol,
    /// How TLS begins.
    pub opening: Opening,
    /// Where, whatever host that is.
    pub port: u16,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// XMPP, as clients speak it (RFC 6120).
    Xmpp,
    /// XMPP between servers (RFC 6120).
    XmppServer,
    /// Mail between servers (RFC 3207).
    Smtp,
    /// Mail from its author (RFC 6409).
    Submission,
    /// Mailboxes (RFC 9051).
    Imap,
    /// Mailboxes (RFC 1939, RFC 2595).
    Pop3,
    /// The web.
    Http,
    /// Chat (RFC 2812; STARTTLS of IRCv3, which most servers have given up for direct TLS).
    Irc,
    /// Directories (RFC 4511 §4.14).
    Ldap,
    /// PostgreSQL's frontend protocol, whose `SSLRequest` stands before TLS.
    Postgresql,
    /// Nothing but TLS.
    Plain,
}

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Opening {
    /// With the first byte.
    Direct,
    /// After both sides have agreed on it in clear text.
    StartTls,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Xmpp,
        Self::XmppServer,
        Self::Smtp,
        Self::Submission,
        Self::Imap,
        Self::Pop3,
        Self::Http,
        Self::Irc,
        Self::Ldap,
        Self::Postgresql,
        Self::Plain,
    ];

    /// A name for people and files that never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Xmpp => "xmpp",
            Self::XmppServer => "xmpp-server",
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Http => "https",
            Self::Irc => "irc",
            Self::Ldap => "ldap",
            Self::Postgresql => "postgresql",
            Self::Plain => "tls",
        }
    }

    /// The port it is registered for, with either opening (IANA's registry of service names). `None`: there is none.
    pub fn port(self, opening: Opening) -> Option<u16> {
        match (self, opening) {
            (Self::Xmpp, Opening::StartTls) => Some(5222),
            (Self::Xmpp, Opening::Direct) => Some(5223),
            (Self::XmppServer, Opening::StartTls) => Some(5269),
            (Self::XmppServer, Opening::Direct) => Some(5270),
            (Self::Smtp, Opening::StartTls) => Some(25),
            (Self::Submission, Opening::StartTls) => Some(587),
            (Self::Submission, Opening::Direct) => Some(465),
            (Self::Imap, Opening::StartTls) => Some(143),
            (Self::Imap, Opening::Direct) => Some(993),
            (Self::Pop3, Opening::StartTls) => Some(110),
            (Self::Pop3, Opening::Direct) => Some(995),
            (Self::Http, Opening::Direct) => Some(443),
            (Self::Irc, Opening::StartTls) => Some(6667),
            (Self::Irc, Opening::Direct) => Some(6697),
            (Self::Ldap, Opening::StartTls) => Some(389),
            (Self::Ldap, Opening::Direct) => Some(636),
            (Self::Postgresql, Opening::StartTls | Opening::Direct) => Some(5432),
            (Self::Smtp, Opening::Direct)
            | (Self::Http, Opening::StartTls)
            | (Self::Plain, Opening::Direct | Opening::StartTls) => None,
        }
    }

    /// What is usually behind a port.
    pub fn of_port(port: u16) -> Option<(Self, Opening)> {
        let both = [Opening::StartTls, Opening::Direct];
        let all =
            Self::ALL.into_iter().flat_map(|protocol| both.map(|opening| (protocol, opening)));
        all.into_iter().find(|(protocol, opening)| protocol.port(*opening) == Some(port))
    }

    /// Whether it has a way to TLS from clear text that is known here.
    pub fn has_starttls(self) -> bool {
        match self {
            Self::Xmpp
            | Self::XmppServer
            | Self::Smtp
            | Self::Submission
            | Self::Imap
            | Self::Pop3
            | Self::Irc
            | Self::Ldap
            | Self::Postgresql => true,
            Self::Http | Self::Plain => false,
        }
    }

    /// The protocols that clients name in the ALPN extension where TLS comes first (XEP-0368 §3, RFC 9110; PostgreSQL 17).
    pub fn alpn(self, opening: Opening) -> &'static [&'static str] {
        match (self, opening) {
            (Self::Xmpp, Opening::Direct) => &["xmpp-client"],
            (Self::XmppServer, Opening::Direct) => &["xmpp-server"],
            (Self::Http, Opening::Direct) => &["h2", "http/1.1"],
            (Self::Postgresql, Opening::Direct) => &["postgresql"],
            _ => &[],
        }
    }
}

/// A text is no protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no protocol {0:?}")]
pub struct UnknownProtocol(pub String);

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, UnknownProtocol> {
        let found = Self::ALL.into_iter().find(|protocol| protocol.as_str() == text);
        found.ok_or_else(|| UnknownProtocol(text.to_owned()))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Opening {
    /// A name for people and files that never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::StartTls => "starttls",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_found_by_their_names_and_ports() {
        for protocol in Protocol::ALL {
            assert_eq!(protocol.as_str().parse(), Ok(protocol));
        }
        assert_eq!(Protocol::of_port(5223), Some((Protocol::Xmpp, Opening::Direct)));
        assert_eq!(Protocol::of_port(5432), Some((Protocol::Postgresql, Opening::StartTls)));
        assert_eq!(Protocol::of_port(8080), None);
    }
}
