//! `countersign log-list sign`: one more signature.

use countersign_sct::signed_list::{SIGNATURES_MAX, Signature};
use serde::Serialize;

use super::build::operators;
use super::file::{self, Content, Signable};
use crate::ExitStatus;
use crate::args::ListSignArgs;
use crate::failure::Failure;
use crate::print::{Form, Printer};

/// Signs a file that can be read as what it is.
pub(super) fn run(args: &ListSignArgs, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let key = file::secret_key(&args.key)?.signer();
    let mut file = Signable::read(&args.file)?;
    let content = file.content(&args.file)?;
    if let Some(path) = &args.last {
        let last = Signable::read(path)?;
        if let Err(why) = is_next(&content, &last.content(path)?, file.text == last.text) {
            let what = format!("{} is not signed: {why}", args.file.display());
            return Err(Failure::new(what).into());
        }
    }
    let signed = key.sign(&file.text);
    let (name, key_id) = (signed.name.to_string(), signed.key_id);
    // A signature of the same key is replaced: it may be a damaged one.
    file.signatures.retain(|one| one.name != name || one.key_id != key_id);
    if file.signatures.len() >= SIGNATURES_MAX {
        return Err(Failure::new(format!("it has {SIGNATURES_MAX} signatures already")).into());
    }
    file.signatures.push(Signature { name: name.clone(), key_id, signature: signed.signature });
    file::replace(&args.file, file.to_text().as_bytes())?;
    let (kind, version, what) = match &content {
        Content::List(list) => (
            "list",
            list.version,
            format!(
                "list {}, issued {}, with {} logs of {} operators and {} suspensions",
                list.version,
                list.issued,
                list.logs.logs.len(),
                operators(list),
                list.suspensions.len(),
            ),
        ),
        Content::Keys(keys) => {
            let names: Vec<_> = keys.keys().iter().map(|key| key.name()).collect();
            let (version, threshold) = (keys.version(), keys.threshold());
            let what =
                format!("keys {version}, of which {threshold} must sign: {}", names.join(", "));
            ("keys", version, what)
        }
    };
    let signatures = file.signatures.len();
    match printer.form() {
        Form::Json => {
            let file = args.file.display().to_string();
            let key = key.verifier_key().to_string();
            printer.object(&SignedRow {
                r#type: "signed",
                kind,
                version,
                key,
                signatures,
                file,
            })?;
        }
        Form::Human => {
            printer.line(format_args!("{name} signed {what}"))?;
            printer.line(format_args!("{} has {signatures} signatures", args.file.display()))?;
        }
    }
    Ok(ExitStatus::Expected)
}

/// Whether one comes after another. Signing the very same again is signing it with one more key.
fn is_next(new: &Content, last: &Content, is_same: bool) -> Result<(), String> {
    match (new, last) {
        _ if is_same => Ok(()),
        (Content::List(new), Content::List(last)) if new.version <= last.version => {
            Err(format!("it has version {}, and the last list had {}", new.version, last.version))
        }
        (Content::List(new), Content::List(last)) if new.issued < last.issued => {
            Err(format!("it was issued {}, before the last list", new.issued))
        }
        (Content::List(_), Content::List(_)) => Ok(()),
        (Content::Keys(new), Content::Keys(last)) => {
            if Some(new.version()) == last.version().checked_add(1) {
                return Ok(());
            }
            let (new, last) = (new.version(), last.version());
            Err(format!("it has version {new}, and the last keys had {last}"))
        }
        (Content::List(_), Content::Keys(_)) | (Content::Keys(_), Content::List(_)) => {
            Err("one is a list, and the other is keys".to_owned())
        }
    }
}

/// A signature that was added, in JSON (docs/json.md).
#[derive(Serialize)]
struct SignedRow {
    r#type: &'static str,
    kind: &'static str,
    version: u64,
    key: String,
    signatures: usize,
    file: String,
}
