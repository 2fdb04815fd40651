//! An XMPP server on loopback (RFC 6120, XEP-0368): STARTTLS on one port, TLS on another, logins that can be bound to the
//! connection, as few servers that are packaged can. It keeps what its end of each handshake looked like.

mod sasl;
mod scram;
mod session;
mod xml;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_tls::Recording;
use rustls::ServerConfig;

pub use sasl::{Binding, Mechanism, Offer};
pub use scram::{Flag, Refusal};

use crate::identity::{Identity, Terms};
use crate::port::Port;
use crate::taped::Reel;
use session::Opening;
use xml::Element;

/// How to set one up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whom it serves.
    pub domain: String,
    /// Where it listens, with a port that is free each time.
    pub at: IpAddr,
    /// Who has an account, with which password.
    pub accounts: BTreeMap<String, String>,
    /// What it offers for logging in.
    pub offer: Offer,
    /// Who it says it is.
    pub identity: Identity,
    /// What it agrees to.
    pub terms: Terms,
}

/// A server. Dropping it closes its ports.
pub struct XmppServer {
    shared: Shared,
    starttls: Port,
    direct: Port,
}

/// A login, tried or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// From where it came.
    pub from: SocketAddr,
    /// By which mechanism; `None` if there is none of that name.
    pub mechanism: Option<Mechanism>,
    /// What the client said of channel binding, if it came to that.
    pub flag: Option<Flag>,
    /// Who it was, or why nobody.
    pub ended: Result<String, Refusal>,
}

impl XmppServer {
    /// Opens its ports.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let at = SocketAddr::new(settings.at, 0);
        let shared = Shared::new(settings);
        let open = |opening| {
            let shared = shared.clone();
            Port::open(at, move |stream, from| {
                session::serve(stream, from, opening, shared.clone())
            })
        };
        let (starttls, direct) = (open(Opening::StartTls).await?, open(Opening::Direct).await?);
        Ok(Self { shared, starttls, direct })
    }

    /// Where it speaks clear text first.
    pub fn starttls(&self) -> SocketAddr {
        self.starttls.address
    }

    /// Where TLS comes first.
    pub fn direct(&self) -> SocketAddr {
        self.direct.address
    }

    /// From the next handshake on it is this; connections that there are stay.
    pub fn renew(&self, identity: Identity) {
        let tls = identity.server(&self.shared.settings.terms);
        *lock(&self.shared.shown) = (identity, tls);
    }

    /// What it says it is.
    pub fn identity(&self) -> Identity {
        lock(&self.shared.shown).0.clone()
    }

    /// Its end of the last connections, the oldest first, each with the address of the other end.
    pub fn connections(&self) -> Vec<(SocketAddr, Recording)> {
        let reels = lock(&self.shared.reels);
        reels.iter().map(|(from, reel)| (*from, reel.recording())).collect()
    }

    /// The last logins, the oldest first.
    pub fn logins(&self) -> Vec<Login> {
        lock(&self.shared.logins).iter().cloned().collect()
    }

    /// What the last messages said, each with the name of who sent it.
    pub fn messages(&self) -> Vec<(String, String)> {
        lock(&self.shared.messages).iter().cloned().collect()
    }
}

/// What all connections share. Cheap to clone.
#[derive(Clone)]
struct Shared(Arc<State>);

struct State {
    settings: Settings,
    shown: Mutex<(Identity, Arc<ServerConfig>)>,
    reels: Mutex<VecDeque<(SocketAddr, Reel)>>,
    logins: Mutex<VecDeque<Login>>,
    messages: Mutex<VecDeque<(String, String)>>,
    streams: AtomicU64,
}

impl std::ops::Deref for Shared {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl Shared {
    fn new(settings: Settings) -> Self {
        let tls = settings.identity.server(&settings.terms);
        Self(Arc::new(State {
            shown: Mutex::new((settings.identity.clone(), tls)),
            settings,
            reels: Mutex::default(),
            logins: Mutex::default(),
            messages: Mutex::default(),
            streams: AtomicU64::default(),
        }))
    }

    /// Tape for a new connection.
    fn reel(&self, from: SocketAddr) -> Reel {
        let reel = Reel::default();
        push(&self.reels, (from, reel.clone()));
        reel
    }

    fn identity(&self) -> (Identity, Arc<ServerConfig>) {
        lock(&self.shown).clone()
    }

    fn password(&self, name: &str) -> Option<&str> {
        self.settings.accounts.get(name).map(String::as_str)
    }

    fn keep(&self, login: Login) {
        push(&self.logins, login);
    }

    /// A stanza that is no question; of messages, what they say.
    fn took(&self, name: &str, stanza: &Element) {
        let body = stanza.children.iter().find(|child| child.name == "body");
        if let Some(body) = body {
            push(&self.messages, (name.to_owned(), body.text.clone()));
        }
    }

    /// The number of a new stream.
    fn next_stream(&self) -> u64 {
        self.streams.fetch_add(1, Ordering::Relaxed)
    }
}

fn push<T>(kept: &Mutex<VecDeque<T>>, new: T) {
    let mut kept = lock(kept);
    if kept.len() == KEPT_MAX {
        kept.pop_front();
    }
    kept.push_back(new);
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Enough for any scene to find its own; a year of probes must not stay in memory.
const KEPT_MAX: usize = 256;

#[cfg(test)]
pub(crate) mod tests;
