//! A place of its own to run the command in, and what is found there.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use countersign_sct::LogKey;
use serde_json::Value;
use tempfile::TempDir;

/// A place of its own to run commands in.
pub(crate) struct Place {
    dir: TempDir,
}

/// What a command left behind.
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// With a configuration that guards a name and has its only list of logs in a file.
    pub(crate) fn configured() -> Self {
        let place = Self::new();
        place.write("countersign.toml", CONFIG);
        place.write("logs.json", &log_list("Log 1"));
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(arguments.split_whitespace()).current_dir(self.dir.path());
        command.env("HOME", "/home/nobody");
        for name in ["XDG_CONFIG_HOME", "RUST_LOG", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Outcome {
        let output = self.command(arguments).output().unwrap();
        Outcome {
            status: output.status.code().expect("it ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// All of the outcome as one text.
    pub(crate) fn outcome(&self, arguments: &str) -> String {
        let Outcome { status, stdout, stderr } = self.run(arguments);
        let lines = |text: String| {
            text.lines().map(|line| line.trim_end().to_owned() + "\n").collect::<String>()
        };
        format!("{}{}exit {status}", lines(stdout), lines(stderr))
    }

    /// The rows of `--json`.
    pub(crate) fn rows(&self, arguments: &str) -> Vec<Value> {
        let outcome = self.run(arguments);
        outcome.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

pub(crate) const CONFIG: &str = r#"guard = [".xmpp.example"]
contact = "ct@xmpp.example"

[log-lists]
sources = [{ name = "file", file = "logs.json" }]
"#;

/// The key of a log of ours, whose private half nobody kept.
pub(crate) const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQYmMzj0L5C5iOuZ0WRN4FosI6MJ5m1awqTRpbby2abap69/SthXXu2ZAffG+b1bqUyXBf4LTyTjtKJypFtLUVA==";

pub(crate) fn log_id() -> [u8; 32] {
    use base64::Engine as _;
    let spki = base64::prelude::BASE64_STANDARD.decode(KEY).unwrap();
    LogKey::from_spki(&spki).unwrap().id().0
}

pub(crate) fn log_list(description: &str) -> String {
    use base64::Engine as _;
    let id = base64::prelude::BASE64_STANDARD.encode(log_id());
    format!(
        r#"{{"operators": [{{"name": "Operator", "logs": [
            {{"description": "{description}", "log_id": "{id}", "key": "{KEY}", "url": "https://log.example/",
             "mmd": 86400, "state": {{"usable": {{"timestamp": "2026-01-01T00:00:00Z"}}}},
             "temporal_interval": {{"start_inclusive": "2025-07-01T00:00:00Z", "end_exclusive": "2127-01-01T00:00:00Z"}}}},
            {{"description": "Broken", "key": "AAAA"}}]}}]}}"#
    )
}
