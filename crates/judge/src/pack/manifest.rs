//! `MANIFEST.sha256`: every other file with its SHA-256, as `sha256sum -c` reads it.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};

use super::Outcome;
use super::encoding::hex;

/// The name of the file.
pub(super) const MANIFEST: &str = "MANIFEST.sha256";

/// The manifest of these files.
pub(super) fn manifest(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut lines = String::new();
    for (name, bytes) in files.iter().filter(|(name, _)| *name != MANIFEST) {
        lines += &format!("{}  {name}\n", hex(digest(&SHA256, bytes).as_ref()));
    }
    lines.into_bytes()
}

/// Whether the manifest is that of the files: it has one text only, so the texts are compared.
pub(super) fn check(files: &BTreeMap<String, Vec<u8>>) -> Outcome {
    let Some(found) = files.get(MANIFEST) else {
        return Outcome::Fails(format!("there is no {MANIFEST}"));
    };
    let due = manifest(files);
    if *found == due {
        return Outcome::Holds;
    }
    let found = String::from_utf8_lossy(found);
    let due = String::from_utf8(due).expect("names and digits are text");
    let changed = due.lines().find(|line| !found.lines().any(|other| other == *line));
    Outcome::Fails(match changed.and_then(|line| line.split_once("  ")) {
        Some((_, name)) => format!("{name} is not the file that was packed"),
        None => format!("{MANIFEST} lists other files than there are"),
    })
}
