//! What a scene plays on: one CA, some logs on loopback under host names, a list of them, and the production
//! watcher with a way out that leads nowhere else, on a simulated clock.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use countersign_ct::watchlist::{Guard, Watchlist};
use countersign_judge::pack::Contents;
use countersign_monitor::judging::Judging;
use countersign_monitor::settings::Place;
use countersign_monitor::sink::{Secret, Sink, Webhook};
use countersign_monitor::{
    Chance, Delegations, Ended, Extent, Hooks, ListSource, Outlet, Settings, contents,
};
use countersign_net::pace::Rates;
use countersign_net::{Clock, Net, Participant, Redirects, Roots, Route, Target, Vantage};
use countersign_store::incident::{Incident, IncidentFilter, Which};
use countersign_store::position::Position;
use countersign_store::report::{Event, Report};
use countersign_store::sighting::Sighting;
use countersign_store::{Desk, Reader, Store};
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::authority::{Authority, Request, SubjectKey};
use crate::log::{self, Branch, Content, Group, LogServer, Protocol, log_list_json};
use crate::receiver::Receiver;

/// One small Internet.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) authority: Arc<Authority>,
    pub(crate) logs: Vec<LogServer>,
    /// The key of everybody who asks for a certificate.
    key: SubjectKey,
    /// Who is told, by their sinks' names.
    pub(crate) receivers: Vec<(&'static str, Receiver)>,
    directory: TempDir,
    store: Arc<Store>,
    reports: Reports,
    stop: CancellationToken,
    watch: JoinSet<anyhow::Result<Ended>>,
}

/// What the watcher of a scene is told to do.
pub(crate) struct Watching {
    pub(crate) guards: &'static [&'static str],
    pub(crate) poll: Duration,
    pub(crate) since: Option<Timestamp>,
    pub(crate) rates: Rates,
    pub(crate) judging: Judging,
    pub(crate) delegations: Delegations,
}

impl Default for Watching {
    /// Guards the lab's service, asks every minute, and as fast as the machine can. Tells nobody that all is quiet.
    fn default() -> Self {
        Self {
            guards: &[".guarded.example"],
            poll: MINUTE,
            since: None,
            rates: Rates { start: 1000.0, max: 10_000.0 },
            judging: Judging { heartbeat: None, ..Judging::default() },
            delegations: Delegations::default(),
        }
    }
}

impl World {
    /// Logs of these names and kinds at this time, all of them listed. Nobody watches yet.
    pub(crate) async fn new(start: &str, kinds: &[(&str, Protocol)]) -> anyhow::Result<Self> {
        let clock = Clock::simulated(start.parse()?);
        let authority = Arc::new(Authority::new("Lab", SEED));
        let mut logs = Vec::new();
        for &(name, protocol) in kinds {
            let host = format!("{name}.lab.example");
            let settings = log::Settings {
                operator: format!("Operator of {name}"),
                description: name.to_owned(),
                path: String::new(),
                protocol,
                interval: None,
                mmd: MMD,
                publish_every: Some(HOUR),
                roots: vec![authority.root().to_vec()],
                clock: clock.clone(),
                tls: Some(authority.server_config(&host)?),
                host,
            };
            logs.push(LogServer::start(settings).await.context("cannot open a log's doors")?);
        }
        let directory = folder().context("cannot make a directory for the scene")?;
        let store = Arc::new(Store::open(&directory.path().join("state"))?);
        let world = Self {
            clock,
            authority,
            logs,
            key: SubjectKey::generate(),
            receivers: Vec::new(),
            directory,
            store,
            reports: Reports::default(),
            stop: CancellationToken::new(),
            watch: JoinSet::new(),
        };
        world.list(&world.logs.iter().collect::<Vec<_>>())?;
        Ok(world)
    }

    /// Starts the watcher.
    pub(crate) fn watch(&mut self, watching: &Watching) -> anyhow::Result<()> {
        let guards = watching.guards.iter().map(|guard| Guard::parse(guard));
        let settings = Settings {
            watchlist: Watchlist::new(guards.collect::<Result<_, _>>()?)?,
            lists: vec![self.list_source()],
            own_logs: Vec::new(),
            list_refresh: (6 * watching.poll).max(HOUR),
            poll: watching.poll,
            jobs_per_log: 2,
            rates: watching.rates,
            vantage: VANTAGE.to_owned(),
            since: watching.since,
            unreachable_after: HOUR,
            judging: watching.judging.clone(),
            delegations: watching.delegations.clone(),
            probing: countersign_monitor::Probing::default(),
        };
        let logs = self.logs.iter().map(|log| (log.settings().host.clone(), log.address(Group::A)));
        let receivers = self.receivers.iter();
        let hosts = logs.chain(receivers.map(|(name, to)| (receiver_host(name), to.address)));
        let net = Net::new(countersign_net::Settings {
            contact: "lab@example.org".to_owned(),
            roots: Roots::Only(vec![CertificateDer::from(self.authority.root().to_vec())]),
            redirects: Some(Redirects::new(hosts)),
            vantages: vec![Vantage { name: VANTAGE.to_owned(), route: Route::Direct }],
        })?;
        let outlet =
            Heard { reports: self.reports.clone(), starting: Some(self.clock.participant()) };
        let sinks = self.receivers.iter().map(|(name, _)| self.sink(name));
        let (outlet, sinks) = (Box::new(outlet), sinks.collect::<anyhow::Result<_>>()?);
        let hooks = Hooks { outlet, sinks, progress: Arc::new(|_| ()) };
        let world = countersign_monitor::World {
            net,
            store: Arc::clone(&self.store),
            clock: self.clock.clone(),
            chance: Chance::seeded(SEED),
        };
        let stop = self.stop.clone();
        self.watch.spawn(countersign_monitor::watch(settings, world, hooks, Extent::Forever, stop));
        Ok(())
    }

    /// From the next watch on, somebody is told by a sink of this name.
    pub(crate) async fn tell(&mut self, name: &'static str) -> anyhow::Result<()> {
        let tls = self.authority.server_config(&receiver_host(name))?;
        let receiver = Receiver::start(tls).await.context("cannot open a receiver's door")?;
        self.receivers.push((name, receiver));
        Ok(())
    }

    fn sink(&self, name: &str) -> anyhow::Result<Sink> {
        let secret = self.directory.path().join("secret");
        std::fs::write(&secret, "a secret of the lab").context("cannot write a secret")?;
        Ok(Sink::Webhook(Webhook {
            name: name.to_owned(),
            target: Target::parse(&format!("https://{}/", receiver_host(name)))?,
            vantage: VANTAGE.to_owned(),
            secret: Secret::read(&secret)?,
            deadline: Duration::from_secs(10),
        }))
    }

    /// What only looks at what the watcher keeps.
    pub(crate) fn reader(&self) -> &Reader {
        self.store.reader()
    }

    /// Where people and hosts say what they asked for.
    pub(crate) fn desk(&self) -> &Desk {
        self.store.desk()
    }

    /// A folder of the scene's own.
    pub(crate) fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.directory.path().join(name);
        std::fs::create_dir_all(&folder).context("cannot make a folder")?;
        Ok(folder)
    }

    /// The incidents that are open.
    pub(crate) fn incidents(&self) -> anyhow::Result<Vec<Incident>> {
        let filter = IncidentFilter { after: None, which: Which::All, limit: u32::MAX };
        Ok(self.reader().incidents(&filter)?)
    }

    /// Lists these logs from now on, and no others.
    pub(crate) fn list(&self, logs: &[&LogServer]) -> anyhow::Result<()> {
        std::fs::write(self.list_file(), log_list_json(logs, self.clock.now()))
            .context("cannot write the list of logs")
    }

    /// What an evidence pack about it is made of, where nothing is expected but what is registered.
    pub(crate) fn evidence(&self, incident: &Incident) -> anyhow::Result<Contents> {
        let lists = [self.list_source()];
        Ok(contents(self.reader(), &lists, &[], &Judging::default(), incident)?)
    }

    fn list_source(&self) -> ListSource {
        ListSource { name: "lab".to_owned(), place: Place::File(self.list_file()) }
    }

    /// The list of logs, for whoever reads it by himself.
    pub(crate) fn list_file(&self) -> PathBuf {
        self.directory.path().join("log_list.json")
    }

    /// Lets time pass.
    pub(crate) async fn run(&mut self, span: Duration) -> anyhow::Result<()> {
        let until = self.clock.now().checked_add(span)?;
        self.run_until(until).await
    }

    /// Lets time pass until then. An error if the watcher ended meanwhile, which it must not.
    pub(crate) async fn run_until(&mut self, until: Timestamp) -> anyhow::Result<()> {
        tokio::select! {
            () = self.clock.run_until(until) => Ok(()),
            Some(ended) = self.watch.join_next() => {
                let ended = ended.context("the watcher panicked")??;
                bail!("the watcher ended by itself: {ended:?}");
            }
        }
    }

    /// Has a certificate for these names issued and logged, and the log publish it. Its precertificate's index.
    pub(crate) fn certify(&self, log: usize, names: &[&str]) -> anyhow::Result<u64> {
        let log = &self.logs[log];
        self.authority.issue_logged(&self.request(names)?, &[log])?;
        Ok(log.publish().size - 1)
    }

    /// A certificate for these names that no log is told of.
    pub(crate) fn certificate(&self, names: &[&str]) -> anyhow::Result<Vec<u8>> {
        Ok(self.authority.issue_unlogged(&self.request(names)?)?.certificate)
    }

    /// A request for ninety days from now on.
    pub(crate) fn request(&self, names: &[&str]) -> anyhow::Result<Request<'_>> {
        self.request_for(&self.key, names)
    }

    /// The same with another key.
    pub(crate) fn request_for<'a>(
        &self,
        key: &'a SubjectKey,
        names: &[&str],
    ) -> anyhow::Result<Request<'a>> {
        let now = self.clock.now();
        Ok(Request {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            key,
            not_before: now,
            not_after: now.checked_add(90 * DAY)?,
            rewrite: None,
        })
    }

    /// Logs so many certificates of strangers, no two alike, and has them published.
    pub(crate) fn grow(&self, log: usize, count: u64) -> anyhow::Result<()> {
        let log = &self.logs[log];
        let mut certificate = self.certificate(&["stranger.example.net"])?;
        for serial in 0..count {
            // Nobody checks the signature, and making many would take longer than everything else.
            certificate[SERIAL_END - 8..SERIAL_END].copy_from_slice(&serial.to_be_bytes());
            log.push(Content::X509 { certificate: certificate.clone() }, self.authority.issuers());
        }
        log.publish();
        Ok(())
    }

    /// How far a log was read.
    pub(crate) fn position(&self, log: usize) -> anyhow::Result<Position> {
        let log = &self.logs[log];
        let position = self.store.reader().position(&log.log_id())?;
        let (position, _) =
            position.with_context(|| format!("nothing was read of {}", name_of(log)))?;
        Ok(position)
    }

    /// An error unless all that the log published was read and proved.
    pub(crate) fn ensure_proved(&self, log: usize) -> anyhow::Result<()> {
        let (position, head) = (self.position(log)?, self.logs[log].head(Branch::FIRST).size);
        ensure!(
            position.downloaded_size == head && position.verified_size == head,
            "{}: of {head} entries {} were read and {} proved",
            name_of(&self.logs[log]),
            position.downloaded_size,
            position.verified_size,
        );
        Ok(())
    }

    /// An error unless exactly this was reported of a log so far, in this order. That it is followed from the
    /// beginning goes without saying.
    pub(crate) fn ensure_said(&self, log: usize, expected: &[&str]) -> anyhow::Result<()> {
        let said = self.said_of(log);
        let name = name_of(&self.logs[log]);
        ensure!(said == expected, "of {name} it reported {said:?}, not {expected:?}");
        Ok(())
    }

    /// The same where nothing says what comes first; `expected` is sorted.
    pub(crate) fn ensure_said_in_any_order(
        &self,
        log: usize,
        expected: &[&str],
    ) -> anyhow::Result<()> {
        let mut said = self.said_of(log);
        said.sort_unstable();
        let name = name_of(&self.logs[log]);
        ensure!(said == expected, "of {name} it reported {said:?}, not {expected:?}");
        Ok(())
    }

    /// What was reported of a log so far.
    pub(crate) fn said_of(&self, log: usize) -> Vec<String> {
        self.said(Some(self.logs[log].log_id()))
    }

    /// What was reported of a log, or of none.
    fn said(&self, log: Option<[u8; 32]>) -> Vec<String> {
        let reports = self.reports.lock();
        let said = reports.iter().map(|report| in_words(&report.event));
        said.filter(|(about, _)| *about == log).filter_map(|(_, words)| words).collect()
    }

    /// What was sighted so far.
    pub(crate) fn sightings(&self) -> Vec<Sighting> {
        let reports = self.reports.lock();
        let sightings = reports.iter().filter_map(|report| match &report.event {
            Event::Sighting(sighting) => Some((**sighting).clone()),
            Event::TroubleOpened(_)
            | Event::TroubleClosed(_)
            | Event::LogAdded(_)
            | Event::LogRemoved(_)
            | Event::IncidentOpened(_)
            | Event::IncidentClosed(_)
            | Event::IncidentUpdated(_)
            | Event::Heartbeat(_) => None,
        });
        sightings.collect()
    }

    /// Stops the watcher and waits until it has stopped.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stop_having_said(&[]).await
    }

    /// The same where just this was reported of no log in particular.
    pub(crate) async fn stop_having_said(mut self, expected: &[&str]) -> anyhow::Result<()> {
        self.stop.cancel();
        let ended = self.watch.join_next().await.context("nobody watched")?;
        ended.context("the watcher panicked")??;
        let unreported = self.store.reader().unreported(1)?;
        ensure!(unreported.is_empty(), "it stopped with a report unsaid: {unreported:?}");
        let said = self.said(None);
        ensure!(said == expected, "it reported {said:?}");
        Ok(())
    }
}

/// Which log it is about, and `sighting 7`, `opened fork`, `closed unreachable`, `removed`.
fn in_words(event: &Event) -> (Option<[u8; 32]>, Option<String>) {
    match event {
        Event::Sighting(seen) => (Some(seen.log), Some(format!("sighting {}", seen.index))),
        Event::TroubleOpened(trouble) => (trouble.log, Some(format!("opened {}", trouble.kind))),
        Event::TroubleClosed(trouble) => (trouble.log, Some(format!("closed {}", trouble.kind))),
        Event::LogAdded(row) => (Some(row.log.id), None),
        Event::LogRemoved(row) => (Some(row.log.id), Some("removed".to_owned())),
        // A scene that is about these asks for them by themselves.
        Event::IncidentOpened(_)
        | Event::IncidentUpdated(_)
        | Event::IncidentClosed(_)
        | Event::Heartbeat(_) => (None, None),
    }
}

/// A folder for a scene's state, in memory where there is a place for that: nobody will want it after a power cut, and
/// syncing a year to the disk takes longer than playing it.
fn folder() -> io::Result<TempDir> {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())
}

/// The host of the receiver behind a sink.
fn receiver_host(sink: &str) -> String {
    format!("{sink}.lab.example")
}

fn name_of(log: &LogServer) -> &str {
    &log.settings().description
}

/// All that was reported, in order.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<Report>>>);

impl Reports {
    fn lock(&self) -> MutexGuard<'_, Vec<Report>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The outlet of a scene.
struct Heard {
    reports: Reports,
    /// Keeps time from passing before the watcher takes part in it. The first it has to say is which logs it
    /// follows, or that it has none, and it takes part by then.
    starting: Option<Participant>,
}

impl Outlet for Heard {
    fn write(&mut self, report: &Report) -> io::Result<()> {
        self.starting = None;
        self.reports.lock().push(report.clone());
        Ok(())
    }
}

/// Where the serial number ends in a certificate of the lab's: after the headers of Certificate and
/// TBSCertificate, the version, its own header and its 16 bytes.
const SERIAL_END: usize = 4 + 4 + 5 + 2 + 16;
/// One minute.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
/// One hour.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
/// One day.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);
/// What all logs of the lab promise, as those of the browsers' lists do.
const MMD: Duration = DAY;
/// Where the lab watches from.
const VANTAGE: &str = "direct";
/// Of serial numbers and jitter: a scene is the same each time.
const SEED: u64 = 2;
