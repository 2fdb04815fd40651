//! One TOML file: found, read, checked, shown, and written for the first time.
//!
//! Keys are kebab-case, units are written, secrets are named by path, and an unknown key is
//! refused. Leaving a key out gives the default and never turns a safety off.

mod address;
mod delivery;
mod file;
pub(crate) mod gate;
mod init;
mod judging;
mod nearest;
mod period;
mod probe;
pub(crate) mod secret;
mod settings;
mod spec;
mod vantage;
mod zone;

use serde::Serialize;

use crate::ExitStatus;
use crate::args::{ConfigCommand, Global};
use crate::failure::Failure;
use crate::print::{Form, Printer};
use file::File;

pub(crate) use delivery::{Security, Sink, Smtp, Way};
pub(crate) use init::init;
pub(crate) use judging::{Host, ThirdParty};
pub(crate) use period::Period;
pub(crate) use settings::{Settings, guard, guard_hint};
pub(crate) use vantage::DIRECT;
pub(crate) use zone::Zone;

/// What is in force: the file that the flags name or the first there is, and the flags above it.
pub(crate) fn settings(global: &Global) -> Result<Settings, Failure> {
    let file = File::find(global.config.as_deref())?;
    in_force(&file, global)
}

/// The same for what works without a configuration; `None` if there is none.
pub(crate) fn settings_if_any(global: &Global) -> Result<Option<Settings>, Failure> {
    let file = File::find_any(global.config.as_deref())?;
    file.map(|file| in_force(&file, global)).transpose()
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
        (ConfigCommand::Check, form) => check(&file, &settings, form, printer)?,
        (ConfigCommand::Show, Form::Human) => printer.text(text(&settings).as_bytes())?,
        (ConfigCommand::Show, Form::Json) => printer.object(&settings.spec())?,
    }
    Ok(ExitStatus::Expected)
}

/// Says what is not wise, and `ok`: what is wrong, nobody gets settings from.
fn check(
    file: &File,
    settings: &Settings,
    form: Form,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    settings.delivery.check_secrets()?;
    let warnings = settings.delivery.warnings();
    match form {
        Form::Human => {
            for warning in &warnings {
                printer.line(format_args!("warning: {warning}"))?;
            }
            printer.line("ok")?;
        }
        Form::Json => printer.object(&CheckRow { file: file.name(), ok: true, warnings })?,
    }
    Ok(())
}

/// A line of `config check --json`.
#[derive(Serialize)]
struct CheckRow {
    file: String,
    ok: bool,
    warnings: Vec<String>,
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
