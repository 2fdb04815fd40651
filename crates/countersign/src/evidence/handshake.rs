//! Handshakes as evidence: a file in which a key's holder has signed a client's random bytes.

use std::path::Path;

use countersign_judge::probe::observation::Leaf;
use countersign_store::Reader;
use countersign_store::incident::Incident;
use countersign_tls::exhibit::{Exhibit, HEADER, Verdict};
use serde::Serialize;

use crate::ExitStatus;
use crate::failure::Failure;
use crate::new_file;
use crate::print::{Form, Printer, hex};

/// The text of a handshake, if that is what a file begins as.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.starts_with(HEADER))
}

/// Says what the file proves. Needs no network, configuration or state.
pub(super) fn verify(path: &Path, text: &str, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let exhibit = Exhibit::parse(text).map_err(|why| {
        Failure::new(format!("{} is not a handshake: {why}", path.display()))
            .hint("`countersign probe --save` and `countersign evidence` write such files")
    })?;
    let verdict = exhibit.verify();
    let row = HandshakeRow::new(&verdict);
    match printer.form() {
        Form::Json => printer.object(&row)?,
        Form::Human => {
            for (key, value) in exhibit.about() {
                printer.line(format_args!("{key}: {value} (says the recorder)"))?;
            }
            match &verdict {
                Verdict::Proved(proved) => {
                    let key = row.spki_sha256.as_deref().unwrap_or("that cannot be read");
                    printer.line(format_args!(
                        "holds           the holder of the key {key} has signed"
                    ))?;
                    let random = hex(&proved.client_random);
                    printer.line(format_args!(
                        "                what contains the client's random bytes {random}"
                    ))?;
                    let name = proved.server_name.as_deref().unwrap_or("no name");
                    printer.line(format_args!(
                        "                after it was asked for {name}; {}",
                        proved.covers
                    ))?;
                    printer.line("it does not prove when that was, nor where: only that the key's holder answered somebody who sent these bytes")?;
                }
                Verdict::Nothing { .. } => {
                    printer.line("NOTHING IS PROVED: do not rely on this file")?
                }
            }
        }
    }
    Ok(match verdict {
        Verdict::Proved(_) => ExitStatus::Expected,
        Verdict::Nothing { .. } => ExitStatus::Findings,
    })
}

/// Writes the handshake that shows an incident, the first that was kept.
pub(super) fn write(
    reader: &Reader,
    incident: &Incident,
    out: &Path,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let mut handshakes = Vec::new();
    for (label, sha256) in &incident.evidence {
        let bytes = reader.evidence(sha256)?;
        handshakes.extend(bytes.filter(|bytes| text(bytes).is_some()).map(|bytes| (label, bytes)));
    }
    let Some((label, bytes)) = handshakes.first() else {
        let what = format!("incident {} has no handshake that proves anything", incident.id.0);
        let hint = "it tells what was not there: STARTTLS, a login that binds, an answer";
        return Err(Failure::new(what).hint(hint).into());
    };
    new_file::save(out, bytes).map_err(|error| {
        let hint = "give it another name: evidence is not written over";
        let failure = Failure::write(out, &error);
        if error.kind() == std::io::ErrorKind::AlreadyExists { failure.hint(hint) } else { failure }
    })?;
    let row = WrittenRow {
        r#type: "handshake-written",
        incident: incident.id.0,
        file: out.display().to_string(),
        label: (*label).clone(),
        others: handshakes.len() - 1,
    };
    match printer.form() {
        Form::Json => printer.object(&row)?,
        Form::Human => {
            printer.line(format_args!("wrote {}: {}", row.file, row.label))?;
            printer.line(
                "whoever gets it verifies it with `countersign evidence verify FILE`, offline",
            )?;
            if row.others > 0 {
                let id = row.incident;
                printer.line(format_args!(
                    "{} more are listed by `countersign show {id}`",
                    row.others
                ))?;
            }
        }
    }
    Ok(ExitStatus::Expected)
}

/// What was written, in JSON (docs/json.md).
#[derive(Serialize)]
struct WrittenRow {
    r#type: &'static str,
    incident: u64,
    file: String,
    label: String,
    others: usize,
}

/// What a handshake proves, in JSON (docs/json.md).
#[derive(Serialize)]
struct HandshakeRow {
    r#type: &'static str,
    proved: bool,
    spki_sha256: Option<String>,
    certificate_sha256: Option<String>,
    client_random: Option<String>,
    server_name: Option<String>,
    covers: Option<String>,
}

impl HandshakeRow {
    fn new(verdict: &Verdict) -> Self {
        let proved = match verdict {
            Verdict::Proved(proved) => Some(proved),
            Verdict::Nothing { .. } => None,
        };
        let leaf = proved.and_then(|proved| proved.chain.first()).map(|der| Leaf::of(der));
        Self {
            r#type: "handshake",
            proved: proved.is_some(),
            spki_sha256: leaf.as_ref().and_then(|leaf| leaf.spki_sha256).map(|key| hex(&key)),
            certificate_sha256: leaf.as_ref().map(|leaf| hex(&leaf.sha256)),
            client_random: proved.map(|proved| hex(&proved.client_random)),
            server_name: proved.and_then(|proved| proved.server_name.clone()),
            covers: proved.map(|proved| proved.covers.to_string()),
        }
    }
}
