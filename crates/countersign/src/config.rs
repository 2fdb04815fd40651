//! One TOML file: found, read, checked, shown, and written for the first time.
//!
//! Keys are kebab-case, units are written, secrets are named by path, and an unknown key is
//! refused. Leaving a key out gives the default and never turns a safety off.

mod address;
mod file;
mod init;
mod nearest;
mod period;
mod settings;
mod spec;
mod vantage;

use serde::Serialize;

use crate::ExitStatus;
use crate::args::{ConfigCommand, Global};
use crate::failure::Failure;
use crate::print::{Form, Printer};
use file::File;

pub(crate) use init::init;
pub(crate) use period::Period;
pub(crate) use settings::{Settings, guard};

/// What is in force: the file that the flags name or the first there is, and the flags above it.
pub(crate) fn settings(global: &Global) -> Result<Settings, Failure> {
    let file = File::find(global.config.as_deref())?;
    in_force(&file, global)
}

/// `config check` and `config show`.
pub(crate) fn run(
    command: &ConfigCommand,
    global: &Global,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let file = File::find(global.config.as_deref())?;
    let settings = in_force(&file, global)?;
    match (command, printer.form()) {
        (ConfigCommand::Check, Form::Human) => printer.line("ok")?,
        (ConfigCommand::Check, Form::Json) => {
            let file = file.name();
            printer.object(&CheckRow { file, ok: true })?;
        }
        (ConfigCommand::Show, Form::Human) => printer.text(text(&settings).as_bytes())?,
        (ConfigCommand::Show, Form::Json) => printer.object(&settings.spec())?,
    }
    Ok(ExitStatus::Expected)
}

/// A line of `config check --json`.
#[derive(Serialize)]
struct CheckRow {
    file: String,
    ok: bool,
}

fn in_force(file: &File, global: &Global) -> Result<Settings, Failure> {
    let mut settings = Settings::new(&file.spec()?, file)?;
    if let Some(dir) = &global.state_dir {
        settings.state_dir.clone_from(dir);
    }
    Ok(settings)
}

/// The settings as a file that, read again, gives the same settings.
fn text(settings: &Settings) -> String {
    toml::to_string(&settings.spec()).expect("a Spec is made of tables, texts and numbers")
}

#[cfg(test)]
mod tests;
