//! `countersign statement`: how another host says which keys are ours.

use std::fs::OpenOptions;
use std::io::{Read, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use countersign_judge::statement::{HostKey, Statement};
use countersign_net::Clock;
use countersign_tlog::note::KeyName;
use jiff::Timestamp;
use serde::Serialize;

use crate::ExitStatus;
use crate::args::{SignArgs, StatementCommand};
use crate::config::secret;
use crate::failure::Failure;
use crate::material::ours;
use crate::new_file;
use crate::print::{Form, Printer};

/// Makes a key, or signs with one. Neither needs a configuration.
pub(crate) fn run(command: &StatementCommand, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    match command {
        StatementCommand::New { name, out } => new(name, out, printer)?,
        StatementCommand::Sign(args) => sign(args, printer)?,
    }
    Ok(ExitStatus::Expected)
}

fn new(name: &str, out: &Path, printer: &mut Printer) -> anyhow::Result<()> {
    let name: KeyName = name.parse().map_err(|why| Failure::new(format!("{name:?}: {why}")))?;
    if !name.as_str().bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
        let what = format!("{:?} is no name for a host", name.as_str());
        return Err(Failure::new(what).hint("as in --name mx1.xmpp.example").into());
    }
    let key = new_file::key(name, out)?;
    let key = key.signer().verifier_key();
    match printer.form() {
        Form::Json => printer.object(&HostRow {
            name: key.name().to_string(),
            key: key.to_string(),
            written: out.display().to_string(),
        })?,
        Form::Human => {
            printer.line("# Into the configuration of the host that watches:")?;
            printer.line("[[host]]")?;
            printer.line(format_args!("name = \"{}\"", key.name()))?;
            printer.line(format_args!("key = \"{key}\""))?;
            printer.line(format_args!("names = [\"{}\"] # what it is believed for", key.name()))?;
        }
    }
    Ok(())
}

/// What `statement new --json` prints (docs/json.md).
#[derive(Serialize)]
struct HostRow {
    name: String,
    key: String,
    written: String,
}

fn sign(args: &SignArgs, printer: &mut Printer) -> anyhow::Result<()> {
    let key: HostKey = secret::read(&args.host_key)?.parse().map_err(|why| {
        Failure::new(format!("cannot use {}: {why}", args.host_key.display()))
            .hint("`countersign statement new` makes a key")
    })?;
    let signer = key.signer();
    let host = signer.verifier_key().name().clone();
    let now = Clock::system().now();
    // Statements count in whole seconds.
    let at = Timestamp::from_second(now.as_second()).expect("it was a time before");
    let sequences = args.sequence_file.clone().unwrap_or_else(|| beside(&args.host_key));
    for ours in ours(&args.material)? {
        let scope = ours.scope(&args.terms)?;
        let sequence = next_sequence(&sequences, now)?;
        let times = (at, args.terms.until);
        let statement = Statement::new(host.clone(), sequence, times, ours.spki_sha256, scope)
            .map_err(|why| Failure::new(format!("cannot state that: {why}")))?;
        let note = statement.sign(&signer);
        match printer.form() {
            Form::Json => {
                let host = host.to_string();
                printer.object(&StatementRow { host, sequence, statement: note })?;
            }
            Form::Human => printer.text(note.as_bytes())?,
        }
    }
    Ok(())
}

/// What `statement sign --json` prints (docs/json.md).
#[derive(Serialize)]
struct StatementRow {
    host: String,
    sequence: u64,
    statement: String,
}

/// `mx1.key.sequence`.
fn beside(key: &Path) -> PathBuf {
    let mut path = key.as_os_str().to_owned();
    path.push(".sequence");
    path.into()
}

/// A number that is higher than all before it, and kept before anything is signed with it: the time in
/// milliseconds, so that numbers still grow if the file is lost, or one more than the last.
fn next_sequence(path: &Path, now: Timestamp) -> Result<u64, Failure> {
    let failed = |error| Failure::write(path, &error);
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = opened.map_err(failed)?;
    // Of two that sign at once, one waits.
    file.lock().map_err(failed)?;
    let mut text = String::new();
    Read::by_ref(&mut file).take(SEQUENCE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    let last = match text.trim() {
        "" => 0,
        text => text.parse().map_err(|_| {
            Failure::new(format!("{} does not hold a number", path.display()))
                .hint("if the clock is right, remove it: the next number is then the time")
        })?,
    };
    let time = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let Some(next) = u64::checked_add(last, 1).map(|next| next.max(time)) else {
        return Err(Failure::new("there is no higher number left for a statement"));
    };
    file.rewind()
        // Always 20 digits: they take the place of the old ones in one write.
        .and_then(|()| file.write_all(format!("{next:020}\n").as_bytes()))
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    Ok(next)
}

/// The longest number and a line end.
const SEQUENCE_BYTES_MAX: u64 = 22;
