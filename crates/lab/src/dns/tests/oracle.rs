//! Programs of others that say whether the lab has it right.

use std::path::Path;
use std::process::{Command, Output};

/// Whether these programs are there. If not, that is said; where it matters, it is an error.
pub(super) fn present(programs: &[&str]) -> bool {
    let is_there = installed(programs);
    let matters = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(is_there || !matters, "{programs:?} must be there");
    is_there
}

/// The same of programs that `check` does not install: their packages would start a server.
pub(super) fn installed(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_missing = |program: &&&str| {
        !std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    let missing: Vec<_> = programs.iter().filter(is_missing).collect();
    if !missing.is_empty() {
        eprintln!("skipped: there is no {missing:?}");
    }
    missing.is_empty()
}

/// Runs one of them to its end.
pub(super) fn run(program: &str, folder: &Path, args: &[&str]) -> Output {
    Command::new(program).args(args).current_dir(folder).output().unwrap()
}

/// All that it printed.
pub(super) fn printed(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}
