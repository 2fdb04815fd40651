//! `countersign log-list`: the logs that the configured lists name, which of them are followed, and
//! what changed in the lists. And the list for clients: made, signed, published and fetched.

mod age;
mod build;
mod file;
mod keys;
mod lock;
mod publish;
mod sign;
mod update;
mod verify;

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use comfy_table::{Cell, Color};
use countersign_monitor::ListSource;
use countersign_monitor::roster::Roster;
use countersign_monitor::settings::Place;
use countersign_net::{Clock, Connection, Get, Gzip, Net};
use countersign_sct::log_list::{Changed, Field, LIST_BYTES_MAX, Skipped};
use countersign_sct::{Api, Log, LogList, Purpose, State};
use countersign_store::Store;
use jiff::Timestamp;
use serde::Serialize;
use tokio::runtime;
use tracing::warn;

use crate::ExitStatus;
use crate::args::{Global, LogListCommand};
use crate::config::{self, Settings};
use crate::failure::Failure;
use crate::print::{Form, Printer, base64, cell, day, rough};
use crate::progress::Progress;
use crate::way_out;

/// `log-list …`. The list for clients needs no configuration.
pub(crate) fn run(
    command: &LogListCommand,
    global: &Global,
    printer: &mut Printer,
    progress: &Progress,
) -> anyhow::Result<ExitStatus> {
    let now = Clock::system().now();
    match command {
        LogListCommand::Show => show(&config::settings(global)?, printer, progress, now),
        LogListCommand::Diff => diff(&config::settings(global)?, printer, progress, now),
        LogListCommand::Build(args) => build::run(args, printer, now),
        LogListCommand::Keygen { name, out } => keys::keygen(name, out, printer),
        LogListCommand::Keys(args) => keys::set(args, printer),
        LogListCommand::Sign(args) => sign::run(args, printer, now),
        LogListCommand::Verify(args) => verify::run(args, printer, now),
        LogListCommand::Publish(args) => publish::run(args, printer, now),
        LogListCommand::Serve { dir, listen } => publish::serve(dir, *listen, printer),
        LogListCommand::Update(args) => update::run(args, global, printer, progress, now),
    }
}

fn show(
    settings: &Settings,
    printer: &mut Printer,
    progress: &Progress,
    now: Timestamp,
) -> anyhow::Result<ExitStatus> {
    let (mut lists, mut unread) = (Vec::new(), None);
    for list in current(settings, progress, now)? {
        match list {
            Ok(list) => lists.push(list),
            Err(error) => {
                // The last one ends the command; those before it are said as well.
                if let Some(before) = unread.replace(error) {
                    warn!("{before:#}");
                }
            }
        }
    }
    let roster = Roster::new(lists.clone(), &settings.own_logs(), now);
    let list = with_extra_logs(lists, settings);
    let rows = list.logs.iter().map(|log| ShownRow::new(log, &roster, now));
    match printer.form() {
        Form::Json => {
            rows.into_iter().try_for_each(|row| printer.object(&row))?;
            list.skipped.iter().try_for_each(|one| printer.object(&SkippedRow::new(one)))?;
        }
        Form::Human => {
            printer.table(&HEADER, rows.map(|row| row.cells()).collect())?;
            for one in &list.skipped {
                printer.line(format_args!("left out: {}: {}", one.what, one.why))?;
            }
        }
    }
    // What could be read has been shown; the rest could not be looked at.
    unread.map_or(Ok(ExitStatus::Expected), Err)
}

fn diff(
    settings: &Settings,
    printer: &mut Printer,
    progress: &Progress,
    now: Timestamp,
) -> anyhow::Result<ExitStatus> {
    let reader = Store::open_reader(&settings.state_dir)?;
    let mut followed = Vec::new();
    for source in &settings.sources {
        let Some((bytes, _)) = reader.log_list(&source.name)? else {
            let what = format!("the list {} was not followed yet", source.name);
            return Err(Failure::new(what)
                .hint("`countersign watch` keeps the lists that it follows")
                .into());
        };
        followed.push(parse(&format!("the list {} that was followed", source.name), &bytes)?);
    }
    let lists = current(settings, progress, now)?.into_iter().collect::<Result<_, _>>()?;
    let (old, new) = (LogList::union(followed), LogList::union(lists));
    let diff = old.diff(&new);
    let rows = diff.added.iter().map(|log| LogRow::new("added", log, now));
    let rows = rows.chain(diff.removed.iter().map(|log| LogRow::new("removed", log, now)));
    let rows: Vec<_> =
        rows.chain(diff.changed.iter().map(|log| LogRow::changed(log, now))).collect();
    match printer.form() {
        Form::Json => rows.iter().try_for_each(|row| printer.object(row))?,
        Form::Human => {
            for row in &rows {
                printer.line(row.sentence())?;
            }
        }
    }
    Ok(if diff.is_empty() { ExitStatus::Expected } else { ExitStatus::Findings })
}

/// Each configured list as it is now, or why it could not be had.
fn current(
    settings: &Settings,
    progress: &Progress,
    now: Timestamp,
) -> anyhow::Result<Vec<anyhow::Result<LogList>>> {
    let far = settings.sources.iter().any(|source| matches!(source.place, Place::Url(_)));
    let net = if far { Some(way_out::net(settings)?) } else { None };
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let list = |source: &ListSource| {
        let (place, bytes) = match (&source.place, &net) {
            (Place::Url(url), Some(net)) => {
                let _bar = progress.spinner(&format!("fetching {url}"));
                (url.clone(), runtime.block_on(fetch(net, url, settings, now)))
            }
            (Place::File(path), _) => (path.display().to_string(), read(path)),
            (Place::Url(_), None) => unreachable!("a list with a URL asks for a way out"),
        };
        let bytes = bytes.with_context(|| format!("cannot get the list {}", source.name))?;
        parse(&place, &bytes)
    };
    Ok(settings.sources.iter().map(list).collect())
}

async fn fetch(
    net: &Net,
    url: &str,
    settings: &Settings,
    now: Timestamp,
) -> anyhow::Result<Vec<u8>> {
    let get = Get {
        url,
        vantage: &settings.watch.vantage,
        gzip: Gzip::Ask,
        body_max: LIST_BYTES_MAX,
        deadline: LIST_TIME_MAX,
        connection: Connection::Close,
    };
    let reply = net.get(get, now).await?;
    if reply.status != 200 {
        return Err(anyhow!("{url} answered with status {}", reply.status));
    }
    Ok(reply.body)
}

/// Reads a list of logs from a file.
pub(crate) fn read_file(path: &Path) -> anyhow::Result<LogList> {
    parse(&path.display().to_string(), &read(path)?)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than a list may have, so that the parser sees that it is too long.
    let most = u64::try_from(LIST_BYTES_MAX).expect("usize has at most 64 bits") + 1;
    fs::File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|error| Failure::read(path, &error))?;
    Ok(bytes)
}

fn parse(place: &str, bytes: &[u8]) -> anyhow::Result<LogList> {
    LogList::parse(bytes).with_context(|| format!("cannot read {place}"))
}

/// The union, with the configured logs first: the operator knows them best.
fn with_extra_logs(mut lists: Vec<LogList>, settings: &Settings) -> LogList {
    let logs = settings.extra_logs.clone();
    lists.insert(0, LogList { logs, published: None, skipped: Vec::new() });
    LogList::union(lists)
}

/// A log in JSON (docs/json.md).
#[derive(Serialize)]
struct LogRow {
    r#type: &'static str,
    log: String,
    log_id: String,
    operator: String,
    api: &'static str,
    url: String,
    submission_url: Option<String>,
    state: &'static str,
    purpose: &'static str,
    mmd_seconds: Option<u64>,
    not_after_from: Option<String>,
    not_after_before: Option<String>,
    key: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changed: Vec<&'static str>,
}

/// A log of `log-list show`: the log itself, and whether it is followed.
#[derive(Serialize)]
struct ShownRow {
    #[serde(flatten)]
    log: LogRow,
    followed: bool,
    why_not: Option<&'static str>,
}

/// What was left out of a list, in JSON (docs/json.md).
#[derive(Serialize)]
struct SkippedRow {
    r#type: &'static str,
    what: String,
    why: String,
}

/// A list has some 200 KiB; over Tor that takes seconds.
const LIST_TIME_MAX: Duration = Duration::from_secs(60);
const HEADER: [&str; 8] =
    ["LOG", "OPERATOR", "READ BY", "STATE", "FOLLOWED", "MMD", "EXPIRING", "URL"];

impl LogRow {
    fn new(r#type: &'static str, log: &Log, now: Timestamp) -> Self {
        let (api, url, submission_url) = match &log.api {
            Api::Rfc6962 { url } => ("rfc6962", url, None),
            Api::StaticCt { submission_url, monitoring_url } => {
                ("static-ct", monitoring_url, Some(submission_url.clone()))
            }
        };
        Self {
            r#type,
            log: log.description.clone(),
            log_id: log.key.id().to_string(),
            operator: log.operator.clone(),
            api,
            url: url.clone(),
            submission_url,
            state: state(&log.state_at(now)),
            purpose: match log.purpose {
                Purpose::Production => "production",
                Purpose::MonitoringOnly => "monitoring-only",
                Purpose::Test => "test",
            },
            mmd_seconds: log.mmd_s,
            not_after_from: log.interval.map(|(from, _)| from.to_string()),
            not_after_before: log.interval.map(|(_, before)| before.to_string()),
            key: base64(log.key.spki()),
            changed: Vec::new(),
        }
    }

    /// As the new list has it, with the fields that differ.
    fn changed(changed: &Changed<'_>, now: Timestamp) -> Self {
        let fields = changed.fields.iter().map(|field| match field {
            Field::Description => "description",
            Field::Operator => "operator",
            Field::PreviousOperators => "previous-operators",
            Field::Api => "url",
            Field::Mmd => "mmd",
            Field::States => "state",
            Field::Interval => "interval",
            Field::Purpose => "purpose",
        });
        Self { changed: fields.collect(), ..Self::new("changed", changed.new, now) }
    }

    /// What people are shown of it in a comparison.
    fn sentence(&self) -> String {
        let fields = match self.changed.as_slice() {
            [] => String::new(),
            fields => format!(" ({})", fields.join(", ")),
        };
        format!("{}: {} of {}, {}{fields}", self.r#type, self.log, self.operator, self.state)
    }
}

impl ShownRow {
    fn new(log: &Log, roster: &Roster, now: Timestamp) -> Self {
        let why_not = why_not_followed(log, roster, now);
        Self { log: LogRow::new("log", log, now), followed: why_not.is_none(), why_not }
    }

    /// What people are shown of it.
    fn cells(&self) -> Vec<Cell> {
        let Self { log, why_not, .. } = self;
        let from = day(log.not_after_from.as_deref());
        let expiring = match (from, day(log.not_after_before.as_deref())) {
            (Some(from), Some(before)) => format!("{from} to {before}"),
            (Some(_) | None, _) => "any time".to_owned(),
        };
        let mmd = log.mmd_seconds.map(Duration::from_secs);
        let purpose = if log.purpose == "production" { "" } else { log.purpose };
        let color = if self.followed { Color::Green } else { Color::Reset };
        vec![
            cell(&log.log),
            cell(&log.operator),
            Cell::new(log.api),
            Cell::new(format!("{} {purpose}", log.state).trim_end()),
            Cell::new(why_not.map_or("yes".to_owned(), |why| format!("no: {why}"))).fg(color),
            Cell::new(mmd.map_or("not told".to_owned(), rough)),
            Cell::new(expiring),
            cell(&log.url),
        ]
    }
}

/// Why `watch` does not follow a log; `None` if it does. The roster decides, list by list; why it
/// did is told from the union.
fn why_not_followed(log: &Log, roster: &Roster, now: Timestamp) -> Option<&'static str> {
    if roster.followed.contains_key(&log.key.id()) {
        return None;
    }
    if roster.unlocated.contains(&log.description) {
        return Some("no list says where it is");
    }
    Some(match (log.purpose, log.state_at(now)) {
        (Purpose::Test, _) => "for tests",
        (_, State::Pending) => "pending",
        (_, State::Retired) => "retired",
        (_, State::Rejected) => "rejected",
        (Purpose::Production, State::Unstated) => "no list says its state",
        // What is left would be followed, if its time were not over.
        (
            Purpose::Production | Purpose::MonitoringOnly,
            State::Unstated | State::Qualified | State::Usable | State::ReadOnly { .. },
        ) => "all in it has expired",
    })
}

impl SkippedRow {
    fn new(skipped: &Skipped) -> Self {
        Self { r#type: "skipped", what: skipped.what.clone(), why: skipped.why.to_string() }
    }
}

fn state(state: &State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Qualified => "qualified",
        State::Usable => "usable",
        State::ReadOnly { .. } => "readonly",
        State::Unstated => "unstated",
        State::Retired => "retired",
        State::Rejected => "rejected",
    }
}
