//! What a reader might look for and does not find in a pack, and why. Nothing is silently absent.

use super::encoding::hex;
use super::evidence::head_name;
use super::pieces::Pieces;
use super::{Contents, Log};
use crate::plain::plain;

/// One sentence for each thing that is missing, of harmless text.
pub(super) fn missing(contents: &Contents, pieces: &Pieces<'_>) -> Vec<String> {
    let mut missing = Vec::new();
    if contents.sightings.is_empty() {
        missing.push("No entry of a log is here: none with this certificate was found.".to_owned());
    }
    match (pieces.certificate, &pieces.precertificate) {
        (Some(_), _) => {}
        (None, Some(_)) => missing.push(
            "The certificate itself was seen in no log, only its precertificate. A CA that signs a precertificate \
             has said that it issues the certificate (RFC 6962, 3.1)."
                .to_owned(),
        ),
        (None, None) => missing.push(
            "Neither the certificate nor the precertificate was served as it was signed; there is only what the \
             logs recorded of it."
                .to_owned(),
        ),
    }
    match pieces.chain_breaks_at {
        Some(fingerprint) => missing.push(format!(
            "The chain is not complete: the log did not serve the certificate with the SHA-256 fingerprint {}.",
            hex(&fingerprint)
        )),
        None if pieces.chain.is_empty() => {
            missing.push("No chain is here: no certificate of a CA came with the entries.".to_owned());
        }
        None => {}
    }
    for (number, sighting) in (1..).zip(&contents.sightings) {
        if sighting.inclusion.is_none() {
            missing.push(format!(
                "log-{number}: that the log's tree holds the entry is not proved yet. `countersign watch` asks for a \
                 proof until it has one; make the pack again then."
            ));
        } else if pieces.heads.get(number - 1).is_none_or(Option::is_none) {
            let name = contents.log(&sighting.log).map_or("", |log| head_name(log.api));
            missing.push(format!(
                "log-{number}: {name} is not a tree head as the log should serve it."
            ));
        }
    }
    let unknown = contents.logs.iter().filter(|log| log.key.is_none());
    missing.extend(unknown.map(|Log { description, .. }| {
        format!("The key of the log {} is not here: no list of logs has it.", plain(description))
    }));
    for (number, sct) in (1..).zip(&pieces.scts) {
        let log = sct.sct.as_ref().map(|sct| contents.log(&sct.log_id.0));
        match log {
            None => missing.push(format!("scts/{number}.bin: this SCT cannot be read.")),
            Some(None) => {
                missing.push(format!("scts/{number}.bin: no list of logs has the log of this SCT."))
            }
            Some(Some(_)) => {}
        }
    }
    if contents.incident.entries_left_out > 0 {
        let count = contents.incident.entries_left_out;
        missing.push(format!(
            "{count} more entries with this certificate are known, and not in this pack."
        ));
    }
    if contents.judgement.is_none() {
        missing.push(
            "There is no decision to repeat: the incident is about a log's promise.".to_owned(),
        );
    }
    missing
}
