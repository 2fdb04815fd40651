//! `countersign delegations`: what is expected of each zone, and what was seen of it.

use comfy_table::{Cell, Color};
use countersign_dns::{Name, Rtype};
use countersign_judge::delegation::{Expected, Topic};
use countersign_net::Clock;
use countersign_store::incident::Incident;
use countersign_store::zone::{Accepted, SeenRow, ZoneRow};
use countersign_store::{Reader, Store};
use serde::Serialize;

use crate::ExitStatus;
use crate::args::{DelegationsArgs, DelegationsCommand};
use crate::config::Settings;
use crate::failure::Failure;
use crate::print::{Form, Printer, cell, plain};
use crate::status::is_stale;

/// Shows all zones, or accepts what was seen of one.
pub(crate) fn run(
    args: &DelegationsArgs,
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    match &args.command {
        None => show(settings, printer),
        Some(DelegationsCommand::Accept { zone }) => accept(zone, settings, printer),
    }
}

fn show(settings: &Settings, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let reader = Store::open_reader(&settings.state_dir)?;
    let rows = rows(&reader, settings)?;
    if rows.is_empty() && printer.form() == Form::Human {
        printer.line("no zone is watched: `[[zone]]` in the configuration names one")?;
    }
    rows.iter().try_for_each(|row| row.print(printer))?;
    let is_wrong = rows.iter().any(|row| row.incident.is_some() && !row.acknowledged);
    let is_blind = rows.iter().any(|row| row.stale || row.blind_since.is_some());
    Ok(match (is_wrong, is_blind) {
        (true, _) => ExitStatus::Findings,
        (false, true) => ExitStatus::CouldNotLook,
        (false, false) => ExitStatus::Expected,
    })
}

fn accept(text: &str, settings: &Settings, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let name: Name =
        text.parse().map_err(|_| Failure::new(format!("{} is no domain name", plain(text))))?;
    // Looked at first: a desk makes a state where there is none.
    let reader = Store::open_reader(&settings.state_dir)?;
    let mut rows = rows(&reader, settings)?;
    rows.retain(|row| row.zone == name.to_string());
    rows.iter().try_for_each(|row| row.print(printer))?;
    let desk = Store::open_desk(&settings.state_dir)?;
    let revision = rows.first().and_then(|row| row.revision).unwrap_or_default();
    let topics = match desk.accept_zone(&name.to_string(), revision, Clock::system().now())? {
        Accepted::Now(topics) => topics,
        Accepted::Unknown => {
            let failure = Failure::new(format!("the zone {name} is not watched"));
            return Err(failure.hint("`countersign delegations` lists those that are").into());
        }
        Accepted::Overtaken => {
            let failure = Failure::new(format!("{name} was looked at again meanwhile"));
            return Err(failure.hint("see what is there now, and accept it then").into());
        }
        Accepted::Unseen => {
            let failure =
                Failure::new(format!("nothing was seen of {name} that could be accepted"));
            return Err(failure.hint("let `countersign watch` look at it").into());
        }
    };
    let declared = rows.iter().flat_map(|row| &row.topics);
    let declared: Vec<_> = declared
        .filter(|topic| topic.basis == Some("declared") && topic.as_expected == Some(false))
        .map(|topic| format!("{} {} {}", topic.side, topic.name, topic.rtype))
        .collect();
    match printer.form() {
        Form::Json => printer.object(&AcceptedRow {
            r#type: "accepted",
            zone: name.to_string(),
            topics: topics.iter().map(ToString::to_string).collect(),
            declared,
        })?,
        Form::Human => {
            printer.line(format_args!("{name}: what was seen is expected from now on"))?;
            if !declared.is_empty() {
                printer.line(format_args!(
                    "but for what the configuration declares otherwise: {}",
                    declared.join(", ")
                ))?;
            }
        }
    }
    Ok(ExitStatus::Expected)
}

/// A zone in JSON (docs/json.md).
#[derive(Serialize)]
struct DelegationRow {
    r#type: &'static str,
    zone: String,
    watched_since: Option<String>,
    looked_at: Option<String>,
    stale: bool,
    #[serde(skip)]
    revision: Option<i64>,
    blind_since: Option<String>,
    blind: Option<String>,
    accepted_at: Option<String>,
    incident: Option<u64>,
    acknowledged: bool,
    title: Option<String>,
    topics: Vec<TopicRow>,
}

/// What is expected and seen of one topic.
#[derive(Serialize)]
struct TopicRow {
    side: &'static str,
    name: String,
    rtype: String,
    basis: Option<&'static str>,
    expected: Vec<String>,
    as_expected: Option<bool>,
    seen: Vec<SeenLine>,
}

/// One thing that was seen of it.
#[derive(Serialize)]
struct SeenLine {
    shown: String,
    trust: &'static str,
    ttl_s: Option<u32>,
    since: String,
    witnesses: Vec<String>,
}

/// What was accepted, in JSON (docs/json.md).
#[derive(Serialize)]
struct AcceptedRow {
    r#type: &'static str,
    zone: String,
    topics: Vec<String>,
    declared: Vec<String>,
}

const HEADER: [&str; 4] = ["WHAT", "STATE", "SEEN", "AT"];

fn rows(reader: &Reader, settings: &Settings) -> anyhow::Result<Vec<DelegationRow>> {
    let (known, now) = (reader.zones()?, Clock::system().now());
    let mut rows = Vec::new();
    for zone in &settings.zones {
        let name = zone.name.to_string();
        let row = known.iter().find(|row| row.name == name);
        let incident = match row.and_then(|row| row.incident) {
            Some(id) => reader.incident(id)?,
            None => None,
        };
        // Before what was seen: whoever accepts it accepts no later look.
        let (revision, learned) =
            reader.zone_state(&name)?.map(|state| (state.revision, state.learned)).unzip();
        let learned = learned.unwrap_or_default();
        let expected = zone.watched().expected.with_learned(&learned);
        let seen = reader.zone_seen(&name)?;
        let stale = is_stale(row.and_then(|row| row.looked_at), settings.watch.stale_after, now);
        let row = DelegationRow::new(name, row, incident.as_ref(), &expected, seen);
        rows.push(DelegationRow { stale, revision, ..row });
    }
    Ok(rows)
}

impl DelegationRow {
    fn new(
        zone: String,
        row: Option<&ZoneRow>,
        incident: Option<&Incident>,
        expected: &Expected,
        seen: Vec<SeenRow>,
    ) -> Self {
        let (blind_since, blind) = row.and_then(|row| row.blind.clone()).unzip();
        let mut topics: Vec<Topic> = expected.plans.keys().cloned().collect();
        topics.extend(seen.iter().map(|row| row.topic.clone()));
        topics.sort();
        topics.dedup();
        Self {
            r#type: "delegation",
            zone,
            watched_since: row.map(|row| row.added_at.to_string()),
            looked_at: row.and_then(|row| row.looked_at).map(|at| at.to_string()),
            stale: true,
            revision: None,
            blind_since: blind_since.map(|at| at.to_string()),
            blind,
            accepted_at: row.and_then(|row| row.accepted_at).map(|at| at.to_string()),
            incident: incident.map(|incident| incident.id.0),
            acknowledged: incident.is_some_and(|incident| incident.acknowledged.is_some()),
            title: incident.map(|incident| incident.title.clone()),
            topics: topics.iter().map(|topic| TopicRow::new(topic, expected, &seen)).collect(),
        }
    }

    fn print(&self, printer: &mut Printer) -> anyhow::Result<()> {
        if printer.form() == Form::Json {
            return Ok(printer.object(self)?);
        }
        let looked = match &self.looked_at {
            Some(at) if self.stale => format!("NOT looked at since {at}"),
            Some(at) => format!("looked at {at}"),
            None => "not looked at yet".to_owned(),
        };
        printer.line(format_args!("{}: {looked}", plain(&self.zone)))?;
        if let (Some(id), Some(title)) = (self.incident, &self.title) {
            printer.line(format_args!("INCIDENT {id}: {}", plain(title)))?;
        }
        if let (Some(since), Some(blind)) = (&self.blind_since, &self.blind) {
            printer.line(format_args!("not seen since {since}: {}", plain(blind)))?;
        }
        printer.table(&HEADER, self.topics.iter().flat_map(TopicRow::cells).collect())?;
        Ok(())
    }
}

impl TopicRow {
    fn new(topic: &Topic, expected: &Expected, seen: &[SeenRow]) -> Self {
        // Keys are judged by who vouches for them: other ones may be as they should be.
        let plan = expected.plan(topic).filter(|_| topic.rtype != Rtype::DNSKEY);
        let seen: Vec<_> = seen.iter().filter(|row| row.topic == *topic).collect();
        let as_expected = plan
            .filter(|_| !seen.is_empty())
            .map(|plan| seen.iter().all(|row| plan.accepts(&row.shown)));
        let accepted = plan.map(|plan| &plan.accepted[..]).unwrap_or_default();
        Self {
            side: topic.side.as_str(),
            name: topic.name.to_string(),
            rtype: topic.rtype.to_string(),
            basis: plan.map(|plan| plan.basis.as_str()),
            expected: accepted.iter().map(|shown| shown.describe(topic.rtype)).collect(),
            as_expected,
            seen: seen
                .iter()
                .map(|row| SeenLine {
                    shown: row.shown.describe(topic.rtype),
                    trust: row.trust.as_str(),
                    ttl_s: row.ttl_s,
                    since: row.since.to_string(),
                    witnesses: row.witnesses.clone(),
                })
                .collect(),
        }
    }

    /// A line for each thing that was seen of it; one that says so if nothing was.
    fn cells(&self) -> Vec<Vec<Cell>> {
        let what = format!("{} {} {}", self.side, self.name, self.rtype);
        let (state, color) = match (self.basis, self.as_expected) {
            (Some(basis), Some(true)) => (format!("as {basis}"), Color::Reset),
            (Some(basis), Some(false)) => (format!("NOT AS {}", basis.to_uppercase()), Color::Red),
            (Some(_), None) => ("not seen".to_owned(), Color::Yellow),
            (None, _) => ("-".to_owned(), Color::DarkGrey),
        };
        let line = |shown: &str, at: String| {
            vec![cell(&what), Cell::new(&state).fg(color), cell(shown), Cell::new(at)]
        };
        if self.seen.is_empty() {
            return vec![line("-", "-".to_owned())];
        }
        let row = |seen: &SeenLine| {
            let shown = format!("{} ({})", seen.shown, seen.trust);
            let servers = seen.witnesses.len();
            line(&shown, format!("{servers} server{}", if servers == 1 { "" } else { "s" }))
        };
        self.seen.iter().map(row).collect()
    }
}
