//! `countersign conformance`: our judgement on the test cases of others, one JSON object a line.
//!
//! Cases stream through: each is read, judged and printed before the next. Those about CAA are one JSON document, which
//! is read whole first. A verdict is no error, whatever it says; an error is a file that cannot be read to its end.

mod caa;
mod dnssec;
mod record;
#[cfg_attr(not(test), expect(dead_code, reason = "a replay says more than is compared"))]
mod replay;
mod sct;
mod x509;

use crate::ExitStatus;
use crate::args::ConformanceCommand;
use crate::print::Printer;
use crate::progress::Progress;

/// `conformance …`.
pub(crate) fn run(
    command: &ConformanceCommand,
    printer: &mut Printer,
    progress: &Progress,
) -> anyhow::Result<ExitStatus> {
    match command {
        ConformanceCommand::X509 { file, watch } => x509::run(file, watch, printer, progress)?,
        ConformanceCommand::Sct { certs, issuers, log_list } => {
            sct::run(certs, issuers, log_list, printer)?;
        }
        ConformanceCommand::Caa { cases } => caa::run(cases, printer)?,
        ConformanceCommand::Dnssec { files } => dnssec::run(files, printer)?,
    }
    Ok(ExitStatus::Expected)
}
