//! A vantage that zones are looked at from, and what is known there of the zones above them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_dns::walk::Reply;
use countersign_dns::{Name, Query};
use countersign_judge::zone::Unseen;
use countersign_net::{Clock, Dns};
use jiff::Timestamp;

use crate::survey::{Asked, Side, addresses, zone_of};
use crate::watch::later;

/// A vantage. Cheap to clone; clones share what they know.
#[derive(Clone, Debug)]
pub struct Way {
    /// Its name.
    pub vantage: String,
    /// DNS as it is seen from there.
    pub dns: Dns,
    /// What all zones below the same parent need.
    above: Arc<Mutex<Above>>,
}

/// What is known of the zones above, for a minute: a thousand zones below one parent would ask for it a thousand times.
#[derive(Debug, Default)]
struct Above {
    since: Option<Timestamp>,
    /// The zone that a name is in.
    zones: BTreeMap<Name, Name>,
    /// The servers of a zone.
    servers: BTreeMap<Name, Vec<Asked>>,
    /// Keys of zones and what names them.
    replies: BTreeMap<Query, Reply>,
}

impl Way {
    /// Knows nothing yet.
    pub fn new(vantage: &str, dns: Dns) -> Self {
        Self { vantage: vantage.to_owned(), dns, above: Arc::default() }
    }

    /// Forgets all that is known of zones above, and all delegations.
    pub fn forget(&self) {
        *self.above.lock().unwrap_or_else(PoisonError::into_inner) = Above::default();
        self.dns.forget();
    }

    /// The servers of the zone above this one. What keeps us from some of them is noted.
    pub(super) async fn parents(
        &self,
        zone: &Name,
        clock: &Clock,
        unseen: &mut Vec<Unseen>,
    ) -> Vec<Asked> {
        let Some(above) = zone.parent() else { return Vec::new() };
        let known = self.lock(clock).zones.get(&above).cloned();
        let parent = match known {
            Some(parent) => parent,
            None => match zone_of(&self.dns, &above).await {
                Ok(parent) => {
                    self.lock(clock).zones.insert(above, parent.clone());
                    parent
                }
                Err(why) => {
                    let what = format!("the zone above {zone} from {}", self.vantage);
                    unseen.push(Unseen { what, why: why.to_string() });
                    return Vec::new();
                }
            },
        };
        if let Some(servers) = self.lock(clock).servers.get(&parent) {
            return servers.clone();
        }
        let before = unseen.len();
        let servers = addresses(&self.dns, &parent, Side::Parent, unseen).await;
        // What is missing is looked for again by the next one.
        if unseen.len() == before {
            self.lock(clock).servers.insert(parent, servers.clone());
        }
        servers
    }

    /// What is known of keys above.
    pub(super) fn replies(&self, clock: &Clock) -> BTreeMap<Query, Reply> {
        self.lock(clock).replies.clone()
    }

    /// Takes what was learned of keys above a zone.
    pub(super) fn learn(&self, zone: &Name, replies: &BTreeMap<Query, Reply>, clock: &Clock) {
        let mut above = self.lock(clock);
        for (query, reply) in replies.iter().filter(|(query, _)| zone.is_below(&query.name)) {
            let is_answer = matches!(reply, Reply::Answer(_));
            if is_answer && above.replies.len() < REPLIES_MAX {
                above.replies.entry(query.clone()).or_insert_with(|| reply.clone());
            }
        }
    }

    fn lock(&self, clock: &Clock) -> MutexGuard<'_, Above> {
        // Nothing panics half-way through a change, so a poisoned state is still a whole one.
        let mut above = self.above.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.now();
        let is_old = above.since.is_none_or(|since| later(since, AGE_MAX) <= now || since > now);
        if is_old {
            *above = Above { since: Some(now), ..Above::default() };
        }
        above
    }
}

/// As long as delegations are kept: within it a change above may go unseen.
const AGE_MAX: Duration = Duration::from_secs(60);
/// Each look has a copy of them. A few dozen zones lie above thousands.
const REPLIES_MAX: usize = 64;
