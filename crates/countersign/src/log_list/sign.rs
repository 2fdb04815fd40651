//! `countersign log-list sign`: one more signature, and all that its giver has to know of what is signed.

use std::fmt::Display;

use countersign_sct::log_list::{Changed, Field};
use countersign_sct::signed_list::{ListKeys, SIGNATURES_MAX, Signature};
use countersign_sct::{Api, Log, LogList, SignedList, State};
use jiff::Timestamp;
use serde::Serialize;

use super::age::leap;
use super::build::operators;
use super::file::{self, Content, Signable};
use crate::ExitStatus;
use crate::args::ListSignArgs;
use crate::failure::Failure;
use crate::print::{Form, Printer};

/// Signs a file that can be read as what it is, and that comes after what was signed last.
pub(super) fn run(
    args: &ListSignArgs,
    printer: &mut Printer,
    now: Timestamp,
) -> anyhow::Result<ExitStatus> {
    let key = file::secret_key(&args.key)?.signer();
    let mut file = Signable::read(&args.file)?;
    let content = file.content(&args.file)?;
    let last =
        args.last.as_deref().map(|path| Ok::<_, anyhow::Error>((path, Signable::read(path)?)));
    let last = last.transpose()?;
    let is_same = last.as_ref().is_some_and(|(_, last)| last.text == file.text);
    let last = last.map(|(path, last)| last.content(path)).transpose()?;
    if let Some(why) = objection(&content, last.as_ref(), is_same, now) {
        let what = format!("{} is not signed: {why}", args.file.display());
        return Err(Failure::new(what).into());
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
    let shown = Shown::new(&content, last.as_ref());
    let (signatures, path) = (file.signatures.len(), args.file.display().to_string());
    match printer.form() {
        Form::Json => {
            let key = key.verifier_key().to_string();
            printer.object(&SignedRow { r#type: "signed", shown, key, signatures, file: path })?;
        }
        Form::Human => {
            printer.line(format_args!("{name} signed {}", shown.what))?;
            shown.print(printer)?;
            printer.line(format_args!("{path} has {signatures} signatures"))?;
        }
    }
    Ok(ExitStatus::Expected)
}

/// Why something is not signed after another. Signing the very same again is signing it with one more key.
fn objection(
    new: &Content,
    last: Option<&Content>,
    is_same: bool,
    now: Timestamp,
) -> Option<String> {
    match (new, last) {
        _ if is_same => None,
        (Content::List(new), None) => leap(new, 0, now),
        (Content::Keys(new), None) => (new.version() != 1)
            .then(|| format!("it has version {}, and the first keys have 1", new.version())),
        (Content::List(new), Some(Content::List(last))) if new.version <= last.version => {
            Some(format!("it has version {}, and the last list had {}", new.version, last.version))
        }
        (Content::List(new), Some(Content::List(last))) if new.issued < last.issued => {
            Some(format!("it was issued {}, before the last list", new.issued))
        }
        (Content::List(new), Some(Content::List(last))) => leap(new, last.version, now),
        (Content::Keys(new), Some(Content::Keys(last))) => {
            let (new, last) = (new.version(), last.version());
            (Some(new) != last.checked_add(1))
                .then(|| format!("it has version {new}, and the last keys had {last}"))
        }
        (Content::List(_), Some(Content::Keys(_))) | (Content::Keys(_), Some(Content::List(_))) => {
            Some("one is a list, and the other is keys".to_owned())
        }
    }
}

/// What differs between two lists of logs, a line for each log.
fn list_differences(old: &LogList, new: &LogList) -> Vec<String> {
    let diff = old.diff(new);
    let added = diff.added.iter().map(|log| format!("added: {}", in_full(log)));
    let removed = diff.removed.iter().map(|log| format!("removed: {}", in_full(log)));
    added.chain(removed).chain(diff.changed.iter().map(change)).collect()
}

/// All that a list says of a log.
fn in_full(log: &Log) -> String {
    let (id, operator, kind) = (log.key.id(), &log.operator, kind(log));
    format!("{} ({id}) of {operator}, {kind}, {}{}", log.description, states(log), previous(log))
}

fn change(changed: &Changed<'_>) -> String {
    let Changed { old, new, fields } = changed;
    let parts: Vec<_> = fields
        .iter()
        .map(|field| match field {
            Field::Description => arrow("name", &old.description, &new.description),
            Field::Operator => arrow("operator", &old.operator, &new.operator),
            Field::PreviousOperators => arrow("before", previous(old), previous(new)),
            Field::Api => arrow("kind", kind(old), kind(new)),
            Field::States => arrow("state", states(old), states(new)),
            // The same in all lists for clients.
            Field::Mmd | Field::Interval | Field::Purpose => format!("{field:?}"),
        })
        .collect();
    format!("changed: {} ({}): {}", new.description, new.key.id(), parts.join("; "))
}

fn arrow(what: &str, old: impl Display, new: impl Display) -> String {
    format!("{what} \"{old}\" -> \"{new}\"")
}

fn kind(log: &Log) -> &'static str {
    match log.api {
        Api::Rfc6962 { .. } => "rfc6962",
        Api::StaticCt { .. } => "static-ct",
    }
}

fn states(log: &Log) -> String {
    // A list for clients knows these two.
    let word =
        |state: &State| if *state == State::Retired { "retired at" } else { "trusted since" };
    let states = log.states.iter().map(|(state, since)| format!("{} {since}", word(state)));
    states.collect::<Vec<_>>().join(", ")
}

fn previous(log: &Log) -> String {
    let previous = log.previous_operators.iter();
    previous.map(|(operator, until)| format!(", until {until} of {operator}")).collect()
}

/// What differs between two sets of keys.
fn keys_differences(old: Option<&ListKeys>, new: &ListKeys) -> Vec<String> {
    let old_keys = old.map_or(&[][..], ListKeys::keys);
    let added = new.keys().iter().filter(|key| !old_keys.contains(key));
    let removed = old_keys.iter().filter(|key| !new.keys().contains(key));
    let threshold = old.filter(|old| old.threshold() != new.threshold());
    (added.map(|key| format!("added: {key}")))
        .chain(removed.map(|key| format!("removed: {key}")))
        .chain(
            threshold.map(|old| {
                format!("changed: {} -> {} must sign", old.threshold(), new.threshold())
            }),
        )
        .collect()
}

/// A signature that was added, in JSON (docs/json.md).
#[derive(Serialize)]
struct SignedRow {
    r#type: &'static str,
    #[serde(flatten)]
    shown: Shown,
    key: String,
    signatures: usize,
    file: String,
}

/// What is signed.
#[derive(Serialize)]
struct Shown {
    kind: &'static str,
    version: u64,
    /// In a line.
    #[serde(skip)]
    what: String,
    issued: Option<String>,
    expires: Option<String>,
    suspensions: Vec<String>,
    #[serde(skip)]
    compared_with: &'static str,
    differences: Vec<String>,
}

impl Shown {
    fn new(content: &Content, last: Option<&Content>) -> Self {
        match (content, last) {
            (Content::List(list), Some(Content::List(last))) => {
                Self::of_list(list, &last.logs, "the last list")
            }
            (Content::List(list), _) => {
                Self::of_list(list, &SignedList::built_in().logs, "the built-in list")
            }
            (Content::Keys(keys), Some(Content::Keys(last))) => {
                Self::of_keys(keys, Some(last), "the last keys")
            }
            (Content::Keys(keys), _) => Self::of_keys(keys, None, "no keys"),
        }
    }

    fn of_list(list: &SignedList, old: &LogList, compared_with: &'static str) -> Self {
        let SignedList { version, issued, expires, .. } = list;
        let (logs, operators) = (list.logs.logs.len(), operators(list));
        Self {
            kind: "list",
            version: *version,
            what: format!(
                "list {version}, issued {issued}, expires {expires}, with {logs} logs of {operators} operators"
            ),
            issued: Some(issued.to_string()),
            expires: Some(expires.to_string()),
            suspensions: list.suspensions.iter().map(ToString::to_string).collect(),
            compared_with,
            differences: list_differences(old, &list.logs),
        }
    }

    fn of_keys(keys: &ListKeys, old: Option<&ListKeys>, compared_with: &'static str) -> Self {
        let names: Vec<_> = keys.keys().iter().map(|key| key.name()).collect();
        let (version, threshold) = (keys.version(), keys.threshold());
        Self {
            kind: "keys",
            version,
            what: format!("keys {version}, of which {threshold} must sign: {}", names.join(", ")),
            issued: None,
            expires: None,
            suspensions: Vec::new(),
            compared_with,
            differences: keys_differences(old, keys),
        }
    }

    fn print(&self, printer: &mut Printer) -> anyhow::Result<()> {
        for suspension in &self.suspensions {
            printer.line(format_args!("suspended: {suspension}"))?;
        }
        let (count, compared_with) = (self.differences.len(), self.compared_with);
        printer.line(format_args!("{count} differences from {compared_with}"))?;
        for difference in &self.differences {
            printer.line(difference)?;
        }
        Ok(())
    }
}
