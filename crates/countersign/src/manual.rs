//! Completions and manual pages, made from the same definitions as the flags.

use std::fs;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::ExitStatus;
use crate::args::Args;
use crate::failure::Failure;
use crate::print::{Form, Printer};

/// Prints the completions for one shell.
pub(crate) fn completions(shell: Shell, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), NAME, &mut script);
    printer.text(&script)?;
    Ok(ExitStatus::Expected)
}

/// Prints the page of the whole command, or writes a page for each command into a directory.
pub(crate) fn man(out: Option<&Path>, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let Some(dir) = out else {
        let mut page = Vec::new();
        Man::new(Args::command()).render(&mut page).map_err(anyhow::Error::from)?;
        printer.text(&page)?;
        return Ok(ExitStatus::Expected);
    };
    fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(Args::command(), dir))
        .map_err(|error| Failure::write(dir, &error))?;
    if printer.form() == Form::Human {
        printer.line(format_args!("wrote the pages to {}", dir.display()))?;
    }
    Ok(ExitStatus::Expected)
}

const NAME: &str = "countersign";
