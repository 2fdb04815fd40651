//! From where we look. One log must show all its readers the same tree; two vantages can tell whether it does.

use crate::tor::Control;

/// A named way out to the Internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vantage {
    /// What a request, an observation and a report call it.
    pub name: String,
    /// The way its bytes take.
    pub route: Route,
}

/// How a vantage's bytes leave this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Straight from here; names are resolved by this system.
    Direct,
    /// Through an HTTP proxy, by CONNECT for `https` (RFC 9110 §9.3.6). The proxy resolves names.
    HttpProxy {
        /// `http://[user:password@]host:port`, or `https://…`.
        url: String,
    },
    /// Through a SOCKS5 proxy (RFC 1928), Tor for one. The proxy is given names, and addresses only of DNS servers.
    Socks5 {
        /// `host:port`.
        address: String,
        /// A user name (RFC 1929) that Tor keeps on circuits of its own (`IsolateSOCKSAuth`).
        isolation: Option<String>,
    },
    /// Through a tor that runs here. As through SOCKS5, with the vantage's name for isolation.
    Tor {
        /// Its `SocksPort`: `host:port`.
        address: String,
        /// Its `ControlPort`, by which it says which exit a connection took.
        control: Option<Control>,
    },
}

impl Route {
    /// Whether names are resolved, and connections opened, by somebody else.
    pub fn is_proxy(&self) -> bool {
        match self {
            Self::Direct => false,
            Self::HttpProxy { .. } | Self::Socks5 { .. } | Self::Tor { .. } => true,
        }
    }

    /// The user name for a SOCKS5 proxy, of a connection from the vantage of this name.
    pub(crate) fn isolation<'a>(&'a self, vantage: &'a str) -> Option<&'a str> {
        match self {
            Self::Direct | Self::HttpProxy { .. } => None,
            Self::Socks5 { isolation, .. } => isolation.as_deref(),
            Self::Tor { .. } => Some(vantage),
        }
    }
}
