//! CAA records as a validator finds them from the root down, each with its proof; and for how long that may be used
//! again.
//!
//! What was found is used again while everything that it rests on may be kept: every record on the way has a time to
//! live from when it was fetched, and every signature an end. What could not be told is asked for once more, and then never kept. Whoever wants
//! to know what somebody is asking for at the moment waits for that.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use countersign_caa::Name;
use countersign_caa::climb::{Failure, FailureSide, Hop, Lookup, Outcome, Security};
use countersign_dns::proof::Proof;
use countersign_dns::walk::{self, Reply, Walked};
use countersign_dns::{self as dns, Query, Rtype, SignedRrset};
use countersign_judge::caa::{lookup, owner};
use countersign_net::dns::SEARCHES_AT_ONCE;
use countersign_net::{Clock, Dns};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OnceCell, Semaphore};

use crate::application::{Evidence, ProofFile};

/// Whoever looks CAA records up, and what is known of them. Cheap to clone; clones share what they know.
#[derive(Clone, Debug)]
pub struct Lookups(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dns: Dns,
    settings: walk::Settings,
    clock: Clock,
    kept_max: SignedDuration,
    found: Mutex<Found>,
    /// Answers about keys, from which zones of different names begin.
    keys: Mutex<HashMap<Query, Kept>>,
    /// Places for lookups under way. Each has one search at most, so that none waits for one with its time running.
    places: Semaphore,
}

/// What came of lookups, by name.
#[derive(Debug, Default)]
struct Found {
    slots: HashMap<Name, Slot>,
    /// What was found since it was last counted, in bytes: at least what is there.
    bytes: usize,
}

/// What came of a lookup, or is about to.
type Slot = Arc<OnceCell<Arc<Looked>>>;

#[derive(Clone, Debug)]
struct Kept {
    reply: Reply,
    /// Counted from before it was asked for; using it again does not put it off.
    until: Timestamp,
    bytes: usize,
}

/// What came of a lookup.
#[derive(Clone, Debug)]
pub struct Looked {
    /// What stands there.
    pub lookup: Lookup,
    /// What proves it.
    pub evidence: Evidence,
    /// Until when it may be used again.
    until: Timestamp,
}

/// The longest that anything is used again, in hours: that long a CA may go by a lookup whatever the time to live
/// (Baseline Requirements §4.2.2.1).
pub const KEPT_H_MAX: i64 = 8;

impl Lookups {
    /// Knows nothing yet. `kept_max` is how long anything is used again at most, up to [`KEPT_H_MAX`].
    pub fn new(dns: Dns, settings: walk::Settings, clock: Clock, kept_max: Duration) -> Self {
        let most = SignedDuration::from_hours(KEPT_H_MAX);
        let kept_max = SignedDuration::try_from(kept_max).map_or(most, |asked| asked.min(most));
        let (found, keys) = (Mutex::default(), Mutex::default());
        let places = Semaphore::new(SEARCHES_AT_ONCE);
        Self(Arc::new(Inner { dns, settings, clock, kept_max, found, keys, places }))
    }

    /// What walks start from, for whoever verifies a proof.
    pub fn settings(&self) -> &walk::Settings {
        &self.0.settings
    }

    /// Looks the CAA records of a name up, or what was found before.
    pub async fn look(&self, name: &Name) -> Arc<Looked> {
        let slot = lock(&self.0.found).slot(name, self.0.clock.now());
        let looked = slot.get_or_init(async || {
            let _place = self.0.places.acquire().await.expect("it is never closed");
            let found = tokio::time::timeout(LOOKUP_DEADLINE, self.tried(name)).await;
            let looked = found.unwrap_or_else(|_| {
                let why = format!("no answer within {} s", LOOKUP_DEADLINE.as_secs());
                let failure = Failure { why, tries: 1, side: FailureSide::Ours };
                self.unproved(Lookup {
                    hops: Vec::new(),
                    outcome: Outcome::Failed(failure),
                    ttl_s: 0,
                })
            });
            lock(&self.0.found).bytes += looked.bytes();
            Arc::new(looked)
        });
        Arc::clone(looked.await)
    }

    /// Looks, and once more if nothing could be told, or what is said does not hold: then without what is known on the
    /// way, in case it was that.
    async fn tried(&self, name: &Name) -> Looked {
        let mut tries = 1;
        loop {
            let looked = self.looked(name, tries).await;
            if looked.evidence.proof.is_some() || tries == TRIES_MAX {
                return looked;
            }
            // A zone that has moved has other keys, too, than where we still look for it. What others look for is not
            // touched: a name that fails is easily had.
            self.0.dns.forget_way_to(&owner(name));
            for hop in looked.lookup.hops.iter().filter_map(|hop| hop.name.parse().ok()) {
                self.0.dns.forget_way_to(&hop);
            }
            tries += 1;
        }
    }

    async fn looked(&self, name: &Name, tries: u32) -> Looked {
        let Inner { dns, settings, clock, .. } = &*self.0;
        let query = Query { name: owner(name), rtype: Rtype::CAA };
        let begun = clock.now();
        let kept = if tries == 1 { self.known(&query.name, begun) } else { BTreeMap::new() };
        let mut known: BTreeMap<Query, Reply> =
            kept.iter().map(|(query, kept)| (query.clone(), kept.reply.clone())).collect();
        // Asked first and judged then: what was signed while we asked is valid now.
        dns.walk(query.clone(), settings, begun, &mut known).await;
        let now = clock.now();
        let walked = dns.walk(query.clone(), settings, now, &mut known).await;
        known.retain(|query, _| !kept.contains_key(query));
        let fetched: Vec<_> = known
            .into_iter()
            .filter_map(|(query, reply)| self.fetched(query, reply, begun))
            .collect();
        let ends = fetched.iter().map(|(_, kept)| kept).chain(kept.values()).map(|kept| kept.until);
        let until = ends.min().unwrap_or(begun).min(signed_until(&walked));
        let ttl_s = u32::try_from(until.duration_since(now).as_secs()).unwrap_or(0);
        let lookup = bounded(lookup(&walked, ttl_s, tries), tries);
        let is_kept = matches!(lookup.security(), Security::Secure | Security::Insecure)
            && !matches!(lookup.outcome, Outcome::Failed(_));
        let proof = Proof::of(&query, &walked, settings, now).filter(|_| is_kept);
        let Some(proof) = proof else { return self.unproved(lookup) };
        self.keep(fetched, &walked, now);
        let validated_at = proof.validated_at();
        let bytes: Arc<[u8]> = proof.to_bytes().into();
        let proof = Some(ProofFile { hash: sha256(&bytes), bytes });
        Looked { lookup, evidence: Evidence { validated_at, proof }, until }
    }

    /// How long an answer may be kept that was asked for at this time or later; `None` if it is none.
    fn fetched(&self, query: Query, reply: Reply, begun: Timestamp) -> Option<(Query, Kept)> {
        let kept = SignedDuration::from_secs(i64::from(ttl_s(&reply)?)).min(self.0.kept_max);
        let until = begun.checked_add(kept).unwrap_or(begun);
        let bytes = reply_bytes(&reply);
        Some((query, Kept { reply, until, bytes }))
    }

    fn unproved(&self, lookup: Lookup) -> Looked {
        let now = self.0.clock.now();
        // Without a proof there is nothing to rely on, even if all looked well.
        let hops = lookup
            .hops
            .into_iter()
            .map(|hop| Hop { security: hop.security.max(Security::Indeterminate), ..hop });
        let lookup = Lookup { hops: hops.collect(), ..lookup };
        Looked { lookup, evidence: Evidence { validated_at: now, proof: None }, until: now }
    }

    /// The answers about keys on the way down to a name.
    fn known(&self, name: &dns::Name, now: Timestamp) -> BTreeMap<Query, Kept> {
        let keys = lock(&self.0.keys);
        let ways = name.and_above().flat_map(|zone| {
            [Rtype::DS, Rtype::DNSKEY].map(|rtype| Query { name: zone.clone(), rtype })
        });
        ways.filter_map(|query| {
            let kept = keys.get(&query).filter(|kept| now < kept.until)?;
            Some((query, kept.clone()))
        })
        .collect()
    }

    /// Keeps answers about keys that a walk rests on. A forged one that it does without would stay for hours.
    fn keep(&self, fetched: Vec<(Query, Kept)>, walked: &Walked, now: Timestamp) {
        let is_needed = |query: &Query| {
            matches!(query.rtype, Rtype::DS | Rtype::DNSKEY)
                && walked.steps.iter().any(|step| step.about == *query)
        };
        let mut keys = lock(&self.0.keys);
        keys.extend(fetched.into_iter().filter(|(query, _)| is_needed(query)));
        keys.retain(|_, kept| now < kept.until);
        let bytes: usize = keys.values().map(|kept| kept.bytes).sum();
        if keys.len() > KEYS_KEPT_MAX || bytes > KEYS_BYTES_MAX {
            keys.clear();
        }
    }
}

impl Found {
    /// The place of a name, empty if what was there is too old.
    fn slot(&mut self, name: &Name, now: Timestamp) -> Slot {
        let is_usable = |slot: &Slot| slot.get().is_none_or(|looked| now < looked.until);
        if let Some(slot) = self.slots.get(name).filter(|slot| is_usable(slot)) {
            return Arc::clone(slot);
        }
        if self.is_full() {
            self.slots.retain(|_, slot| is_usable(slot));
            self.bytes =
                self.slots.values().filter_map(|slot| slot.get()).map(|one| one.bytes()).sum();
        }
        if self.is_full() {
            // Whoever waits for one has it in hand.
            *self = Self::default();
        }
        let slot = Slot::default();
        self.slots.insert(name.clone(), Arc::clone(&slot));
        slot
    }

    fn is_full(&self) -> bool {
        self.slots.len() >= NAMES_KEPT_MAX || self.bytes >= NAMES_BYTES_MAX
    }
}

impl Looked {
    /// What it has in memory, but for what all have.
    fn bytes(&self) -> usize {
        let proof = self.evidence.proof.as_ref().map_or(0, |proof| proof.bytes.len());
        proof + records_bytes(&self.lookup)
    }
}

fn records_bytes(lookup: &Lookup) -> usize {
    match &lookup.outcome {
        Outcome::Records(records) => records.iter().map(|record| record.rdata().len()).sum(),
        Outcome::None | Outcome::Failed(_) => 0,
    }
}

/// What came of a lookup, unless it has more records than are looked at.
fn bounded(lookup: Lookup, tries: u32) -> Lookup {
    if records_bytes(&lookup) <= RECORDS_BYTES_MAX {
        return lookup;
    }
    let why = format!("its records have more than {RECORDS_BYTES_MAX} bytes");
    let outcome = Outcome::Failed(Failure { why, tries, side: FailureSide::Ours });
    Lookup { outcome, ..lookup }
}

/// Names of which something is kept: 10,000 have some 100 MB, most of it in proofs.
const NAMES_KEPT_MAX: usize = 10_000;
/// What is kept of them, in bytes: there are names whose proofs have a hundred times as much as most.
const NAMES_BYTES_MAX: usize = 256 << 20;
/// Answers about keys that are kept: a few for each zone.
const KEYS_KEPT_MAX: usize = 10_000;
/// The same in bytes: most have less than 2 kB, and a stranger's can have 64.
const KEYS_BYTES_MAX: usize = 64 << 20;
/// The CAA records of one name, in bytes: a hundred that name accounts have less. Each name below has its own copy of
/// them in a decision, and in its record.
const RECORDS_BYTES_MAX: usize = 16 << 10;
/// How often a lookup is tried that proves nothing (Baseline Requirements §3.2.2.8.1).
const TRIES_MAX: u32 = 2;
/// For one lookup with all tries. Clients of ACME wait for half a minute.
const LOOKUP_DEADLINE: Duration = Duration::from_secs(20);

/// How long an answer may be kept, in seconds; `None` if there is none.
fn ttl_s(reply: &Reply) -> Option<u32> {
    let Reply::Answer(message) = reply else { return None };
    let sets = message.answer.iter().chain(&message.authority);
    let ttls = sets.flat_map(|set| {
        let rrset = &set.rrset;
        // A negative answer is kept as long as the last field of the SOA says (RFC 2308 §5).
        let minimum = rrset.rdatas().first().and_then(|rdata| rdata.last_chunk::<4>());
        let minimum =
            minimum.filter(|_| rrset.rtype() == Rtype::SOA).map(|last| u32::from_be_bytes(*last));
        let signed = set.rrsigs.iter().map(|rrsig| rrsig.original_ttl_s);
        [Some(rrset.ttl_s()), minimum].into_iter().flatten().chain(signed).collect::<Vec<_>>()
    });
    Some(ttls.min().unwrap_or(0))
}

/// What an answer has in memory, in bytes, but for what all have.
fn reply_bytes(reply: &Reply) -> usize {
    let Reply::Answer(message) = reply else { return 0 };
    let sets = message.answer.iter().chain(&message.authority).chain(&message.additional);
    let bytes = |set: &SignedRrset| {
        let records: usize = set.rrset.rdatas().iter().map(Vec::len).sum();
        records + set.rrsigs.iter().map(|rrsig| rrsig.signature.len()).sum::<usize>()
    };
    sets.map(bytes).sum()
}

/// When the first signature ends that a walk rests on.
fn signed_until(walked: &Walked) -> Timestamp {
    let links = walked.steps.iter().flat_map(|step| &step.links);
    let ends = links.filter_map(|link| {
        // Signature Expiration, behind type, algorithm, labels and TTL (RFC 4034 §3.1).
        let end = link.signed_data.get(8..12)?.first_chunk::<4>()?;
        Timestamp::from_second(i64::from(u32::from_be_bytes(*end))).ok()
    });
    ends.min().unwrap_or(Timestamp::MAX)
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
