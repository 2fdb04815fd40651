//! `countersign sinks`: who is told, how far, and whether they can be reached.

use anyhow::Context as _;
use comfy_table::{Cell, Color};
use countersign_monitor::message::test_message;
use countersign_monitor::sink::Sink;
use countersign_net::Clock;
use countersign_store::{Store, StoreError, sink};
use serde::Serialize;

use crate::ExitStatus;
use crate::args::{SinksArgs, SinksCommand};
use crate::config::Settings;
use crate::failure::Failure;
use crate::print::{Form, Printer, cell, plain};
use crate::{plan, way_out};

/// Shows the sinks, or sends each a message.
pub(crate) fn run(
    args: &SinksArgs,
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let sinks = plan::sinks(settings)?;
    match &args.command {
        None => list(&sinks, settings, printer),
        Some(SinksCommand::Test { name }) => test(sinks, name.as_deref(), settings, printer),
    }
}

fn list(sinks: &[Sink], settings: &Settings, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    // Before the first watch nothing was delivered to anybody.
    let known = match Store::open_reader(&settings.state_dir) {
        Ok(reader) => reader.sinks()?,
        Err(StoreError::Missing { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let rows: Vec<_> = sinks
        .iter()
        .map(|sink| SinkRow::new(sink, known.iter().find(|row| row.name == sink.name())))
        .collect();
    match printer.form() {
        Form::Json => rows.iter().try_for_each(|row| printer.object(row))?,
        Form::Human if rows.is_empty() => {
            printer
                .line("no sink is configured: nobody is told but who reads the standard output")?;
        }
        Form::Human => printer.table(&HEADER, rows.iter().map(SinkRow::cells).collect())?,
    }
    let failing = rows.iter().any(|row| row.failing_since.is_some());
    Ok(if failing { ExitStatus::CouldNotLook } else { ExitStatus::Expected })
}

fn test(
    mut sinks: Vec<Sink>,
    name: Option<&str>,
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    if let Some(name) = name {
        sinks.retain(|sink| sink.name() == name);
    }
    if sinks.is_empty() {
        let failure = match name {
            Some(name) => Failure::new(format!("no sink is called {}", plain(name))),
            None => Failure::new("no sink is configured"),
        };
        return Err(failure.hint("add a [[sink]] to the configuration").into());
    }
    let net = way_out::net(settings)?;
    let clock = Clock::system();
    let message = test_message(clock.now());
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let mut failed = false;
    for sink in &sinks {
        let sent = runtime.block_on(sink.send(&net, &message, 1, clock.now()));
        failed |= sent.is_err();
        let error = sent.err().map(|why| why.to_string());
        match printer.form() {
            Form::Json => {
                let name = sink.name().to_owned();
                printer.object(&TestRow {
                    r#type: "sink-test",
                    sink: name,
                    taken: error.is_none(),
                    error,
                })?;
            }
            Form::Human => {
                let name = plain(sink.name());
                let said =
                    error.map_or("taken".to_owned(), |why| format!("not taken: {}", plain(&why)));
                printer.line(format_args!("{name}: {said}"))?;
            }
        }
    }
    Ok(if failed { ExitStatus::CouldNotLook } else { ExitStatus::Expected })
}

/// What became of a message of test (docs/json.md).
#[derive(Serialize)]
struct TestRow {
    r#type: &'static str,
    sink: String,
    taken: bool,
    error: Option<String>,
}

/// A sink in JSON (docs/json.md).
#[derive(Serialize)]
struct SinkRow {
    r#type: &'static str,
    sink: String,
    kind: &'static str,
    delivered_through: Option<u64>,
    last_delivered_at: Option<String>,
    failing_since: Option<String>,
    attempts: u32,
    next_at: Option<String>,
    last_error: Option<String>,
}

const HEADER: [&str; 5] =
    ["SINK", "KIND", "LAST DELIVERED", "FAILING SINCE", "WHY, AND NEXT ATTEMPT"];

impl SinkRow {
    fn new(sink: &Sink, row: Option<&sink::Sink>) -> Self {
        let time = |at: fn(&sink::Sink) -> Option<jiff::Timestamp>| {
            row.and_then(at).map(|at| at.to_string())
        };
        Self {
            r#type: "sink",
            sink: sink.name().to_owned(),
            kind: match sink {
                Sink::Exec(_) => "exec",
                Sink::Webhook(_) => "webhook",
                Sink::Smtp(_) => "smtp",
            },
            delivered_through: row.map(|row| row.delivered_through.0),
            last_delivered_at: time(|row| row.last_delivered_at),
            failing_since: time(|row| row.failing_since),
            attempts: row.map_or(0, |row| row.attempts),
            next_at: time(|row| row.next_at),
            last_error: row.and_then(|row| row.last_error.clone()),
        }
    }

    fn cells(&self) -> Vec<Cell> {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let color = if self.failing_since.is_some() { Color::Red } else { Color::Reset };
        let why = match (&self.last_error, &self.next_at) {
            (Some(why), Some(next)) => format!("{why}; again at {next}"),
            (Some(why), None) => why.clone(),
            (None, _) => "-".to_owned(),
        };
        vec![
            cell(&self.sink),
            Cell::new(self.kind),
            Cell::new(or(&self.last_delivered_at)),
            Cell::new(or(&self.failing_since)).fg(color),
            cell(&why),
        ]
    }
}
