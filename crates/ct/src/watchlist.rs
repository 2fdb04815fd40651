//! Which guarded names and addresses a certificate is for.
//!
//! Names are compared label by label from the right. In a certificate a label may stand for others (`*`, `f*o`,
//! `?`), and it is never asked whether a client would let it: a certificate that should not be there is what is
//! looked for. Certificates that are not clean, and the bytes in the others that were not understood, are
//! scanned for the guarded names in any encoding as well.
//!
//! # Limitations
//!
//! A guard for a CA's own domain is also found in the URLs that the CA puts into every certificate, where such a
//! certificate is not clean.

mod guard;
mod index;

use std::fmt;
use std::net::IpAddr;

use ahash::{AHashMap, AHashSet};

pub use guard::{Guard, GuardError};
pub(crate) use guard::{NAME_OCTETS_MAX, Watched};

use crate::certificate::{Place, Walked};
use crate::names::{Host, How, readings};
use crate::scan::Scanner;
use index::{Index, Patterns, Reach};

/// Guards, made ready for matching.
#[derive(Debug)]
pub struct Watchlist {
    guards: Vec<Guard>,
    index: Index,
    addresses: AHashMap<IpAddr, usize>,
    /// The position of the guard for everything.
    everything: Option<usize>,
    scanner: Scanner,
}

/// A guarded name in a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The guard.
    pub guard: Guard,
    /// The name or address in the certificate, normalized. Empty for the guard for everything.
    pub name: String,
    /// Where it stood and how it was read.
    pub reading: Reading,
}

/// Where a name stood, and how it was read to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reading {
    /// Where.
    pub place: Place,
    /// How. Of several things done to the name, the most remarkable one.
    pub how: How,
}

/// For people and files, and never changing: `san-dns`, `san-dns-wildcard`, `raw-utf-16`.
impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.as_str();
        match (self.place, self.how) {
            (Place::SanIp, How::Address) => f.write_str(place),
            (Place::Raw, how) => write!(f, "{place}-{}", how.as_str()),
            (_, How::Ascii) => f.write_str(place),
            (_, how) => write!(f, "{place}-{}", how.as_str()),
        }
    }
}

/// A watchlist has too many guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{guards} guards; a watchlist has at most {GUARDS_MAX}")]
pub struct TooManyGuards {
    /// How many there are.
    pub guards: usize,
}

/// Above any operator's number of names, and far below where the scanner's automaton would not fit.
pub const GUARDS_MAX: usize = 50_000;

impl Watchlist {
    /// A list of these guards, each once.
    pub fn new(mut guards: Vec<Guard>) -> Result<Self, TooManyGuards> {
        if guards.len() > GUARDS_MAX {
            return Err(TooManyGuards { guards: guards.len() });
        }
        let mut seen = AHashSet::new();
        guards.retain(|guard| seen.insert(guard.clone()));

        let mut index = Index::default();
        let mut addresses = AHashMap::new();
        let mut everything = None;
        for (position, guard) in guards.iter().enumerate() {
            match guard.watched() {
                Watched::Everything => everything = Some(position),
                Watched::Exact(name) => index.insert(name, Reach::Exact, position),
                Watched::Tree(name) => index.insert(name, Reach::Tree, position),
                Watched::Address(address) => {
                    addresses.insert(*address, position);
                }
            }
        }
        let scanner = Scanner::new(&guards);
        Ok(Self { guards, index, addresses, everything, scanner })
    }

    /// The guards, in the order given.
    pub fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// Every guarded name in a certificate, once for each guard that it matches, in the order of the certificate.
    ///
    /// None is left out: where there are too many patterns to compare them all, every guard for a name matches
    /// with [`How::Unread`].
    pub fn matches(&self, walked: &Walked<'_>) -> Vec<Match> {
        let mut search =
            Search { watchlist: self, patterns: Patterns::new(), found: Found::default() };
        if let Some(everything) = self.everything {
            search.certificate(everything, How::Ascii);
        }
        for raw in &walked.names {
            readings(raw, |host, how| search.host(host, Reading { place: raw.place, how }));
        }
        for bytes in &walked.opaque {
            let mut raw =
                |host: Host<'_>, how| search.host(host, Reading { place: Place::Raw, how });
            self.scanner.scan(bytes, &mut raw);
        }
        if search.patterns.exhausted() {
            for position in self.index.positions() {
                search.certificate(position, How::Unread);
            }
        }
        search.found.matches
    }
}

/// The search of one certificate.
struct Search<'a> {
    watchlist: &'a Watchlist,
    patterns: Patterns,
    found: Found,
}

impl Search<'_> {
    fn host(&mut self, host: Host<'_>, reading: Reading) {
        let Watchlist { guards, index, addresses, .. } = self.watchlist;
        match host {
            Host::Name(name) => index.find(name, &mut self.patterns, |position, pattern| {
                let how = pattern.unwrap_or(reading.how);
                self.found.add(position, &guards[position], name, Reading { how, ..reading });
            }),
            Host::Address(address) => {
                if let Some(&position) = addresses.get(&address) {
                    self.found.add(position, &guards[position], &address.to_string(), reading);
                }
            }
        }
    }

    fn certificate(&mut self, position: usize, how: How) {
        let reading = Reading { place: Place::Certificate, how };
        self.found.add(position, &self.watchlist.guards[position], "", reading);
    }
}

#[derive(Default)]
struct Found {
    matches: Vec<Match>,
    seen: AHashSet<(usize, String)>,
}

impl Found {
    fn add(&mut self, position: usize, guard: &Guard, name: &str, reading: Reading) {
        if self.seen.insert((position, name.to_owned())) {
            self.matches.push(Match { guard: guard.clone(), name: name.to_owned(), reading });
        }
    }
}

#[cfg(test)]
mod tests;
