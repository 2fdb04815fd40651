//! One connection by way of a vantage, for whatever is spoken over it.
//!
//! Names are looked up by whoever connects: here by this system's resolver or in the lab's table, else by the proxy.
//! Nothing is believed of who answers.
//!
//! # Limitations
//!
//! Whoever wants one kind of address gives a proxy an address: of those behind a name it chooses itself. The addresses
//! of a name are tried one after the other, not in a race (RFC 8305), so that an observation says which one was.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::net::{Exit, Net};
use crate::socks::{self, SocksError};
use crate::vantage::Route;
pub use connect::ConnectError;
pub use stream::Stream;

mod connect;
mod connect_answer;
mod stream;

/// By which way.
#[derive(Clone, Copy, Debug)]
pub struct Dial<'a> {
    /// The name of the vantage.
    pub vantage: &'a str,
    /// A user name for its SOCKS5 proxy instead of its own, which Tor keeps on circuits of its own. Other vantages have
    /// no use for it.
    pub isolation: Option<&'a str>,
    /// Only to addresses of this kind.
    pub family: Option<Family>,
}

/// A kind of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// A connection.
#[derive(Debug)]
pub struct Dialed {
    /// The bytes.
    pub stream: Stream,
    /// The address that was connected to; `None` where a proxy has looked the name up. If an address was asked for, it
    /// is that one, also in the lab.
    pub peer: Option<SocketAddr>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// No vantage has that name.
    #[error("there is no vantage named {0:?}")]
    UnknownVantage(String),
    /// The user name has not 1 to 255 octets (RFC 1929 §2).
    #[error("isolation {0:?} cannot be a user name of SOCKS5")]
    Isolation(String),
    /// It is no name of a host.
    #[error("{0:?} cannot be the name of a host")]
    BadHost(String),
    /// The name has no address of the kind that is wanted.
    #[error("{host} has no {} address", .family.map_or("Internet".to_owned(), |family| family.to_string()))]
    NoAddress {
        /// The name.
        host: String,
        /// What was wanted.
        family: Option<Family>,
    },
    /// The name cannot be looked up.
    #[error("cannot resolve {host}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// One kind of address is wanted, and it is the proxy that chooses.
    #[error(
        "the proxy of vantage {vantage:?} looks up {host}, and cannot be told to use {family} only"
    )]
    FamilyByProxy {
        /// The vantage.
        vantage: String,
        /// The name.
        host: String,
        /// What was wanted.
        family: Family,
    },
    /// An onion service, from a vantage that is not behind Tor (RFC 7686 §2: such names are not looked up in DNS).
    #[error("vantage {vantage:?} does not lead to the onion service {host}")]
    Onion {
        /// The vantage.
        vantage: String,
        /// The name.
        host: String,
    },
    /// Nothing listens there, or somebody in between says so.
    #[error("{to} refused the connection")]
    Refused {
        /// What was to be reached: `host:port`.
        to: String,
    },
    /// There is no way to it.
    #[error("cannot reach {to}")]
    Unreachable {
        /// What was to be reached: `host:port`.
        to: String,
        /// Why, at the last of its addresses.
        source: io::Error,
    },
    /// The time was up.
    #[error("{to} did not answer within {} s", .after.as_secs_f64())]
    TimedOut {
        /// What was to be reached: `host:port`.
        to: String,
        /// How long we waited.
        after: Duration,
    },
    /// The vantage's SOCKS5 proxy does not connect us.
    #[error("cannot reach {to} by way of vantage {vantage:?}")]
    Socks {
        /// What was to be reached: `host:port`.
        to: String,
        /// The vantage.
        vantage: String,
        /// Why.
        source: SocksError,
    },
    /// The vantage's HTTP proxy does not connect us.
    #[error("cannot reach {to} by way of vantage {vantage:?}")]
    Connect {
        /// What was to be reached: `host:port`.
        to: String,
        /// The vantage.
        vantage: String,
        /// Why.
        source: ConnectError,
    },
    /// The lab's table does not have it.
    #[error("the lab has nothing at {to}")]
    LeavesLab {
        /// What was to be reached: `host:port`.
        to: String,
    },
}

impl DialError {
    /// Whether it is for us to set right: it says nothing about the service.
    pub fn is_ours(&self) -> bool {
        match self {
            Self::Socks { source, .. } => !matches!(source, SocksError::Refused(_)),
            Self::Connect { source, .. } => !matches!(source, ConnectError::Refused(_)),
            Self::UnknownVantage(_)
            | Self::Isolation(_)
            | Self::BadHost(_)
            | Self::FamilyByProxy { .. }
            | Self::Onion { .. }
            | Self::LeavesLab { .. } => true,
            Self::NoAddress { .. }
            | Self::Resolve { .. }
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. } => false,
        }
    }

    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Socks { source: SocksError::Refused(_), .. }
            | Self::Connect { source: ConnectError::Refused(_), .. } => {
                Some("the proxy says so; compare with another vantage")
            }
            Self::Socks { .. } | Self::Connect { .. } => Some(
                "check that the vantage's proxy runs, and that its address and login are right",
            ),
            Self::FamilyByProxy { .. } => {
                Some("give an address instead of a name, or take either kind")
            }
            Self::Onion { .. } => Some("look from a vantage behind Tor"),
            Self::Resolve { .. } => Some("check this machine's DNS"),
            Self::UnknownVantage(_)
            | Self::Isolation(_)
            | Self::BadHost(_)
            | Self::NoAddress { .. }
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::LeavesLab { .. } => None,
        }
    }
}

/// How many of a name's addresses are tried. Services have a few; a zone could have thousands.
const ADDRESSES_MAX: usize = 16;

/// A name of DNS has at most 253 octets as text; this is what a SOCKS5 request has room for (RFC 1928 §5).
const HOST_BYTES_MAX: usize = 255;

impl Net {
    /// Connects to a host, which is a name or the text of an address, within the time that the vantage has for it.
    pub async fn dial(&self, dial: &Dial<'_>, host: &str, port: u16) -> Result<Dialed, DialError> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.dial_address(dial, SocketAddr::new(address, port)).await;
        }
        let call = Call::new(self, dial, format!("{host}:{port}"))?;
        let fits = (1..=HOST_BYTES_MAX).contains(&host.len());
        // What could end a line of CONNECT, or begin a port or a path.
        if !fits || !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        {
            return Err(DialError::BadHost(host.to_owned()));
        }
        let redirected =
            self.redirects().and_then(|redirects| redirects.service(dial.vantage, host, port));
        match (redirected, &call.exit.route) {
            (Some(addresses), _) => call.any(host, addresses.iter().copied()).await,
            (None, Route::Direct) => {
                let addresses = call.look_up(host, port).await?;
                call.any(host, addresses.into_iter()).await
            }
            (None, Route::HttpProxy { .. } | Route::Socks5 { .. } | Route::Tor { .. }) => {
                if let Some(family) = dial.family {
                    let (vantage, host) = (dial.vantage.to_owned(), host.to_owned());
                    return Err(DialError::FamilyByProxy { vantage, host, family });
                }
                let stream = call.one(socks::Target::Name(host, port), call.until).await?;
                Ok(Dialed { stream, peer: None })
            }
        }
    }

    /// Connects to an address, within the time that the vantage has for it.
    pub async fn dial_address(&self, dial: &Dial<'_>, to: SocketAddr) -> Result<Dialed, DialError> {
        let call = Call::new(self, dial, to.to_string())?;
        if dial.family.is_some_and(|family| family != Family::of(to.ip())) {
            let host = to.ip().to_string();
            return Err(DialError::NoAddress { host, family: dial.family });
        }
        let address = match self.redirects() {
            None => to,
            Some(redirects) => {
                let host = to.ip().to_string();
                let service = redirects.service(dial.vantage, &host, to.port());
                let itself = to.ip().is_loopback().then_some(to);
                let address = service.and_then(|found| found.first().copied()).or(itself);
                address.ok_or_else(|| DialError::LeavesLab { to: call.to.clone() })?
            }
        };
        let stream = call.one(socks::Target::Address(address), call.until).await?;
        Ok(Dialed { stream, peer: Some(to) })
    }
}

/// A connection to be made.
struct Call<'a> {
    net: &'a Net,
    dial: &'a Dial<'a>,
    exit: &'a Exit,
    /// `host:port`, for people.
    to: String,
    after: Duration,
    until: Instant,
}

impl<'a> Call<'a> {
    fn new(net: &'a Net, dial: &'a Dial<'a>, to: String) -> Result<Self, DialError> {
        let unknown = || DialError::UnknownVantage(dial.vantage.to_owned());
        let exit = net.exit(dial.vantage).ok_or_else(unknown)?;
        if let Some(user) = dial.isolation.filter(|user| !(1..=255).contains(&user.len())) {
            return Err(DialError::Isolation(user.to_owned()));
        }
        let after = net.patience().connect_max(&exit.route);
        Ok(Self { net, dial, exit, to, after, until: Instant::now() + after })
    }

    async fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
        if let Some(redirects) = self.net.redirects() {
            let address = redirects.address(&host.to_ascii_lowercase(), port);
            return match address {
                Some(address) => Ok(vec![address]),
                None => Err(DialError::LeavesLab { to: self.to.clone() }),
            };
        }
        if is_onion(host) {
            let (vantage, host) = (self.dial.vantage.to_owned(), host.to_owned());
            return Err(DialError::Onion { vantage, host });
        }
        let found = timeout_at(self.until, tokio::net::lookup_host((host, port))).await;
        match found.map_err(|_| self.timed_out())? {
            Ok(addresses) => Ok(addresses.collect()),
            Err(source) => Err(DialError::Resolve { host: host.to_owned(), source }),
        }
    }

    /// The first of a name's addresses that connects. The time that is left is shared out among those that are left, so
    /// that one that is silent does not take the others' turn.
    async fn any(
        &self,
        host: &str,
        addresses: impl Iterator<Item = SocketAddr>,
    ) -> Result<Dialed, DialError> {
        let family = self.dial.family;
        let wanted =
            |address: &SocketAddr| family.is_none_or(|family| family == Family::of(address.ip()));
        let addresses: Vec<_> = addresses.filter(wanted).take(ADDRESSES_MAX).collect();
        let mut failure = DialError::NoAddress { host: host.to_owned(), family };
        for (left, address) in (1..=addresses.len()).rev().zip(&addresses) {
            let now = Instant::now();
            let share =
                u32::try_from(left).map_or(Duration::ZERO, |left| (self.until - now) / left);
            match self.one(socks::Target::Address(*address), now + share).await {
                Ok(stream) => return Ok(Dialed { stream, peer: Some(*address) }),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn one(&self, to: socks::Target<'_>, until: Instant) -> Result<Stream, DialError> {
        let connected = timeout_at(until, self.connect(to)).await;
        let stream = connected.map_err(|_| self.timed_out())??;
        // A preamble is short lines back and forth, and how they fall into segments is a fingerprint.
        stream.set_nodelay().map_err(|source| self.unreachable(source))?;
        Ok(stream)
    }

    async fn connect(&self, to: socks::Target<'_>) -> Result<Stream, DialError> {
        let (host, vantage) = (|| self.to.clone(), || self.dial.vantage.to_owned());
        match (&self.exit.route, to) {
            (Route::Direct, socks::Target::Address(address)) => {
                let connected = TcpStream::connect(address).await;
                connected.map(Stream::Tcp).map_err(|source| self.unreachable(source))
            }
            (Route::Direct, socks::Target::Name(..)) => {
                unreachable!("`dial` has looked the name up")
            }
            (route @ (Route::Socks5 { address, .. } | Route::Tor { address, .. }), to) => {
                let isolation = self.dial.isolation.or(route.isolation(self.dial.vantage));
                let connected = socks::connect(address, isolation, to).await;
                connected.map(Stream::Tcp).map_err(|source| DialError::Socks {
                    to: host(),
                    vantage: vantage(),
                    source,
                })
            }
            (Route::HttpProxy { url }, to) => {
                let tls = self.net.mail_tls();
                let connected = connect::connect(url, tls, to).await;
                connected.map_err(|source| DialError::Connect {
                    to: host(),
                    vantage: vantage(),
                    source,
                })
            }
        }
    }

    fn unreachable(&self, source: io::Error) -> DialError {
        let to = self.to.clone();
        match source.kind() {
            io::ErrorKind::ConnectionRefused => DialError::Refused { to },
            _ => DialError::Unreachable { to, source },
        }
    }

    fn timed_out(&self) -> DialError {
        DialError::TimedOut { to: self.to.clone(), after: self.after }
    }
}

/// RFC 7686 §1.
fn is_onion(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.rsplit('.').next().is_some_and(|label| label.eq_ignore_ascii_case("onion"))
}

#[cfg(test)]
mod tests;
