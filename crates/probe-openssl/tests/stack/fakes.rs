//! Helpers behind a script: the real one, known by its number, and others that are none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

/// A script in a folder of its own.
pub(crate) struct Wrapped {
    pub(crate) path: PathBuf,
    folder: tempfile::TempDir,
}

impl Wrapped {
    /// Becomes the helper, and leaves its number behind.
    pub(crate) fn real(helper: &str) -> Self {
        Self::script(&format!("exec '{helper}'"))
    }

    pub(crate) fn script(what: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("helper");
        let number = folder.path().join("pid");
        let text = format!("#!/bin/sh\necho $$ > '{}'\n{what}\n", number.display());
        fs::write(&path, text).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("it is ours");
        Self { path, folder }
    }

    fn number(&self) -> String {
        let number = fs::read_to_string(self.folder.path().join("pid")).expect("it was started");
        number.trim().to_owned()
    }

    /// Ends the one that was started last.
    pub(crate) fn kill(&self) {
        let killed = Command::new("kill").args(["-KILL", &self.number()]).status();
        assert!(killed.expect("there is kill").success());
    }

    /// The most memory that it ever had.
    pub(crate) fn peak_kib(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.number()));
        let status = status.expect("it is running");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")).expect("Linux says so");
        peak.trim().parse().expect("a number")
    }
}
