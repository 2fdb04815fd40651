//! `countersign incidents`, `show` and `acknowledge`: what nobody here asked for, and what to do about it.

use comfy_table::{Cell, Color};
use countersign_judge::Severity;
use countersign_judge::explanation::{Explanation, explain};
use countersign_monitor::dossier::Dossier;
use countersign_monitor::judging::{Seen, facts};
use countersign_net::Clock;
use countersign_store::incident::{
    Acknowledged, Incident, IncidentFilter, IncidentId, Subject, Which,
};
use countersign_store::judgement::Judgement;
use countersign_store::sighting::Sighting;
use countersign_store::{Reader, Store};
use jiff::Timestamp;
use serde::Serialize;

use crate::ExitStatus;
use crate::args::{AcknowledgeArgs, IncidentsArgs, ShowArgs};
use crate::config::Settings;
use crate::failure::Failure;
use crate::print::{Form, Printer, base64, cell, hex, plain};

/// Lists what is pending and what is open, the newest last; with `--all` what is closed as well.
pub(crate) fn run(
    args: &IncidentsArgs,
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let reader = Store::open_reader(&settings.state_dir)?;
    let which = if args.all { Which::All } else { Which::Open };
    let filter = IncidentFilter { after: None, which, limit: args.limit };
    let incidents = reader.incidents(&filter)?;
    let pending = reader.pending()?;
    let rows =
        incidents.iter().map(IncidentRow::new).chain(pending.iter().map(IncidentRow::pending));
    match printer.form() {
        Form::Json => rows.into_iter().try_for_each(|row| printer.object(&row))?,
        Form::Human if incidents.is_empty() && pending.is_empty() => {
            printer.line(if args.all { "no incidents" } else { "no open incidents" })?;
        }
        Form::Human => printer.table(&HEADER, rows.map(|row| row.cells()).collect())?,
    }
    // Not from the list, which has a limit.
    let (_, unacknowledged) = reader.open_incidents()?;
    Ok(if unacknowledged > 0 { ExitStatus::Findings } else { ExitStatus::Expected })
}

/// Shows one incident, or one certificate that is pending, with all that is known of it.
pub(crate) fn show(
    args: &ShowArgs,
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let reader = Store::open_reader(&settings.state_dir)?;
    let shown = match args.which.parse() {
        Ok(id) if args.which.len() < TBS_DIGITS_MIN => {
            let incident = reader.incident(IncidentId(id))?.ok_or_else(|| unknown(id))?;
            Shown::of_incident(&reader, &Dossier::read(&reader, &incident)?)?
        }
        Ok(_) | Err(_) => Shown::of_pending(&reader, &pending(&reader, &args.which)?)?,
    };
    match printer.form() {
        Form::Json => printer.object(&shown)?,
        Form::Human => printer.text(shown.text().as_bytes())?,
    }
    Ok(ExitStatus::Expected)
}

/// Notes that somebody has taken on an incident.
pub(crate) fn acknowledge(
    args: &AcknowledgeArgs,
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    // Looked at first: a desk makes a state where there is none.
    Store::open_reader(&settings.state_dir)?;
    let desk = Store::open_desk(&settings.state_dir)?;
    let id = IncidentId(args.id);
    let acknowledged = desk.acknowledge(id, &args.note, Clock::system().now())?;
    let Some(incident) =
        desk.reader().incident(id)?.filter(|_| acknowledged != Acknowledged::Unknown)
    else {
        return Err(unknown(args.id).into());
    };
    let row = IncidentRow::new(&incident);
    match (printer.form(), acknowledged) {
        (Form::Json, _) => printer.object(&row)?,
        (Form::Human, Acknowledged::Already) => {
            let at = row.acknowledged_at.as_deref().unwrap_or_default();
            printer.line(format_args!("incident {} was acknowledged already, at {at}", args.id))?;
        }
        (Form::Human, Acknowledged::Now | Acknowledged::Unknown) => {
            printer.line(format_args!("incident {} is acknowledged", args.id))?;
        }
    }
    Ok(ExitStatus::Expected)
}

pub(crate) fn unknown(id: u64) -> Failure {
    Failure::new(format!("there is no incident {id}"))
        .hint("`countersign incidents --all` lists them")
}

/// The pending certificate whose hash begins so.
fn pending(reader: &Reader, digits: &str) -> anyhow::Result<Judgement> {
    let digits = digits.to_ascii_lowercase();
    let mut found = reader.pending()?;
    found.retain(|pending| hex(&pending.tbs_sha256).starts_with(&digits));
    match (found.pop(), found.is_empty()) {
        (Some(pending), true) if digits.len() >= TBS_DIGITS_MIN => Ok(pending),
        (Some(_), _) => {
            let failure = Failure::new(format!("{} could be several", plain(&digits)));
            Err(failure.hint("give more of its digits").into())
        }
        (None, _) => {
            let failure = Failure::new(format!("no certificate {} is pending", plain(&digits)));
            Err(failure
                .hint("`countersign incidents` lists what is pending and what is open")
                .into())
        }
    }
}

/// An incident, or a certificate that is pending, in JSON (docs/json.md).
#[derive(Serialize)]
pub(crate) struct IncidentRow {
    r#type: &'static str,
    id: Option<u64>,
    state: &'static str,
    about: &'static str,
    zone: Option<String>,
    domain: Option<String>,
    tbs_sha256: Option<String>,
    severity: &'static str,
    title: String,
    findings: Vec<FindingRow>,
    opened_at: Option<String>,
    updated_at: Option<String>,
    pending_until: Option<String>,
    acknowledged_at: Option<String>,
    acknowledged: Option<String>,
    closed_at: Option<String>,
    closed_why: Option<String>,
    entries: usize,
    #[serde(skip)]
    color: Color,
}

/// What is wrong (docs/json.md).
#[derive(Serialize)]
struct FindingRow {
    kind: String,
    severity: &'static str,
    text: String,
}

const HEADER: [&str; 5] = ["ID", "SEVERITY", "STATE", "SINCE", "WHAT"];

impl IncidentRow {
    pub(crate) fn new(incident: &Incident) -> Self {
        let (state, color) = match (&incident.closed, &incident.acknowledged) {
            (Some(_), _) => ("closed", Color::DarkGrey),
            (None, Some(_)) => ("acknowledged", Color::Yellow),
            (None, None) => ("open", Color::Red),
        };
        let (closed_at, closed_why) = incident.closed.clone().unzip();
        let (acknowledged_at, acknowledged) = incident.acknowledged.clone().unzip();
        Self {
            r#type: "incident",
            id: Some(incident.id.0),
            state,
            about: match incident.subject {
                Subject::Certificate { .. } => "certificate",
                Subject::Promise { .. } => "promise",
                Subject::Delegation { .. } => "delegation",
                Subject::Probe { .. } => "probe",
            },
            zone: incident.zone.clone(),
            domain: incident.domain.clone(),
            tbs_sha256: incident.subject.tbs_sha256().map(|hash| hex(hash)),
            severity: incident.severity.as_str(),
            title: incident.title.clone(),
            findings: findings(&incident.findings),
            opened_at: Some(incident.opened_at.to_string()),
            updated_at: incident.updated_at.map(|at| at.to_string()),
            pending_until: None,
            acknowledged_at: acknowledged_at.map(|at| at.to_string()),
            acknowledged,
            closed_at: closed_at.map(|at| at.to_string()),
            closed_why,
            entries: incident.sightings.len(),
            color,
        }
    }

    fn pending(judgement: &Judgement) -> Self {
        let until = match judgement.told.verdict {
            countersign_judge::Verdict::Pending { until } => Some(until.to_string()),
            _ => None,
        };
        Self {
            r#type: "incident",
            id: None,
            state: "pending",
            about: "certificate",
            zone: None,
            domain: None,
            tbs_sha256: Some(hex(&judgement.tbs_sha256)),
            severity: judgement.severity.as_str(),
            title: judgement.title.clone(),
            findings: findings(&judgement.told.findings),
            opened_at: None,
            updated_at: None,
            pending_until: until,
            acknowledged_at: None,
            acknowledged: None,
            closed_at: None,
            closed_why: None,
            entries: 0,
            color: Color::Reset,
        }
    }

    fn cells(&self) -> Vec<Cell> {
        let tbs = self.tbs_sha256.as_deref().unwrap_or_default();
        let tbs = tbs.get(..16).unwrap_or(tbs);
        let id = self.id.map_or_else(|| tbs.to_owned(), |id| id.to_string());
        let since = self.opened_at.as_deref().or(self.pending_until.as_deref()).unwrap_or("-");
        let state = match &self.pending_until {
            Some(_) => "pending until".to_owned(),
            None => self.state.to_owned(),
        };
        vec![
            Cell::new(id),
            Cell::new(self.severity).fg(self.color),
            Cell::new(state).fg(self.color),
            Cell::new(since),
            cell(&self.title),
        ]
    }
}

fn findings(told: &[countersign_judge::decision::ToldFinding]) -> Vec<FindingRow> {
    let row = |found: &countersign_judge::decision::ToldFinding| FindingRow {
        kind: found.kind.clone(),
        severity: found.severity.as_str(),
        text: found.text.clone(),
    };
    told.iter().map(row).collect()
}

/// All that is known of one of them (docs/json.md).
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: IncidentRow,
    what: String,
    why: Vec<String>,
    since: String,
    allows: String,
    next: Vec<String>,
    certificate: Option<CertificateRow>,
    logs: Vec<EntryRow>,
    evidence: Vec<EvidenceRow>,
    #[serde(skip)]
    text: String,
}

/// What the certificate says.
#[derive(Serialize)]
struct CertificateRow {
    names: Vec<String>,
    issuer_organization: String,
    issuer_common_name: String,
    serial: String,
    not_before: Option<String>,
    not_after: Option<String>,
    spki_sha256: Option<String>,
    issuer_key_sha256: Option<String>,
    first_seen_at: String,
}

/// Bytes that show what is wrong with a zone or what answers for a domain, or how a zone was before.
#[derive(Serialize)]
struct EvidenceRow {
    label: String,
    sha256: String,
    base64: String,
}

/// An entry that carries it.
#[derive(Serialize)]
struct EntryRow {
    log: String,
    index: u64,
    entry: &'static str,
    sighting: u64,
    logged_at: Option<String>,
    proved: bool,
}

impl Shown {
    fn of_incident(reader: &Reader, dossier: &Dossier) -> anyhow::Result<Self> {
        let row = IncidentRow::new(&dossier.incident);
        let certificate =
            dossier.seen.as_ref().map(|seen| CertificateRow::new(seen, &dossier.facts));
        let logs = entries(reader, &dossier.sightings)?;
        let shown = Self::new(row, &dossier.explanation, certificate, logs);
        Ok(Self { evidence: evidence(reader, &dossier.incident)?, ..shown })
    }

    fn of_pending(reader: &Reader, pending: &Judgement) -> anyhow::Result<Self> {
        let sightings = reader.sightings_of(&pending.tbs_sha256)?;
        let seen = Seen::new(&sightings)
            .ok_or_else(|| Failure::new("what is pending was never seen: the state is damaged"))?;
        let facts = facts(reader, None, &sightings)?;
        let told = explain(&seen.observation, &pending.told, &facts, seen.first_seen_at);
        let certificate = Some(CertificateRow::new(&seen, &facts));
        let logs = entries(reader, &sightings)?;
        Ok(Self::new(IncidentRow::pending(pending), &told, certificate, logs))
    }

    fn new(
        row: IncidentRow,
        told: &Explanation,
        certificate: Option<CertificateRow>,
        logs: Vec<EntryRow>,
    ) -> Self {
        let Explanation { what, why, since, allows, next, .. } = told.clone();
        let text = told.to_text();
        let evidence = Vec::new();
        Self { row, what, why, since, allows, next, certificate, logs, evidence, text }
    }

    /// For a terminal of 80 columns, and for somebody who was woken by it.
    fn text(&self) -> String {
        let row = &self.row;
        let mut text = match row.id {
            Some(id) => format!("Incident {id}, {}, {}\n\n", row.severity, row.state),
            None => {
                let tbs_sha256 = row.tbs_sha256.as_deref().unwrap_or_default();
                format!("Certificate {tbs_sha256}, pending\n\n")
            }
        };
        text.push_str(&self.text);
        let mut section = |title: &str| text.push_str(&format!("\n{title}\n"));
        if let (Some(at), note) = (&row.acknowledged_at, row.acknowledged.as_deref()) {
            section(&format!("Acknowledged at {at}: {}", plain(note.unwrap_or_default())));
        }
        if let (Some(at), why) = (&row.closed_at, row.closed_why.as_deref()) {
            section(&format!("Closed at {at}: {}", plain(why.unwrap_or_default())));
        }
        if let Some(certificate) = &self.certificate {
            text.push_str(&certificate.text(row.tbs_sha256.as_deref().unwrap_or_default()));
        }
        if row.zone.is_some() || row.domain.is_some() {
            text.push_str("\nWhat shows it (`--json` has the bytes)\n");
            for piece in &self.evidence {
                text.push_str(&format!("  {} {}\n", piece.sha256, plain(&piece.label)));
            }
            return text;
        }
        text.push_str("\nWhere it is\n");
        for entry in &self.logs {
            let proved = if entry.proved { "inclusion proved" } else { "no inclusion proof yet" };
            text.push_str(&format!(
                "  entry {} of {} (a {}; {proved})\n",
                entry.index,
                plain(&entry.log),
                entry.entry
            ));
        }
        if self.logs.is_empty() {
            text.push_str("  in no log that we read\n");
        }
        text
    }
}

impl CertificateRow {
    fn new(seen: &Seen, facts: &countersign_judge::explanation::Facts) -> Self {
        let observation = &seen.observation;
        let mut names: Vec<_> = observation.names.iter().map(|named| named.name.clone()).collect();
        names.dedup();
        Self {
            names,
            issuer_organization: facts.issuer_organization.clone(),
            issuer_common_name: facts.issuer_common_name.clone(),
            serial: facts.serial.clone(),
            not_before: observation.not_before.map(|at| at.to_string()),
            not_after: observation.not_after.map(|at| at.to_string()),
            spki_sha256: observation.spki_sha256.as_ref().map(|hash| hex(hash)),
            issuer_key_sha256: observation.issuer_key_sha256.as_ref().map(|hash| hex(hash)),
            first_seen_at: seen.first_seen_at.to_string(),
        }
    }

    fn text(&self, tbs_sha256: &str) -> String {
        let or =
            |value: &Option<String>| value.clone().unwrap_or_else(|| "cannot be read".to_owned());
        let issuer = [self.issuer_organization.as_str(), self.issuer_common_name.as_str()];
        let issuer: Vec<_> = issuer.into_iter().filter(|part| !part.is_empty()).collect();
        let names: Vec<_> = self.names.iter().map(|name| plain(name)).collect();
        let lines = [
            ("names", names.join(" ")),
            ("issuer", plain(&issuer.join(", ")).into_owned()),
            ("serial", plain(&self.serial).into_owned()),
            ("valid", format!("{} to {}", or(&self.not_before), or(&self.not_after))),
            ("key", or(&self.spki_sha256)),
            ("CA's key", or(&self.issuer_key_sha256)),
            ("TBS", tbs_sha256.to_owned()),
        ];
        let lines: String =
            lines.into_iter().map(|(name, value)| format!("  {name:9}{value}\n")).collect();
        format!("\nThe certificate\n{lines}")
    }
}

/// What an incident about a zone or a domain can be shown with.
fn evidence(reader: &Reader, incident: &Incident) -> anyhow::Result<Vec<EvidenceRow>> {
    let mut rows = Vec::new();
    for (label, sha256) in &incident.evidence {
        let Some(bytes) = reader.evidence(sha256)? else { continue };
        rows.push(EvidenceRow {
            label: label.clone(),
            sha256: hex(sha256),
            base64: base64(&bytes),
        });
    }
    Ok(rows)
}

fn entries(reader: &Reader, sightings: &[Sighting]) -> anyhow::Result<Vec<EntryRow>> {
    let logs = reader.logs()?;
    let mut rows = Vec::new();
    for seen in sightings {
        let log = logs.iter().find(|row| row.log.id == seen.log);
        rows.push(EntryRow {
            log: log.map_or_else(|| hex(&seen.log), |row| row.log.description.clone()),
            index: seen.index,
            entry: if seen.precertificate { "precertificate" } else { "certificate" },
            sighting: seen.id.0,
            logged_at: seen.logged_at.map(|at| at.to_string()),
            proved: reader.proof(seen.id)?.is_some(),
        });
    }
    Ok(rows)
}

/// What a report on an incident is, for people.
pub(crate) fn sentence(incident: &Incident, at: Timestamp) -> String {
    let severity: Severity = incident.severity;
    match &incident.closed {
        Some((closed_at, why)) if *closed_at <= at => {
            format!("closed: incident {}: {}", incident.id.0, plain(why))
        }
        Some(_) | None => {
            format!("INCIDENT {} ({severity}): {}", incident.id.0, plain(&incident.title))
        }
    }
}

/// The hash of a pending certificate takes at least so many digits; no incident has as long a number.
const TBS_DIGITS_MIN: usize = 8;
