//! Some logs, a store, and a watch that can be started, stopped and started again.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_ct::watchlist::{Guard, Watchlist};
use countersign_lab::authority::{Authority, Request, SubjectKey};
use countersign_lab::log::{self, LogServer, Protocol, log_list_json};
use countersign_monitor::judging::Judging;
use countersign_monitor::settings::Place;
use countersign_monitor::{
    Chance, Delegations, Ended, Extent, Hooks, ListSource, Outlet, OwnLog, Settings, World, watch,
};
use countersign_net::pace::Rates;
use countersign_net::{Clock, Net, Roots, Route, Vantage};
use countersign_sct::{Api, LogKey};
use countersign_store::Store;
use countersign_store::report::{Event, Report};
use countersign_store::sighting::{Sighting, SightingFilter};
use countersign_store::trouble::Trouble;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What is guarded.
pub(crate) const GUARDED: &str = "guarded.example";
/// Between two polls.
pub(crate) const POLL: Duration = Duration::from_secs(600);
/// After which silence a log counts as unreachable.
pub(crate) const UNREACHABLE_AFTER: Duration = Duration::from_secs(3600);

pub(crate) struct Watched {
    pub(crate) clock: Clock,
    pub(crate) authority: Authority,
    pub(crate) logs: Vec<LogServer>,
    pub(crate) store: Arc<Store>,
    key: SubjectKey,
    directory: TempDir,
    reports: Arc<Mutex<Vec<Report>>>,
    stop: CancellationToken,
    watch: JoinSet<anyhow::Result<Ended>>,
}

impl Watched {
    /// Logs of these kinds, empty. Nobody watches yet.
    pub(crate) async fn new(kinds: &[Protocol]) -> Self {
        let clock = Clock::simulated("2026-11-01T00:00:00Z".parse().unwrap());
        let authority = Authority::new("Test", 3);
        let mut logs = Vec::new();
        for (number, &protocol) in kinds.iter().enumerate() {
            let settings = log::Settings {
                operator: format!("operator {number}"),
                description: format!("log {number}"),
                host: "log.example".to_owned(),
                path: String::new(),
                protocol,
                interval: None,
                mmd: Duration::from_secs(86_400),
                publish_every: Some(Duration::from_secs(3600)),
                roots: vec![authority.root().to_vec()],
                clock: clock.clone(),
                tls: None,
            };
            logs.push(LogServer::start(settings).await.unwrap());
        }
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&directory.path().join("state")).unwrap());
        let watched = Self {
            clock,
            authority,
            logs,
            store,
            key: SubjectKey::generate(),
            directory,
            reports: Arc::default(),
            stop: CancellationToken::new(),
            watch: JoinSet::new(),
        };
        watched.list(&watched.logs.iter().collect::<Vec<_>>());
        watched
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Puts these logs into the list from now on.
    pub(crate) fn list(&self, logs: &[&LogServer]) {
        std::fs::write(self.path("list.json"), log_list_json(logs, self.clock.now())).unwrap();
    }

    /// Watches the logs as the configuration names them.
    pub(crate) async fn start(&mut self) {
        let own_logs = self.logs.iter().map(|log| OwnLog {
            description: log.settings().description.clone(),
            key: LogKey::from_spki(log.spki()).unwrap(),
            api: match log.settings().protocol {
                Protocol::Rfc6962 => Api::Rfc6962 { url: log.url() },
                Protocol::StaticCt => {
                    Api::StaticCt { submission_url: String::new(), monitoring_url: log.url() }
                }
            },
            mmd_s: Some(86_400),
        });
        let own_logs = own_logs.collect();
        self.start_with(own_logs, Vec::new()).await;
    }

    /// Watches the listed logs. There is another list, which cannot be had, so both are read again soon.
    pub(crate) async fn start_by_list(&mut self) {
        let lists = ["list.json", "nothing.json"]
            .map(|name| ListSource { name: name.to_owned(), place: Place::File(self.path(name)) });
        self.start_with(Vec::new(), lists.to_vec()).await;
    }

    async fn start_with(&mut self, own_logs: Vec<OwnLog>, lists: Vec<ListSource>) {
        let guard = Guard::parse(&format!(".{GUARDED}")).unwrap();
        let settings = Settings {
            watchlist: Watchlist::new(vec![guard]).unwrap(),
            lists,
            own_logs,
            list_refresh: Duration::from_secs(86_400),
            poll: POLL,
            jobs_per_log: 2,
            rates: Rates { start: 1000.0, max: 10_000.0 },
            vantage: "direct".to_owned(),
            since: None,
            unreachable_after: UNREACHABLE_AFTER,
            judging: Judging::default(),
            delegations: Delegations::default(),
            probing: countersign_monitor::Probing::default(),
        };
        let net = Net::new(countersign_net::Settings {
            contact: "test@example.org".to_owned(),
            roots: Roots::Public,
            redirects: None,
            vantages: vec![Vantage { name: "direct".to_owned(), route: Route::Direct }],
        });
        let outlet = Box::new(Heard(self.reports.clone()));
        let hooks = Hooks { outlet, sinks: Vec::new(), progress: Arc::new(|_| ()) };
        let world = World {
            net: net.unwrap(),
            store: Arc::clone(&self.store),
            clock: self.clock.clone(),
            chance: Chance::seeded(3),
        };
        self.stop = CancellationToken::new();
        let stop = self.stop.clone();
        // Keeps time from passing before the watch takes part in it, as it does when it asks the first log.
        let starting = self.clock.participant();
        let asked = self.requests();
        self.watch.spawn(watch(settings, world, hooks, Extent::Forever, stop));
        let first = async {
            while self.requests() == asked {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), first).await.unwrap();
        drop(starting);
    }

    fn requests(&self) -> u64 {
        self.logs.iter().map(|log| log.requests("")).sum()
    }

    /// Lets time pass.
    pub(crate) async fn run(&mut self, span: Duration) {
        let until = self.clock.now().checked_add(span).unwrap();
        tokio::select! {
            () = self.clock.run_until(until) => {}
            Some(ended) = self.watch.join_next() => panic!("the watch ended by itself: {ended:?}"),
        }
    }

    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        self.watch.join_next().await.unwrap().unwrap().unwrap();
    }

    /// A certificate for a guarded name, of which no log knows.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        let now = self.clock.now();
        let request = Request {
            names: vec![GUARDED.to_owned()],
            key: &self.key,
            not_before: now,
            not_after: now.checked_add(Duration::from_secs(86_400)).unwrap(),
            rewrite: None,
        };
        self.authority.issue_unlogged(&request).unwrap().certificate
    }

    /// What was sighted so far.
    pub(crate) fn sightings(&self) -> Vec<Sighting> {
        let all = SightingFilter { after: None, guard: None, limit: 99 };
        self.store.reader().sightings(&all).unwrap()
    }

    /// The open troubles, those about lists aside.
    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        let mut troubles = self.store.reader().open_troubles().unwrap();
        troubles.retain(|trouble| trouble.log.is_some());
        troubles
    }

    /// Their kinds.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.troubles().into_iter().map(|trouble| trouble.kind).collect()
    }

    /// The kinds of all troubles that were ever reported as opened.
    pub(crate) fn opened(&self) -> Vec<String> {
        let reports = self.reports.lock().unwrap();
        let opened = reports.iter().filter_map(|report| match &report.event {
            Event::TroubleOpened(trouble) => trouble.log.map(|_| trouble.kind.clone()),
            Event::Sighting(_)
            | Event::TroubleClosed(_)
            | Event::LogAdded(_)
            | Event::LogRemoved(_)
            | Event::IncidentOpened(_)
            | Event::IncidentUpdated(_)
            | Event::IncidentClosed(_)
            | Event::Heartbeat(_) => None,
        });
        opened.collect()
    }
}

/// Collects what is reported.
struct Heard(Arc<Mutex<Vec<Report>>>);

impl Outlet for Heard {
    fn write(&mut self, report: &Report) -> io::Result<()> {
        self.0.lock().unwrap().push(report.clone());
        Ok(())
    }
}
