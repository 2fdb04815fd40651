//! What one probe saw.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use jiff::Timestamp;

use super::service::Service;

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
    /// There was no connection.
    Unreachable {
        /// Why, in our words.
        why: String,
    },
}
