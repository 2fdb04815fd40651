//! `countersign log-list keygen` and `keys`: keys, and sets of them.
//!
//! The secret half is a text as Go's `note` package and `countersign statement new` have it.

use std::path::Path;

use anyhow::Context as _;
use countersign_sct::signed_list::{ListKey, ListKeys};
use countersign_tlog::note::KeyName;
use serde::Serialize;

use super::file;
use crate::ExitStatus;
use crate::args::ListKeysArgs;
use crate::failure::Failure;
use crate::new_file;
use crate::print::{Form, Printer};

/// Makes a key.
pub(super) fn keygen(name: &str, out: &Path, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    // A list may be signed by it, which asks more of a name than a log does.
    ListKey::new(name, [0; 32]).with_context(|| format!("{name:?}"))?;
    let name: KeyName = name.parse().with_context(|| format!("{name:?}"))?;
    let key = new_file::key(name, out)?;
    let key = key.signer().verifier_key().to_string();
    match printer.form() {
        Form::Json => {
            let written = out.display().to_string();
            printer.object(&KeyRow { r#type: "key", key, written })?;
        }
        Form::Human => printer.line(key)?,
    }
    Ok(ExitStatus::Expected)
}

/// A new key, in JSON (docs/json.md).
#[derive(Serialize)]
struct KeyRow {
    r#type: &'static str,
    key: String,
    written: String,
}

/// Makes a set of keys.
pub(super) fn set(args: &ListKeysArgs, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let key = |text: &String| text.parse::<ListKey>().with_context(|| format!("{text:?}"));
    let keys = args.keys.iter().map(key).collect::<anyhow::Result<Vec<_>>>()?;
    let last = args.last.as_deref().map(file::keys).transpose()?;
    let version = match &last {
        None => 1,
        Some(last) => last.version().checked_add(1).context("there is no higher version left")?,
    };
    let set = ListKeys::new(version, args.threshold, keys)?;
    new_file::save(&args.out, set.to_text().as_bytes()).map_err(|error| {
        Failure::write(&args.out, &error).hint("keys are never replaced; name another --out")
    })?;
    let signers = last.map_or(0, |last| last.threshold());
    match printer.form() {
        Form::Json => printer.object(&KeysRow {
            r#type: "keys",
            version,
            threshold: set.threshold(),
            keys: set.keys().iter().map(ToString::to_string).collect(),
            written: args.out.display().to_string(),
        })?,
        Form::Human => {
            printer.text(set.to_text().as_bytes())?;
            if signers > 0 {
                printer.line(format_args!(
                    "# to be signed by {signers} of the keys before, and by {} of these",
                    set.threshold()
                ))?;
            }
        }
    }
    Ok(ExitStatus::Expected)
}

/// A set of keys, in JSON (docs/json.md).
#[derive(Serialize)]
struct KeysRow {
    r#type: &'static str,
    version: u64,
    threshold: usize,
    keys: Vec<String>,
    written: String,
}
