//! The watch of delegations: one task a zone looks, judges and writes down, again and again.
//!
//! ```text
//!  store ── what is known ──> look: every server, from each vantage ──> Snapshot
//!    ^                                                                     v
//!    └──────────── one transaction: state, evidence, incident <────────── judge
//! ```
//!
//! # Limitations
//!
//! Where no server answers at an IPv6 address from a vantage and some do at others, the IPv6 addresses are left out:
//! a network without IPv6 is no trouble of a zone's.

mod gather;
mod look;
mod way;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_dns::{Name, Rtype, walk};
use countersign_judge::delegation::{Expected, Judged, Shown, Snapshot, Topic, judge, learn};
use countersign_judge::zone::Unseen;
use countersign_store::zone::{Look, Looked, ZoneState};
use countersign_store::{Store, StoreError};
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::chance::Chance;
use crate::context::Context;
use crate::watch::{Extent, later};

pub use look::look;
pub use way::Way;

/// Which zones are watched, and from where.
#[derive(Clone, Debug, Default)]
pub struct Delegations {
    /// The zones, none twice.
    pub zones: Vec<WatchedZone>,
    /// From where all of them are looked at, as far as each wants it.
    pub ways: Vec<Way>,
    /// What walks start from.
    pub walk: walk::Settings,
}

/// A zone that is watched.
#[derive(Clone, Debug)]
pub struct WatchedZone {
    /// What is declared.
    pub expected: Expected,
    /// Whether what is not declared is learned when it is first seen.
    pub learn: bool,
    /// What the servers of the zone are asked besides its keys, servers and wishes.
    pub topics: Vec<Topic>,
    /// How often it is looked at.
    pub every: Duration,
    /// The vantages from which it is looked at, by name.
    pub vantages: Vec<String>,
    /// Resolvers that somebody relies on.
    pub resolvers: Vec<SocketAddr>,
}

impl WatchedZone {
    /// Its name.
    pub fn name(&self) -> &Name {
        &self.expected.zone
    }

    /// What is asked of a name: its CAA records, and what certification authorities look at.
    pub fn topics_of(name: &Name) -> Vec<Topic> {
        let mut topics = vec![Topic::zone(name.clone(), Rtype::CAA)];
        for label in [&b"_acme-challenge"[..], b"_validation-persist"] {
            // A name may be too long for that; then there can be none.
            topics.extend(name.child(label).map(|name| Topic::zone(name, Rtype::TXT)));
        }
        topics
    }
}

/// What the tasks of all zones end with: what could not be looked at.
pub(crate) type Unlooked = Vec<String>;

/// Starts a task for each zone.
pub(crate) async fn start(
    cx: &Arc<Context>,
    chance: &mut Chance,
    stop: &CancellationToken,
) -> Result<JoinSet<Unlooked>, StoreError> {
    let zones = &cx.settings.delegations.zones;
    let names: Vec<_> = zones.iter().map(|zone| zone.name().to_string()).collect();
    let now = cx.clock.now();
    cx.store(move |store| store.watch_zones(&names, now)).await?;
    clear_of_others(cx, now).await?;
    let mut tasks = JoinSet::new();
    for zone in zones {
        let ways = &cx.settings.delegations.ways;
        let task = Task {
            cx: Arc::clone(cx),
            zone: zone.clone(),
            ways: ways.iter().filter(|way| zone.vantages.contains(&way.vantage)).cloned().collect(),
            chance: chance.fork(),
        };
        let count = u32::try_from(zones.len()).unwrap_or(u32::MAX);
        let spread = zone.every.min(SPREAD.saturating_mul(count));
        // Made before the task, so that simulated time waits for it.
        let participant = cx.clock.participant();
        tasks.spawn(task.run(participant, spread, stop.clone()));
    }
    Ok(tasks)
}

/// What could not be seen of a zone that is no longer watched is no trouble any more.
async fn clear_of_others(cx: &Arc<Context>, now: Timestamp) -> Result<(), StoreError> {
    let watched: Vec<_> =
        cx.settings.delegations.zones.iter().map(|zone| unseen_trouble(zone.name())).collect();
    let open = cx.store(|store| store.reader().open_troubles()).await?;
    let kinds =
        open.into_iter().filter(|trouble| trouble.log.is_none()).map(|trouble| trouble.kind);
    let gone = kinds.filter(|kind| kind.starts_with(UNSEEN_TROUBLE) && !watched.contains(kind));
    cx.clear(None, gone.collect(), now).await
}

/// The kind of the trouble that something of a zone is not seen.
fn unseen_trouble(zone: &Name) -> String {
    format!("{UNSEEN_TROUBLE}{}", zone.to_string().trim_end_matches('.'))
}

struct Task {
    cx: Arc<Context>,
    zone: WatchedZone,
    ways: Vec<Way>,
    chance: Chance,
}

impl Task {
    async fn run(
        mut self,
        mut participant: countersign_net::Participant,
        spread: Duration,
        stop: CancellationToken,
    ) -> Unlooked {
        let mut pause = spread.mul_f64(self.chance.unit());
        loop {
            tokio::select! {
                () = stop.cancelled() => return Vec::new(),
                () = participant.sleep(pause) => {}
            }
            let looked = tokio::select! {
                () = stop.cancelled() => return Vec::new(),
                looked = self.look() => looked,
            };
            let unlooked = looked.unwrap_or_else(|err| {
                warn!("cannot keep what a look at a zone showed: {err}");
                vec![format!("zone {}: {err}", self.zone.name())]
            });
            if self.cx.extent == Extent::Once {
                return unlooked;
            }
            pause = self.zone.every.mul_f64(0.9 + self.chance.unit() / 5.0);
        }
    }

    /// Looks, and writes down what came of it. What could not be looked at.
    async fn look(&self) -> Result<Unlooked, StoreError> {
        let name = self.zone.name().to_string();
        let state = {
            let name = name.clone();
            self.cx.store(move |store| store.reader().zone_state(&name)).await?
        };
        let Some(state) = state else { return Ok(Vec::new()) };
        let walk = &self.cx.settings.delegations.walk;
        let seen = look(&self.zone, &self.ways, walk, &state.before, &self.cx.clock).await;
        let (zone, now, unseen) = (self.zone.clone(), seen.at, blind(&seen.unseen));
        let blind = unseen.clone();
        let looked =
            self.cx.store(move |store| note(store, &zone, &state, &seen, blind.as_deref())).await?;
        match looked {
            Looked::Noted { blind_since, is_news } => {
                if is_news {
                    self.cx.tell();
                }
                self.tell_blind(&name, blind_since, unseen.as_deref(), now).await?;
            }
            Looked::Overtaken => debug!("a look at a zone was overtaken"),
        }
        Ok(unseen.map(|unseen| format!("zone {name}: {unseen}")).into_iter().collect())
    }

    /// What could not be looked at for long is a trouble, until it can be.
    async fn tell_blind(
        &self,
        name: &str,
        since: Option<Timestamp>,
        unseen: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let kind = unseen_trouble(self.zone.name());
        match (since, unseen) {
            (Some(since), Some(unseen)) => {
                if later(since, self.cx.settings.unreachable_after) > now {
                    return Ok(());
                }
                let detail =
                    format!("of the zone {name} something is not seen since {since:.0}: {unseen}");
                self.cx.raise(None, kind, detail, now).await
            }
            (None, _) | (_, None) => self.cx.clear(None, vec![kind], now).await,
        }
    }
}

/// Judges a look, and writes down what came of it.
fn note(
    store: &Store,
    zone: &WatchedZone,
    state: &ZoneState,
    seen: &Snapshot,
    blind: Option<&str>,
) -> Result<Looked, StoreError> {
    let (judged, learned) = judged(zone, state, seen);
    let look = Look { revision: state.revision, seen, judged: &judged, learned: &learned, blind };
    store.note_look(&look)
}

/// What is to be made of a look, and what is learned from it.
pub fn judged(
    zone: &WatchedZone,
    state: &ZoneState,
    seen: &Snapshot,
) -> (Judged, BTreeMap<Topic, Shown>) {
    let expected = zone.expected.with_learned(&state.learned);
    let learned =
        if zone.learn { learn(&expected, &state.before, seen) } else { Default::default() };
    let expected = expected.with_learned(&learned);
    (judge(&expected, &state.before, seen), learned)
}

/// What could not be looked at, in one line; `None` if all was.
fn blind(unseen: &[Unseen]) -> Option<String> {
    let told = |unseen: &Unseen| format!("{}: {}", unseen.what, unseen.why);
    let mut lines: Vec<_> = unseen.iter().take(UNSEEN_TOLD_MAX).map(told).collect();
    let more = unseen.len().saturating_sub(UNSEEN_TOLD_MAX);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    let text = lines.join("; ");
    let text = countersign_judge::plain::bounded(&text, UNSEEN_CHARACTERS_MAX).into_owned();
    (!unseen.is_empty()).then_some(text)
}

/// What the kinds of troubles begin with that say that something of a zone is not seen.
pub const UNSEEN_TROUBLE: &str = "unseen-zone-";
/// At the start zones are looked at one after the other, so many apart on the average.
const SPREAD: Duration = Duration::from_millis(100);
/// A trouble names so many servers, and says how many more there are.
const UNSEEN_TOLD_MAX: usize = 4;
/// As much as a line of a mail still bears.
const UNSEEN_CHARACTERS_MAX: usize = 800;
