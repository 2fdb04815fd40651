//! `countersign caa import`: the CCADB's list of names in CAA records, kept for later.

use std::path::PathBuf;

use countersign_judge::caa_plan::authority::Authorities;
use countersign_judge::caa_plan::{CaaReport, REPORT_BYTES_MAX};
use countersign_net::Clock;
use jiff::tz::Offset;
use serde::Serialize;

use super::table;
use crate::ExitStatus;
use crate::args::{CaaImportArgs, Global};
use crate::config;
use crate::failure::Failure;
use crate::material;
use crate::print::{Form, Printer};

/// Reads a report, and writes what is kept of it.
pub(super) fn run(
    args: &CaaImportArgs,
    global: &Global,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let report = CaaReport::parse(&material::bytes(&args.file, REPORT_BYTES_MAX)?)
        .map_err(anyhow::Error::new)
        .map_err(|why| {
            Failure::new(format!("{} is not the report: {why:#}", args.file.display()))
                .hint("it is called AllCAAIdentifiersReportCSVV2 on the CCADB's page of resources")
        })?;
    let out = out(args, global)?;
    let on = Offset::UTC.to_datetime(Clock::system().now()).date();
    table::save(&out, &report.organizations, on).map_err(|error| {
        Failure::write(&out, &error)
            .hint("--out FILE writes elsewhere; the state directory is made by the first `watch`")
    })?;
    let known = Authorities::built_in();
    let issuers = || report.organizations.iter().flat_map(|one| &one.issuers);
    let row = ImportRow {
        r#type: "imported",
        file: out.display().to_string(),
        organizations: report.organizations.len(),
        issuers: issuers().count(),
        added: issuers().filter(|name| known.of_issuer(name).next().is_none()).count(),
        skipped: report.skipped,
    };
    match printer.form() {
        Form::Json => printer.object(&row)?,
        Form::Human => printer.line(format_args!(
            "wrote {}: {} names of {} organizations, {} of them not built in; passed over: {} words that are no names",
            row.file, row.issuers, row.organizations, row.added, row.skipped
        ))?,
    }
    Ok(ExitStatus::Expected)
}

fn out(args: &CaaImportArgs, global: &Global) -> Result<PathBuf, Failure> {
    if let Some(out) = &args.out {
        return Ok(out.clone());
    }
    match config::settings_if_any(global)? {
        Some(settings) => Ok(table::place(&settings)),
        None => {
            Err(Failure::new("there is no configuration, and so no state directory to keep it in")
                .hint("--out FILE says where; `caa plan --authorities FILE` then reads it"))
        }
    }
}

/// What `caa import --json` prints.
#[derive(Serialize)]
struct ImportRow {
    r#type: &'static str,
    file: String,
    organizations: usize,
    issuers: usize,
    added: usize,
    skipped: usize,
}
