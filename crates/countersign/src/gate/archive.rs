//! `countersign gate archive`: decisions as they were, and whether they hold.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use countersign_caa::{Identifier, Record};
use countersign_dns::walk;
use countersign_gate::archive::{Lines, read_proof};
use countersign_gate::rejudge::rejudge;
use countersign_gate::row::{LookupRow, RecordRow};
use serde::Serialize;

use crate::ExitStatus;
use crate::args::{ArchiveArgs, ArchiveCommand};
use crate::config::gate::Settings;
use crate::failure::Failure;
use crate::hash;
use crate::print::{Form, Printer, hex};
use crate::way_out;

/// Runs the one subcommand.
pub(super) fn run(
    command: &ArchiveCommand,
    configured: impl Fn() -> Result<Settings, Failure>,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    match command {
        ArchiveCommand::Show { id, name, archive } => {
            let (dir, _) = place(archive, configured)?;
            show(*id, name.as_deref(), &dir, printer)
        }
        ArchiveCommand::Verify { head, archive } => {
            let (dir, walks) = place(archive, configured)?;
            verify(head.as_deref(), &dir, &walks, printer)
        }
    }
}

/// Where the archive is, and what is trusted.
fn place(
    args: &ArchiveArgs,
    configured: impl Fn() -> Result<Settings, Failure>,
) -> Result<(PathBuf, walk::Settings), Failure> {
    let (dir, anchors) = match &args.dir {
        Some(dir) => (dir.clone(), args.anchors.clone()),
        None => {
            let settings = configured()?;
            (settings.archive, args.anchors.clone().or(settings.anchors))
        }
    };
    Ok((dir, way_out::walk_settings(anchors.as_deref())?))
}

fn show(
    id: Option<u64>,
    name: Option<&str>,
    dir: &Path,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let name = name.map(|name| {
        Identifier::parse(name)
            .map(|identifier| identifier.to_string())
            .map_err(|why| Failure::new(format!("{name:?} is no name: {why}")))
    });
    let name = name.transpose()?;
    let mut lines = Lines::open(dir)?;
    let mut status = ExitStatus::Findings;
    while let Some(line) = lines.next_line()? {
        let number = lines.chain().lines;
        if id.is_some_and(|id| id != number) {
            continue;
        }
        let record = line.record().with_context(|| format!("record {number} cannot be read"))?;
        let is_about = |name: &String| record.names.iter().any(|row| row.name == *name);
        if name.as_ref().is_some_and(|name| !is_about(name)) {
            continue;
        }
        status = ExitStatus::Expected;
        print(&record, printer)?;
        if id.is_some() {
            break;
        }
    }
    Ok(status)
}

fn print(record: &RecordRow, printer: &mut Printer) -> anyhow::Result<()> {
    if printer.form() == Form::Json {
        return Ok(printer.object(&DecisionRow { r#type: "decision", record })?);
    }
    let RecordRow { id, at, verdict, source, .. } = record;
    let of = record.reference.as_ref().map_or_else(String::new, |of| format!(" ({of})"));
    printer.line(format_args!("decision {id}, {at}, by {source}{of}: {verdict}"))?;
    for account in &record.accounts {
        printer.line(format_args!("  account {} ({})", account.uri, account.relation))?;
    }
    for name in &record.names {
        let method = name.method.as_deref().unwrap_or("no method");
        let (verdict, reason) = (&name.verdict, &name.reason);
        printer
            .line(format_args!("  {}, validated by {method}: {verdict}, {reason}", name.name))?;
        for lookup in &name.lookups {
            lookup_lines(lookup, name.property, printer)?;
        }
    }
    if let Some(all) = &record.perspectives {
        printer.line(format_args!("  other perspectives: {}", all.corroboration))?;
        for said in &all.said {
            let why = said.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            printer.line(format_args!("    {} ({}) {}{why}", said.name, said.region, said.word))?;
        }
    }
    Ok(())
}

fn lookup_lines(
    row: &LookupRow,
    property: Option<usize>,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let hops: Vec<_> =
        row.hops.iter().map(|hop| format!("{} {}", hop.name, hop.security)).collect();
    let found = match &row.failure {
        Some(failure) => format!("failed {} times: {}", failure.tries, failure.why),
        None if row.records.is_empty() => "no records".to_owned(),
        None => format!("{} records", row.records.len()),
    };
    printer.line(format_args!("    CAA {}: {found} ({})", row.name, hops.join(" -> ")))?;
    let lookup = row.lookup()?;
    if let countersign_caa::climb::Outcome::Records(records) = &lookup.outcome {
        for (index, record) in records.iter().enumerate() {
            let decides = if property == Some(index) { " <- decides" } else { "" };
            printer.line(format_args!("      {}{decides}", presentation(record)))?;
        }
    }
    if let Some(proof) = &row.proof {
        printer.line(format_args!("      proof {proof}"))?;
    }
    Ok(())
}

/// `0 issue "ca.example"`.
fn presentation(record: &Record) -> String {
    match record.parts() {
        Ok(parts) => {
            let value = String::from_utf8_lossy(parts.value);
            format!("{} {} {value:?}", parts.flags, parts.tag)
        }
        Err(why) => format!("{} ({why})", hex(record.rdata())),
    }
}

fn verify(
    head: Option<&str>,
    dir: &Path,
    walks: &walk::Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let head = head.map(|text| {
        hash::whole(text)
            .ok_or_else(|| Failure::new(format!("{text:?} is not 64 hexadecimal digits")))
    });
    let head = head.transpose()?;
    let mut lines = Lines::open(dir)?;
    let (mut proofs, mut faults, mut is_seen) = (BTreeSet::new(), Vec::new(), head.is_none());
    loop {
        match lines.next_line() {
            Ok(None) => break,
            Ok(Some(line)) => {
                let number = lines.chain().lines;
                is_seen |= head == Some(lines.chain().head);
                let mut fault =
                    |why: String| faults.push(FaultRow { r#type: "fault", record: number, why });
                match line.record() {
                    Err(why) => fault(format!("it cannot be read: {why}")),
                    Ok(record) => {
                        proofs.extend(record.proofs().into_iter().map(str::to_owned));
                        if let Err(why) = rejudge(&record, walks, &|hash| read_proof(dir, hash)) {
                            fault(why.to_string());
                        }
                    }
                }
            }
            Err(broken) if is_broken(&broken) => {
                let why = broken.to_string();
                faults.push(FaultRow { r#type: "fault", record: lines.chain().lines + 1, why });
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let chain = lines.chain();
    if !is_seen {
        let why = "the given head is not in the chain: records were cut off, or others put in their place";
        faults.push(FaultRow { r#type: "fault", record: chain.lines, why: why.to_owned() });
    }
    let row = VerifiedRow {
        r#type: "archive",
        records: chain.lines,
        proofs: proofs.len(),
        faults: faults.len(),
        head: hex(&chain.head),
        unfinished_bytes: chain.unfinished,
    };
    match printer.form() {
        Form::Json => {
            faults.iter().try_for_each(|fault| printer.object(fault))?;
            printer.object(&row)?;
        }
        Form::Human => {
            for FaultRow { record, why, .. } in &faults {
                printer.line(format_args!("record {record}: {why}"))?;
            }
            let VerifiedRow { records, proofs, head, .. } = &row;
            let found = if faults.is_empty() { "all hold" } else { "NOT all hold" };
            printer.line(format_args!("{records} decisions with {proofs} proofs: {found}"))?;
            printer.line(format_args!("head {head}"))?;
        }
    }
    Ok(if faults.is_empty() { ExitStatus::Expected } else { ExitStatus::Findings })
}

fn is_broken(error: &countersign_gate::archive::ArchiveError) -> bool {
    matches!(error, countersign_gate::archive::ArchiveError::Broken { .. })
}

/// A decision in JSON (docs/json.md).
#[derive(Serialize)]
struct DecisionRow<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    record: &'a RecordRow,
}

/// What does not hold, in JSON (docs/json.md).
#[derive(Serialize)]
struct FaultRow {
    r#type: &'static str,
    record: u64,
    why: String,
}

/// An archive in JSON (docs/json.md).
#[derive(Serialize)]
struct VerifiedRow {
    r#type: &'static str,
    records: u64,
    proofs: usize,
    faults: usize,
    head: String,
    unfinished_bytes: u64,
}
