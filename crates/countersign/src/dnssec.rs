//! `countersign dnssec`: what the signing of zones is worth.

mod check;
mod prove;
mod row;
mod tree;
mod verify;
mod walked;

use crate::ExitStatus;
use crate::args::{DnssecCommand, Global};
use crate::print::Printer;
use crate::progress::Progress;

/// Runs the one subcommand.
pub(crate) fn run(
    command: &DnssecCommand,
    global: &Global,
    printer: &mut Printer,
    progress: &Progress,
) -> anyhow::Result<ExitStatus> {
    match command {
        DnssecCommand::Check(args) => check::run(args, global, printer, progress),
        DnssecCommand::Prove(args) => prove::run(args, global, printer),
        DnssecCommand::Verify(args) => verify::run(args, printer),
    }
}

#[cfg(test)]
mod tests;
