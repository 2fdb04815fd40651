//! The watch as a whole: one task a log, one a zone, one for the reports, and the lists that say which logs there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use countersign_net::pace::Pace;
use countersign_net::{Clock, Connection, Net, Participant};
use countersign_sct::LogId;
use countersign_store::log::{Api, Log};
use countersign_store::{Store, StoreError};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::chance::Chance;
use crate::context::Context;
use crate::delegations::{self, Unlooked};
use crate::follow::{Outcome, Shared, Task};
use crate::probing;
use crate::protocol::{Place, Protocol, Rfc6962, StaticCt};
use crate::report::Hooks;
use crate::roster::{Followed, ReadApi, Roster};
use crate::settings::Settings;
use crate::tell::Tellers;

/// How long to watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Until stopped.
    Forever,
    /// Until every log was read up to its newest head, or could not be.
    Once,
}

/// When a log came into the lists, as far as this watch knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// They had it when they were first read.
    AtFirst,
    /// They did not have it then.
    Later,
}

/// How a watch ended that was not broken off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// What could not be looked at, and why. Empty: all was.
    pub unseen: Vec<String>,
    /// How many logs were read up to their newest head.
    pub caught_up: usize,
}

/// What a watch runs on.
pub struct World {
    /// The way out.
    pub net: Net,
    /// What is kept.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Clock,
    /// Jitter.
    pub chance: Chance,
}

/// Watches until stopped or done. An error is one of this machine, at the start or in the store.
pub async fn watch(
    settings: Settings,
    world: World,
    hooks: Hooks,
    extent: Extent,
    stop: CancellationToken,
) -> anyhow::Result<Ended> {
    let World { net, store, clock, mut chance } = world;
    let started = clock.now();
    let since = settings.since;
    let guarding = crate::context::blocking({
        let store = Arc::clone(&store);
        move || store.begin_guarding(started)
    });
    let since = since.unwrap_or(guarding.await.context("cannot note when guarding began")?);
    let (news, received) = mpsc::channel(NEWS_MAX);
    let cx = Arc::new(Context {
        net: net.clone(),
        store: Arc::clone(&store),
        clock: clock.clone(),
        settings,
        extent,
        since,
        started,
        news,
        progress: hooks.progress,
    });
    let tellers = Tellers::start(&cx, hooks.outlet, hooks.sinks, received, &mut chance).await?;
    let zones = delegations::start(&cx, &mut chance, &stop).await;
    let zones = zones.context("cannot keep the list of zones")?;
    let probes = probing::start(&cx, &mut chance, &stop).await;
    let probes = probes.context("cannot keep the list of domains that are probed")?;

    let watch = Watch {
        participant: clock.participant(),
        cx,
        stop,
        chance: chance.fork(),
        tasks: JoinSet::new(),
        zones,
        probes,
        running: BTreeMap::new(),
        wanted: BTreeMap::new(),
        at_first: None,
        operators: HashMap::new(),
        ended: Ended::default(),
    };
    let ended = watch.run().await;
    tellers.stop().await?;
    ended
}

/// `duration` after `time`.
pub(crate) fn later(time: Timestamp, duration: Duration) -> Timestamp {
    time.saturating_add(duration).expect("a span without calendar units")
}

/// The state of the loop over lists and tasks.
struct Watch {
    cx: Arc<Context>,
    participant: Participant,
    stop: CancellationToken,
    chance: Chance,
    tasks: JoinSet<(LogId, Outcome)>,
    /// Those that look at zones. They end with what they could not see.
    zones: JoinSet<Unlooked>,
    /// Those that probe, likewise.
    probes: JoinSet<Unlooked>,
    /// What each task follows, and how it is stopped.
    running: BTreeMap<LogId, (Followed, CancellationToken)>,
    /// What should be followed.
    wanted: BTreeMap<LogId, Followed>,
    /// What was followed first. None before there was any list.
    at_first: Option<BTreeSet<LogId>>,
    /// The pace of each operator, which its logs share.
    operators: HashMap<String, Arc<Mutex<Pace>>>,
    ended: Ended,
}

impl Watch {
    async fn run(mut self) -> anyhow::Result<Ended> {
        let mut refresh_at = self.refresh().await;
        loop {
            if self.cx.extent == Extent::Once
                && self.tasks.is_empty()
                && self.zones.is_empty()
                && self.probes.is_empty()
            {
                return Ok(self.ended);
            }
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = self.participant.sleep_until(refresh_at), if self.cx.extent == Extent::Forever => {
                    refresh_at = self.refresh().await;
                }
                // A task that ends while simulated time runs has let go of its participant, which is what
                // keeps time from passing unseen: nothing that ends here depends on the time.
                Some(done) = self.tasks.join_next() => {
                    let (id, outcome) = done.context("a follower panicked")?;
                    self.task_ended(id, outcome);
                }
                Some(done) = self.zones.join_next() => {
                    self.ended.unseen.extend(done.context("a look at a zone panicked")?);
                }
                Some(done) = self.probes.join_next() => {
                    self.ended.unseen.extend(done.context("a probe panicked")?);
                }
            }
        }
        for (_, stop) in self.running.values() {
            stop.cancel();
        }
        while let Some(done) = self.tasks.join_next().await {
            done.context("a follower panicked")?;
        }
        while let Some(done) = self.zones.join_next().await {
            done.context("a look at a zone panicked")?;
        }
        while let Some(done) = self.probes.join_next().await {
            done.context("a probe panicked")?;
        }
        Ok(self.ended)
    }

    /// Fetches the lists and follows what they say. When to do so again.
    async fn refresh(&mut self) -> Timestamp {
        let now = self.participant.now();
        let lists = match self.cx.lists(now).await {
            Ok(lists) => lists,
            Err(err) => {
                warn!("cannot keep the log lists: {err}");
                self.ended.unseen.push(format!("log lists: {err}"));
                return later(now, RETRY);
            }
        };
        let failed = !lists.failed.is_empty();
        self.ended.unseen.extend(lists.failed);
        let Some(roster) = lists.roster else { return later(now, RETRY) };
        if let Err(err) = self.follow(roster, now).await {
            warn!("cannot keep the list of logs: {err}");
            self.ended.unseen.push(format!("log lists: {err}"));
            return later(now, RETRY);
        }
        let jitter = 0.75 + self.chance.unit() / 2.0;
        let refresh = self.cx.settings.list_refresh.mul_f64(jitter);
        later(now, if failed { refresh.min(RETRY) } else { refresh })
    }

    /// Starts, stops and restarts tasks, so that what runs is what is wanted.
    async fn follow(&mut self, roster: Roster, now: Timestamp) -> Result<(), StoreError> {
        for (id, followed) in &roster.followed {
            let row = row(*id, followed);
            self.cx.store(move |store| store.upsert_log(&row, now)).await?;
        }
        for id in self.gone(&roster).await? {
            self.cx.store(move |store| store.retire_log(&id.0, now)).await?;
        }
        self.cx.tell();
        self.at_first.get_or_insert_with(|| roster.followed.keys().copied().collect());
        self.wanted = roster.followed;
        for (id, (followed, stop)) in &self.running {
            if self.wanted.get(id) != Some(followed) {
                // It starts again, with what is true now, as soon as it has ended.
                stop.cancel();
            }
        }
        let idle: Vec<_> =
            self.wanted.keys().filter(|id| !self.running.contains_key(*id)).copied().collect();
        for id in idle {
            self.start(id);
        }
        Ok(())
    }

    /// The logs that the store has as followed and the roster has no more.
    async fn gone(&self, roster: &Roster) -> Result<Vec<LogId>, StoreError> {
        let rows = self.cx.store(|store| store.reader().logs()).await?;
        let followed =
            rows.into_iter().filter(|row| row.removed_at.is_none()).map(|row| LogId(row.log.id));
        Ok(followed.filter(|id| !roster.followed.contains_key(id)).collect())
    }

    fn start(&mut self, id: LogId) {
        let Some(followed) = self.wanted.get(&id).cloned() else { return };
        let stop = self.stop.child_token();
        let rates = self.cx.settings.rates;
        let operator = self.operators.entry(followed.operator.clone());
        let pace =
            Arc::clone(operator.or_insert_with(|| Arc::new(Mutex::new(Pace::of_operator(rates)))));
        info!(log.id = %id, "follows {}", followed.description);
        let shared = Shared { operator_pace: pace, chance: self.chance.fork(), stop: stop.clone() };
        let place = |url: &str| Place {
            net: self.cx.net.clone(),
            vantage: self.cx.settings.vantage.clone(),
            url: url.to_owned(),
            key: followed.key.clone(),
            connection: Connection::KeepAlive,
        };
        match &followed.api {
            ReadApi::Rfc6962(url) => self.spawn(&followed, Rfc6962(place(url)), shared),
            ReadApi::StaticCt(url) => self.spawn(&followed, StaticCt(place(url)), shared),
        }
        self.running.insert(id, (followed, stop));
    }

    fn spawn<P: Protocol>(&mut self, followed: &Followed, protocol: P, shared: Shared) {
        let id = followed.key.id();
        let at_first = self.at_first.as_ref().is_some_and(|at_first| at_first.contains(&id));
        let listed = if at_first { Listed::AtFirst } else { Listed::Later };
        let task = Task::new(Arc::clone(&self.cx), followed.clone(), listed, protocol, shared);
        self.tasks.spawn(async move { (id, task.run().await) });
    }

    fn task_ended(&mut self, id: LogId, outcome: Outcome) {
        self.running.remove(&id);
        match outcome {
            Outcome::Stopped => self.start(id),
            Outcome::CaughtUp => self.ended.caught_up += 1,
            Outcome::GaveUp(why) => {
                error!(log.id = %id, "could not look: {why}");
                self.ended.unseen.push(why);
            }
        }
    }
}

fn row(id: LogId, followed: &Followed) -> Log {
    let (api, url) = match &followed.api {
        ReadApi::Rfc6962(url) => (Api::Rfc6962, url),
        ReadApi::StaticCt(url) => (Api::StaticCt, url),
    };
    Log {
        id: id.0,
        description: followed.description.clone(),
        operator: followed.operator.clone(),
        api,
        url: url.clone(),
        mmd_s: followed.mmd.and_then(|mmd| u64::try_from(mmd.as_secs()).ok()),
    }
}

/// When lists could not be had or kept.
const RETRY: Duration = Duration::from_secs(5 * 60);
/// Wake-up calls for the reporter that may wait. One is enough to make it look.
pub(crate) const NEWS_MAX: usize = 16;
