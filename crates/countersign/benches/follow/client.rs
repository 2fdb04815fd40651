//! The processes that read a log: how they are configured and started.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_lab::big_log::Running;
use countersign_lab::log::Protocol;

use crate::Kind;

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Floor,
    Countersign,
    Certspotter,
}

/// A name that is not in the data: nobody gets a certificate for it (RFC 2606 §2).
pub(crate) fn guard(number: u32) -> String {
    format!(".guarded-{number}.example")
}

/// Writes a configuration for these logs and no others.
pub(crate) fn configure(
    home: &Path,
    logs: &[Running],
    kind: Kind,
    guards: u32,
) -> anyhow::Result<()> {
    let guards: Vec<String> = (0..guards).map(guard).collect();
    let mut text = format!(
        "guard = {guards:?}\n\
         contact = \"bench@countersign.example\"\n\
         since = \"2000-01-01\"\n\
         [log-lists]\n\
         sources = []\n\
         [watch]\n\
         requests-per-second = 10000\n\
         jobs-per-log = 4\n"
    );
    for (number, log) in logs.iter().enumerate() {
        let (key, url) = (STANDARD.encode(log.spki()), log.url());
        let urls = match kind {
            Kind::Rfc6962 => format!("url = \"{url}\""),
            Kind::Static => {
                format!("monitoring-url = \"{url}\"\nsubmission-url = \"{url}\"")
            }
        };
        text.push_str(&format!(
            "[[extra-log]]\n\
             description = \"large log {number}\"\n\
             key = \"{key}\"\n\
             {urls}\n\
             mmd = \"1d\"\n"
        ));
    }
    Ok(fs::write(home.join("countersign.toml"), text)?)
}

/// Ours, once to the end of the log or on and on.
pub(crate) fn watch(home: &Path, once: bool) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("--quiet").arg("--config").arg(home.join("countersign.toml"));
    command.arg("watch").args(once.then_some("--once"));
    command
}

/// Ours, saying whether it has verified all logs: only then it ends well.
pub(crate) fn status(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("--quiet").arg("--json").arg("--config").arg(home.join("countersign.toml"));
    command.arg("status");
    command
}

/// This program as the floor.
pub(crate) fn floor(
    kind: Kind,
    log: &Running,
    entries: u32,
    guards: u32,
) -> anyhow::Result<Command> {
    let kind = match kind {
        Kind::Rfc6962 => "rfc6962",
        Kind::Static => "static",
    };
    let (entries, guards) = (entries.to_string(), guards.to_string());
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--floor", kind, "--url", &log.url()]);
    command.args(["--entries", &entries, "--guards", &guards]);
    Ok(command)
}

/// Where Debian's package puts it.
pub(crate) const CERTSPOTTER: &str = "/usr/bin/certspotter";

pub(crate) fn configure_certspotter(home: &Path, log: &Running) -> anyhow::Result<()> {
    fs::write(home.join("logs.json"), log.log_list_json(Protocol::Rfc6962))?;
    Ok(fs::write(home.join("watchlist"), guard(0))?)
}

/// It reads from the first entry on and asks for no gzip.
pub(crate) fn certspotter(home: &Path) -> Command {
    let mut command = Command::new(CERTSPOTTER);
    command.arg("-logs").arg(home.join("logs.json"));
    command.arg("-watchlist").arg(home.join("watchlist"));
    command.arg("-state_dir").arg(home.join("state"));
    command.arg("-stdout");
    command
}

/// Whether the position that it keeps is the end of the log.
pub(crate) fn certspotter_is_done(home: &Path, entries: u32) -> bool {
    let Ok(logs) = fs::read_dir(home.join("state/logs")) else { return false };
    let at_end = |state: &serde_json::Value| {
        state["verified_position"]["size"] == entries
            || state["download_position"]["size"] == entries
    };
    logs.flatten()
        .filter_map(|log| fs::read(log.path().join("state.json")).ok())
        .filter_map(|state| serde_json::from_slice(&state).ok())
        .any(|state| at_end(&state))
}
