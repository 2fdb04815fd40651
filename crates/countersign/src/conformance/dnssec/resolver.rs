//! A resolver that validates, has a cache, and is set up as a file says.

use std::collections::{BTreeMap, BTreeSet};

use countersign_dns::message::Flags;
use countersign_dns::resolution::Resolved;
use countersign_dns::security::{Bogus, Fault, Indeterminate};
use countersign_dns::walk::{Next, Reply, Settings};
use countersign_dns::{Message, Name, Query, Rtype, Security, Walk};
use jiff::Timestamp;

use super::cache::{Cache, Known};
use super::given::{Given, NOERROR};
use super::settings::{settings, time};
use super::stale::Stale;
use crate::conformance::replay::network::Network;
use crate::conformance::replay::{Config, Replay};

/// The resolver of a file.
pub(super) struct Resolver<'a> {
    config: &'a Config,
    settings: Settings,
    now: Timestamp,
    sources: Sources<'a>,
    stale: Option<Stale>,
    /// What clients have asked.
    asked: BTreeSet<Query>,
}

impl<'a> Resolver<'a> {
    /// As the file has it; `None` if an anchor in it is malformed.
    pub(super) fn new(replay: &'a Replay) -> Option<Self> {
        let now = time(replay);
        let settings = settings(&replay.config, now)?;
        let sources = Sources {
            network: Network::new(replay),
            cache: Cache::default(),
            // Both Unbound and deckard's resolvers do, unless they are told not to.
            minimises: replay.config.minimise != Some(false),
            iterations_max: settings.limits.nsec3_iterations,
        };
        let (config, stale) = (&replay.config, Stale::of(&replay.config));
        Some(Self { config, settings, now, sources, stale, asked: BTreeSet::new() })
    }

    /// So much time passes, for what is kept. Signatures are held against the time of the file.
    pub(super) fn pass(&mut self, milliseconds: u64) {
        self.sources.cache.pass(milliseconds);
    }

    /// What it gives to a client that asks at this step.
    pub(super) fn give(&mut self, at: u32, query: &Query, flags: Flags) -> Given {
        self.sources.cache.begin_question();
        let is_new = self.asked.insert(query.clone());
        if is_new && !flags.recursion_desired && self.sources.kept(query, Known::Before).is_none() {
            // Nobody is asked on behalf of such a client (RFC 1034 §4.3.2): it is told whom to ask.
            if let Some(zone) = self.sources.cache.zone(&query.name) {
                let servers = self.judge(at, &Query { name: zone, rtype: Rtype::NS });
                let rcode = if servers.is_good() { NOERROR } else { servers.rcode };
                return Given { rcode, answer: Vec::new(), ..servers };
            }
        }
        match self.stale.take() {
            None => self.judge(at, query),
            Some(mut stale) => {
                let now_ms = self.sources.cache.now_ms();
                let given = stale.choose(query, now_ms, || self.judge(at, query));
                self.stale = Some(stale);
                given
            }
        }
    }

    /// Walks to the answer. Where a file permits that an anchor is not held to, walks again without it.
    fn judge(&mut self, at: u32, query: &Query) -> Given {
        let (mut settings, mut notes) = (self.settings.clone(), Vec::new());
        loop {
            let mut given = self.walk(at, query, &settings);
            let stripped = stripped(&given.security, &settings);
            let is_permitted = self.config.harden_dnssec_stripped == Some(false);
            match stripped.filter(|_| is_permitted && notes.len() < STRIPPED_MAX) {
                Some(zone) => {
                    settings.anchors = settings.anchors.except(std::slice::from_ref(&zone));
                    notes.push(format!(
                        "the file has harden-dnssec-stripped: no, so the anchor of {zone} does not count without a \
                         DNSKEY set"
                    ));
                }
                None => {
                    given.notes.append(&mut notes);
                    return given;
                }
            }
        }
    }

    /// Asks servers first, since what was said before can be what is wrong. Where that leads nowhere, takes what was
    /// said before: who has it does not ask, and a file's servers need not know what they were not asked.
    fn walk(&mut self, at: u32, query: &Query, settings: &Settings) -> Given {
        let mut given = None;
        for order in [Order::ServersFirst, Order::KeptFirst] {
            let mut walk = Walk::new(query.clone(), settings.clone(), self.now);
            while let Next::Ask(asked) = walk.next() {
                let reply = self.sources.ask(at, asked, order);
                walk.feed(reply);
            }
            let found = Given::of(query, &walk);
            let is_good = found.is_good();
            // What servers say says more of what is wrong.
            if is_good || given.is_none() {
                given = Some(found);
            }
            if is_good {
                break;
            }
        }
        given.expect("it was walked at least once")
    }
}

/// The zone with an anchor whose DNSKEY set is not there, if that is what is wrong.
fn stripped(security: &Security, settings: &Settings) -> Option<Name> {
    let zone = match security {
        Security::Bogus(Bogus { name, rtype: Rtype::DNSKEY, fault: Fault::NotDenied }) => name,
        Security::Indeterminate(Indeterminate::NoAnswer { query, .. })
            if query.rtype == Rtype::DNSKEY =>
        {
            &query.name
        }
        _ => return None,
    };
    let mut anchors = settings.anchors.anchors().iter();
    anchors.any(|anchor| anchor.zone == *zone).then(|| zone.clone())
}

/// Where the answers to a walk come from.
struct Sources<'a> {
    network: Network<'a>,
    cache: Cache,
    /// It asks for the names above the one that it wants (RFC 9156).
    minimises: bool,
    iterations_max: u16,
}

/// Who is asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    ServersFirst,
    KeptFirst,
}

impl Sources<'_> {
    fn ask(&mut self, at: u32, query: &Query, order: Order) -> Reply {
        let is_kept_first = order == Order::KeptFirst;
        let kept = is_kept_first.then(|| self.kept(query, Known::Before)).flatten();
        if let Some(message) = kept {
            return Reply::Answer(Box::new(message));
        }
        let why = match self.resolve(at, query) {
            Resolved::Answer(answer) => return answered(answer.message),
            Resolved::Failed(why) => why,
        };
        if self.minimises {
            self.descend(at, &query.name);
            if let Resolved::Answer(answer) = self.resolve(at, query) {
                return answered(answer.message);
            }
        }
        match self.kept(query, Known::Now) {
            Some(message) => Reply::Answer(Box::new(message)),
            None => Reply::Failed(why.to_string()),
        }
    }

    /// Asks for the names above, from the top, as a resolver does that lets nobody see more of a name than it has to
    /// (RFC 9156 §2.1, where the type is A): some files have referrals for nothing else.
    fn descend(&mut self, at: u32, name: &Name) {
        for labels in 1..name.label_count() {
            self.resolve(at, &Query { name: name.ancestor(labels), rtype: Rtype::A });
        }
    }

    fn resolve(&mut self, at: u32, query: &Query) -> Resolved {
        let cache = &mut self.cache;
        self.network.resolve(at, query.clone(), |zone, message| cache.learn(zone, message))
    }

    fn kept(&self, query: &Query, known: Known) -> Option<Message> {
        self.cache.answer(query, known, self.iterations_max)
    }
}

fn answered(mut message: Message) -> Reply {
    one_of_alias_and_others(&mut message);
    Reply::Answer(Box::new(message))
}

/// Where a name has an alias and other records, which it must not (RFC 2181 §10.1), the first counts, as for Unbound.
fn one_of_alias_and_others(message: &mut Message) {
    let mut firsts = BTreeMap::new();
    message.answer.retain(|set| {
        let (owner, rtype) = (set.rrset.owner(), set.rrset.rtype());
        // Those two stand beside an alias, too (RFC 4035 §2.5).
        if matches!(rtype, Rtype::RRSIG | Rtype::NSEC) {
            return true;
        }
        let is_alias = rtype == Rtype::CNAME;
        *firsts.entry(owner.clone()).or_insert(is_alias) == is_alias
    });
}

/// Anchors that a walk is walked again without. Only aliases lead from one to the next.
const STRIPPED_MAX: usize = 3;
