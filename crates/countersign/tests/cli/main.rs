//! The command as people and scripts meet it: help, errors with hints, exit statuses, what is printed.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod caa;
mod config;
mod conformance;
mod delegations;
mod help;
mod place;
mod sct;
mod state;
mod watched;

use std::fs;
use std::io;
use std::path::Path;
use std::process::Stdio;

use insta::assert_snapshot;
use serde_json::Value;

use delegations::{ZONE, look};
use place::{CONFIG, Place, log_list};
use watched::{ago, forked, watched};

#[test]
fn what_is_no_command_is_refused() {
    let place = Place::new();
    assert_snapshot!(place.outcome("guard"), @r"
    error: unrecognized subcommand 'guard'

    Usage: countersign [OPTIONS] <COMMAND>

    For more information, try '--help'.
    exit 2
    ");
    assert_snapshot!(place.outcome("init"), @r"
    error: the following required arguments were not provided:
      <NAME>...

    Usage: countersign init <NAME>...

    For more information, try '--help'.
    exit 2
    ");
    assert_snapshot!(place.outcome("sightings --since yesterday"), @r#"
    error: invalid value 'yesterday' for '--since <TIME>': "yesterday" is not a time: write "2026-11-01" or "2026-11-01T12:00:00Z", or how long ago, as "7d"

    For more information, try '--help'.
    exit 2
    "#);
    assert_snapshot!(place.outcome("status -v -q"), @r"
    error: the argument '--verbose...' cannot be used with '--quiet'

    Usage: countersign status --verbose...

    For more information, try '--help'.
    exit 2
    ");
    assert_eq!(place.run("").status, 2);
}

#[test]
fn colours_are_for_terminals_and_foreign_text_steers_none() {
    let place = Place::configured();
    forked(&watched(&place));
    for command in
        ["status", "troubles", "status --json", "troubles --json", "--color never status"]
    {
        assert!(!place.run(command).stdout.contains('\u{1b}'), "{command}");
    }
    let coloured = place.run("--color always status").stdout;
    assert!(coloured.contains('\u{1b}') && !coloured.contains("\u{1b}[2J"));
}

#[test]
fn every_field_is_in_the_manual() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let manual = fs::read_to_string(manual).unwrap();
    let place = Place::configured();
    place.write("countersign.toml", &format!("{CONFIG}{ZONE}"));
    let store = watched(&place);
    forked(&store);
    store.keep_log_list("file", log_list("Log").as_bytes(), ago(1)).unwrap();
    look(&store, "records 00080d0202");
    let commands = [
        "status",
        "sightings",
        "troubles",
        "log-list show",
        "log-list diff",
        "config check",
        "delegations",
        "delegations accept xmpp.example",
        "incidents",
        "show 1",
    ];
    for command in commands {
        let rows = place.rows(&format!("{command} --json"));
        assert!(!rows.is_empty(), "{command}");
        for key in rows.iter().filter_map(Value::as_object).flat_map(|row| row.keys()) {
            assert!(manual.contains(&format!("`{key}`")), "{command}: {key}");
        }
    }
}

#[test]
fn a_reader_that_leaves_is_nobodys_fault() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let place = Place::new();
    let mut command = place.command("completions bash");
    let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn events_are_filtered_as_asked_or_not_at_all() {
    let place = Place::new();
    let output = place.command("completions bash").env("RUST_LOG", "a=b=c").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: cannot use RUST_LOG: "), "{stderr}");
}

#[test]
fn completions_and_manual_pages_are_made() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = place.run(&format!("completions {shell}")).stdout;
        assert!(script.contains("log-list") && script.contains("state-dir"), "{shell}");
    }
    assert!(place.run("man").stdout.contains(".TH countersign 1"));
    assert_snapshot!(place.outcome("man --out pages/man1"), @r"
    wrote the pages to pages/man1
    exit 0
    ");
    for page in
        ["countersign", "countersign-init", "countersign-log-list-diff", "countersign-status"]
    {
        assert!(place.path(&format!("pages/man1/{page}.1")).exists(), "{page}");
    }
}
