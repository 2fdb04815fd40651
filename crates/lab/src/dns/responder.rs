//! Name servers on loopback. Each has an address that it goes by in the scene, and ports of this machine behind it.
//!
//! ```text
//!   192.0.2.1 ──┬── Group::A ── 127.0.0.1:40001 ── zones, forgeries, manner
//!               └── Group::B ── 127.0.0.1:40002 ── zones, forgeries, manner
//! ```
//!
//! As with the logs there are two doors, and who asks is known by the door: a scene leads one vantage through the
//! table of [`Group::A`] and another through that of [`Group::B`], and can tell them different things.

mod door;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use countersign_dns::{Message, Query};
use tokio::task::JoinSet;

use super::answer::answer;
use super::forgery::Forgery;
use super::reply::{Reply, Transport};
use super::zone::Zone;
use crate::log::Group;

/// What one server says to one group.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The zones that it has. Of all others it says REFUSED.
    pub zones: Vec<Arc<Zone>>,
    /// What happens to its answers on the way, in this order.
    pub forgeries: Vec<Forgery>,
    /// How it answers at all.
    pub manner: Manner,
}

/// How a server answers at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// At once.
    #[default]
    Prompt,
    /// Never. Connections are accepted.
    Silent,
    /// Over TCP one octet at a time with so much between them, of the machine's time; over UDP it says TC.
    Trickling(Duration),
    /// Over UDP it always says TC.
    Truncating,
    /// As before EDNS: FORMERR for a question with an OPT record (RFC 6891 §7).
    WithoutEdns,
    /// With this code and nothing else.
    Failing(u8),
    /// What it answers does not belong to the question, as if somebody guessed.
    Guessing(Mismatch),
}

/// What in an answer differs from the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The ID.
    Id,
    /// The type that was asked for.
    Question,
    /// Which letters of the name are capitals, unless there are none.
    Capitals,
}

/// One question that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The server, by the address that it goes by.
    pub server: IpAddr,
    /// Through which door.
    pub group: Group,
    /// How it came.
    pub transport: Transport,
    /// What was asked.
    pub query: Query,
}

/// Name servers. Dropping it closes their doors.
#[derive(Debug)]
pub struct Responder {
    doors: BTreeMap<(IpAddr, Group), Door>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

#[derive(Debug)]
struct Door {
    real: SocketAddr,
    view: Arc<Mutex<Arc<View>>>,
    _tasks: JoinSet<()>,
}

impl Responder {
    /// Opens the doors of these servers, on free ports of 127.0.0.1, UDP and TCP alike.
    pub async fn start(
        servers: impl IntoIterator<Item = (IpAddr, Vec<Arc<Zone>>)>,
    ) -> io::Result<Self> {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut doors = BTreeMap::new();
        for (server, zones) in servers {
            for group in Group::ALL {
                let view = View { zones: zones.clone(), ..View::default() };
                let view = Arc::new(Mutex::new(Arc::new(view)));
                let desk =
                    Desk { server, group, view: Arc::clone(&view), asked: Arc::clone(&asked) };
                let (real, tasks) = door::open(desk).await?;
                doors.insert((server, group), Door { real, view, _tasks: tasks });
            }
        }
        Ok(Self { doors, asked })
    }

    /// Where the servers really are for this group, by the addresses that they go by.
    pub fn table(&self, group: Group) -> BTreeMap<IpAddr, SocketAddr> {
        let own = self.doors.iter().filter(|((_, other), _)| *other == group);
        own.map(|((server, _), door)| (*server, door.real)).collect()
    }

    /// Turns what one server says to one group.
    ///
    /// # Panics
    ///
    /// If there is no such server.
    pub fn turn(&self, server: IpAddr, group: Group, turn: impl FnOnce(&mut View)) {
        let door = self.doors.get(&(server, group)).expect("a server that was started");
        turn(Arc::make_mut(&mut lock(&door.view)));
    }

    /// Turns what every server says to one group.
    pub fn turn_all(&self, group: Group, turn: impl Fn(&mut View)) {
        for (_, door) in self.doors.iter().filter(|((_, other), _)| *other == group) {
            turn(Arc::make_mut(&mut lock(&door.view)));
        }
    }

    /// Puts a zone in the place of the one of the same name, at every server that has one, for one group.
    pub fn publish(&self, group: Group, zone: &Arc<Zone>) {
        self.turn_all(group, |view| {
            for own in view.zones.iter_mut().filter(|own| own.apex() == zone.apex()) {
                *own = Arc::clone(zone);
            }
        });
    }

    /// Has somebody between every server and one group change what is said.
    pub fn forge(&self, group: Group, forgery: &Forgery) {
        self.turn_all(group, |view| view.forgeries.push(forgery.clone()));
    }

    /// Sends that somebody away.
    pub fn forge_no_more(&self, group: Group) {
        self.turn_all(group, |view| view.forgeries.clear());
    }

    /// Every question that came, in order, answered or not.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }
}

/// Who answers behind a door.
#[derive(Clone, Debug)]
struct Desk {
    server: IpAddr,
    group: Group,
    /// Who is being answered keeps the one that was there when the question came.
    view: Arc<Mutex<Arc<View>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Desk {
    /// The answer to a message, and how long to wait after each of its octets; none to what is no question.
    fn answer(&self, wire: &[u8], transport: Transport) -> Option<(Vec<u8>, Option<Duration>)> {
        let question = Message::parse(wire).ok().filter(|message| !message.flags.is_response)?;
        let query = question.question.as_ref()?.query.clone();
        let asked =
            Asked { server: self.server, group: self.group, transport, query: query.clone() };
        lock(&self.asked).push(asked);
        let view = Arc::clone(&lock(&self.view));
        let honest = |transport| view.reply(&query).to_wire(&question, transport);
        let answer = match (view.manner, transport) {
            (Manner::Prompt, _) | (Manner::Truncating, Transport::Tcp) => honest(transport),
            (Manner::Silent, _) => return None,
            (Manner::Trickling(wait), Transport::Tcp) => {
                return Some((honest(transport), Some(wait)));
            }
            (Manner::Trickling(_) | Manner::Truncating, Transport::Udp) => {
                Reply::truncated(&question)
            }
            (Manner::WithoutEdns, _) => view.answer_without_edns(question, &query, transport),
            (Manner::Failing(rcode), _) => Reply::error(rcode).to_wire(&question, transport),
            (Manner::Guessing(mismatch), _) => mismatch.spoil(honest(transport)),
        };
        Some((answer, None))
    }
}

impl View {
    /// What arrives at who asks.
    pub fn reply(&self, query: &Query) -> Reply {
        let zones = || self.zones.iter().map(|zone| &**zone);
        let honest = answer(zones(), query);
        self.forgeries.iter().fold(honest, |reply, forgery| forgery.apply(query, zones(), reply))
    }

    fn answer_without_edns(
        &self,
        mut question: Message,
        query: &Query,
        transport: Transport,
    ) -> Vec<u8> {
        match question.edns.take() {
            Some(_) => Reply::error(Reply::FORMERR).to_wire(&question, transport),
            None => self.reply(query).to_wire(&question, transport),
        }
    }
}

impl Mismatch {
    fn spoil(self, mut answer: Vec<u8>) -> Vec<u8> {
        // Header, name, and after the empty label of the root the type.
        let mut name_end = HEADER_OCTETS;
        while answer[name_end] != 0 {
            name_end += 1 + usize::from(answer[name_end]);
        }
        match self {
            Self::Id => answer[1] ^= 1,
            Self::Question => answer[name_end + 2] ^= 1,
            Self::Capitals => answer[HEADER_OCTETS..name_end].make_ascii_lowercase(),
        }
        answer
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("nothing panics while it holds the lock")
}

/// RFC 1035 §4.1.1.
const HEADER_OCTETS: usize = 12;
