//! `countersign evidence`: all that shows an incident to somebody who was not there, in one file, and whether such a
//! file shows it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use countersign_judge::pack::{Check, Outcome, Pack, PackError, TAR_BYTES_MAX, assemble, verify};
use countersign_monitor::contents;
use countersign_store::Store;
use countersign_store::incident::IncidentId;
use serde::Serialize;

use crate::ExitStatus;
use crate::args::{EvidenceArgs, EvidenceCommand};
use crate::config::Settings;
use crate::failure::Failure;
use crate::incidents::unknown;
use crate::log_list;
use crate::new_file;
use crate::plan;
use crate::print::{Form, Printer};

mod handshake;

/// Writes a pack, or verifies one. The settings are read only where a pack is written.
pub(crate) fn run(
    args: &EvidenceArgs,
    settings: impl FnOnce() -> Result<Settings, Failure>,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    match (&args.command, args.id, &args.out) {
        (Some(EvidenceCommand::Verify { file, log_list }), _, _) => {
            verify_file(file, log_list.as_deref(), printer)
        }
        (None, Some(id), Some(out)) => write(IncidentId(id), out, &settings()?, printer),
        (None, _, _) => unreachable!("both are required where there is no subcommand"),
    }
}

fn write(
    id: IncidentId,
    out: &Path,
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let reader = Store::open_reader(&settings.state_dir)?;
    let incident = reader.incident(id)?.ok_or_else(|| unknown(id.0))?;
    if incident.zone.is_some() {
        let why = format!("incident {} is about a zone, and there is no pack for that", id.0);
        return Err(Failure::new(why)
            .hint(format!(
                "`countersign show {} --json` has its evidence; `countersign dnssec verify` verifies each proof",
                id.0
            ))
            .into());
    }
    if incident.domain.is_some() {
        return handshake::write(&reader, &incident, out, printer);
    }
    let judging = plan::judging(settings);
    let mut contents =
        contents(&reader, &settings.sources, &settings.own_logs(), &judging, &incident)?;
    let pack = loop {
        match assemble(&contents) {
            // Where a few entries are very large there is room for fewer of them.
            Err(PackError::TooLarge | PackError::TooManyFiles) if contents.sightings.len() > 1 => {
                let fewer = contents.sightings.len() / 2;
                contents.incident.entries_left_out += contents.sightings.len() - fewer;
                contents.sightings.truncate(fewer);
            }
            packed => break packed?,
        }
    };
    let tar = pack.to_tar();
    new_file::save(out, &tar).map_err(|error| {
        let failure = Failure::write(out, &error);
        match error.kind() {
            io::ErrorKind::AlreadyExists => {
                failure.hint("give it another name: evidence is not written over")
            }
            _ => failure,
        }
    })?;
    let row = WrittenRow {
        r#type: "evidence",
        incident: id.0,
        file: out.display().to_string(),
        files: pack.files().len(),
        entries: contents.sightings.len(),
        proved: contents.sightings.iter().filter(|seen| seen.inclusion.is_some()).count(),
    };
    match printer.form() {
        Form::Json => printer.object(&row)?,
        Form::Human => {
            let WrittenRow { file, entries, proved, .. } = &row;
            printer.line(format_args!(
                "wrote {file}: {entries} entries, {proved} of them proved to be in their logs"
            ))?;
            printer.line(format_args!(
                "whoever gets it unpacks it (`tar xf`) and reads README.html; it says how to verify all of it"
            ))?;
        }
    }
    Ok(ExitStatus::Expected)
}

fn verify_file(
    path: &Path,
    log_list: Option<&Path>,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let logs = log_list.map(log_list::read_file).transpose()?;
    let mut tar = Vec::new();
    // One byte more than a pack may have, so that it is seen to be too long.
    let most = u64::try_from(TAR_BYTES_MAX).expect("usize has at most 64 bits") + 1;
    File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut tar))
        .map_err(|error| Failure::read(path, &error))?;
    if let Some(text) = handshake::text(&tar) {
        return handshake::verify(path, text, printer);
    }
    let pack = Pack::from_tar(&tar).map_err(|why| {
        Failure::new(format!("{} is not an evidence pack: {why}", path.display()))
            .hint("a pack, or a handshake, is what `countersign evidence ID --out FILE` writes")
    })?;
    let verified = verify(&pack, logs.as_ref());
    for check in &verified.checks {
        match printer.form() {
            Form::Json => printer.object(&CheckRow::new(check))?,
            Form::Human => printer.line(CheckRow::new(check).sentence())?,
        }
    }
    let (status, sum) = match verified.outcome() {
        Outcome::Holds => (ExitStatus::Expected, "all of it holds"),
        Outcome::Fails(_) => {
            (ExitStatus::Findings, "NOT ALL OF IT IS SO: do not rely on this pack")
        }
        Outcome::CouldNotTell(_) => {
            (ExitStatus::CouldNotLook, "nothing in it is wrong, but not all of it could be told")
        }
    };
    if printer.form() == Form::Human {
        printer.line(sum)?;
    }
    Ok(status)
}

/// A pack that was written, in JSON (docs/json.md).
#[derive(Serialize)]
struct WrittenRow {
    r#type: &'static str,
    incident: u64,
    file: String,
    files: usize,
    entries: usize,
    proved: usize,
}

/// What came of a check, in JSON (docs/json.md).
#[derive(Serialize)]
struct CheckRow<'a> {
    r#type: &'static str,
    check: &'static str,
    what: &'a str,
    outcome: &'static str,
    why: Option<&'a str>,
}

impl<'a> CheckRow<'a> {
    fn new(check: &'a Check) -> Self {
        let (outcome, why) = match &check.outcome {
            Outcome::Holds => ("holds", None),
            Outcome::CouldNotTell(why) => ("could-not-tell", Some(why.as_str())),
            Outcome::Fails(why) => ("fails", Some(why.as_str())),
        };
        Self { r#type: "check", check: check.name, what: &check.what, outcome, why }
    }

    fn sentence(&self) -> String {
        let (what, why) = (self.what, self.why.unwrap_or_default());
        match self.outcome {
            "holds" => format!("holds           {what}"),
            "fails" => format!("FAILS           {what}: {why}"),
            _ => format!("could not tell  {what}: {why}"),
        }
    }
}
