//! `countersign log-list publish` and `serve`: the folder that others fetch from.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use countersign_logd::publication::{KEYS, LIST, Publication};
use countersign_logd::{Door, Publisher};
use countersign_sct::SignedList;
use countersign_sct::signed_list::{ListKeys, Note};
use jiff::Timestamp;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::age::leap;
use super::file::{self, Signable};
use crate::ExitStatus;
use crate::args::ListPublishArgs;
use crate::failure::Failure;
use crate::print::{Form, Printer};

/// Publishes what every client that follows would take, and nothing else.
pub(super) fn run(
    args: &ListPublishArgs,
    printer: &mut Printer,
    now: Timestamp,
) -> anyhow::Result<ExitStatus> {
    let key = file::secret_key(&args.log_key)?.signer();
    let log = key.verifier_key().to_string();
    let bytes = file::read(&args.list)?;
    // Before anything in the folder is looked at: of two that publish at once, one must not compare with what the
    // other is about to replace.
    let publisher = Publisher::open(&args.dir, key)?;
    let (keys, keys_bytes) = keys(args)?;
    let refused = || format!("{} is not published", args.list.display());
    let list = keys.verify(&bytes).with_context(refused)?;
    let text = Note::parse(&bytes).expect("it was read before").text;
    if let Some(why) = objection(&args.dir.join(LIST), &list, &text, now)? {
        return Err(Failure::new(format!("{}: {why}", refused())).into());
    }
    let publication =
        Publication { text: &text, list: &bytes, keys: (keys.version(), &keys_bytes) };
    let published = publisher.publish(publication)?;
    match printer.form() {
        Form::Json => printer.object(&PublishedRow {
            r#type: "published",
            version: list.version,
            keys_version: keys.version(),
            log,
            log_index: published.index,
            log_size: published.size,
            was_logged: published.was_logged,
        })?,
        Form::Human => {
            printer.line(format_args!(
                "list {} is entry {} of the log, which has {}",
                list.version, published.index, published.size
            ))?;
            printer.line(format_args!("the log's key is {log}"))?;
        }
    }
    Ok(ExitStatus::Expected)
}

/// Why a list is not the next one after the one that is published.
fn objection(
    published: &Path,
    list: &SignedList,
    text: &str,
    now: Timestamp,
) -> anyhow::Result<Option<String>> {
    if file::read_if_any(published)?.is_none() {
        return Ok(leap(list, 0, now));
    }
    if Signable::read(published)?.text == text {
        return Ok(None);
    }
    let last = file::list(published)?;
    if list.version > last.version && list.issued >= last.issued {
        return Ok(leap(list, last.version, now));
    }
    Ok(Some(format!(
        "it has version {} of {}, and version {} of {} is published",
        list.version, list.issued, last.version, last.issued
    )))
}

/// The keys that the list must be signed with, and the file that says them. Those that follow upon others need the
/// signatures of both.
fn keys(args: &ListPublishArgs) -> anyhow::Result<(ListKeys, Vec<u8>)> {
    let published = args.dir.join(KEYS);
    let known = file::read_if_any(&published)?;
    let known_keys = known.as_ref().map(|_| file::keys(&published)).transpose()?;
    match (&args.keys, known_keys.zip(known)) {
        (None, Some(known)) => Ok(known),
        (Some(path), known) => {
            let (keys, bytes) = (file::keys(path)?, file::read(path)?);
            let Some((known, known_bytes)) = known else { return Ok((keys, bytes)) };
            if known == keys {
                // The file there may have the signatures that clients ask for, and this one none.
                return Ok((known, known_bytes));
            }
            known.rotate(&bytes).with_context(|| format!("cannot use {}", path.display()))?;
            Ok((keys, bytes))
        }
        (None, None) => Err(Failure::new(format!("there are no keys in {}", args.dir.display()))
            .hint("name them with --keys when something is published there for the first time")
            .into()),
    }
}

/// What was published, in JSON (docs/json.md).
#[derive(Serialize)]
struct PublishedRow {
    r#type: &'static str,
    version: u64,
    keys_version: u64,
    log: String,
    log_index: u64,
    log_size: u64,
    was_logged: bool,
}

/// Serves a folder.
pub(super) fn serve(
    dir: &Path,
    listen: SocketAddr,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let dir = dir.canonicalize().map_err(|error| Failure::read(dir, &error))?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
        let door = Door::open(listen)
            .await
            .map_err(|error| Failure::new(format!("cannot listen at {listen}: {error}")))?;
        let address = door.address()?.to_string();
        match printer.form() {
            Form::Human => {
                printer.line(format_args!("serves {} at http://{address}", dir.display()))?
            }
            Form::Json => {
                printer.object(&ListeningRow { r#type: "listening", door: "list", address })?
            }
        }
        let stop = CancellationToken::new();
        let served = door.serve(dir, stop.clone());
        tokio::pin!(served);
        loop {
            tokio::select! {
                ended = &mut served => {
                    ended.context("the door broke")?;
                    return Ok(ExitStatus::Expected);
                }
                _ = interrupt.recv() => stop.cancel(),
                _ = terminate.recv() => stop.cancel(),
            }
        }
    })
}

/// A door that is open, in JSON (docs/json.md).
#[derive(Serialize)]
struct ListeningRow {
    r#type: &'static str,
    door: &'static str,
    address: String,
}
