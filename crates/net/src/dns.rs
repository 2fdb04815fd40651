//! Asking DNS servers, over UDP and TCP: bounded in time, bytes and trust. Whatever a server or somebody on the way
//! sends, an answer to the question or a named error comes back by the deadline.
//!
//! Nothing in an answer is verified here. What is done is what keeps somebody who does not see the question from
//! answering it (RFC 5452 §9): a random ID, a fresh port, random capitals in the name, a cookie (RFC 7873). Who cannot
//! be told apart from such a stranger is asked again over TCP.
//!
//! From a vantage behind SOCKS5 everything goes over TCP, a connection for each question. Unlike HTTP's, such a proxy
//! is given addresses: it is we who resolve names here.
//!
//! # Limitations
//!
//! Vantages behind an HTTP proxy cannot ask DNS servers. Asked directly, a server that answers over TCP only counts as
//! silent.

mod asked;
mod cookies;
mod exchange;
mod walk;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_dns::message::MessageError;
use countersign_dns::resolution::{
    self, Census, Cuts, Failure, Hints, Limits, Next, NotCounted, Reply, Resolution, Resolved,
    Servers,
};
use countersign_dns::{Message, Name, Query};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::clock::{Clock, after};
use crate::net::{Net, Redirects};
pub use crate::socks::SocksError;
use crate::vantage::Route;
use cookies::Cookies;
use exchange::Exchange;

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where every search begins.
    pub hints: Hints,
    /// What one resolution may cost.
    pub limits: Limits,
    /// How long we wait, asking directly.
    pub direct: Patience,
    /// How long we wait, asking through a proxy.
    pub proxied: Patience,
    /// How long a delegation that was seen is used again without asking its parent. This long a change of it may
    /// go unseen.
    pub cuts_age_max: Duration,
}

/// How long we wait for what.
#[derive(Clone, Debug)]
pub struct Patience {
    /// For an answer to a datagram.
    pub datagram: Duration,
    /// How many datagrams are sent to a server that stays silent.
    pub datagrams: usize,
    /// For a TCP connection and the answer that comes over it.
    pub connection: Duration,
    /// For the answer of one server, by whatever means.
    pub query: Duration,
    /// For one resolution or one census.
    pub resolution: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hints: Hints::root(),
            limits: Limits::default(),
            direct: Patience {
                // Around the world and back takes 400 ms, and a slow server some more.
                datagram: Duration::from_secs(2),
                // One datagram is lost now and then, two in a row rarely.
                datagrams: 2,
                // Three round trips, and a segment lost.
                connection: Duration::from_secs(5),
                // Two datagrams and two connections.
                query: Duration::from_secs(14),
                // A dead server on each of several levels. Beyond that it is a finding that the zone is not served.
                resolution: Duration::from_secs(60),
            },
            proxied: Patience {
                // None is sent.
                datagram: Duration::ZERO,
                datagrams: 0,
                // Tor may first have to build a circuit.
                connection: Duration::from_secs(60),
                query: Duration::from_secs(90),
                resolution: Duration::from_secs(300),
            },
            // The servers of the root and of a top-level domain are asked once a minute for each zone: nothing to them.
            cuts_age_max: Duration::from_secs(60),
        }
    }
}

/// DNS as it is seen from one vantage. Cheap to clone; clones share what they know.
#[derive(Clone, Debug)]
pub struct Dns(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    vantage: String,
    way: Way,
    redirects: Option<Redirects>,
    settings: Settings,
    clock: Clock,
    cookies: Cookies,
    known: Mutex<Known>,
    /// Places for searches under way: each has a copy of all known delegations.
    searches: Semaphore,
    /// Places for questions under way: each has a socket.
    questions: Semaphore,
}

/// How questions leave this machine.
#[derive(Clone, Debug)]
enum Way {
    Direct,
    Socks5 { proxy: String, isolation: Option<String> },
}

/// Delegations, and since when they have been gathered.
#[derive(Debug)]
struct Known {
    since: Timestamp,
    cuts: Cuts,
}

/// Why DNS cannot be asked from a vantage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// No vantage has that name.
    #[error("there is no vantage named {0:?}")]
    UnknownVantage(String),
    /// It is behind an HTTP proxy.
    #[error("vantage {0:?} is behind an HTTP proxy, which carries no DNS")]
    HttpProxy(String),
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// The message as it was received, at most 64 KiB.
    pub bytes: Vec<u8>,
    /// The same, read.
    pub message: Message,
    /// How it came.
    pub transport: Transport,
    /// How long it took, all tries included.
    pub took: Duration,
    /// How many datagrams came that were not the answer. Some are chance; thousands are somebody who tries to give
    /// an answer in the server's place.
    pub strays: usize,
}

/// How an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// Over a connection.
    Tcp,
}

/// Why a server gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The time was up.
    #[error("{to} did not answer within {} s", .after.as_secs_f64())]
    Timeout {
        /// Who was asked.
        to: SocketAddr,
        /// How long we waited.
        after: Duration,
        /// How many datagrams came that were not the answer.
        strays: usize,
    },
    /// There is no way to it, or nothing listens there.
    #[error("cannot reach {to}")]
    Unreachable {
        /// Who was to be asked.
        to: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection to {to} broke before an answer")]
    Broken {
        /// Who was asked.
        to: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// What came over a connection is no message.
    #[error("{to} answered with something that is no DNS message")]
    Malformed {
        /// Who was asked.
        to: SocketAddr,
        /// What is wrong with it.
        source: MessageError,
    },
    /// What came over a connection is not the answer to the question.
    #[error("{to} answered another question")]
    OtherQuestion {
        /// Who was asked.
        to: SocketAddr,
    },
    /// The vantage's proxy does not connect us.
    #[error("cannot reach {to} by way of vantage {vantage:?}")]
    Proxy {
        /// Who was to be asked.
        to: SocketAddr,
        /// The vantage.
        vantage: String,
        /// Why.
        source: SocksError,
    },
    /// An address that no server on the Internet has: of this machine, or of many.
    #[error("{to} is not the address of a server on the Internet")]
    NoServer {
        /// Who was to be asked.
        to: SocketAddr,
    },
    /// The lab's table does not have it.
    #[error("the lab has no DNS server at {to}")]
    NotRedirected {
        /// Who was to be asked.
        to: SocketAddr,
    },
}

impl ExchangeError {
    /// What it means to a resolution.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Timeout { .. } => Failure::Timeout,
            Self::Unreachable { .. }
            | Self::Proxy { .. }
            | Self::NoServer { .. }
            | Self::NotRedirected { .. } => Failure::Unreachable,
            Self::Broken { .. } => Failure::Broken,
            Self::Malformed { source, .. } => Failure::Malformed(*source),
            Self::OtherQuestion { .. } => Failure::WrongQuestion,
        }
    }

    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Proxy { .. } => {
                Some("check that the vantage's proxy runs and may connect to port 53")
            }
            Self::Timeout { strays: 1.., .. } => {
                Some("someone may be trying to answer in its place")
            }
            Self::Timeout { .. }
            | Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::Malformed { .. }
            | Self::OtherQuestion { .. }
            | Self::NoServer { .. }
            | Self::NotRedirected { .. } => None,
        }
    }
}

/// Whom a question is put to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// An authoritative server.
    Server,
    /// A resolver, which is asked to resolve (RD).
    Resolver,
}

impl Dns {
    /// Asks nobody yet. Time is read only to tell how old delegations are that were seen.
    pub fn new(
        net: &Net,
        vantage: &str,
        settings: Settings,
        clock: Clock,
    ) -> Result<Self, DnsError> {
        let exit = net.exit(vantage).ok_or_else(|| DnsError::UnknownVantage(vantage.to_owned()))?;
        let way = match &exit.route {
            Route::Direct => Way::Direct,
            Route::HttpProxy { .. } => return Err(DnsError::HttpProxy(vantage.to_owned())),
            Route::Socks5 { address, isolation } => {
                Way::Socks5 { proxy: address.clone(), isolation: isolation.clone() }
            }
            Route::Tor { address, .. } => {
                Way::Socks5 { proxy: address.clone(), isolation: Some(vantage.to_owned()) }
            }
        };
        let known = Known { since: clock.now(), cuts: Cuts::new(&settings.hints) };
        Ok(Self(Arc::new(Inner {
            vantage: vantage.to_owned(),
            way,
            redirects: net.redirects().cloned(),
            settings,
            clock,
            cookies: Cookies::new(random()),
            known: Mutex::new(known),
            searches: Semaphore::new(SEARCHES_AT_ONCE),
            questions: Semaphore::new(QUESTIONS_AT_ONCE),
        })))
    }

    /// Puts a question to an authoritative server, at port 53.
    pub async fn exchange(&self, to: IpAddr, query: &Query) -> Result<Exchanged, ExchangeError> {
        self.ask(SocketAddr::new(to, PORT), query, Role::Server).await
    }

    /// Puts a question to a resolver, to see what those get to see who trust it.
    pub async fn ask_upstream(
        &self,
        resolver: SocketAddr,
        query: &Query,
    ) -> Result<Exchanged, ExchangeError> {
        self.ask(resolver, query, Role::Resolver).await
    }

    /// Finds an answer by iteration from the root, or from delegations that were seen lately.
    pub async fn resolve(&self, query: &Query) -> Resolved {
        let _place = self.0.searches.acquire().await.expect("it is never closed");
        let (since, cuts) = self.known();
        let mut resolution = Resolution::new(query.clone(), &cuts, self.0.settings.limits.clone());
        let until = Instant::now() + self.patience().resolution;
        let resolved = loop {
            match resolution.next() {
                Next::Done(resolved) => break resolved,
                Next::Send(send) => match timeout_at(until, self.reply(&send)).await {
                    Ok(reply) => resolution.feed(reply),
                    Err(_) => resolution.stop(),
                },
            }
        };
        let is_lost = matches!(resolved, Resolved::Failed(_));
        self.learn(since, resolution.into_cuts(), is_lost.then_some(&query.name));
        resolved
    }

    /// Finds all servers of a zone, and all their addresses.
    pub async fn servers_of(&self, zone: &Name) -> Result<Servers, NotCounted> {
        let _place = self.0.searches.acquire().await.expect("it is never closed");
        let (since, cuts) = self.known();
        let mut census = Census::new(zone.clone(), &cuts, self.0.settings.limits.clone());
        let until = Instant::now() + self.patience().resolution;
        let counted = loop {
            match census.next() {
                Next::Done(counted) => break counted,
                Next::Send(send) => match timeout_at(until, self.reply(&send)).await {
                    Ok(reply) => census.feed(reply),
                    Err(_) => census.stop(),
                },
            }
        };
        self.learn(since, census.into_cuts(), counted.is_err().then_some(zone));
        counted
    }

    /// Forgets all delegations, so that the next search begins at the root.
    pub fn forget(&self) {
        *self.lock() = Known { since: self.0.clock.now(), cuts: Cuts::new(&self.0.settings.hints) };
    }

    /// Forgets the delegations at and above a name, so that it is looked for from the root.
    pub fn forget_way_to(&self, name: &Name) {
        self.lock().cuts.forget(name);
    }

    async fn ask(
        &self,
        to: SocketAddr,
        query: &Query,
        role: Role,
    ) -> Result<Exchanged, ExchangeError> {
        let address = self.address(to, role)?;
        let _place = self.0.questions.acquire().await.expect("it is never closed");
        Exchange::new(self, to, address, query, role).run().await
    }

    async fn reply(&self, send: &resolution::Send) -> Reply {
        match self.exchange(send.to, &send.query).await {
            Ok(exchanged) => Reply::Message(Box::new(exchanged.message)),
            Err(error) => Reply::Failed(error.failure()),
        }
    }

    /// Where that is: itself, or what stands for it in the lab.
    fn address(&self, to: SocketAddr, role: Role) -> Result<SocketAddr, ExchangeError> {
        if let Some(redirects) = &self.0.redirects {
            let is_here = role == Role::Resolver && to.ip().is_loopback();
            let found = redirects.server(to.ip()).filter(|_| to.port() == PORT);
            return found.or(is_here.then_some(to)).ok_or(ExchangeError::NotRedirected { to });
        }
        // Referrals must not lead a stranger's question to services of this machine or network.
        let address = to.ip().to_canonical();
        let is_nowhere = address.is_unspecified()
            || address.is_multicast()
            || address == IpAddr::from([255; 4])
            || role == Role::Server && address.is_loopback();
        if is_nowhere { Err(ExchangeError::NoServer { to }) } else { Ok(to) }
    }

    fn patience(&self) -> &Patience {
        match self.0.way {
            Way::Direct => &self.0.settings.direct,
            Way::Socks5 { .. } => &self.0.settings.proxied,
        }
    }

    /// The delegations that are not too old, and since when they have been gathered.
    fn known(&self) -> (Timestamp, Cuts) {
        let is_old = after(self.lock().since, self.0.settings.cuts_age_max) <= self.0.clock.now();
        if is_old {
            self.forget();
        }
        let known = self.lock();
        (known.since, known.cuts.clone())
    }

    /// Takes what a search has learned, unless what it began with is too old by now; less what led to `lost`.
    fn learn(&self, since: Timestamp, cuts: Cuts, lost: Option<&Name>) {
        let mut known = self.lock();
        if known.since != since {
            return;
        }
        known.cuts.merge(cuts);
        if let Some(name) = lost {
            known.cuts.forget(name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Nothing panics half-way through a change, so a poisoned state is still a whole one.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// With a thousand delegations known, a search has 300 kB. More than these wait.
pub const SEARCHES_AT_ONCE: usize = 64;
/// Most systems let a process have 1,024 files and sockets.
const QUESTIONS_AT_ONCE: usize = 256;

/// RFC 1035 §4.2.
const PORT: u16 = 53;

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests;
