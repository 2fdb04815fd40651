//! All servers of a zone, with all their addresses: those that its parent names, those that it names itself, glue and
//! what is found. Whoever wants to know what a zone says has to ask each of them.

use std::collections::VecDeque;
use std::net::IpAddr;

use domain::base::iana::Rtype;

use super::cuts::{Cuts, Server};
use super::limits::Limits;
use super::{Next, Reply, Resolution, Resolved, Unresolved, reading};
use crate::message::Query;
use crate::name::Name;

/// The search for all servers of a zone: one resolution for their names, then one for each name and family.
#[derive(Clone, Debug)]
pub struct Census {
    zone: Name,
    limits: Limits,
    cuts: Cuts,
    queries: usize,
    /// What is to be resolved after the query that is under way.
    waiting: VecDeque<Query>,
    under_way: Option<(Query, Resolution)>,
    found: Servers,
    next: Next<Result<Servers, NotCounted>>,
}

/// The servers of a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Servers {
    /// At most twice [`Limits::servers_max`]: so many from each side. By their names' order.
    pub servers: Vec<Counted>,
    /// How many more were named.
    pub left_out: usize,
    /// What could not be resolved: NS of the zone, A and AAAA of its servers.
    pub unresolved: Vec<Unresolved>,
}

/// A server of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Its name.
    pub name: Name,
    /// All addresses, from glue and from its own zone, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// Who names it.
    pub listed: Listed,
}

/// On which side of a cut a server is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// By the parent only, or the zone itself could not be asked.
    ByParent,
    /// By the zone only, or the parent's servers answer for it as well.
    ByZone,
    /// By both.
    ByBoth,
}

/// Why the servers of a zone are not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotCounted {
    /// There is no cut at this name.
    #[error("{0} is no zone")]
    NoZone(Name),
    /// There is no way to it.
    #[error("the servers of {zone} cannot be found")]
    Unresolved {
        /// The zone.
        zone: Name,
        /// Why.
        source: Unresolved,
    },
}

/// How many queries a census takes at most. 32 names in two families take 64 when their zones are known, and five
/// times as many when none is.
const CENSUS_QUERIES_MAX: usize = 400;

impl Census {
    /// Begins. The limits are those of each resolution.
    pub fn new(zone: Name, cuts: &Cuts, limits: Limits) -> Self {
        let names = Query { name: zone.clone(), rtype: Rtype::NS };
        let none = Next::Done(Err(NotCounted::NoZone(zone.clone())));
        let mut census = Self {
            zone,
            limits,
            cuts: cuts.clone(),
            queries: 0,
            waiting: VecDeque::from([names]),
            under_way: None,
            found: Servers::default(),
            next: none,
        };
        census.next = census.go_on();
        census
    }

    /// What it wants, or what it found; the same until something is fed.
    pub fn next(&self) -> Next<Result<Servers, NotCounted>> {
        self.next.clone()
    }

    /// Takes what came of the query that it wanted to be sent. When all is over it takes nothing any more.
    pub fn feed(&mut self, reply: Reply) {
        if let Some((_, resolution)) = &mut self.under_way {
            resolution.feed(reply);
            self.next = self.go_on();
        }
    }

    /// Ends it, because there is no more time for it. What was not resolved by then stands in
    /// [`Servers::unresolved`], and all that waits behind it is named there, too.
    pub fn stop(&mut self) {
        while let Some((_, resolution)) = &mut self.under_way {
            resolution.stop();
            self.next = self.go_on();
        }
    }

    /// What it knows of delegations by now.
    pub fn into_cuts(self) -> Cuts {
        self.cuts
    }

    /// Goes on with what is under way, and then with what waits.
    fn go_on(&mut self) -> Next<Result<Servers, NotCounted>> {
        loop {
            let Some((query, resolution)) = self.under_way.take().or_else(|| self.begin()) else {
                return Next::Done(Ok(std::mem::take(&mut self.found)));
            };
            let resolved = match resolution.next() {
                Next::Send(send) => {
                    self.under_way = Some((query, resolution));
                    return Next::Send(send);
                }
                Next::Done(resolved) => resolved,
            };
            self.queries += resolution.queries();
            self.cuts = resolution.into_cuts();
            if query.rtype != Rtype::NS {
                self.addresses(&query, resolved);
            } else if let Err(error) = self.names(resolved) {
                return Next::Done(Err(error));
            }
        }
    }

    fn begin(&mut self) -> Option<(Query, Resolution)> {
        let query = self.waiting.pop_front()?;
        let mut limits = self.limits.clone();
        limits.queries_max =
            limits.queries_max.min(CENSUS_QUERIES_MAX.saturating_sub(self.queries));
        let resolution = Resolution::new(query.clone(), &self.cuts, limits);
        Some((query, resolution))
    }

    /// Takes the names from both sides of the cut.
    fn names(&mut self, resolved: Resolved) -> Result<(), NotCounted> {
        let zone = self.zone.clone();
        let parents = self.cuts.servers(&zone).cloned().unwrap_or_default();
        let own = match resolved {
            Resolved::Answer(answer) => reading::servers(&answer.message, &zone),
            Resolved::Failed(source) if parents.servers.is_empty() => {
                return Err(NotCounted::Unresolved { zone, source });
            }
            Resolved::Failed(unresolved) => {
                self.found.unresolved.push(unresolved);
                Vec::new()
            }
        };
        if parents.servers.is_empty() && own.is_empty() {
            return Err(NotCounted::NoZone(zone));
        }
        self.found.left_out = parents.left_out + own.len().saturating_sub(self.limits.servers_max);
        let named =
            |Server { name, addresses }| Counted { name, addresses, listed: Listed::ByParent };
        let servers = &mut self.found.servers;
        servers.extend(parents.servers.into_iter().map(named));
        for name in own.into_iter().take(self.limits.servers_max) {
            match servers.iter_mut().find(|server| server.name == name) {
                Some(server) => server.listed = Listed::ByBoth,
                None => {
                    servers.push(Counted { name, addresses: Vec::new(), listed: Listed::ByZone })
                }
            }
        }
        servers.sort_by(|one, other| one.name.cmp(&other.name));
        for rtype in self.limits.families.rtypes() {
            let query = |server: &Counted| Query { name: server.name.clone(), rtype: *rtype };
            self.waiting.extend(servers.iter().map(query));
        }
        Ok(())
    }

    /// Adds what was found to what glue said.
    fn addresses(&mut self, query: &Query, resolved: Resolved) {
        let answer = match resolved {
            Resolved::Answer(answer) => answer,
            Resolved::Failed(unresolved) => return self.found.unresolved.push(unresolved),
        };
        let addresses = reading::addresses(query, &answer.message);
        for server in self.found.servers.iter_mut().filter(|server| server.name == query.name) {
            for address in addresses.iter().take(self.limits.addresses_max) {
                if !server.addresses.contains(address) {
                    server.addresses.push(*address);
                }
            }
            server.addresses.sort_by_key(IpAddr::is_ipv6);
        }
    }
}
