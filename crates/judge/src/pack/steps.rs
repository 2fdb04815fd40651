//! How to verify a pack by hand: the same steps for the page and for the plain text.

use super::encoding::{base64, hex};
use super::pieces::Pieces;
use super::{Api, Contents};
use crate::plain::plain;

/// One thing to verify.
pub(super) struct Step {
    /// What it shows.
    pub(super) title: String,
    /// What that means, and what to expect. Harmless text.
    pub(super) text: String,
    /// For a shell, in the folder of the pack. Each ends with 0 if what it looks at is so. Nothing in them is foreign
    /// text: names are ours, and the rest is digits.
    pub(super) commands: Vec<String>,
}

/// All steps that such a pack allows, in order.
pub(super) fn steps(contents: &Contents, pieces: &Pieces<'_>) -> Vec<Step> {
    let mut steps = vec![Step {
        title: "The files are those that were packed".to_owned(),
        text: "This finds accidents only: whoever changes a file can change the list too. What follows does not depend \
               on it. Each line ends with OK."
            .to_owned(),
        commands: vec!["sha256sum -c MANIFEST.sha256".to_owned()],
    }];
    steps.extend(look(pieces));
    steps.extend(chain(pieces));
    steps.extend(issuer_key(pieces));
    if pieces.certificate.is_some() || !contents.sightings.is_empty() {
        steps.push(Step {
            title: "Each entry is about this certificate, and in its log".to_owned(),
            text: "verify.py needs Python 3 and nothing else, and is short enough to be read first. For each entry it \
                   shows that entry.bin is about this certificate, that the audit path leads from entry.bin to the \
                   root hash that the log published, and that the openssl commands below verify the signature on that \
                   very root hash. It ends with 2, and says so, where a proof is missing."
                .to_owned(),
            commands: vec!["python3 verify.py".to_owned()],
        });
    }
    steps.extend(logs(contents, pieces));
    steps.extend(scts(contents, pieces));
    steps.extend(lists(contents));
    steps
}

fn look(pieces: &Pieces<'_>) -> Option<Step> {
    let (name, what) = match (pieces.shown(), pieces.tbs) {
        (Some((name, _)), _) => (format!("{name}.pem"), "the certificate"),
        (None, Some(_)) => ("tbs.der".to_owned(), "what the logs recorded of the certificate"),
        (None, None) => return None,
    };
    let command = match pieces.shown() {
        Some(_) => format!("openssl x509 -in {name} -noout -text"),
        None => format!("openssl asn1parse -inform DER -in {name}"),
    };
    Some(Step {
        title: "What the certificate says".to_owned(),
        text: format!(
            "Shows {what}: look for the names under \"Subject Alternative Name\", and for the issuer. A certificate \
             with a \"CT Precertificate Poison\" is the one that the CA signed and showed to logs first."
        ),
        commands: vec![command],
    })
}

fn chain(pieces: &Pieces<'_>) -> Option<Step> {
    // The times are not those of today, and the poison of a precertificate is critical.
    const VERIFY: &str =
        "openssl verify -partial_chain -no_check_time -ignore_critical -purpose any -trusted";
    let mut commands = Vec::new();
    let (issuer, _) = pieces.issuer()?;
    for (name, place) in [("certificate", issuer), ("precertificate", 0)] {
        let is_here = match name {
            "certificate" => pieces.certificate.is_some(),
            _ => pieces.precertificate.is_some(),
        };
        if is_here {
            commands.push(format!("{VERIFY} chain/{place}.pem {name}.pem"));
        }
    }
    for place in 1..pieces.chain.len() {
        commands.push(format!("{VERIFY} chain/{place}.pem chain/{}.pem", place - 1));
    }
    let last = pieces.chain.len() - 1;
    commands
        .push(format!("openssl x509 -in chain/{last}.pem -noout -subject -fingerprint -sha256"));
    Some(Step {
        title: "The CA has signed it".to_owned(),
        text: "Each certificate is signed with the key of the one above: the lines say OK. The last command names the \
               CA at the top; compare its fingerprint with the list of the CAs that browsers trust, at \
               https://www.ccadb.org/resources."
            .to_owned(),
        commands,
    })
}

fn issuer_key(pieces: &Pieces<'_>) -> Option<Step> {
    let (hash, (place, _)) = (pieces.issuer_key_hash?, pieces.issuer()?);
    Some(Step {
        title: "The logs have recorded this CA's key".to_owned(),
        text: "The entry of a precertificate names its CA by the SHA-256 of the CA's key. The command prints a line if \
               it is the key of the certificate above."
            .to_owned(),
        commands: vec![format!(
            "openssl x509 -in chain/{place}.pem -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | grep {}",
            hex(&hash)
        )],
    })
}

fn logs(contents: &Contents, pieces: &Pieces<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for ((number, sighting), head) in (1..).zip(&contents.sightings).zip(&pieces.heads) {
        let Some(log) = contents.log(&sighting.log) else { continue };
        let folder = format!("log-{number}");
        let mut commands = vec![format!(
            "(printf '\\000'; cat {folder}/entry.bin) | sha256sum | grep -f {folder}/leaf-hash.hex"
        )];
        let mut text = "The first command prints the hash of the entry if it is the one by which the log's tree knows \
                        it."
            .to_owned();
        if log.key.is_some() {
            commands.push(format!(
                "openssl pkey -pubin -in {folder}/log-key.pem -outform DER | openssl dgst -sha256 -binary | base64 | \
                 grep -F '{}'",
                base64(&log.id)
            ));
            text += " The second prints the log's id, which is the hash of its key.";
        }
        if log.key.is_some() && head.is_some() {
            commands.push(format!(
                "openssl dgst -sha256 -verify {folder}/log-key.pem -signature {folder}/tree-head.sig \
                 {folder}/tree-head.signed.bin"
            ));
            text += " The last says \"Verified OK\" if the log has signed the tree head.";
        }
        steps.push(Step {
            title: format!("{folder}: entry {} of {}", sighting.index, plain(&log.description)),
            text,
            commands,
        });
    }
    steps
}

fn scts(contents: &Contents, pieces: &Pieces<'_>) -> Option<Step> {
    let mut commands = Vec::new();
    for (number, piece) in (1..).zip(&pieces.scts) {
        let log = piece.sct.as_ref().and_then(|sct| contents.log(&sct.log_id.0));
        if piece.signed.is_some() && log.is_some_and(|log| log.key.is_some()) {
            commands.push(format!(
                "openssl dgst -sha256 -verify scts/{number}.log-key.pem -signature scts/{number}.sig \
                 scts/{number}.signed.bin"
            ));
        }
    }
    (!commands.is_empty()).then(|| Step {
        title: "Logs have promised to publish it".to_owned(),
        text: "The certificate carries signed certificate timestamps (SCTs): promises of logs. Each line says \"Verified \
               OK\" if the log has made the promise. The .signed.bin files are the TBSCertificate without the SCTs, with \
               the CA's key hash and the time before it (RFC 6962, 3.2)."
            .to_owned(),
        commands,
    })
}

/// What a pack cannot show.
fn lists(contents: &Contents) -> Option<Step> {
    if contents.logs.is_empty() {
        return None;
    }
    let mut places = Vec::new();
    for (number, sighting) in (1..).zip(&contents.sightings) {
        let Some(log) = contents.log(&sighting.log) else { continue };
        let (url, index) = (log.url.trim_end_matches('/'), sighting.index);
        let place = match log.api {
            Api::Rfc6962 => format!("{url}/ct/v1/get-entries?start={index}&end={index}"),
            Api::StaticCt => format!("{url}/checkpoint, and the tile that holds entry {index}"),
        };
        places.push(format!("log-{number}: {}", plain(&place)));
    }
    let ask = match places.is_empty() {
        true => String::new(),
        false => format!(
            " While a log is there it can be asked for the entry itself: {}.",
            places.join("; ")
        ),
    };
    Some(Step {
        title: "The logs are public ones".to_owned(),
        text: format!(
            "Nothing in this pack can show that. Look the ids (log_id in each log.json) up in a list of logs that you \
             have from somewhere else, such as https://www.gstatic.com/ct/log_list/v3/all_logs_list.json.{ask}"
        ),
        commands: Vec::new(),
    })
}
