//! `countersign sightings`: the certificates seen that name a guarded service.

use std::collections::HashMap;

use comfy_table::Cell;
use countersign_net::Clock;
use countersign_store::Store;
use countersign_store::log::LogRow;
use countersign_store::sighting::{Sighting, SightingFilter};
use serde::Serialize;
use tracing::warn;

use crate::ExitStatus;
use crate::args::SightingsArgs;
use crate::config::{Settings, guard};
use crate::print::{Form, Printer, base64, cell, day, hex, plain};

/// Lists the newest sightings that the flags ask for, the newest last.
pub(crate) fn run(
    args: &SightingsArgs,
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let guard = args.guard.as_deref().map(guard).transpose()?.map(|guard| guard.to_string());
    let reader = Store::open_reader(&settings.state_dir)?;
    let logs = reader.logs()?;
    let logs: HashMap<_, _> = logs.iter().map(|row| (row.log.id, row)).collect();
    // One more than is listed tells whether there are more.
    let filter = SightingFilter { after: None, guard, limit: args.limit.saturating_add(1) };
    let mut sightings = reader.sightings(&filter)?;
    if let Some(since) = args.since {
        let since = since.seen_from(Clock::system().now());
        sightings.retain(|sighting| sighting.found_at >= since);
    }
    if u32::try_from(sightings.len()).is_ok_and(|found| found > args.limit) {
        sightings.remove(0);
        warn!("there are more sightings, older ones; --limit lists more than {}", args.limit);
    }
    let rows = sightings
        .iter()
        .map(|sighting| SightingRow::new(sighting, logs.get(&sighting.log).copied()));
    match printer.form() {
        Form::Json => rows.into_iter().try_for_each(|row| printer.object(&row))?,
        Form::Human => printer.table(&HEADER, rows.map(|row| row.cells()).collect())?,
    }
    Ok(if sightings.is_empty() { ExitStatus::Expected } else { ExitStatus::Findings })
}

/// A sighting in JSON (docs/json.md).
#[derive(Serialize)]
pub(crate) struct SightingRow {
    r#type: &'static str,
    id: u64,
    found_at: String,
    log: Option<String>,
    log_id: String,
    index: u64,
    logged_at: Option<String>,
    entry: &'static str,
    matches: Vec<MatchRow>,
    names: Vec<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    spki_sha256: Option<String>,
    issuer_key_sha256: Option<String>,
    leaf_hash: String,
    leaf_sha256: String,
    extra_sha256: String,
}

/// Which guard a name met, and how the name had to be read. Without a name it was the certificate as
/// a whole that met it.
#[derive(Serialize)]
pub(crate) struct MatchRow {
    pub(crate) guard: String,
    pub(crate) name: String,
    pub(crate) reading: String,
}

const HEADER: [&str; 6] = ["ID", "FOUND", "NAME", "VALID", "ISSUER KEY", "LOG"];

impl SightingRow {
    /// The row of a sighting in this log.
    pub(crate) fn new(sighting: &Sighting, log: Option<&LogRow>) -> Self {
        let matches = sighting.matches.iter().map(|found| MatchRow {
            guard: found.guard.clone(),
            name: found.name.clone(),
            reading: found.reading.clone(),
        });
        Self {
            r#type: "sighting",
            id: sighting.id.0,
            found_at: sighting.found_at.to_string(),
            log: log.map(|row| row.log.description.clone()),
            log_id: base64(&sighting.log),
            index: sighting.index,
            logged_at: sighting.logged_at.map(|time| time.to_string()),
            entry: if sighting.precertificate { "precertificate" } else { "certificate" },
            matches: matches.collect(),
            names: sighting.names.clone(),
            not_before: sighting.not_before.map(|time| time.to_string()),
            not_after: sighting.not_after.map(|time| time.to_string()),
            spki_sha256: sighting.spki_sha256.as_ref().map(|hash| hex(hash)),
            issuer_key_sha256: sighting.issuer_key_sha256.as_ref().map(|hash| hex(hash)),
            leaf_hash: hex(&sighting.leaf_hash),
            leaf_sha256: hex(&sighting.leaf_sha256),
            extra_sha256: hex(&sighting.extra_sha256),
        }
    }

    /// What people are told of it in one line.
    pub(crate) fn sentence(&self) -> String {
        let mut matches: Vec<_> = self
            .matches
            .iter()
            .map(|found| format!("{} ({})", found.met(&self.names), found.reading))
            .collect();
        matches.dedup();
        format!(
            "SIGHTING {}: a {} for {}, entry {} of {}",
            self.id,
            self.entry,
            matches.join(", "),
            self.index,
            self.log.as_deref().unwrap_or(&self.log_id)
        )
    }

    /// What people are shown of it in a table.
    fn cells(&self) -> Vec<Cell> {
        let mut names: Vec<_> =
            self.matches.iter().map(|found| plain(&found.met(&self.names)).into_owned()).collect();
        names.dedup();
        let valid = match (day(self.not_before.as_deref()), day(self.not_after.as_deref())) {
            (Some(from), Some(to)) => format!("{from} to {to}"),
            (Some(from), None) => format!("from {from}"),
            (None, Some(to)) => format!("to {to}"),
            (None, None) => "not told".to_owned(),
        };
        let key = self.issuer_key_sha256.as_deref().and_then(|key| key.get(..16));
        let log = self.log.as_deref().unwrap_or(&self.log_id);
        vec![
            Cell::new(self.id),
            Cell::new(&self.found_at),
            Cell::new(names.join("\n")),
            Cell::new(valid),
            Cell::new(key.unwrap_or("not told")),
            cell(&format!("{log} #{}", self.index)),
        ]
    }
}

impl MatchRow {
    /// What of the certificate met the guard, for people; `names` are all that it has.
    fn met(&self, names: &[String]) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        // No single name was met: the guard is for everything, or the certificate has too many
        // patterns to compare them all.
        if self.guard != EVERYTHING {
            return format!("{}, perhaps", self.guard);
        }
        match names {
            [] => "no name that can be read".to_owned(),
            [name] => name.clone(),
            [name, others @ ..] => format!("{name} and {} more", others.len()),
        }
    }
}

/// The guard for everything, as it is written.
const EVERYTHING: &str = ".";
