//! `countersign watch`: follows the logs and reports what it sees, until it is stopped or done.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use countersign_monitor::{Chance, Ended, Extent, Hooks, Outlet, World};
use countersign_net::Clock;
use countersign_store::log::LogRow;
use countersign_store::report::{Event, Report};
use countersign_store::trouble::Nature;
use countersign_store::{Reader, Store};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::ExitStatus;
use crate::args::WatchArgs;
use crate::config::Settings;
use crate::incidents::{self, IncidentRow};
use crate::plan;
use crate::print::{Form, Printer, base64};
use crate::progress::{Bar, Progress};
use crate::sightings::SightingRow;
use crate::troubles::TroubleRow;
use crate::way_out;

/// Watches, going on from what the store has.
pub(crate) fn run(
    args: &WatchArgs,
    settings: &Settings,
    printer: &mut Printer,
    progress: &Progress,
) -> anyhow::Result<ExitStatus> {
    let clock = Clock::system();
    let net = way_out::net(settings)?;
    let delegations = plan::delegations(settings, &net)?;
    let store = Arc::new(Store::open(&settings.state_dir)?);
    let findings = Arc::new(AtomicU64::new(0));
    // The reporter takes its outlet along into a task, and with it a printer of its own.
    let outlet = Lines {
        printer: Printer::new(printer.form(), printer.color()),
        reader: Store::open_reader(&settings.state_dir)?,
        logs: HashMap::new(),
        findings: Arc::clone(&findings),
    };
    let (outlet, sinks) = (Box::new(outlet), plan::sinks(settings)?);
    let hooks = Hooks { outlet, sinks, progress: bars(progress) };
    let chance = Chance::seeded(RandomState::new().build_hasher().finish());
    let extent = if args.once { Extent::Once } else { Extent::Forever };
    let since = args.since.map(|when| when.seen_from(clock.now()));
    let world = World { net, store, clock, chance };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let ended = runtime.block_on(async {
        let stop = CancellationToken::new();
        let probing = plan::probing(settings, &world.net)?;
        let watch = countersign_monitor::watch(
            plan::watching(settings, since, delegations, probing),
            world,
            hooks,
            extent,
            stop.clone(),
        );
        stop_on_signal(watch, &stop).await
    })?;
    // Nobody has said of a pending certificate that it is theirs, and a watch that looks once does not wait for it.
    let pending = Store::open_reader(&settings.state_dir)?.pending()?.len();
    let findings = findings.load(Ordering::Relaxed) + u64::try_from(pending).unwrap_or(u64::MAX);
    Ok(status(extent, &ended, findings))
}

/// Lets the watch run, and asks it to stop when this process is asked to.
async fn stop_on_signal(
    watch: impl Future<Output = anyhow::Result<Ended>>,
    stop: &CancellationToken,
) -> anyhow::Result<Ended> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    tokio::pin!(watch);
    loop {
        tokio::select! {
            ended = &mut watch => return ended,
            _ = interrupt.recv() => stop.cancel(),
            _ = terminate.recv() => stop.cancel(),
        }
    }
}

/// A watch that was to go on has done so until it was stopped. One that was to look once has looked, or not.
fn status(extent: Extent, ended: &Ended, findings: u64) -> ExitStatus {
    match extent {
        Extent::Forever => ExitStatus::Expected,
        Extent::Once if findings > 0 => ExitStatus::Findings,
        Extent::Once if !ended.unseen.is_empty() || ended.caught_up == 0 => {
            ExitStatus::CouldNotLook
        }
        Extent::Once => ExitStatus::Expected,
    }
}

/// One bar for each log that is far from its head.
fn bars(progress: &Progress) -> Arc<dyn Fn(&countersign_monitor::Progress) + Send + Sync> {
    let (progress, bars) = (progress.clone(), Mutex::new(BTreeMap::<String, Bar>::new()));
    Arc::new(move |log| {
        let mut bars = bars.lock().unwrap_or_else(PoisonError::into_inner);
        let left = log.head.saturating_sub(log.downloaded);
        if left == 0 {
            bars.remove(&log.description);
        } else if left > BAR_MIN || bars.contains_key(&log.description) {
            let bar = bars
                .entry(log.description.clone())
                .or_insert_with(|| progress.bar(&log.description));
            bar.at(log.downloaded - log.start, log.head - log.start);
        }
    })
}

/// Reports as lines on standard output.
struct Lines {
    printer: Printer,
    reader: Reader,
    /// The logs that were named so far.
    logs: HashMap<[u8; 32], LogRow>,
    findings: Arc<AtomicU64>,
}

impl Outlet for Lines {
    fn write(&mut self, report: &Report) -> io::Result<()> {
        let id = match &report.event {
            Event::Sighting(sighting) => Some(sighting.log),
            Event::TroubleOpened(trouble) | Event::TroubleClosed(trouble) => trouble.log,
            Event::LogAdded(_)
            | Event::LogRemoved(_)
            | Event::IncidentOpened(_)
            | Event::IncidentUpdated(_)
            | Event::IncidentClosed(_)
            | Event::Heartbeat(_) => None,
        };
        if id.is_some_and(|id| !self.logs.contains_key(&id)) {
            let rows = self.reader.logs().map_err(io::Error::other)?;
            self.logs = rows.into_iter().map(|row| (row.log.id, row)).collect();
        }
        let log = id.and_then(|id| self.logs.get(&id));
        match self.printer.form() {
            Form::Json => self.printer.object(&ReportRow::new(report, log))?,
            Form::Human => self.printer.line(sentence(report, log))?,
        }
        let found = match &report.event {
            Event::IncidentOpened(_) | Event::IncidentUpdated(_) => true,
            Event::TroubleOpened(trouble) => trouble.nature == Nature::Proof,
            Event::Sighting(_)
            | Event::TroubleClosed(_)
            | Event::LogAdded(_)
            | Event::LogRemoved(_)
            | Event::IncidentClosed(_)
            | Event::Heartbeat(_) => false,
        };
        self.findings.fetch_add(u64::from(found), Ordering::Relaxed);
        Ok(())
    }
}

/// What people are told of a report, with the log that it is about, if it is about one.
fn sentence(report: &Report, log: Option<&LogRow>) -> String {
    let name = |id| log.map_or_else(|| base64(id), |row| row.log.description.clone());
    let what = match &report.event {
        Event::Sighting(sighting) => SightingRow::new(sighting, log).sentence(),
        Event::TroubleOpened(trouble) => {
            let log = trouble.log.as_ref().map_or(String::new(), |id| format!("{}: ", name(id)));
            format!("TROUBLE {} ({}): {log}{}", trouble.id.0, trouble.kind, trouble.detail)
        }
        Event::TroubleClosed(trouble) => {
            let log = trouble.log.as_ref().map_or(String::new(), |id| format!(" of {}", name(id)));
            format!("over: trouble {} ({}){log}", trouble.id.0, trouble.kind)
        }
        Event::LogAdded(row) => format!("following {} at {}", row.log.description, row.log.url),
        Event::LogRemoved(row) => format!("no longer following {}", row.log.description),
        Event::IncidentOpened(incident) | Event::IncidentClosed(incident) => {
            incidents::sentence(incident, report.at)
        }
        Event::IncidentUpdated(incident) => {
            format!("more: {}", incidents::sentence(incident, report.at))
        }
        Event::Heartbeat(detail) => format!("heartbeat: {detail}"),
    };
    format!("{:.0} {what}", report.at)
}

/// A report in JSON (docs/json.md).
#[derive(Serialize)]
struct ReportRow {
    report: u64,
    at: String,
    event: &'static str,
    #[serde(flatten)]
    row: Row,
}

/// What a report is about.
#[derive(Serialize)]
#[serde(untagged)]
enum Row {
    Sighting(SightingRow),
    Trouble(TroubleRow),
    Log(LogLine),
    Incident(IncidentRow),
    Heartbeat(HeartbeatRow),
}

/// How things stand, in JSON (docs/json.md).
#[derive(Serialize)]
struct HeartbeatRow {
    r#type: &'static str,
    text: String,
}

/// A log in JSON (docs/json.md).
#[derive(Serialize)]
struct LogLine {
    r#type: &'static str,
    log: String,
    log_id: String,
    operator: String,
    url: String,
}

impl ReportRow {
    /// The row of a report about something in this log, if it is about one.
    fn new(report: &Report, log: Option<&LogRow>) -> Self {
        let (event, row) = match &report.event {
            Event::Sighting(sighting) => {
                ("sighting", Row::Sighting(SightingRow::new(sighting, log)))
            }
            Event::TroubleOpened(trouble) => {
                ("trouble-opened", Row::Trouble(TroubleRow::new(trouble, log)))
            }
            Event::TroubleClosed(trouble) => {
                ("trouble-closed", Row::Trouble(TroubleRow::new(trouble, log)))
            }
            Event::LogAdded(row) => ("log-added", Row::Log(LogLine::new(row))),
            Event::LogRemoved(row) => ("log-removed", Row::Log(LogLine::new(row))),
            Event::IncidentOpened(incident) => {
                ("incident-opened", Row::Incident(IncidentRow::new(incident)))
            }
            Event::IncidentUpdated(incident) => {
                ("incident-updated", Row::Incident(IncidentRow::new(incident)))
            }
            Event::IncidentClosed(incident) => {
                ("incident-closed", Row::Incident(IncidentRow::new(incident)))
            }
            Event::Heartbeat(detail) => (
                "heartbeat",
                Row::Heartbeat(HeartbeatRow { r#type: "heartbeat", text: detail.clone() }),
            ),
        };
        Self { report: report.id.0, at: report.at.to_string(), event, row }
    }
}

impl LogLine {
    fn new(row: &LogRow) -> Self {
        Self {
            r#type: "log",
            log: row.log.description.clone(),
            log_id: base64(&row.log.id),
            operator: row.log.operator.clone(),
            url: row.log.url.clone(),
        }
    }
}

/// A log that is closer to its head than this is read before anybody could look at a bar.
const BAR_MIN: u64 = 4096;
