//! What following a log costs: CPU and memory of whole processes that read a large log of the lab over loopback.
//!
//! Ours stands beside a floor, which only fetches, hashes and matches, and beside `certspotter` where Debian's
//! package is installed. docs/bench.md says how to run it and what is expected.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

#[path = "follow/child.rs"]
mod child;
#[path = "follow/client.rs"]
mod client;
#[path = "follow/floor.rs"]
mod floor;
#[path = "follow/table.rs"]
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use countersign_lab::big_log::{Running, Settings, serve_big_log};
use countersign_lab::log::Protocol;
use countersign_net::Clock;

use crate::child::{Usage, run};
use crate::client::Client;
use crate::table::{Row, Target, median, print};

#[derive(Debug, Parser)]
struct Args {
    /// How many entries the log has.
    #[arg(long, default_value_t = 1_000_000)]
    entries: u32,
    /// How many entries the log has that certspotter reads, which takes about ten times as long.
    #[arg(long, default_value_t = 100_000)]
    certspotter_entries: u32,
    /// How often each client runs; the median counts.
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// How long the idle logs are watched, in seconds.
    #[arg(long, default_value_t = 60)]
    idle_s: u32,
    /// Only these.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Part::value_variants().to_vec())]
    parts: Vec<Part>,
    /// The data tiles that the log is made from.
    #[arg(long, default_value = TILES)]
    tiles: PathBuf,
    /// Prints one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Is the floor for this kind of log, with the two arguments below, instead of a bench.
    #[arg(long, hide = true, value_enum, requires = "url")]
    floor: Option<Kind>,
    #[arg(long, hide = true)]
    url: Option<String>,
    #[arg(long, hide = true, default_value_t = 1)]
    guards: u32,
    /// Cargo gives it.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The kinds of log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Rfc6962,
    Static,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Rfc6962,
    Static,
    Certspotter,
    Idle,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let (Some(kind), Some(url)) = (args.floor, &args.url) {
        println!("{}", floor::run(kind, url, args.entries, args.guards)?);
        return Ok(());
    }
    if !args.tiles.exists() {
        eprintln!("skipped: no {}", args.tiles.display());
        return Ok(());
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut rows = Vec::new();
        let big = serve(&args.tiles, args.entries).await?;
        for (part, kind) in [(Part::Rfc6962, Kind::Rfc6962), (Part::Static, Kind::Static)] {
            if args.parts.contains(&part) {
                rows.extend(backlog(&args, &big, kind).await?);
            }
        }
        if args.parts.contains(&Part::Certspotter) {
            rows.extend(certspotter(&args).await?);
        }
        if args.parts.contains(&Part::Idle) {
            rows.extend(idle(&args).await?);
        }
        print(&rows, args.json)
    })
}

/// The floor and ours with one guard and with many, of which only the difference matters.
async fn backlog(args: &Args, big: &Running, kind: Kind) -> anyhow::Result<Vec<Row>> {
    let clients = [(Client::Floor, 1), (Client::Countersign, 1), (Client::Countersign, GUARDS)];
    let mut usages: [Vec<Usage>; 3] = Default::default();
    // In turns, so that a slow minute of the machine slows all of them.
    for _ in 0..args.runs {
        for ((client, guards), usages) in clients.iter().zip(&mut usages) {
            usages.push(client.read(big, kind, args.entries, *guards).await?);
        }
    }
    let [floor, one, many] = usages.map(|usages| median(&usages));
    let million = |usage: &Usage| per_million(usage, args.entries);
    let name = match kind {
        Kind::Rfc6962 => "RFC 6962, gzip",
        Kind::Static => "static-ct, gzip",
    };
    let most = match kind {
        Kind::Rfc6962 => 6.0,
        Kind::Static => 5.0,
    };
    let times = |value: f64| value / million(&floor);
    let more = (million(&many) / million(&one) - 1.0) * 100.0;
    Ok(vec![
        Row::new(format!("{name}: floor"), "CPU-s/million", million(&floor)).peak(&floor),
        Row::new(format!("{name}: countersign"), "CPU-s/million", million(&one))
            .peak(&one)
            .times_floor(times(million(&one)))
            .target(Target::AtMost(most)),
        Row::new(format!("{name}: countersign, {GUARDS} guards"), "CPU-s/million", million(&many))
            .peak(&many)
            .times_floor(times(million(&many))),
        Row::new(format!("{name}: what {GUARDS} guards add"), "%", more)
            .target(Target::Below(10.0)),
    ])
}

async fn certspotter(args: &Args) -> anyhow::Result<Vec<Row>> {
    if !Path::new(client::CERTSPOTTER).exists() {
        eprintln!("skipped: no {}", client::CERTSPOTTER);
        return Ok(Vec::new());
    }
    let entries = args.certspotter_entries;
    let big = serve(&args.tiles, entries).await?;
    let usage = Client::Certspotter.read(&big, Kind::Rfc6962, entries, 1).await?;
    let million = per_million(&usage, entries);
    Ok(vec![
        Row::new("RFC 6962, plain: Debian's certspotter".to_owned(), "CPU-s/million", million)
            .peak(&usage),
    ])
}

/// Many logs that were read to their ends.
async fn idle(args: &Args) -> anyhow::Result<Vec<Row>> {
    let mut logs = Vec::new();
    for _ in 0..IDLE_LOGS {
        logs.push(serve(&args.tiles, IDLE_ENTRIES).await?);
    }
    let home = tempfile::tempdir()?;
    client::configure(home.path(), &logs, Kind::Static, 1)?;
    let command = client::watch(home.path(), false);
    let measured = Duration::from_secs(u64::from(args.idle_s));
    let idle = child::idle(command, IDLE_SETTLES, measured).await?;
    let (_, status) = run(client::status(home.path())).await?;
    let followed = status.lines().filter(|line| line.contains(r#""type":"log""#)).count();
    anyhow::ensure!(followed == logs.len(), "{followed} logs are followed");
    let share = idle.cpu.as_secs_f64() / measured.as_secs_f64() * 100.0;
    Ok(vec![
        Row::new(format!("{IDLE_LOGS} idle logs: CPU"), "% of a core", share)
            .target(Target::Below(1.0)),
        Row::new(format!("{IDLE_LOGS} idle logs: resident"), "MiB", idle.mebibytes())
            .target(Target::Below(64.0)),
    ])
}

async fn serve(tiles: &Path, entries: u32) -> anyhow::Result<Running> {
    let (tiles, clock) = (tiles.to_owned(), Clock::system());
    serve_big_log(Settings { tiles, entries: u64::from(entries), clock })
        .await
        .context("cannot serve a large log")
}

fn per_million(usage: &Usage, entries: u32) -> f64 {
    usage.cpu.as_secs_f64() * 1e6 / f64::from(entries)
}

impl Client {
    /// Lets a client read a log to its end.
    async fn read(
        &self,
        big: &Running,
        kind: Kind,
        entries: u32,
        guards: u32,
    ) -> anyhow::Result<Usage> {
        let home = tempfile::tempdir()?;
        match self {
            Self::Floor => {
                let (usage, output) = run(client::floor(kind, big, entries, guards)?).await?;
                let root = countersign_tlog::Hash(big.head().root).to_string();
                anyhow::ensure!(output.trim() == root, "the floor has another root: {output}");
                Ok(usage)
            }
            Self::Countersign => {
                client::configure(home.path(), std::slice::from_ref(big), kind, guards)?;
                let (usage, output) = run(client::watch(home.path(), true)).await?;
                anyhow::ensure!(!output.contains("SIGHTING"), "a name is in the data: {output}");
                Ok(usage)
            }
            Self::Certspotter => {
                client::configure_certspotter(home.path(), big)?;
                let done = || client::certspotter_is_done(home.path(), entries);
                child::run_until(client::certspotter(home.path()), done).await
            }
        }
    }
}

impl From<Kind> for Protocol {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Rfc6962 => Self::Rfc6962,
            Kind::Static => Self::StaticCt,
        }
    }
}

/// Data tiles of a real log.
const TILES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors/ct/static-tiles/navigli2025h2");
/// How many names are guarded where there are many.
const GUARDS: u32 = 1000;
/// As many logs as the lists of the browsers had as usable in 2026.
const IDLE_LOGS: u32 = 40;
/// Two pages, so that every log has been read and proved.
const IDLE_ENTRIES: u32 = 512;
/// Until all of them are at their ends.
const IDLE_SETTLES: Duration = Duration::from_secs(15);
