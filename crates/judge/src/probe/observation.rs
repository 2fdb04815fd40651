//! What one probe saw.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use countersign_ct::certificate::{Kind, walk};
use countersign_sct::precert_tbs;
use countersign_tls::Handshake;
use jiff::Timestamp;

use super::service::Service;
use crate::plain::hex;

/// What one probe saw of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When it began.
    pub at: Timestamp,
    /// What was looked at.
    pub service: Service,
    /// From where, and as whom.
    pub stratum: Stratum,
    /// The host that was connected to: the domain, or where its SRV records lead.
    pub host: String,
    /// The address that was connected to, where we know it. Proxies look names up by themselves.
    pub peer: Option<SocketAddr>,
    /// What came of it.
    pub outcome: Outcome,
}

/// Probes that an interceptor cannot but treat alike: what is known of one says nothing about another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stratum {
    /// The name of the vantage.
    pub vantage: String,
    /// The client, or the stack that looks like one.
    pub client: String,
    /// The port.
    pub port: u16,
    /// The kind of address.
    pub family: Family,
}

/// The kind of address that was connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// An IPv4 address.
    V4,
    /// An IPv6 address.
    V6,
    /// An onion service.
    Onion,
    /// A proxy chose one, and does not say which.
    Unknown,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::V4, Self::V6, Self::Onion, Self::Unknown];

    /// A name for people and files that never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
            Self::Onion => "onion",
            Self::Unknown => "unknown",
        }
    }
}

impl From<IpAddr> for Family {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// A text is no kind of address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no kind of address {0:?}")]
pub struct UnknownFamily(pub String);

impl FromStr for Family {
    type Err = UnknownFamily;

    fn from_str(text: &str) -> Result<Self, UnknownFamily> {
        let found = Self::ALL.into_iter().find(|family| family.as_str() == text);
        found.ok_or_else(|| UnknownFamily(text.to_owned()))
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How far a probe came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was no connection. That may be the service's fault, the network's, or the vantage's.
    Unreachable {
        /// Why, in our words.
        why: String,
    },
    /// There was a connection, and TLS did not begin.
    NoTls {
        /// What happened.
        early: Early,
        /// What the server said last: foreign bytes, of which the first [`SAID_BYTES_MAX`] are kept.
        said: Vec<u8>,
        /// What it offered in clear text.
        offered: Vec<String>,
    },
    /// TLS began.
    Tls(Box<Served>),
}

/// More of what a server said in clear text says nothing more.
pub const SAID_BYTES_MAX: usize = 1024;

/// Why TLS did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Early {
    /// The server does not offer it.
    NotOffered,
    /// It offers TLS and refuses to begin.
    Refused,
    /// It speaks something else.
    OtherProtocol,
    /// It sends more than any server has to say.
    TooMuch,
    /// It sent something behind its last word in clear text, which a client could take for what came by TLS.
    Injected,
    /// It ended the conversation with an error of the protocol.
    Ended,
    /// It closed the connection.
    Closed,
    /// It said nothing more until the deadline.
    Stalled,
}

/// What a server showed in a TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// What our own code read in the bytes, whoever spoke.
    pub handshake: Handshake,
    /// What the server offered in clear text before.
    pub offered: Vec<String>,
    /// What an XMPP server offered inside TLS, and how the login ended, if it came to that.
    pub login: Option<Login>,
    /// What a client made of the certificate that trusts the expected one alone, if it is such a client.
    pub oracle: Option<Oracle>,
    /// The handshake for others, if it proves something: a [`countersign_tls::exhibit`].
    pub exhibit: Option<Vec<u8>>,
}

/// What a client made of a certificate that was given nothing to trust but the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oracle {
    /// It went on.
    Expected,
    /// It refused: it was another one, or that one has run out.
    Other,
}

/// What an XMPP server offers behind TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The mechanisms (RFC 6120 §6.4.1), in its order: foreign text.
    pub mechanisms: Vec<String>,
    /// The types of channel binding (XEP-0440), in its order: foreign text.
    pub bindings: Vec<String>,
    /// How it ended.
    pub ended: LoggedIn,
}

/// How a login ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedIn {
    /// It was not tried: there is no account for it.
    NotTried,
    /// Both sides have shown that they know the password, and that they see the same TLS session.
    Bound {
        /// The mechanism.
        mechanism: String,
        /// The type of channel binding.
        binding: String,
    },
    /// Both sides know the password. Whoever is in the middle may hear it all.
    NotBound {
        /// The mechanism.
        mechanism: String,
    },
    /// The server sees another TLS session than we do.
    BindingRefused,
    /// The list of mechanisms that the server has signed is not the one that we were shown (XEP-0474).
    Downgraded,
    /// It does not know the password.
    ServerNotVerified,
    /// It refuses the password or the account, which says nothing about the way there.
    PasswordRefused,
    /// There was no mechanism that binds, and no other is tried.
    NothingBinds,
    /// The server broke off, or said what cannot be read.
    Failed {
        /// Why, in our words.
        why: String,
    },
}

impl Early {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NotOffered,
        Self::Refused,
        Self::OtherProtocol,
        Self::TooMuch,
        Self::Injected,
        Self::Ended,
        Self::Closed,
        Self::Stalled,
    ];

    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotOffered => "starttls-not-offered",
            Self::Refused => "starttls-refused",
            Self::OtherProtocol => "other-protocol",
            Self::TooMuch => "too-much",
            Self::Injected => "injected",
            Self::Ended => "ended",
            Self::Closed => "closed",
            Self::Stalled => "stalled",
        }
    }

    /// In a sentence about the server.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NotOffered => "it does not offer STARTTLS",
            Self::Refused => "it refuses to begin TLS",
            Self::OtherProtocol => "it does not speak this protocol",
            Self::TooMuch => "it sends more than any server has to say",
            Self::Injected => "it sends something between its consent to TLS and TLS",
            Self::Ended => "it ended the conversation with an error",
            Self::Closed => "it closed the connection",
            Self::Stalled => "it said nothing more",
        }
    }
}

impl Login {
    /// Whether a mechanism is offered that binds to the channel.
    pub fn binds(&self) -> bool {
        self.mechanisms.iter().any(|mechanism| mechanism.ends_with("-PLUS"))
    }
}

impl Observation {
    /// What was served, if TLS began.
    pub fn served(&self) -> Option<&Served> {
        match &self.outcome {
            Outcome::Tls(served) => Some(served),
            Outcome::Unreachable { .. } | Outcome::NoTls { .. } => None,
        }
    }

    /// The certificate that was shown first, proved or not.
    pub fn leaf(&self) -> Option<Leaf> {
        self.served()?.handshake.chain.certificates().first().map(|der| Leaf::of(der))
    }
}

/// What there is to know of a certificate that a server shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// SHA-256 of the certificate.
    pub sha256: [u8; 32],
    /// SHA-256 of the SubjectPublicKeyInfo. `None`: it cannot be read.
    pub spki_sha256: Option<[u8; 32]>,
    /// See [`crate::observation::Observation::tbs_sha256`].
    pub tbs_sha256: [u8; 32],
    /// The start of the validity, where it can be read.
    pub not_before: Option<Timestamp>,
    /// The end of the validity, where it can be read.
    pub not_after: Option<Timestamp>,
    /// The serial number, in hexadecimal; empty where it cannot be read.
    pub serial: String,
}

impl Leaf {
    /// What a certificate in DER says.
    pub fn of(der: &[u8]) -> Self {
        let walked = walk(der, Kind::Certificate);
        // A certificate that cannot be taken apart stands for itself, as in the logs.
        let tbs = precert_tbs(der);
        Self {
            sha256: sha256(der),
            spki_sha256: walked.spki_sha256(),
            tbs_sha256: sha256(tbs.as_deref().unwrap_or(der)),
            not_before: walked.not_before,
            not_after: walked.not_after,
            serial: walked.serial.map(hex).unwrap_or_default(),
        }
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 octets")
}
