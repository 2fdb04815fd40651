//! The `countersign` command: flags and configuration turned into settings, one command run, its
//! results printed, its end told by the exit status.

mod args;
mod authorizations;
mod authorize;
mod caa;
mod config;
mod conformance;
mod delegations;
mod dnssec;
mod enforce;
mod evidence;
mod failure;
mod gate;
mod hash;
mod incidents;
mod lab;
mod log_list;
mod manual;
mod material;
mod new_file;
mod plan;
mod print;
mod probe;
mod probes;
mod progress;
mod replay;
mod sct;
mod sightings;
mod sinks;
mod statement;
mod status;
mod troubles;
mod watch;
mod way_out;
mod when;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use clap::Parser as _;
use owo_colors::OwoColorize as _;
use tracing_subscriber::EnvFilter;

use args::{Args, Color, Command, LogFormat};
use failure::{Failure, hint_of};
use print::{Form, Printer, Unprinted, plain};
use progress::{Progress, Wanted};

/// How a command ended. A usage error ends with 2 as well, before any of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// All is as expected: 0.
    Expected,
    /// There is something to see: 1.
    Findings,
    /// It could not look, or not at everything: 2.
    CouldNotLook,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Expected => 0,
            ExitStatus::Findings => 1,
            ExitStatus::CouldNotLook => 2,
        })
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let color = color(args.global.color);
    run(&args, color)
        .unwrap_or_else(|error| {
            // Whoever closed the pipe has seen enough; there is nobody to complain to.
            if !error.downcast_ref::<Unprinted>().is_some_and(Unprinted::is_broken_pipe) {
                complain(&error, color);
            }
            ExitStatus::CouldNotLook
        })
        .into()
}

/// Runs the one command that was asked for.
fn run(args: &Args, color: ColorChoice) -> anyhow::Result<ExitStatus> {
    let global = &args.global;
    let wanted = if global.quiet { Wanted::No } else { Wanted::Yes };
    let progress = Progress::new(wanted);
    events(args, color, &progress)?;
    let form = if global.json { Form::Json } else { Form::Human };
    let printer = &mut Printer::new(form, color);
    match &args.command {
        Command::Init(args) => config::init(args, printer),
        Command::Watch(args) => watch::run(args, &config::settings(global)?, printer, &progress),
        Command::Authorize(args) => authorize::run(args, &config::settings(global)?, printer),
        Command::Authorizations(args) => {
            authorizations::run(args, &config::settings(global)?, printer)
        }
        Command::Statement(command) => statement::run(command, printer),
        Command::Lab(args) => lab::run(args, printer, &progress),
        Command::Status => status::run(&config::settings(global)?, printer),
        Command::Incidents(args) => incidents::run(args, &config::settings(global)?, printer),
        Command::Show(args) => incidents::show(args, &config::settings(global)?, printer),
        Command::Acknowledge(args) => {
            incidents::acknowledge(args, &config::settings(global)?, printer)
        }
        Command::Evidence(args) => evidence::run(args, || config::settings(global), printer),
        Command::Replay(args) => replay::run(args, &config::settings(global)?, printer),
        Command::Sinks(args) => sinks::run(args, &config::settings(global)?, printer),
        Command::Sightings(args) => sightings::run(args, &config::settings(global)?, printer),
        Command::Troubles(args) => troubles::run(args, &config::settings(global)?, printer),
        Command::LogList(command) => log_list::run(command, global, printer, &progress),
        Command::Delegations(args) => delegations::run(args, &config::settings(global)?, printer),
        Command::Dnssec(command) => dnssec::run(command, global, printer, &progress),
        Command::Caa(command) => caa::run(command, global, printer),
        Command::Sct(command) => sct::run(command, printer),
        Command::Probes => probes::run(&config::settings(global)?, printer),
        Command::Probe(args) => probe::run(args, global, printer, &progress),
        Command::Enforce(args) => enforce::run(args, global, printer),
        Command::Gate(args) => gate::run(args, global, printer),
        Command::Conformance(command) => conformance::run(command, printer, &progress),
        Command::Config(command) => config::run(command, global, printer),
        Command::Completions { shell } => manual::completions(*shell, printer),
        Command::Man { out } => manual::man(out.as_deref(), printer),
    }
}

/// Sends events to standard error, above the progress bars.
fn events(args: &Args, color: ColorChoice, progress: &Progress) -> Result<(), Failure> {
    let global = &args.global;
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        // What its watchers warn of is what the scenes are there for, and is in the table.
        (false, 0) if matches!(args.command, Command::Lab(_)) => "error",
        (false, 0) => "warn,countersign=info",
        (false, 1) => "warn,countersign=debug",
        (false, _) => "debug,countersign=trace",
    };
    let filter = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(wanted) if !wanted.is_empty() => EnvFilter::try_new(wanted)
            .map_err(|why| Failure::new(format!("cannot use RUST_LOG: {why}")))?,
        Ok(_) | Err(_) => EnvFilter::new(level),
    };
    let ansi = match color {
        ColorChoice::Auto => AutoStream::choice(&io::stderr()) != ColorChoice::Never,
        ColorChoice::Always | ColorChoice::AlwaysAnsi => true,
        ColorChoice::Never => false,
    };
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(progress.clone());
    match global.log_format {
        LogFormat::Text => subscriber.with_target(false).with_ansi(ansi).init(),
        LogFormat::Json => subscriber.json().init(),
    }
    Ok(())
}

fn color(color: Color) -> ColorChoice {
    match color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
}

/// The error in one line on standard error, then the next step if there is one.
fn complain(error: &anyhow::Error, color: ColorChoice) {
    let mut stderr = AutoStream::new(io::stderr(), color);
    let what = format!("{error:#}");
    let mut lines = format!("{} {}\n", "error:".red().bold(), plain(&what));
    if let Some(hint) = hint_of(error) {
        lines.push_str(&format!("{} {}\n", "hint:".cyan().bold(), plain(hint)));
    }
    // Where standard error is closed, the exit status still tells.
    let _closed = stderr.write_all(lines.as_bytes());
}
