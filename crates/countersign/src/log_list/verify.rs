//! `countersign log-list verify`: what somebody who has the keys can say about a list.

use anyhow::Context as _;
use countersign_sct::SignedList;
use countersign_sct::enforcer::{DEGRADED_DAYS, Ladder, STRICT_DAYS};
use countersign_sct::signed_list::{ListKeys, Note};
use countersign_tlog::note::VerifierKey;
use countersign_tlog::{Checkpoint, TlogProof, leaf_hash};
use jiff::Timestamp;
use serde::Serialize;

use super::age::days;
use super::build::operators;
use super::file;
use crate::ExitStatus;
use crate::args::ListVerifyArgs;
use crate::print::{Form, Printer};

/// Verifies a list.
pub(super) fn run(
    args: &ListVerifyArgs,
    printer: &mut Printer,
    now: Timestamp,
) -> anyhow::Result<ExitStatus> {
    let keys = file::keys(&args.keys)?;
    let bytes = file::read(&args.file)?;
    let proof = match (&args.proof, &args.log) {
        (Some(proof), Some(log)) => Some((file::read(proof)?, verifier_key(log)?)),
        (Some(_) | None, _) => None,
    };
    let mut row = VerifiedRow::new(&keys, &bytes);
    match keys.verify(&bytes) {
        Ok(list) => row.describe(&list, now),
        Err(why) => row.refused = Some(chain(&why)),
    }
    if let (Some((proof, log)), Ok(note)) = (&proof, Note::parse(&bytes)) {
        match proven(proof, &note.text, log) {
            Ok((index, head)) => (row.log_index, row.log_size) = (Some(index), Some(head.size())),
            Err(why) => row.refused = row.refused.take().or(Some(why)),
        }
    }
    row.ok = row.refused.is_none() && row.rung == Some("strict");
    match printer.form() {
        Form::Json => printer.object(&row)?,
        Form::Human => row.print(printer)?,
    }
    Ok(if row.ok { ExitStatus::Expected } else { ExitStatus::Findings })
}

/// The public key of a log.
pub(super) fn verifier_key(text: &str) -> anyhow::Result<VerifierKey> {
    text.parse().with_context(|| format!("{text:?} is not the key of a log"))
}

/// That the log has the text, and under which head; why not.
pub(super) fn proven(
    proof: &[u8],
    text: &str,
    log: &VerifierKey,
) -> Result<(u64, Checkpoint), String> {
    let proof = TlogProof::parse(proof).map_err(|why| format!("the proof: {}", chain(&why)))?;
    let head = proof.verify(&leaf_hash(&[text.as_bytes()]), log);
    let head = head.map_err(|why| format!("not proven to be in the log: {}", chain(&why)))?;
    Ok((proof.index(), head))
}

/// An error with what it comes from, in a line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

/// A list that was looked at, in JSON (docs/json.md).
#[derive(Serialize)]
struct VerifiedRow {
    r#type: &'static str,
    ok: bool,
    refused: Option<String>,
    signed_by: Vec<String>,
    signatures_needed: usize,
    version: Option<u64>,
    issued: Option<String>,
    expires: Option<String>,
    logs: Option<usize>,
    operators: Option<usize>,
    suspensions: Vec<String>,
    age_days: Option<i64>,
    rung: Option<&'static str>,
    log_index: Option<u64>,
    log_size: Option<u64>,
}

impl VerifiedRow {
    fn new(keys: &ListKeys, bytes: &[u8]) -> Self {
        let note = Note::parse(bytes).ok();
        let signers = note.map_or(Vec::new(), |note| {
            keys.signers(&note).iter().map(|key| key.name().to_owned()).collect()
        });
        Self {
            r#type: "verified-list",
            ok: false,
            refused: None,
            signed_by: signers,
            signatures_needed: keys.threshold(),
            version: None,
            issued: None,
            expires: None,
            logs: None,
            operators: None,
            suspensions: Vec::new(),
            age_days: None,
            rung: None,
            log_index: None,
            log_size: None,
        }
    }

    fn describe(&mut self, list: &SignedList, now: Timestamp) {
        self.version = Some(list.version);
        self.issued = Some(list.issued.to_string());
        self.expires = Some(list.expires.to_string());
        self.logs = Some(list.logs.logs.len());
        self.operators = Some(operators(list));
        self.suspensions = list.suspensions.iter().map(ToString::to_string).collect();
        self.age_days = Some(days(list.issued, now));
        self.rung = Some(match Ladder::of(list.issued, list.expires, now) {
            Ladder::Strict => "strict",
            Ladder::Degraded { .. } => "degraded",
            Ladder::TooOld { .. } => "too-old",
        });
    }

    fn print(&self, printer: &mut Printer) -> anyhow::Result<()> {
        let signers =
            if self.signed_by.is_empty() { "nobody".to_owned() } else { self.signed_by.join(", ") };
        printer.line(format_args!("signed by {signers}; {} must", self.signatures_needed))?;
        if let (Some(version), Some(issued), Some(logs), Some(operators), Some(age)) =
            (self.version, &self.issued, self.logs, self.operators, self.age_days)
        {
            printer.line(format_args!(
                "version {version}, issued {issued}, {age} days ago: {logs} logs of {operators} operators"
            ))?;
        }
        for suspension in &self.suspensions {
            printer.line(format_args!("suspended: {suspension}"))?;
        }
        if let (Some(index), Some(size)) = (self.log_index, self.log_size) {
            printer.line(format_args!("entry {index} of a log with {size}"))?;
        }
        match self.rung {
            Some("degraded") => printer.line(format_args!(
                "older than {STRICT_DAYS} days: clients demand one SCT of a known log only"
            ))?,
            Some("too-old") => printer.line(format_args!(
                "expired, or older than {DEGRADED_DAYS} days: clients only warn, unless they are high-risk"
            ))?,
            Some(_) | None => {}
        }
        match &self.refused {
            Some(why) => printer.line(format_args!("refused: {why}"))?,
            None if self.ok => printer.line("ok")?,
            None => {}
        }
        Ok(())
    }
}
