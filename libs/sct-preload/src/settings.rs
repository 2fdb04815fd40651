//! What the environment says: the same variables for every way in that reads files.
//!
//! | variable | what | without it |
//! |---|---|---|
//! | `COUNTERSIGN_LIST` | a signed list of logs | the one that is built in |
//! | `COUNTERSIGN_LIST_KEYS` | the keys that have signed it | `COUNTERSIGN_LIST` is not read |
//! | `COUNTERSIGN_PUBLIC_ROOTS` | further public roots: PEM, or a folder of `.crt` and `.pem` files | those built in, and Mozilla's of Debian |
//! | `COUNTERSIGN_MEMORY` | what is remembered from one start to the next | nothing is |
//! | `COUNTERSIGN_PROFILE` | `default` or `high-risk` | `default` |
//! | `COUNTERSIGN_VERBOSE` | `1`: tell of what is accepted, too | only refusals and warnings |
//!
//! What cannot be read or verified is told, and what is built in stays in force: a mistake never turns anything off.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use countersign_sct::enforcer::Memory;
use countersign_sct::signed_list::NOTE_BYTES_MAX;
use countersign_sct::{self as sct, Enforcer, ListKeys, Profile, PublicRoots, SignedList};

use crate::memory_file::MemoryFile;

/// What is in force.
pub(crate) struct Settings {
    pub(crate) enforcer: Enforcer,
    pub(crate) memory_file: Option<MemoryFile>,
    pub(crate) is_verbose: bool,
    /// What could not be read, in a line each.
    pub(crate) problems: Vec<String>,
}

/// What the environment of this program says.
pub(crate) fn environment() -> Settings {
    read(|name| std::env::var_os(name))
}

/// Whether to tell of what is accepted, too.
pub(crate) fn is_verbose() -> bool {
    std::env::var_os(VERBOSE).is_some_and(|value| value == "1")
}

fn read(variable: impl Fn(&str) -> Option<OsString>) -> Settings {
    // An empty variable is one that somebody has unset.
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let path = |name: &str| variable(name).map(PathBuf::from);
    let mut problems = Vec::new();

    let mut settings = sct::Settings::new("preload");
    settings.profile = match variable("COUNTERSIGN_PROFILE") {
        None => Profile::Default,
        Some(profile) if profile == "default" => Profile::Default,
        Some(profile) if profile == "high-risk" => Profile::HighRisk,
        Some(profile) => {
            problems.push(format!(
                "COUNTERSIGN_PROFILE is {profile:?}, neither default nor high-risk: taken for high-risk"
            ));
            Profile::HighRisk
        }
    };

    let (roots, unread) = public_roots(Path::new(MOZILLA), path("COUNTERSIGN_PUBLIC_ROOTS"));
    problems.extend(unread);

    let memory_file = path("COUNTERSIGN_MEMORY").map(MemoryFile::new);
    let memory = match memory_file.as_ref().map(MemoryFile::read) {
        None => Memory::default(),
        Some(Ok(memory)) => memory,
        Some(Err(why)) => {
            problems.push(why);
            Memory::default()
        }
    };

    let enforcer = Enforcer::new(settings, SignedList::built_in(), roots, memory);
    match (path("COUNTERSIGN_LIST"), path("COUNTERSIGN_LIST_KEYS")) {
        (None, None) => {}
        (Some(list), Some(keys)) => match verified(&list, &keys) {
            Ok(newer) => {
                if let Err(why) = enforcer.take(newer) {
                    problems.push(format!("{}: {why}; the newer one stays in force", list.display()));
                }
            }
            Err(why) => problems.push(format!("{why}; the list that is built in stays in force")),
        },
        (Some(_), None) | (None, Some(_)) => problems.push(
            "COUNTERSIGN_LIST and COUNTERSIGN_LIST_KEYS go together; the list that is built in stays in force"
                .to_owned(),
        ),
    }
    let is_verbose = variable(VERBOSE).is_some_and(|value| value == "1");
    Settings { enforcer, memory_file, is_verbose, problems }
}

/// The list in one file that the keys in the other have signed.
fn verified(list: &Path, keys: &Path) -> Result<SignedList, String> {
    let told = |path: &Path, why: &dyn std::error::Error| match why.source() {
        Some(source) => format!("{}: {why}: {source}", path.display()),
        None => format!("{}: {why}", path.display()),
    };
    let text = text_of(keys, KEYS_BYTES_MAX)?;
    let known = ListKeys::parse(&text).map_err(|why| told(keys, &why))?;
    let note = text_of(list, NOTE_BYTES_MAX)?;
    known.verify(note.as_bytes()).map_err(|why| told(list, &why))
}

/// Those that are built in, those of a folder that need not be there, and those of a path. Says what could not be read.
fn public_roots(folder: &Path, named: Option<PathBuf>) -> (PublicRoots, Vec<String>) {
    let mut roots = PublicRoots::built_in();
    let folder = Some(folder.to_owned()).filter(|folder| folder.is_dir());
    let paths = folder.into_iter().chain(named);
    let problems = paths.flat_map(|path| add_roots(&mut roots, &path)).collect();
    (roots, problems)
}

/// Adds the roots of a file, or of every certificate in a folder. Says what could not be read.
fn add_roots(roots: &mut PublicRoots, path: &Path) -> Vec<String> {
    let files = match fs::read_dir(path) {
        Err(_) => vec![path.to_owned()], // a file, or nothing: reading it tells
        Ok(entries) => {
            let is_certificate = |path: &PathBuf| {
                path.extension().is_some_and(|ending| ending == "crt" || ending == "pem")
            };
            let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
            paths.filter(is_certificate).take(FILES_MAX).collect()
        }
    };
    let mut problems = Vec::new();
    for file in files {
        let added = text_of(&file, ROOTS_BYTES_MAX).and_then(|text| {
            roots.add_pem(&text).map_err(|why| format!("{}: {why}", file.display()))
        });
        match added {
            Ok(0) => problems.push(format!("{}: no certificate in PEM", file.display())),
            Ok(_) => {}
            Err(why) => problems.push(why),
        }
    }
    problems
}

/// A file's text, if it has no more bytes than that.
pub(crate) fn text_of(path: &Path, bytes_max: usize) -> Result<String, String> {
    let cannot = |why: &dyn std::fmt::Display| format!("cannot read {}: {why}", path.display());
    let file = File::open(path).map_err(|why| cannot(&why))?;
    let limit = u64::try_from(bytes_max).expect("a small number") + 1;
    let mut text = String::new();
    file.take(limit).read_to_string(&mut text).map_err(|why| cannot(&why))?;
    if text.len() > bytes_max {
        return Err(cannot(&format_args!("it has more than {bytes_max} bytes")));
    }
    Ok(text)
}

/// The roots that Debian's ca-certificates has of Mozilla, each in a file: one that came after ours is public, too.
const MOZILLA: &str = "/usr/share/ca-certificates/mozilla";
/// Tells of what is accepted.
const VERBOSE: &str = "COUNTERSIGN_VERBOSE";
/// Sixteen keys of some 200 bytes, and as many signatures.
const KEYS_BYTES_MAX: usize = 16 * 1024;
/// All roots that Debian ships in one file have 220 kB.
const ROOTS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Debian's folder has 140.
const FILES_MAX: usize = 2_000;

#[cfg(test)]
mod tests;
