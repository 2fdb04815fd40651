//! `countersign troubles`: what we could not do, and what logs did that they must not; and who knows of it.

use std::collections::HashMap;

use comfy_table::{Cell, Color};
use countersign_net::Clock;
use countersign_store::incident::Acknowledged;
use countersign_store::log::LogRow;
use countersign_store::trouble::{Nature, Trouble, TroubleId};
use countersign_store::{Reader, Store, StoreError};
use serde::Serialize;

use crate::ExitStatus;
use crate::args::{TroublesArgs, TroublesCommand};
use crate::config::Settings;
use crate::failure::Failure;
use crate::print::{Form, Printer, base64, cell, hex};

/// Lists the open troubles, or all, the newest last; or acknowledges one.
pub(crate) fn run(
    args: &TroublesArgs,
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    match &args.command {
        Some(TroublesCommand::Acknowledge { id, note }) => {
            acknowledge(TroubleId(*id), note, settings, printer)
        }
        None => list(args.all, settings, printer),
    }
}

fn list(with_over: bool, settings: &Settings, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let reader = Store::open_reader(&settings.state_dir)?;
    let logs = reader.logs()?;
    let logs: HashMap<_, _> = logs.iter().map(|row| (row.log.id, row)).collect();
    let troubles = if with_over { all(&reader)? } else { reader.open_troubles()? };
    let rows = troubles.iter().map(|trouble| {
        let log = trouble.log.as_ref().and_then(|id| logs.get(id));
        TroubleRow::new(trouble, log.copied())
    });
    match printer.form() {
        Form::Json => rows.into_iter().try_for_each(|row| printer.object(&row))?,
        Form::Human => printer.table(&HEADER, rows.map(|row| row.cells()).collect())?,
    }
    let outstanding = troubles.iter().any(Trouble::is_outstanding);
    Ok(if outstanding { ExitStatus::Findings } else { ExitStatus::Expected })
}

fn acknowledge(
    id: TroubleId,
    note: &str,
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    // Looked at first: a desk makes a state where there is none.
    Store::open_reader(&settings.state_dir)?;
    let desk = Store::open_desk(&settings.state_dir)?;
    let acknowledged = desk.acknowledge_trouble(id, note, Clock::system().now())?;
    let trouble = desk.reader().trouble(id)?;
    let Some(trouble) = trouble.filter(|_| acknowledged != Acknowledged::Unknown) else {
        let failure = Failure::new(format!("there is no trouble {}", id.0));
        return Err(failure.hint("`countersign troubles --all` lists them").into());
    };
    let logs = desk.reader().logs()?;
    let log = logs.iter().find(|row| Some(row.log.id) == trouble.log);
    let row = TroubleRow::new(&trouble, log);
    let counts = match trouble.nature {
        Nature::Condition if trouble.is_outstanding() => "; it counts until it is over",
        Nature::Condition | Nature::Proof => "",
    };
    match (printer.form(), acknowledged) {
        (Form::Json, _) => printer.object(&row)?,
        (Form::Human, Acknowledged::Already) => {
            let at = row.acknowledged_at.as_deref().unwrap_or_default();
            printer
                .line(format_args!("trouble {} was acknowledged already, at {at}{counts}", id.0))?;
        }
        (Form::Human, Acknowledged::Now | Acknowledged::Unknown) => {
            printer.line(format_args!("trouble {} is acknowledged{counts}", id.0))?;
        }
    }
    Ok(ExitStatus::Expected)
}

fn all(reader: &Reader) -> Result<Vec<Trouble>, StoreError> {
    let mut troubles: Vec<Trouble> = Vec::new();
    loop {
        let last = troubles.last().map_or(TroubleId(0), |trouble| trouble.id);
        let page = reader.troubles(Some(last), PAGE)?;
        if page.is_empty() {
            return Ok(troubles);
        }
        troubles.extend(page);
    }
}

/// A trouble in JSON (docs/json.md).
#[derive(Serialize)]
pub(crate) struct TroubleRow {
    r#type: &'static str,
    id: u64,
    log: Option<String>,
    log_id: Option<String>,
    kind: String,
    nature: &'static str,
    detail: String,
    opened_at: String,
    seen_at: String,
    seen_count: u64,
    cleared_at: Option<String>,
    acknowledged_at: Option<String>,
    acknowledged: Option<String>,
    evidence: Vec<EvidenceRow>,
    evidence_not_kept: u64,
}

/// A piece of evidence: what it is, and the hash of its bytes.
#[derive(Serialize)]
struct EvidenceRow {
    label: String,
    sha256: String,
}

const HEADER: [&str; 6] = ["ID", "SINCE", "LAST SEEN", "LOG", "KIND", "WHAT"];
/// Troubles read at once.
const PAGE: u32 = 1000;

impl TroubleRow {
    /// The row of a trouble with this log, if it is about one.
    pub(crate) fn new(trouble: &Trouble, log: Option<&LogRow>) -> Self {
        let evidence = trouble.evidence.iter();
        let (acknowledged_at, acknowledged) = trouble.acknowledged.clone().unzip();
        Self {
            r#type: "trouble",
            id: trouble.id.0,
            log: log.map(|row| row.log.description.clone()),
            log_id: trouble.log.as_ref().map(|id| base64(id)),
            kind: trouble.kind.clone(),
            nature: match trouble.nature {
                Nature::Condition => "condition",
                Nature::Proof => "proof",
            },
            detail: trouble.detail.clone(),
            opened_at: trouble.opened_at.to_string(),
            seen_at: trouble.seen_at.to_string(),
            seen_count: trouble.seen_count,
            cleared_at: trouble.cleared_at.map(|time| time.to_string()),
            acknowledged_at: acknowledged_at.map(|time| time.to_string()),
            acknowledged,
            evidence: evidence
                .map(|(label, hash)| EvidenceRow { label: label.clone(), sha256: hex(hash) })
                .collect(),
            evidence_not_kept: trouble.evidence_not_kept,
        }
    }

    /// What people are shown of it.
    fn cells(&self) -> Vec<Cell> {
        let color = match (&self.cleared_at, self.nature, &self.acknowledged_at) {
            (Some(_), _, _) => Color::Reset,
            (None, "proof", None) => Color::Red,
            (None, _, _) => Color::Yellow,
        };
        let last = match &self.cleared_at {
            Some(cleared) => format!("over since {cleared}"),
            None if self.seen_count == 1 => self.seen_at.clone(),
            None => format!("{} ({} times)", self.seen_at, self.seen_count),
        };
        let mut what = self.detail.clone();
        if let (Some(at), Some(note)) = (&self.acknowledged_at, &self.acknowledged) {
            let colon = if note.is_empty() { "" } else { ": " };
            what.push_str(&format!(" (acknowledged at {at}{colon}{note})"));
        }
        vec![
            Cell::new(self.id),
            Cell::new(&self.opened_at),
            Cell::new(last),
            cell(self.log.as_deref().unwrap_or("-")),
            cell(&self.kind).fg(color),
            cell(&what),
        ]
    }
}
