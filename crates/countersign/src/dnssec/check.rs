//! `countersign dnssec check`: a zone as all its servers show it, and what is wrong with it.

use countersign_judge::{Severity, ZoneReport};
use countersign_monitor::survey::{self, survey};
use countersign_net::Clock;
use tokio::runtime;

use super::{row, tree};
use crate::ExitStatus;
use crate::args::{CheckArgs, Global};
use crate::config;
use crate::print::{Form, Printer};
use crate::progress::Progress;
use crate::way_out;

/// Looks at the zone that the name is in.
pub(super) fn run(
    args: &CheckArgs,
    global: &Global,
    printer: &mut Printer,
    progress: &Progress,
) -> anyhow::Result<ExitStatus> {
    let (dns, walk) = way_out::dns(config::settings_if_any(global)?.as_ref(), &args.way)?;
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let view = {
        let bar = progress.bar(&format!("servers of {}", args.name));
        let told = |done: usize, total: usize| {
            let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
            bar.at(number(done), number(total));
        };
        let settings =
            survey::Settings { walk, upstream: args.upstream, ..survey::Settings::default() };
        let clock = Clock::system();
        runtime.block_on(survey(&dns, &args.name, &settings, &clock, told))?
    };
    let report = ZoneReport::of(&view);
    match printer.form() {
        Form::Json => row::rows(&report).iter().try_for_each(|row| printer.object(row))?,
        Form::Human => {
            for line in tree::lines(&report) {
                printer.text(format!("{line}\n").as_bytes())?;
            }
        }
    }
    Ok(exit_status(&report))
}

/// What is wrong is told before what could not be seen: who reads the findings sees both.
pub(super) fn exit_status(report: &ZoneReport) -> ExitStatus {
    let mut wrong = report.findings.iter().filter(|finding| !finding.is_blindness());
    if wrong.any(|finding| finding.severity() >= Severity::Warning) {
        return ExitStatus::Findings;
    }
    match report.findings.iter().any(|finding| finding.is_blindness()) {
        true => ExitStatus::CouldNotLook,
        false => ExitStatus::Expected,
    }
}
