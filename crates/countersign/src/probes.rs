//! `countersign probes`: how well each domain is covered by the probes of the last week, kind by kind.

use comfy_table::{Cell, Color};
use countersign_judge::probe::coverage::{Coverage, Look, Row, State, UNSEEN, WINDOW};
use countersign_judge::probe::{Service, Stratum};
use countersign_net::Clock;
use countersign_store::probe::ProbeRow;
use countersign_store::{Reader, Store};
use jiff::Timestamp;
use serde::Serialize;

use crate::ExitStatus;
use crate::config::Settings;
use crate::print::{Form, Printer, cell};

/// Shows all of it.
pub(crate) fn run(settings: &Settings, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let reader = Store::open_reader(&settings.state_dir)?;
    let now = Clock::system().now();
    if settings.probes.is_empty() && printer.form() == Form::Human {
        printer.line("no domain is probed: `[[probe]]` in the configuration names one")?;
    }
    let (mut is_wrong, mut is_blind) = (false, false);
    for probe in &settings.probes {
        let incident = reader.probed()?.into_iter().find(|row| row.domain == probe.domain);
        let incident = incident.and_then(|row| row.incident);
        let open = incident.map(|id| reader.incident(id)).transpose()?.flatten();
        is_wrong |= open.as_ref().is_some_and(|incident| incident.acknowledged.is_none());
        let is_open = open.is_some();
        let rows = coverage(&reader, &probe.domain, probe.wanted(settings), now)?;
        let grey = |row: &Row| matches!(row.state, State::Blind { .. } | State::NotProbed);
        is_blind |= rows.iter().any(grey);
        // It closes after a quiet day, and stays in the week's table.
        let is_met = |row: &Row| matches!(row.state, State::Intercepted { .. });
        is_wrong |= !is_open && rows.iter().any(is_met);
        show(&probe.domain, &rows, open.map(|incident| incident.id.0), printer)?;
    }
    if !settings.probes.is_empty() && printer.form() == Form::Human {
        printer.line(UNSEEN)?;
    }
    Ok(match (is_wrong, is_blind) {
        (true, _) => ExitStatus::Findings,
        (false, true) => ExitStatus::CouldNotLook,
        (false, false) => ExitStatus::Expected,
    })
}

/// What the probes of the last week cover, of what was wanted and what was seen besides.
fn coverage(
    reader: &Reader,
    domain: &str,
    wanted: Vec<(Service, Stratum)>,
    now: Timestamp,
) -> anyhow::Result<Vec<Row>> {
    let mut coverage = Coverage::of(wanted);
    for row in reader.probes_since(domain, now - WINDOW)? {
        coverage.count(&row.service, &row.stratum, row.at, &look(&row));
    }
    Ok(coverage.rows(now))
}

/// What a probe contributes, by the words that it was kept with.
fn look(row: &ProbeRow) -> Look {
    match row.sight.as_str() {
        "as-expected" | "nothing-to-compare" => Look::Expected,
        "found" => Look::Met,
        "pending" => Look::Pending,
        _ => Look::Blind { why: row.detail.clone() },
    }
}

fn show(
    domain: &str,
    rows: &[Row],
    incident: Option<u64>,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    match printer.form() {
        Form::Json => {
            for row in rows {
                printer.object(&CoverageRow::new(row, incident))?;
            }
        }
        Form::Human => {
            match incident {
                Some(id) => printer.line(format_args!("{domain}: incident {id} is open"))?,
                None => printer.line(format_args!("{domain}:"))?,
            }
            let cells = rows.iter().map(|row| {
                let row = CoverageRow::new(row, incident);
                let color = match row.state {
                    "looked" => Color::Green,
                    "intercepted" => Color::Red,
                    "blind" => Color::Yellow,
                    _ => Color::DarkGrey,
                };
                vec![
                    cell(&format!("{}/{} :{}", row.protocol, row.opening, row.port)),
                    cell(&row.vantage),
                    cell(&row.client),
                    cell(row.family),
                    Cell::new(row.state).fg(color),
                    cell(&row.looked.to_string()),
                    cell(
                        &row.share_max
                            .map(|share| format!("{:.1} %", 100.0 * share))
                            .unwrap_or_default(),
                    ),
                    cell(row.why.as_deref().unwrap_or_default()),
                ]
            });
            let header = ["SERVICE", "FROM", "AS", "ADDRESS", "STATE", "PROBES", "AT MOST", "WHY"];
            printer.table(&header, cells.collect())?;
            printer.line("")?;
        }
    }
    Ok(())
}

/// One kind of probe of one service, in the last week (docs/json.md).
#[derive(Serialize)]
struct CoverageRow {
    r#type: &'static str,
    domain: String,
    protocol: &'static str,
    opening: &'static str,
    port: u16,
    vantage: String,
    client: String,
    family: &'static str,
    state: &'static str,
    /// Those that could tell.
    looked: u32,
    met: u32,
    blind: u32,
    /// The share of connections that could be intercepted all the same, with 95 % confidence.
    share_max: Option<f64>,
    per_hour: f64,
    why: Option<String>,
    incident: Option<u64>,
}

impl CoverageRow {
    fn new(row: &Row, incident: Option<u64>) -> Self {
        let (share_max, why) = match &row.state {
            State::Looked { share_max, .. } => (Some(*share_max), None),
            State::Intercepted { .. } => (Some(row.recent.share_max()), None),
            State::Blind { since, why } => (None, Some(format!("since {since:.0}: {why}"))),
            State::NotProbed => (None, None),
        };
        Self {
            r#type: "coverage",
            domain: row.service.domain.clone(),
            protocol: row.service.protocol.as_str(),
            opening: row.service.opening.as_str(),
            port: row.service.port,
            vantage: row.stratum.vantage.clone(),
            client: row.stratum.client.clone(),
            family: row.stratum.family.as_str(),
            state: row.state.as_str(),
            looked: row.recent.looked(),
            met: row.recent.met,
            blind: row.recent.blind,
            share_max,
            per_hour: row.per_hour,
            why,
            incident,
        }
    }
}
