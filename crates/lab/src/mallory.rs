//! Mallory on the way to a server: takes connections apart that she wants to read, and lets the others pass untouched.
//!
//! ```text
//!  client ── clear text, copied both ways ── first TLS record of the client ─┬─ no victim: copied to the end
//!                                                                            └─ a victim: TLS with a certificate of hers,
//!                                                                               TLS of her own to the server
//! ```
//!
//! She needs no protocol's STARTTLS: she waits for the first TLS record, as whoever stands on the way can. The server sees
//! her connect from her victim's address, as in 2023.
//!
//! # Limitations
//!
//! She is made of rustls: she cannot offer anonymous suites, as the interceptor of 2023 did; and, mimicking a hello, she
//! asks the server for the client's name, protocols, versions, suites and groups in the client's order, but says them in
//! rustls' way, so that a fingerprint over extensions still is that of rustls.

mod bad;
mod clear;
mod hello;
mod intercept;

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;

pub use bad::{BadServer, Fault, Stage};
pub(crate) use hello::ja4;
pub(crate) use intercept::Anybody;

use crate::identity::{Identity, Terms};
use crate::port::{Port, connect_from};

/// What she does.
#[derive(Clone, Debug)]
pub struct Settings {
    /// To whom.
    pub victims: Victims,
    /// Who she says she is: with a key of her own, or the server's, stolen.
    pub identity: Identity,
    /// What she agrees to with clients. Application protocols are those that the server agrees to.
    pub terms: Terms,
    /// What she takes out of what servers offer.
    pub strip: Strip,
    /// What her own hello to the server looks like.
    pub upstream: Upstream,
}

/// Whom she reads.
#[derive(Clone, Debug)]
pub enum Victims {
    /// Everybody.
    Everyone,
    /// Everybody but who comes from these addresses: those of probers, or of Tor's exits.
    AllBut(BTreeSet<IpAddr>),
    /// Only who comes from these.
    Only(BTreeSet<IpAddr>),
    /// Only those whose hello has this fingerprint (JA4).
    Fingerprint(String),
}

/// What she takes out of the features of XMPP streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strip {
    /// Mechanisms that are bound to the connection, and the list of types of channel binding.
    pub plus: bool,
    /// The way to TLS. Whoever goes on in clear text is told by the server that this is not enough.
    pub starttls: bool,
}

/// What her hello to the server looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Like rustls by default.
    Own,
    /// Like the client's, as far as rustls lets her.
    Mimic,
}

/// One on the way to one server. Dropping her closes the port that she listens on.
pub struct Mallory {
    way: Way,
    port: Port,
}

/// How she treats connections, wherever they come in and lead to. Cheap to clone.
#[derive(Clone)]
pub struct Way(Arc<State>);

struct State {
    settings: Settings,
    seen: Mutex<Seen>,
}

/// What became of the connections so far, the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// From where those came that she took apart.
    pub read: Vec<IpAddr>,
    /// From where those came that she let pass.
    pub passed: Vec<IpAddr>,
    /// The records of the hellos of those whom she took apart.
    pub hellos: Vec<Vec<u8>>,
    /// The first bytes that clients said in confidence.
    pub confidences: Vec<u8>,
}

impl Settings {
    /// Everybody, as this, and nothing else.
    pub fn everyone(identity: Identity) -> Self {
        Self {
            victims: Victims::Everyone,
            identity,
            terms: Terms::default(),
            strip: Strip::default(),
            upstream: Upstream::Own,
        }
    }
}

impl Mallory {
    /// Stands before a server.
    pub async fn start(at: IpAddr, server: SocketAddr, settings: Settings) -> io::Result<Self> {
        let way = Way::new(settings);
        let inside = way.clone();
        let port = Port::open(SocketAddr::new(at, 0), move |stream, from| {
            let way = inside.clone();
            async move {
                way.carry(stream, from.ip(), from.ip(), server).await;
            }
        })
        .await?;
        Ok(Self { way, port })
    }

    /// Where she listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address
    }

    /// What became of the connections so far.
    pub fn seen(&self) -> Seen {
        self.way.seen()
    }
}

impl Way {
    /// This one.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(State { settings, seen: Mutex::default() }))
    }

    /// What became of the connections so far.
    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Carries a connection of this client to a server, which sees it come from `source`, until it ends.
    pub(crate) async fn carry(
        &self,
        client: TcpStream,
        from: IpAddr,
        source: IpAddr,
        server: SocketAddr,
    ) {
        let carried = async {
            client.set_nodelay(true)?;
            let server = connect_from(source, server).await?;
            intercept::carry(self, client, server, from).await
        };
        ended(carried.await);
    }

    /// Carries a connection of this client to a server that is connected to already, until it ends.
    pub async fn between(&self, client: TcpStream, from: IpAddr, server: TcpStream) {
        let carried = async {
            client.set_nodelay(true)?;
            server.set_nodelay(true)?;
            intercept::carry(self, client, server, from).await
        };
        ended(carried.await);
    }

    /// Whether she would read somebody from there, whatever he says.
    fn wants(&self, from: IpAddr) -> bool {
        match &self.0.settings.victims {
            Victims::Everyone | Victims::Fingerprint(_) => true,
            Victims::AllBut(spared) => !spared.contains(&from),
            Victims::Only(victims) => victims.contains(&from),
        }
    }

    /// Whether she reads somebody who says hello like this.
    fn wants_hello(&self, records: &[u8]) -> bool {
        match &self.0.settings.victims {
            Victims::Everyone | Victims::AllBut(_) | Victims::Only(_) => true,
            Victims::Fingerprint(wanted) => ja4(records).as_ref() == Some(wanted),
        }
    }

    fn took_apart(&self, from: IpAddr, hello: &[u8]) {
        let mut seen = self.lock();
        if seen.read.len() < SEEN_MAX {
            seen.read.push(from);
            seen.hellos.push(hello.to_vec());
        }
    }

    fn let_pass(&self, from: IpAddr) {
        let mut seen = self.lock();
        if seen.passed.len() < SEEN_MAX {
            seen.passed.push(from);
        }
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the two of them do to each other is not her affair.
fn ended(carried: io::Result<()>) {
    if let Err(err) = carried {
        tracing::debug!("a connection by way of Mallory broke: {err:#}");
    }
}

impl Seen {
    /// Keeps the beginning.
    fn heard(&mut self, bytes: &[u8]) {
        let room = CONFIDENCES_BYTES_MAX.saturating_sub(self.confidences.len());
        self.confidences.extend_from_slice(&bytes[..room.min(bytes.len())]);
    }
}

/// No scene counts further.
const SEEN_MAX: usize = 1024;
/// Enough to show that she reads.
const CONFIDENCES_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests;
