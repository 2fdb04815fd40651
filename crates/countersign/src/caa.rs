//! `countersign caa`: who may issue for a name, as its CAA records say.

mod authorities;
mod explain;
mod import;
mod known;
mod lint;
mod plan;
mod record_row;
mod row;
mod table;

use crate::ExitStatus;
use crate::args::{CaaCommand, Global};
use crate::print::Printer;

/// Runs the one subcommand.
pub(crate) fn run(
    command: &CaaCommand,
    global: &Global,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    match command {
        CaaCommand::Plan(args) => plan::run(args, global, printer),
        CaaCommand::Lint(args) => lint::run(args, global, printer),
        CaaCommand::Explain(args) => explain::run(args, global, printer),
        CaaCommand::Import(args) => import::run(args, global, printer),
        CaaCommand::Authorities(args) => authorities::run(args, global, printer),
    }
}
