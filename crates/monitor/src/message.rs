//! What goes out to sinks: one message for one report, or one for many where many wait.
//!
//! A sink gets reports in order. If a flood waits for it, or the day that it was down, they are summed up in one
//! message that names each; of heartbeats only the last is of use. Nothing is left out.

use countersign_judge::plain::plain;
use countersign_store::incident::Incident;
use countersign_store::report::{Event, Report, ReportId};
use countersign_store::trouble::Trouble;
use countersign_store::{Reader, StoreError};
use jiff::Timestamp;
use serde::Serialize;

use crate::dossier::Dossier;
use crate::sink::{Message, variable};

/// A message, and the last report that it tells.
#[derive(Clone, Debug)]
pub(crate) struct Composed {
    /// What is sent.
    pub(crate) message: Message,
    /// When it was taken, every report up to this was told.
    pub(crate) through: ReportId,
}

/// The next message for a sink that has not had these reports. `None` if there are none.
pub(crate) fn compose(reader: &Reader, waiting: &[Report]) -> Result<Option<Composed>, StoreError> {
    let last_heartbeat = waiting.iter().rfind(|report| is_heartbeat(report)).map(|last| last.id);
    let worth: Vec<_> = waiting
        .iter()
        .filter(|report| !is_heartbeat(report) || Some(report.id) == last_heartbeat)
        .collect();
    let Some(first) = worth.first() else { return Ok(None) };
    if worth.len() < FLOOD_MIN {
        return Ok(Some(Composed { message: single(reader, first)?, through: first.id }));
    }
    let through = worth.last().expect("a flood is not empty").id;
    Ok(Some(Composed { message: summary(&worth), through }))
}

/// A message that says that messages arrive.
pub fn test_message(now: Timestamp) -> Message {
    let subject = "countersign: this is a test";
    let text = "Nothing happened. Somebody asked `countersign sinks test` to show that messages arrive here.\n";
    let row = MessageRow::new(format!("test-{}", now.as_millisecond()), "test", now, subject, text);
    row.message(None, Vec::new())
}

fn is_heartbeat(report: &Report) -> bool {
    matches!(report.event, Event::Heartbeat(_))
}

/// One report, as fully as it can be told.
fn single(reader: &Reader, report: &Report) -> Result<Message, StoreError> {
    let id = format!("report-{}", report.id.0);
    let subject = format!("countersign: {}", line(&report.event));
    Ok(match &report.event {
        Event::IncidentOpened(incident) => {
            let dossier = Dossier::read(reader, incident)?;
            let text = dossier.to_text();
            let chain_pem = dossier.chain_pem(reader)?;
            let mut row = MessageRow::new(id, "incident-opened", report.at, &subject, &text);
            row.incident = Some(incident.id.0);
            row.severity = Some(incident.severity.as_str());
            row.tell(&dossier);
            let variables = dossier.variables(reader)?;
            Message { chain_pem, ..row.message(Some(incident.severity), variables) }
        }
        Event::IncidentUpdated(incident) => {
            let dossier = Dossier::read(reader, incident)?;
            let text = dossier.to_text();
            let mut row = MessageRow::new(id, "incident-updated", report.at, &subject, &text);
            row.incident = Some(incident.id.0);
            row.severity = Some(incident.severity.as_str());
            row.tell(&dossier);
            let variables = dossier.variables(reader)?;
            row.message(Some(incident.severity), variables)
        }
        Event::IncidentClosed(incident) => {
            let why = incident.closed.as_ref().map_or("", |(_, why)| why);
            let text = format!(
                "Incident {} is closed: {}.\n\nIt was: {}\nOpened at {:.0}.\n",
                incident.id.0,
                plain(why),
                incident.title,
                incident.opened_at
            );
            let mut row = MessageRow::new(id, "incident-closed", report.at, &subject, &text);
            row.incident = Some(incident.id.0);
            row.severity = Some(incident.severity.as_str());
            let number = incident.id.0.to_string();
            row.message(Some(incident.severity), vec![(variable::INCIDENT.to_owned(), number)])
        }
        Event::TroubleOpened(trouble) => {
            let text = format!(
                "{}\n\nSince {:.0}. `countersign troubles` says more, and `countersign status` what it leaves unseen.\n",
                plain(&trouble.detail),
                trouble.opened_at
            );
            let row = MessageRow::new(id, "trouble-opened", report.at, &subject, &text);
            row.message(None, sink_variable(trouble))
        }
        Event::TroubleClosed(trouble) => {
            let text = format!("It is over. It was: {}\n", plain(&trouble.detail));
            let row = MessageRow::new(id, "trouble-closed", report.at, &subject, &text);
            row.message(None, sink_variable(trouble))
        }
        Event::Heartbeat(detail) => {
            let text = format!(
                "{detail}\n\nThis message comes regularly. If it stops coming, countersign or the way to you is down.\n"
            );
            let row = MessageRow::new(id, "heartbeat", report.at, &subject, &text);
            row.message(None, Vec::new())
        }
        // These are for whoever reads the standard output; the store gives none of them to sinks.
        Event::Sighting(_) | Event::LogAdded(_) | Event::LogRemoved(_) => {
            MessageRow::new(id, "event", report.at, &subject, &subject).message(None, Vec::new())
        }
    })
}

fn sink_variable(trouble: &Trouble) -> Vec<(String, String)> {
    let sink = trouble.kind.strip_prefix(SINK_TROUBLE);
    sink.map(|name| ("COUNTERSIGN_SINK".to_owned(), name.to_owned())).into_iter().collect()
}

/// Many reports in one message: a line for each of the first, and how many more there are.
fn summary(reports: &[&Report]) -> Message {
    let (first, last) = (reports[0], reports[reports.len() - 1]);
    let opened = reports.iter().filter_map(|report| match &report.event {
        Event::IncidentOpened(incident) => Some(&**incident),
        Event::IncidentUpdated(_)
        | Event::IncidentClosed(_)
        | Event::Sighting(_)
        | Event::TroubleOpened(_)
        | Event::TroubleClosed(_)
        | Event::LogAdded(_)
        | Event::LogRemoved(_)
        | Event::Heartbeat(_) => None,
    });
    let opened: Vec<_> = opened.collect();
    let what = match opened.len() {
        0 => format!("{} messages waited", reports.len()),
        1 => format!("1 new incident among {} messages that waited", reports.len()),
        many => format!("{many} new incidents among {} messages that waited", reports.len()),
    };
    let mut text =
        format!("{what}. `countersign incidents` and `countersign troubles` list them all.\n\n");
    // Incidents first: the list is cut off somewhere.
    let is_incident = |report: &&&Report| matches!(report.event, Event::IncidentOpened(_));
    let ordered =
        reports.iter().filter(is_incident).chain(reports.iter().filter(|r| !is_incident(r)));
    for report in ordered.take(SUMMARY_LINES_MAX) {
        text.push_str(&format!("{:.0} {}\n", report.at, line(&report.event)));
    }
    let left = reports.len().saturating_sub(SUMMARY_LINES_MAX);
    if left > 0 {
        text.push_str(&format!("and {left} more\n"));
    }
    let id = format!("reports-{}-{}", first.id.0, last.id.0);
    let subject = format!("countersign: {what}");
    let severity = opened.iter().map(|incident| incident.severity).max();
    let mut row = MessageRow::new(id, "summary", last.at, &subject, &text);
    row.severity = severity.map(|severity| severity.as_str());
    row.incidents = opened.iter().map(|incident| incident.id.0).collect();
    row.message(severity, Vec::new())
}

/// One line on an event, without foreign text that could do harm.
fn line(event: &Event) -> String {
    let incident = |incident: &Incident| plain(&incident.title).into_owned();
    match event {
        Event::IncidentOpened(opened) => {
            format!("INCIDENT {} ({}): {}", opened.id.0, opened.severity, incident(opened))
        }
        Event::IncidentUpdated(updated) => {
            format!("INCIDENT {} ({}), more: {}", updated.id.0, updated.severity, incident(updated))
        }
        Event::IncidentClosed(closed) => {
            format!("incident {} is closed: {}", closed.id.0, incident(closed))
        }
        Event::TroubleOpened(trouble) => {
            format!("trouble {} ({}): {}", trouble.id.0, trouble.kind, plain(&trouble.detail))
        }
        Event::TroubleClosed(trouble) => {
            format!("over: trouble {} ({})", trouble.id.0, trouble.kind)
        }
        Event::Heartbeat(detail) => detail.clone(),
        Event::Sighting(sighting) => format!("sighting {}", sighting.id.0),
        Event::LogAdded(row) => format!("following {}", plain(&row.log.description)),
        Event::LogRemoved(row) => format!("no longer following {}", plain(&row.log.description)),
    }
}

/// A message in JSON (docs/json.md): what a webhook gets, and a hook on its standard input.
#[derive(Serialize)]
struct MessageRow {
    r#type: &'static str,
    id: String,
    event: &'static str,
    at: String,
    subject: String,
    text: String,
    severity: Option<&'static str>,
    incident: Option<u64>,
    /// Of a summary: all incidents that are new in it.
    incidents: Vec<u64>,
    title: Option<String>,
    names: Vec<String>,
    next: Vec<String>,
    /// Of an incident about a zone.
    zone: Option<String>,
    /// Of an incident about what answers for a domain.
    domain: Option<String>,
    tbs_sha256: Option<String>,
    spki_sha256: Option<String>,
    logs: Vec<EntryRow>,
}

/// An entry that carries the certificate.
#[derive(Serialize)]
struct EntryRow {
    log: String,
    index: u64,
}

impl MessageRow {
    fn new(id: String, event: &'static str, at: Timestamp, subject: &str, text: &str) -> Self {
        Self {
            r#type: "message",
            id,
            event,
            at: at.to_string(),
            subject: subject.to_owned(),
            text: text.to_owned(),
            severity: None,
            incident: None,
            incidents: Vec::new(),
            title: None,
            names: Vec::new(),
            next: Vec::new(),
            zone: None,
            domain: None,
            tbs_sha256: None,
            spki_sha256: None,
            logs: Vec::new(),
        }
    }

    fn tell(&mut self, dossier: &Dossier) {
        self.title = Some(dossier.explanation.title.clone());
        self.next.clone_from(&dossier.explanation.next);
        self.zone.clone_from(&dossier.incident.zone);
        self.domain.clone_from(&dossier.incident.domain);
        self.tbs_sha256 = dossier.incident.subject.tbs_sha256().map(crate::dossier::hex);
        let Some(seen) = &dossier.seen else { return };
        self.names = seen.observation.names.iter().map(|named| named.name.clone()).collect();
        self.names.dedup();
        self.spki_sha256 = seen.observation.spki_sha256.as_ref().map(crate::dossier::hex);
        self.logs = dossier
            .entries
            .iter()
            .map(|(log, index)| EntryRow { log: log.clone(), index: *index })
            .collect();
    }

    fn message(
        self,
        severity: Option<countersign_judge::Severity>,
        variables: Vec<(String, String)>,
    ) -> Message {
        let json = serde_json::to_string(&self).expect("strings and numbers serialize");
        let Self { id, event, subject, text, .. } = self;
        Message {
            id,
            event: event.to_owned(),
            subject,
            text,
            json,
            variables,
            chain_pem: None,
            severity,
        }
    }
}

/// What the kinds of troubles with sinks begin with.
pub(crate) const SINK_TROUBLE: &str = "sink-";
/// So many reports that wait for one sink are told in one message. A handful of true incidents is still told in full.
const FLOOD_MIN: usize = 10;
/// Lines that somebody still reads.
const SUMMARY_LINES_MAX: usize = 100;
