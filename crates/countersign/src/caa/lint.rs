//! `countersign caa lint`: what the CAA records of a name leave open, each with the attack and the way out.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_caa::Name;
use countersign_dns::{Rrset, zone_text};
use countersign_judge::caa::{Source, ZoneFile, lint};
use countersign_judge::{CaaFinding, CaaView, Severity};
use countersign_monitor::caa::look;
use countersign_net::Clock;
use owo_colors::OwoColorize as _;
use serde::Serialize;
use tokio::runtime;

use super::known::Known;
use super::{plan, record_row::RecordRow, row, table};
use crate::ExitStatus;
use crate::args::{CaaLintArgs, Global};
use crate::config;
use crate::failure::Failure;
use crate::print::{Form, Printer, Unprinted, plain as harmless};
use crate::way_out;

/// Looks at the name, or at all names in the zone file that certificates could be for.
pub(super) fn run(
    args: &CaaLintArgs,
    global: &Global,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let settings = config::settings_if_any(global)?;
    let authorities = table::authorities(args.authorities.as_deref(), settings.as_ref())?;
    let found = plan::found(&args.accounts, settings.as_ref());
    let known = Known::of(&authorities, &args.account, &found, Clock::system().now());
    let path = PathBuf::from(&args.target);
    let mut tally = Tally { is_wrong: false, is_blind: row::is_blind(&found) };
    if path.is_file() {
        let records = records(&path, args.origin.as_ref())?;
        let zone = ZoneFile::new(&records);
        // One after the other: a file can have a million names.
        for name in names(&path, &zone)? {
            tally.add(&tell(zone.view(&name), &known, printer)?);
        }
    } else {
        let name = Name::parse(&args.target).map_err(|why| no_target(&args.target, &why))?;
        let (dns, walk) = way_out::dns(settings.as_ref(), &args.way)?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let view = runtime.block_on(look(&dns, &name, &walk, &Clock::system()));
        tally.add(&tell(view, &known, printer)?);
    }
    match printer.form() {
        Form::Json => row::print_unread(&found, printer)?,
        Form::Human => {
            for line in row::unread(&found) {
                printer.line(format_args!("warning: {line}"))?;
            }
            if path.is_file() {
                printer.line(format_args!(
                    "signatures are not in a file: run `countersign caa lint NAME` once it is served"
                ))?;
            }
        }
    }
    Ok(tally.exit_status())
}

/// Judges what was seen around a name, and prints it.
fn tell(
    mut view: CaaView,
    known: &Known,
    printer: &mut Printer,
) -> Result<Vec<CaaFinding>, Unprinted> {
    known.fill_in(&mut view);
    let findings = lint(&view);
    match printer.form() {
        Form::Json => {
            for finding in &findings {
                printer.object(&FindingRow::new(&view, finding))?;
            }
            printer.object(&NameRow::new(&view, &findings))?;
        }
        Form::Human => {
            for line in lines(&view, &findings) {
                printer.text(format!("{line}\n").as_bytes())?;
            }
        }
    }
    Ok(findings)
}

/// What the exit status depends on.
struct Tally {
    is_wrong: bool,
    is_blind: bool,
}

impl Tally {
    fn add(&mut self, findings: &[CaaFinding]) {
        for finding in findings {
            match finding.is_blindness() {
                true => self.is_blind = true,
                false => self.is_wrong |= finding.severity() >= Severity::Warning,
            }
        }
    }

    fn exit_status(&self) -> ExitStatus {
        match (self.is_wrong, self.is_blind) {
            (true, _) => ExitStatus::Findings,
            (false, true) => ExitStatus::CouldNotLook,
            (false, false) => ExitStatus::Expected,
        }
    }
}

fn no_target(target: &str, why: &countersign_caa::NameError) -> Failure {
    Failure::new(format!("{target:?} is no file, and no name: {why}"))
        .hint("give a name such as xmpp.example, or a zone file")
}

/// The records in a zone file.
fn records(path: &Path, origin: Option<&countersign_dns::Name>) -> Result<Vec<Rrset>, Failure> {
    let size = fs::metadata(path).map_err(|error| Failure::read(path, &error))?.len();
    if size > ZONE_BYTES_MAX {
        return Err(Failure::new(format!("{} is larger than 64 MiB", path.display())));
    }
    let text = fs::read_to_string(path).map_err(|error| Failure::read(path, &error))?;
    let root = countersign_dns::Name::root();
    let unread = |why| {
        Failure::new(format!("cannot read the records in {}: {why}", path.display())).hint(
            "it has to be in the format of zone files; --origin is what its short names are below",
        )
    };
    zone_text::records(&text, origin.unwrap_or(&root)).map_err(unread)
}

/// The names in a zone file that a certificate could be for; at least one.
fn names(path: &Path, zone: &ZoneFile<'_>) -> Result<Vec<Name>, Failure> {
    let names = zone.names();
    if names.is_empty() {
        return Err(Failure::new(format!(
            "{} has no name that a certificate could be for",
            path.display()
        ))
        .hint("are its names short? Then say with --origin what they are below"));
    }
    Ok(names)
}

/// The zone of a country is larger, and is not linted here.
const ZONE_BYTES_MAX: u64 = 64 << 20;

/// A name with what was found, for people.
fn lines(view: &CaaView, findings: &[CaaFinding]) -> Vec<String> {
    let found_at = match view.relevant() {
        Some(seen) => format!("CAA at {}", seen.name),
        None => "no CAA".to_owned(),
    };
    let mut lines = vec![format!("{}  {found_at}", view.name.bold())];
    for record in view.relevant().into_iter().flat_map(|seen| &seen.records) {
        if let Ok(parts) = record.parts() {
            let value = String::from_utf8_lossy(parts.value);
            lines.push(format!("  {} {} {:?}", parts.flags, parts.tag, harmless(&value)));
        }
    }
    for finding in findings {
        let weight = format!("{:8}", finding.severity());
        let weight = match finding.severity() {
            Severity::Critical | Severity::High => weight.red().to_string(),
            Severity::Warning => weight.yellow().to_string(),
            Severity::Notice => weight.dimmed().to_string(),
        };
        lines.push(format!("  {weight} {finding}"));
        lines.push(format!("           leaves open: {}", finding.attack()));
        lines.push(format!("           do: {}", finding.fix()));
    }
    if findings.is_empty() {
        lines.push(format!("  {}", "nothing is left open that CAA can close".green()));
    }
    lines.push(String::new());
    lines
}

/// One finding (docs/json.md).
#[derive(Serialize)]
struct FindingRow {
    r#type: &'static str,
    name: String,
    kind: &'static str,
    severity: &'static str,
    finding: String,
    attack: &'static str,
    fix: &'static str,
}

impl FindingRow {
    fn new(view: &CaaView, finding: &CaaFinding) -> Self {
        Self {
            r#type: "caa-finding",
            name: view.name.to_string(),
            kind: finding.kind(),
            severity: finding.severity().as_str(),
            finding: finding.to_string(),
            attack: finding.attack(),
            fix: finding.fix(),
        }
    }
}

/// A name, after its findings (docs/json.md).
#[derive(Serialize)]
struct NameRow {
    r#type: &'static str,
    name: String,
    source: &'static str,
    found_at: Option<String>,
    records: Vec<RecordRow>,
    findings: usize,
}

impl NameRow {
    fn new(view: &CaaView, findings: &[CaaFinding]) -> Self {
        let relevant = view.relevant();
        let records = relevant.into_iter().flat_map(|seen| &seen.records);
        Self {
            r#type: "caa-name",
            name: view.name.to_string(),
            source: match view.source {
                Source::Dns => "dns",
                Source::ZoneFile => "zone-file",
            },
            found_at: relevant.map(|seen| seen.name.to_string()),
            records: records.map(RecordRow::new).collect(),
            findings: findings.len(),
        }
    }
}
