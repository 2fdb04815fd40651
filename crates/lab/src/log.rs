//! A transparency log in this process, on loopback, that speaks RFC 6962 and c2sp.org/static-ct-api, over TLS if
//! wanted, and that lies and fails on demand.
//!
//! ```text
//!   add_chain, push ──> sequenced, after the SCT was given ──> publish(): a new head ──> two doors
//!                       into one History, several, or none                               each through its Knobs
//! ```
//!
//! Encodings, proofs and signatures are the lab's own, written from the specifications: the monitor under test is
//! checked by code that it does not share. The clock is passed in.
//!
//! # Limitations
//!
//! Precertificate Signing Certificates (RFC 6962 §3.1) are not understood, and only ECDSA P-256 signatures are
//! verified on submitted chains: the lab's CA needs no more. The temporal interval is listed, not enforced. A host
//! name that does not exist, or one that leads elsewhere, is made where names are resolved, not here.

mod chain;
mod door;
mod entry;
mod history;
mod knobs;
pub(crate) mod list;
pub(crate) mod reply;
pub(crate) mod rfc6962;
mod service;
pub(crate) mod signer;
pub(crate) mod static_ct;
pub(crate) mod tree;
mod view;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use countersign_net::Clock;
use jiff::Timestamp;
use rustls::ServerConfig;
use tokio::task::JoinSet;

pub use self::chain::Refused;
pub use self::entry::{Content, Entry};
pub use self::knobs::{
    Branch, Fault, FaultKind, Group, Gzip, HeadSignature, Knobs, Merging, Pages, PartialTiles,
    RateLimit, RetryAfter, Shown,
};
pub use self::list::{Listed, log_list_json};
pub use self::signer::{Head, Sct, unknown_signature_line};

pub(crate) use self::door::open as open_door;
pub(crate) use self::signer::Signer;

use self::service::{Service, at, join, milliseconds};

/// What a log is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who runs it, as the log list says.
    pub operator: String,
    /// Its name in the log list.
    pub description: String,
    /// The host name in its URL. Only a log with TLS is reached by it.
    pub host: String,
    /// The rest of its URL, without slashes at the ends. May be empty.
    pub path: String,
    /// Which of the two protocols the log list says that it speaks. It answers to both; static CT logs put the
    /// leaf index into their SCTs.
    pub protocol: Protocol,
    /// Certificates that expire in this interval belong here: start inclusive, end exclusive.
    pub interval: Option<(Timestamp, Timestamp)>,
    /// The maximum merge delay that it promises.
    pub mmd: Duration,
    /// The first request after so long publishes a new head. `None`: only [`LogServer::publish`] does.
    pub publish_every: Option<Duration>,
    /// The roots it accepts.
    pub roots: Vec<Vec<u8>>,
    /// Its clock.
    pub clock: Clock,
    /// TLS for its doors; see [`Authority::server_config`](crate::authority::Authority::server_config).
    pub tls: Option<Arc<ServerConfig>>,
}

impl Settings {
    /// A small log that nobody has to know anything of: without TLS, for certificates of all times under no root, with
    /// a day to merge them, and with new heads only when it is told to publish one.
    pub fn plain(description: &str, protocol: Protocol, clock: Clock) -> Self {
        Self {
            operator: "Operator".to_owned(),
            description: description.to_owned(),
            host: "log.example".to_owned(),
            path: String::new(),
            protocol,
            interval: None,
            mmd: Duration::from_secs(86_400),
            publish_every: None,
            roots: Vec::new(),
            clock,
            tls: None,
        }
    }
}

/// What a log says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 6962.
    Rfc6962,
    /// c2sp.org/static-ct-api.
    StaticCt,
}

/// A running log. Cheap to clone; dropping the last clone closes its doors.
#[derive(Clone)]
pub struct LogServer {
    service: Arc<Service>,
    doors: Arc<[Door; 2]>,
}

/// One group's way in.
struct Door {
    address: SocketAddr,
    /// Empty while the door is closed.
    tasks: Mutex<JoinSet<()>>,
}

impl LogServer {
    /// Makes a key, publishes the empty tree, and opens the doors on free ports of 127.0.0.1.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let service = Arc::new(Service::new(settings));
        let mut doors = Vec::new();
        for group in Group::ALL {
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let (address, tasks) = service.open(any, group).await?;
            doors.push(Door { address, tasks: Mutex::new(tasks) });
        }
        let doors = doors.try_into().unwrap_or_else(|_| panic!("a door for each group"));
        Ok(Self { service, doors: Arc::new(doors) })
    }

    /// Where its resources are: ends in a slash. With TLS it has the host name, and somebody must know that this
    /// leads to [`LogServer::address`].
    pub fn url(&self) -> String {
        let Settings { host, path, tls, .. } = &self.service.settings;
        match tls {
            Some(_) => format!("https://{}/", join(host, path)),
            None => self.door_url(Group::A),
        }
    }

    /// The URL without TLS by this door.
    pub fn door_url(&self, group: Group) -> String {
        let address = self.address(group).to_string();
        format!("http://{}/", join(&address, &self.service.settings.path))
    }

    /// What it was started with.
    pub fn settings(&self) -> &Settings {
        &self.service.settings
    }

    /// The port of this group's door.
    pub fn address(&self, group: Group) -> SocketAddr {
        self.doors[at(group)].address
    }

    /// The public key: a SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        self.service.signer.spki()
    }

    /// SHA-256 of the public key.
    pub fn log_id(&self) -> [u8; 32] {
        self.service.signer.log_id()
    }

    /// The first line of its checkpoints.
    pub fn origin(&self) -> &str {
        self.service.signer.origin()
    }

    /// Takes a certificate with its issuers, as add-chain does, without HTTP.
    pub fn add_chain(&self, chain: &[Vec<u8>]) -> Result<Sct, Refused> {
        self.service.add_chain(chain)
    }

    /// Takes a precertificate with its issuers, as add-pre-chain does, without HTTP.
    pub fn add_pre_chain(&self, chain: &[Vec<u8>]) -> Result<Sct, Refused> {
        self.service.add_pre_chain(chain)
    }

    /// Gives an SCT for anything at all: a log without scruples.
    pub fn push(&self, content: Content, issuers: Vec<Vec<u8>>) -> Sct {
        self.service.push(content, issuers)
    }

    /// Appends an entry as it is to one history, whatever its timestamp and extensions say; its index.
    pub fn push_entry(&self, branch: Branch, entry: Entry) -> u64 {
        self.service.state().push_entry(branch, entry)
    }

    /// Where entries go from now on.
    pub fn merge(&self, merging: Merging) {
        self.service.state().merging = merging;
    }

    /// Publishes a head over all that is sequenced, in every branch; the first branch's head.
    pub fn publish(&self) -> Head {
        let now = self.service.now();
        self.service.state().publish(now)
    }

    /// The head that this branch published last.
    pub fn head(&self, branch: Branch) -> Head {
        self.service.state().histories[branch.0].latest()
    }

    /// Starts another history that shares the first `size` entries. It is equal, larger or smaller than the
    /// first as entries are pushed to it; nobody sees it before [`Knobs::branch`] says so.
    pub fn fork(&self, size: u64) -> Branch {
        let now = milliseconds(self.service.now());
        let mut state = self.service.state();
        let fork = state.histories[Branch::FIRST.0].fork(size, now);
        state.histories.push(fork);
        Branch(state.histories.len() - 1)
    }

    /// Shows one group the present head for ever.
    pub fn freeze(&self, group: Group) {
        let mut state = self.service.state();
        let head = state.histories[state.groups[at(group)].knobs.branch.0].latest();
        state.groups[at(group)].knobs.shown = Shown::Frozen(head);
    }

    /// Turns knobs for one group.
    ///
    /// # Panics
    ///
    /// If they are to show a head beyond what their branch has.
    pub fn turn(&self, group: Group, turn: impl FnOnce(&mut Knobs)) {
        let mut state = self.service.state();
        let state = &mut *state;
        let knobs = &mut state.groups[at(group)].knobs;
        turn(knobs);
        let entries = state.histories[knobs.branch.0].size();
        let shown = match knobs.shown {
            Shown::Latest => 0,
            Shown::Frozen(head) => head.size,
            Shown::RolledBack { size } => size,
        };
        assert!(shown <= entries, "a head of {shown} entries, of which there are {entries}");
    }

    /// Turns knobs for both groups.
    pub fn turn_all(&self, turn: impl Fn(&mut Knobs)) {
        for group in Group::ALL {
            self.turn(group, &turn);
        }
    }

    /// How many requests came for paths that contain `part`, from both groups, answered or not. Paths are those
    /// below the log's URL, without their query: `ct/v1/get-sth`.
    pub fn requests(&self, part: &str) -> u64 {
        Group::ALL.iter().map(|&group| self.requests_of(group, part)).sum()
    }

    /// How many came from one group.
    pub fn requests_of(&self, group: Group, part: &str) -> u64 {
        let state = self.service.state();
        let requests = &state.groups[at(group)].requests;
        requests.iter().filter(|(path, _)| path.contains(part)).map(|(_, count)| count).sum()
    }

    /// Refuses connections of this group, and cuts those there are.
    pub fn close(&self, group: Group) {
        *self.doors[at(group)].lock() = JoinSet::new();
    }

    /// Listens again, on the same port.
    pub async fn reopen(&self, group: Group) -> io::Result<()> {
        let (_, tasks) = self.service.open(self.address(group), group).await?;
        *self.doors[at(group)].lock() = tasks;
        Ok(())
    }

    /// What the log list says of it from now on.
    pub fn list_as(&self, listed: Listed) {
        self.service.state().listed = listed;
    }

    /// What the log list says of it.
    pub fn listed(&self) -> Listed {
        self.service.state().listed
    }
}

impl Door {
    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().expect("nothing panics while it holds the lock")
    }
}
