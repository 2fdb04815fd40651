//! A CA that speaks ACME (RFC 8555), validates as public CAs do, heeds CAA with its accounts and methods (RFC 8659,
//! RFC 8657) and DNSSEC; and that does none of this on demand.
//!
//! ```text
//!   Customer ── JWS ──> Service ──> Ledger: accounts, orders, authorizations
//!                          ├── challenge ──> Sight: DNS as one group is told it; Network: who is behind an address
//!                          └── finalize ───> CAA, by the same Sight ──> Authority ──> logs
//! ```
//!
//! | who deceives or forces it | how it is made |
//! |---|---|
//! | somebody between it and the service | [`Network::divert`] |
//! | somebody between it and the name servers | [`Responder::forge`](crate::dns::Responder::forge) for its group |
//! | itself, by what it leaves out | [`Knobs::caa`], [`Knobs::dnssec`] |
//! | whoever can give it orders | [`Knobs::coerced_for`] |
//!
//! # Limitations
//!
//! It looks from one place only. Public CAs look from several, which is no help against who sits right before the
//! service or its name server, as those do who divert traffic here. Accounts are neither changed nor closed, an
//! authorization serves one order, and nothing is revoked.

mod customer;
mod key;
mod ledger;
mod place;
mod problem;
mod service;
mod sight;
mod validation;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use countersign_net::Clock;
use tokio::task::JoinSet;

pub use self::customer::{Answer, Customer, OrderError};
pub use self::key::AccountKey;
use self::service::Service;
pub use self::sight::Sight;
use crate::authority::{Authority, IssueError};
use crate::log::{LogServer, open_door};
use crate::network::Network;

/// What a CA is.
pub struct Settings {
    /// The host name in its URLs, by which CAA records know it, too. Somebody must know that it leads to
    /// [`Ca::address`].
    pub host: String,
    /// What its URLs have in the place of the host name.
    pub at: At,
    /// Whose keys sign.
    pub authority: Arc<Authority>,
    /// Which logs are told of each certificate. Without any, there are no SCTs in it.
    pub logs: Vec<LogServer>,
    /// How it sees DNS.
    pub sight: Sight,
    /// How it reaches web servers.
    pub network: Network,
    /// Its clock.
    pub clock: Clock,
}

/// By what a CA goes in its URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Its host name.
    Host,
    /// Its address and port, for clients who ask the machine's resolver for names.
    Address,
}

/// What a CA leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Knobs {
    /// Whether it looks at CAA records before it issues.
    pub caa: Heed,
    /// Whether its resolver validates. One that does not takes any answer, also a forged one.
    pub dnssec: Heed,
    /// URLs of accounts that get what they ask for, without validation and against CAA: whoever can give the CA orders
    /// has named them.
    pub coerced_for: BTreeSet<String>,
}

/// Whether a rule is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heed {
    /// It is.
    #[default]
    Heeded,
    /// It is not.
    Ignored,
}

/// How a customer shows control of a name (RFC 8555 §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By a page at port 80 of the name's address.
    Http01,
    /// By a TXT record below the name.
    Dns01,
}

/// A CA. Dropping it closes its door.
pub struct Ca {
    service: Arc<Service>,
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// Why a CA did not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its own certificate could not be made.
    #[error("cannot certify the CA's own host")]
    Certificate(#[source] IssueError),
    /// There is no port for it.
    #[error("cannot open the CA's door")]
    Door(#[source] io::Error),
}

impl Method {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Http01, Self::Dns01];

    /// The type of its challenge, and its label in `validationmethods`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Ca {
    /// Opens its door on a free port of 127.0.0.1, with TLS by its own authority.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let certified = match settings.at {
            At::Host => settings.host.clone(),
            At::Address => Ipv4Addr::LOCALHOST.to_string(),
        };
        let tls = settings.authority.server_config(&certified).map_err(StartError::Certificate)?;
        let at = settings.at;
        let service = Arc::new(Service::new(settings));
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let router = service::router(Arc::clone(&service));
        let (address, tasks) = open_door(any, Some(tls), router).await.map_err(StartError::Door)?;
        if at == At::Address {
            service.goes_by(&address.to_string());
        }
        Ok(Self { service, address, _tasks: tasks })
    }

    /// The URL of its directory (RFC 8555 §7.1.1).
    pub fn directory(&self) -> String {
        self.service.url(&place::Place::Directory)
    }

    /// The host name in its URLs.
    pub fn host(&self) -> &str {
        &self.service.settings.host
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The root of its own certificate.
    pub fn root(&self) -> &[u8] {
        self.service.settings.authority.root()
    }

    /// Turns knobs.
    pub fn turn(&self, turn: impl FnOnce(&mut Knobs)) {
        turn(&mut self.service.knobs());
    }
}
