//! `enforce`: starts a program that then demands SCTs, though nobody has changed it. What the library does that is
//! preloaded into it, `libs/sct-preload` says.

mod coverage;
mod elf;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;

use anyhow::Context as _;
use countersign_sct::{ListKeys, PublicRoots};
use serde::Serialize;
use tracing::{debug, warn};

use crate::ExitStatus;
use crate::args::{EnforceArgs, Global};
use crate::failure::Failure;
use crate::print::{Form, Printer};
use coverage::{Coverage, look};

/// Becomes the program: its signals and its exit status are those of the program. Returns only if it cannot, or
/// was only to check.
pub(crate) fn run(
    args: &EnforceArgs,
    global: &Global,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let (command, arguments) = args.command.split_first().expect("the flags demand a command");
    let library = library()?;
    let preload = preload(&library)?;
    let program = coverage::found(command)?;
    let coverage = look(&program, &library, &preload)?;
    if args.check {
        return told(&program, &library, &coverage, printer);
    }
    match &coverage {
        Coverage::Covered(libraries) => {
            debug!("{} uses {}, which is covered", program.display(), libraries.join(", "));
        }
        Coverage::AtRunTime(why) => warn!("{why}"),
        Coverage::No { why, hint } => return Err(Failure::new(why.clone()).hint(*hint).into()),
    }
    let mut started = Command::new(&program);
    // Programs that go by their own name keep it.
    started.arg0(command).args(arguments).env("LD_PRELOAD", &preload).envs(settings(args)?);
    if global.verbose > 0 {
        started.env("COUNTERSIGN_VERBOSE", "1");
    }
    let why = started.exec();
    Err(Failure::new(format!("cannot start {}: {why}", program.display())).into())
}

/// The library: named by `COUNTERSIGN_PRELOAD`, beside this program, or where packages put it.
fn library() -> Result<PathBuf, Failure> {
    let named = std::env::var_os("COUNTERSIGN_PRELOAD").filter(|path| !path.is_empty());
    if let Some(path) = named {
        return fs::canonicalize(&path).map_err(|why| Failure::read(Path::new(&path), &why));
    }
    let own = std::env::current_exe().ok();
    let own = own.as_deref().and_then(Path::parent);
    let near = own
        .into_iter()
        .flat_map(|folder| ["", "../lib/countersign", "../lib"].map(|place| folder.join(place)));
    let places = near.chain(PLACES.iter().map(PathBuf::from));
    let mut found = places.filter_map(|place| fs::canonicalize(place.join(LIBRARY)).ok());
    found.next().ok_or_else(|| {
        Failure::new(format!("there is no {LIBRARY} beside this program, nor in {}", PLACES.join(" or ")))
            .hint("cargo build -p countersign-sct-preload builds it; COUNTERSIGN_PRELOAD says where it is")
    })
}

/// The value of `LD_PRELOAD`: ours, and whatever was there.
fn preload(library: &Path) -> Result<OsString, Failure> {
    let is_separator = |byte: &u8| matches!(byte, b' ' | b':');
    if library.as_os_str().as_bytes().iter().any(is_separator) {
        return Err(Failure::new(format!(
            "{} cannot be preloaded: its path has a space or a colon",
            library.display()
        ))
        .hint("put it elsewhere, and name it in COUNTERSIGN_PRELOAD"));
    }
    let mut preload = library.as_os_str().to_owned();
    if let Some(others) = std::env::var_os("LD_PRELOAD").filter(|others| !others.is_empty()) {
        // An `enforce` in an `enforce` need not load it twice; the loader would not.
        preload.push(":");
        preload.push(others);
    }
    Ok(preload)
}

/// The variables that the library reads. What they name is looked at here, where mistakes can still be told.
fn settings(args: &EnforceArgs) -> anyhow::Result<Vec<(&'static str, OsString)>> {
    let mut settings = Vec::new();
    let mut set = |name, path: &Path| -> anyhow::Result<()> {
        // The program may go to another folder.
        let path = absolute(path).with_context(|| format!("cannot find {}", path.display()))?;
        settings.push((name, path.into_os_string()));
        Ok(())
    };
    if let (Some(list), Some(keys)) = (&args.list, &args.list_keys) {
        verify(list, keys)?;
        set("COUNTERSIGN_LIST", list)?;
        set("COUNTERSIGN_LIST_KEYS", keys)?;
    }
    if let Some(roots) = &args.public_roots {
        if roots.is_file() {
            let text = fs::read_to_string(roots).map_err(|why| Failure::read(roots, &why))?;
            let count = PublicRoots::default().add_pem(&text);
            let count = count.with_context(|| format!("cannot use {}", roots.display()))?;
            if count == 0 {
                let what = format!("{} has no certificate in PEM", roots.display());
                return Err(Failure::new(what).into());
            }
        } else {
            fs::read_dir(roots).map_err(|why| Failure::read(roots, &why))?;
        }
        set("COUNTERSIGN_PUBLIC_ROOTS", roots)?;
    }
    if let Some(memory) = &args.memory {
        set("COUNTERSIGN_MEMORY", memory)?;
    } else if std::env::var_os("COUNTERSIGN_MEMORY").is_none() {
        match default_memory() {
            Ok(Some(memory)) => set("COUNTERSIGN_MEMORY", &memory)?,
            Ok(None) => {}
            Err(why) => warn!("nothing will be remembered: {why}"),
        }
    }
    if args.high_risk {
        settings.push(("COUNTERSIGN_PROFILE", "high-risk".into()));
    }
    Ok(settings)
}

/// Verifies a list, as the library will: it would only say so, and go by the one that is built in.
fn verify(list: &Path, keys: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(keys).map_err(|why| Failure::read(keys, &why))?;
    let known = ListKeys::parse(&text).with_context(|| format!("cannot use {}", keys.display()))?;
    let note = fs::read(list).map_err(|why| Failure::read(list, &why))?;
    known.verify(&note).with_context(|| format!("cannot use {}", list.display()))?;
    Ok(())
}

/// Where things are remembered if nobody says otherwise. The folder is made for the user alone.
fn default_memory() -> io::Result<Option<PathBuf>> {
    let variable =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
    let Some(folder) = state.map(|state| state.join("countersign")) else { return Ok(None) };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    Ok(Some(folder.join("sct-memory")))
}

/// What `--check` prints as JSON.
#[derive(Serialize)]
struct Row<'a> {
    r#type: &'static str,
    program: String,
    library: String,
    covered: &'static str,
    by: &'a [String],
    why: Option<&'a str>,
}

fn told(
    program: &Path,
    library: &Path,
    coverage: &Coverage,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let (covered, by, why, status) = match coverage {
        Coverage::Covered(by) => ("yes", &by[..], None, ExitStatus::Expected),
        Coverage::AtRunTime(why) => ("at-run-time", &[][..], Some(&**why), ExitStatus::Findings),
        Coverage::No { why, .. } => ("no", &[][..], Some(&**why), ExitStatus::CouldNotLook),
    };
    let (program, library) = (program.display().to_string(), library.display().to_string());
    match printer.form() {
        Form::Json => {
            printer.object(&Row { r#type: "coverage", program, library, covered, by, why })?;
        }
        Form::Human => match coverage {
            Coverage::Covered(by) => {
                printer.line(format!("covered: {program} uses {}", by.join(", ")))?;
            }
            Coverage::AtRunTime(why) => printer.line(format!("cannot be told: {why}"))?,
            Coverage::No { why, hint } => {
                printer.line(format!("not covered: {why}"))?;
                printer.line(format!("hint: {hint}"))?;
            }
        },
    }
    Ok(status)
}

/// What the library is called.
const LIBRARY: &str = "libcountersign_sct_preload.so";
/// Where packages put it.
const PLACES: &[&str] = &["/usr/local/lib/countersign", "/usr/lib/countersign"];
