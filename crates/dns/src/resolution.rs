//! Finds the answer to one query by iteration from the root (RFC 1034 §5.3.3), without asking anybody itself: it says
//! whom to ask what, and is fed the answers.
//!
//! ```text
//!            answer ───────────────> done, or: the address of a server that a search below needs
//!               ^
//!   ┌── ask an address ──referral──> the servers of the zone below: their addresses
//!   │           │
//!   │        useless
//!   │           v
//!   ├── next address
//!   ├── none left: search for the address of a server that has none, in the same manner
//!   └── none left either: failed
//! ```
//!
//! Aliases are not followed: whoever sees one asks for its target. Answers are not validated, only sorted: what comes
//! out as an answer is what a server of the zone said, less what it cannot speak for.
//!
//! # Limitations
//!
//! Every server on the way, those of the root too, gets to see the whole name (RFC 9156 has another way). Servers are
//! asked in the order of their names, not of their speed.

mod census;
mod cuts;
mod hints;
mod limits;
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

pub use census::{Census, Counted, Listed, NotCounted, Servers};
pub use cuts::{Cut, Cuts, Server};
pub use hints::{Hints, HintsError};
pub use limits::{Families, Limits};

use crate::message::{Message, MessageError, Query};
use crate::name::Name;
use reading::{Reading, read};

/// The search for one answer.
#[derive(Clone, Debug)]
pub struct Resolution {
    limits: Limits,
    cuts: Cuts,
    /// The search for the answer, and above it those for addresses of servers, each for the one below it. Empty when
    /// all is over.
    searches: Vec<Search>,
    queries: usize,
    lookups: usize,
    /// What came of each server that was of no use.
    failures: BTreeMap<(Name, IpAddr), Failure>,
    next: Next<Resolved>,
}

/// What a machine of this kind wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<D = Resolved> {
    /// Send this, and feed what comes of it.
    Send(Send),
    /// It is over.
    Done(D),
}

/// A query to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// Whom to.
    pub to: IpAddr,
    /// The zone whose server that is.
    pub zone: Name,
    /// What to ask.
    pub query: Query,
}

/// What came of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A message from the server that was asked.
    Message(Box<Message>),
    /// Nothing that can be used.
    Failed(Failure),
}

/// Why a server was of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// No answer in time.
    #[error("it did not answer in time")]
    Timeout,
    /// No way to it, or nothing listens there.
    #[error("it cannot be reached")]
    Unreachable,
    /// The connection broke before there was an answer.
    #[error("the connection broke")]
    Broken,
    /// What it sent is no message.
    #[error("it answered with something else than a message")]
    Malformed(#[source] MessageError),
    /// It answered another question, or sent no answer.
    #[error("it answered another question")]
    WrongQuestion,
    /// Its answer is cut off, and there was no other way to get it.
    #[error("its answer is cut off")]
    Truncated,
    /// An RCODE other than NOERROR and NXDOMAIN (RFC 1035 §4.1.1): SERVFAIL, REFUSED and others.
    #[error("it answered with the error code {0}")]
    Rcode(u16),
    /// It does not serve the zone: it leads away from the name, or denies it on another zone's behalf.
    #[error("it does not serve the zone")]
    Lame,
    /// Its answer has records, none of which belongs to the name.
    #[error("its answer is about another name")]
    Unrelated,
    /// It was asked for a delegation and answered from the zone below it (RFC 4035 §3.1.4.1).
    #[error("it answered from below the delegation")]
    WrongSide,
}

impl Failure {
    /// Whether it was the way to the server that failed, and would again with another query.
    fn is_of_the_way(self) -> bool {
        matches!(self, Self::Timeout | Self::Unreachable)
    }
}

/// What came of a resolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// An answer.
    Answer(Box<Answer>),
    /// None.
    Failed(Unresolved),
}

/// What a server of the zone said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Without records of owners that are not within the zone.
    pub message: Message,
    /// Who said it.
    pub from: IpAddr,
    /// The zone whose server was asked. The answer may be from one below, if that has the same server.
    pub zone: Name,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot resolve {} {}: {reason} (zone {zone})", .query.name, .query.rtype)]
pub struct Unresolved {
    /// What was asked.
    pub query: Query,
    /// Why it ended.
    pub reason: Reason,
    /// The zone where it ended.
    pub zone: Name,
    /// What came last of each server that was of no use, anywhere on the way.
    pub failures: Vec<Useless>,
}

/// A server that was of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Useless {
    /// The zone that it should serve.
    pub zone: Name,
    /// The server.
    pub server: IpAddr,
    /// What came of it.
    pub failure: Failure,
}

/// Why a resolution ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// All servers of the zone were asked, and none was of use.
    #[error("no server of the zone was of use")]
    NoAnswer,
    /// No server of the zone has an address.
    #[error("no server of the zone has an address")]
    NoAddress,
    /// [`Limits::queries_max`] was reached.
    #[error("it takes too many queries")]
    Queries,
    /// [`Limits::referrals_max`] was reached, here or on the way to the servers.
    #[error("it takes too many referrals")]
    Referrals,
    /// [`Limits::depth_max`] was reached on the way to the servers, and nothing else was left.
    #[error("the addresses of its servers are nested too deep")]
    Depth,
    /// [`Limits::lookups_max`] or [`Limits::lookups_per_zone_max`] was reached, and nothing else was left.
    #[error("too many of its servers have no address at hand")]
    Lookups,
    /// Whoever ran it had no more time for it.
    #[error("it takes too long")]
    Time,
}

impl Reason {
    /// Whether more might have been found without a limit.
    fn is_limit(self) -> bool {
        match self {
            Self::NoAnswer | Self::NoAddress => false,
            Self::Queries | Self::Referrals | Self::Depth | Self::Lookups | Self::Time => true,
        }
    }
}

/// The search for one answer among the servers of one zone after the other.
#[derive(Clone, Debug)]
struct Search {
    query: Query,
    zone: Name,
    cut: Cut,
    asked: BTreeSet<IpAddr>,
    looked_up: BTreeSet<Query>,
    referrals: usize,
    /// The first limit that kept it from finding more servers of this zone.
    limited: Option<Reason>,
}

impl Search {
    fn new(query: Query, cuts: &Cuts) -> Self {
        let (zone, cut) = cuts.deepest(&query);
        let (zone, cut) = (zone, cut.clone());
        Self {
            query,
            zone,
            cut,
            asked: BTreeSet::new(),
            looked_up: BTreeSet::new(),
            referrals: 0,
            limited: None,
        }
    }

    /// Goes on at the zone below.
    fn descend(&mut self, zone: Name, cut: Cut) {
        (self.zone, self.cut) = (zone, cut);
        self.asked.clear();
        self.looked_up.clear();
        self.limited = None;
        self.referrals += 1;
    }
}

impl Resolution {
    /// Begins at the deepest zone that is known.
    pub fn new(query: Query, cuts: &Cuts, limits: Limits) -> Self {
        let first = Search::new(query, cuts);
        // Takes this place until the first step has been made.
        let none = Next::Done(Resolved::Failed(Unresolved {
            query: first.query.clone(),
            reason: Reason::NoAnswer,
            zone: first.zone.clone(),
            failures: Vec::new(),
        }));
        let mut resolution = Self {
            limits,
            cuts: cuts.clone(),
            searches: vec![first],
            queries: 0,
            lookups: 0,
            failures: BTreeMap::new(),
            next: none,
        };
        resolution.next = resolution.go_on();
        resolution
    }

    /// What it wants, or what it found; the same until something is fed.
    pub fn next(&self) -> Next {
        self.next.clone()
    }

    /// Takes what came of the query that it wanted to be sent. When all is over it takes nothing any more.
    pub fn feed(&mut self, reply: Reply) {
        let Next::Send(Send { to, .. }) = self.next else { return };
        let Some(search) = self.searches.last_mut() else { return };
        let reading = match reply {
            Reply::Message(message) => read(&search.query, &search.zone, message, &self.limits),
            Reply::Failed(failure) => Reading::Useless(failure),
        };
        self.next = match reading {
            Reading::Useless(failure) => {
                self.failures.insert((search.zone.clone(), to), failure);
                self.go_on()
            }
            Reading::Referral(..) if search.referrals >= self.limits.referrals_max => {
                self.give_up(Reason::Referrals).unwrap_or_else(|| self.go_on())
            }
            Reading::Referral(zone, mut cut) => {
                self.cuts.fill(&mut cut, self.limits.addresses_max);
                self.cuts.learn(zone.clone(), cut.clone());
                search.descend(zone, cut);
                self.go_on()
            }
            Reading::Answer(message) => self.take(to, *message),
        };
    }

    /// Ends it, because there is no more time for it. What is over already stays as it is.
    pub fn stop(&mut self) {
        if matches!(self.next, Next::Send(_)) {
            self.next = self.fail(Reason::Time);
        }
    }

    /// What it knows of delegations by now.
    pub fn into_cuts(self) -> Cuts {
        self.cuts
    }

    /// How many queries it wanted to be sent so far.
    pub fn queries(&self) -> usize {
        self.queries
    }

    /// Ends the search above all others with this answer.
    fn take(&mut self, from: IpAddr, message: Message) -> Next {
        let search = self.searches.pop().expect("an answer is to a search");
        let Some(below) = self.searches.last_mut() else {
            return Next::Done(Resolved::Answer(Box::new(Answer {
                message,
                from,
                zone: search.zone,
            })));
        };
        // An alias as a server's name is not allowed (RFC 2181 §10.3) and not followed: it has no address.
        let found = reading::addresses(&search.query, &message);
        for server in below.cut.servers.iter_mut().filter(|server| server.name == search.query.name)
        {
            server.add(found.iter().copied(), self.limits.addresses_max);
        }
        self.cuts.learn(below.zone.clone(), below.cut.clone());
        self.go_on()
    }

    /// The next address to ask, if need be after beginning to search for one, or the end.
    fn go_on(&mut self) -> Next {
        loop {
            if let Some(to) = self.address() {
                let search = self.searches.last_mut().expect("an address is one of a search");
                let (zone, query) = (search.zone.clone(), search.query.clone());
                if self.queries == self.limits.queries_max {
                    return self.fail(Reason::Queries);
                }
                self.queries += 1;
                search.asked.insert(to);
                return Next::Send(Send { to, zone, query });
            }
            if let Some(query) = self.lookup() {
                self.lookups += 1;
                self.searches.push(Search::new(query, &self.cuts));
                continue;
            }
            let search = self.searches.last().expect("there is one until the end");
            let nobody = if search.asked.is_empty() { Reason::NoAddress } else { Reason::NoAnswer };
            let reason = search.limited.unwrap_or(nobody);
            if let Some(end) = self.give_up(reason) {
                return end;
            }
        }
    }

    /// Ends the search above all others without an answer, and everything if it was the only one.
    fn give_up(&mut self, reason: Reason) -> Option<Next> {
        if self.searches.len() == 1 {
            return Some(self.fail(reason));
        }
        self.searches.pop();
        if reason.is_limit() {
            let below = self.searches.last_mut().expect("there was more than one");
            below.limited.get_or_insert(reason);
        }
        None
    }

    /// Ends it all.
    fn fail(&mut self, reason: Reason) -> Next {
        let asked = self.searches.swap_remove(0);
        self.searches.clear();
        let failures = std::mem::take(&mut self.failures);
        let useless = |((zone, server), failure)| Useless { zone, server, failure };
        let failures = failures.into_iter().map(useless).collect();
        Next::Done(Resolved::Failed(Unresolved {
            query: asked.query,
            reason,
            zone: asked.zone,
            failures,
        }))
    }

    /// An address that has not been asked yet, of a server of the zone, to which there may be a way.
    fn address(&self) -> Option<IpAddr> {
        let search = self.searches.last()?;
        let is_cut_off = |address: &IpAddr| {
            let mut of_it = self.failures.iter().filter(|((_, server), _)| server == address);
            of_it.any(|(_, failure)| failure.is_of_the_way())
        };
        let may_answer = |address: &IpAddr| {
            let is_wanted = self.limits.families.want(*address);
            is_wanted && !search.asked.contains(address) && !is_cut_off(address)
        };
        search
            .cut
            .servers
            .iter()
            .flat_map(|server| server.addresses.iter().copied())
            .find(may_answer)
    }

    /// Asks for the addresses of a server of the zone whose addresses were never searched for.
    fn lookup(&mut self) -> Option<Query> {
        let (search, below) = self.searches.split_last_mut()?;
        let families = self.limits.families;
        let wanted = search.cut.servers.iter().flat_map(|server| {
            let has =
                |rtype| server.addresses.iter().any(|address| limits::rtype_of(*address) == rtype);
            let lacks = families.rtypes().iter().copied().filter(move |rtype| !has(*rtype));
            lacks.map(|rtype| Query { name: server.name.clone(), rtype })
        });
        let found = wanted
            // Who serves the zone that it is in cannot be found without the zone.
            .filter(|query| !query.name.is_within(&search.zone))
            // Nor can who is being searched for already.
            .filter(|query| {
                query.name != search.query.name
                    && below.iter().all(|other| other.query.name != query.name)
            })
            .find(|query| !search.looked_up.contains(query))?;
        let is_spent = self.lookups >= self.limits.lookups_max
            || search.looked_up.len() >= self.limits.lookups_per_zone_max;
        // The first search is at no depth.
        let is_deep = below.len() >= self.limits.depth_max;
        if is_spent || is_deep {
            search.limited.get_or_insert(if is_deep { Reason::Depth } else { Reason::Lookups });
            return None;
        }
        search.looked_up.insert(found.clone());
        Some(found)
    }
}

#[cfg(test)]
mod tests;
