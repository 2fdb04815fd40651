//! `countersign sct`: what the SCTs of a certificate are worth, and to whom.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use comfy_table::{Cell, Color};
use countersign_ct::certificate::signature::{Signed, signed_by};
use countersign_net::Clock;
use countersign_sct::enforcer::{Ladder, Warning};
use countersign_sct::policy::{APPLE, CHROME, COUNTERSIGN, MOZILLA, Policy, Row};
use countersign_sct::signed_list::ListKeys;
use countersign_sct::{
    LogList, Outcome, Presented, Rung, SignedList, Verdict, Weighed, Worth, judge, spki_of,
};
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Serialize;

use crate::ExitStatus;
use crate::args::{SctCommand, SctExplainArgs};
use crate::failure::Failure;
use crate::print::{Form, Printer, cell};

/// `sct explain`.
pub(crate) fn run(command: &SctCommand, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let SctCommand::Explain(args) = command;
    let now = Clock::system().now();
    let at = args.at.map_or(now, |at| at.seen_from(now));
    let list = list(args)?;
    let chain = chain(&args.chain)?;
    let [certificate, issuer] = &chain;
    let issuer_spki = spki_of(issuer)
        .with_context(|| format!("cannot read the issuer in {}", args.chain.display()))?;
    let presented = Presented { certificate, issuer_spki };
    // Every signature, so that each SCT is told its worth.
    let all = judge(&EVERY, Rung::Strict, presented, &list.logs, at);
    let policies = [CHROME, MOZILLA, APPLE, COUNTERSIGN];
    let verdicts = policies.map(|policy| {
        let verdict = judge(&policy, Rung::Strict, presented, &list.logs, at);
        (policy.name, verdict)
    });
    let ladder = Ladder::of(list.issued, list.expires, at.max(list.issued));
    let ours = judge(&COUNTERSIGN, ladder.rung(), presented, &list.logs, at);
    match printer.form() {
        Form::Json => {
            for sct in &all.scts {
                printer.object(&SctRow::new(sct, &list.logs))?;
            }
            for (policy, verdict) in &verdicts {
                printer.object(&PolicyRow::new(policy, verdict))?;
            }
            printer.object(&ClientRow::new(&ours, ladder, &list))?;
        }
        Form::Human => {
            let rows = all.scts.iter().map(|sct| SctRow::new(sct, &list.logs).cells()).collect();
            printer.table(&["LOG", "OPERATOR", "PROMISED", "WORTH"], rows)?;
            if !all.scts.is_empty() {
                printer.line("")?;
            }
            for (policy, verdict) in &verdicts {
                printer.line(format_args!("{policy}: {}", sentence(verdict)))?;
            }
            printer.line(format_args!("by this list, as old as it is: {}", sentence(&ours)))?;
            if let Some(warning) = ladder.warning() {
                printer.line(format_args!("warning: {warning}"))?;
            }
        }
    }
    Ok(match ours.outcome {
        Outcome::Satisfied | Outcome::NotAsked => ExitStatus::Expected,
        Outcome::Missing(_) => ExitStatus::Findings,
        Outcome::Unreadable(_) => ExitStatus::CouldNotLook,
    })
}

/// So many SCTs are wanted that all are verified.
const EVERY: Policy = Policy {
    rows: &[Row {
        lifetime_max: SignedDuration::MAX,
        scts: usize::MAX,
        of_one_operator_max: usize::MAX,
    }],
    ..COUNTERSIGN
};

/// The list that is asked for, verified.
fn list(args: &SctExplainArgs) -> anyhow::Result<SignedList> {
    let (Some(list), Some(keys)) = (&args.list, &args.list_keys) else {
        return Ok(SignedList::built_in());
    };
    let text = fs::read_to_string(keys).map_err(|error| Failure::read(keys, &error))?;
    let keys = ListKeys::parse(&text).with_context(|| format!("cannot read {}", keys.display()))?;
    let bytes = fs::read(list).map_err(|error| Failure::read(list, &error))?;
    keys.verify(&bytes).with_context(|| format!("cannot use {}", list.display()))
}

/// The first certificate of a file, and the second, which has issued it.
fn chain(path: &Path) -> anyhow::Result<[Vec<u8>; 2]> {
    let pem = fs::read(path).map_err(|error| Failure::read(path, &error))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).take(2).collect();
    let certificates = certificates.with_context(|| format!("{} is no PEM", path.display()))?;
    let Ok([certificate, issuer]) = <[CertificateDer<'_>; 2]>::try_from(certificates) else {
        let what = format!("{} has no two certificates", path.display());
        let hint = "the issuer's key is part of what a log signs: give the file that the server uses, `fullchain.pem`";
        return Err(Failure::new(what).hint(hint).into());
    };
    let what = match signed_by(&certificate, &issuer) {
        Signed::Valid => return Ok([certificate.to_vec(), issuer.to_vec()]),
        Signed::Invalid => {
            format!("the second certificate in {} did not issue the first", path.display())
        }
        Signed::CouldNotTell(why) => {
            format!(
                "cannot tell whether the second certificate in {} issued the first: {why}",
                path.display()
            )
        }
    };
    Err(Failure::new(what).hint("put them into the order in which a server sends them").into())
}

/// The outcome alone, where the table above tells the rest.
fn sentence(verdict: &Verdict) -> String {
    let word = if is_accepted(verdict) { "accepted" } else { "refused" };
    if verdict.scts.is_empty() {
        format!("{word}: {verdict}")
    } else {
        format!("{word}: {}", verdict.outcome)
    }
}

fn is_accepted(verdict: &Verdict) -> bool {
    match verdict.outcome {
        Outcome::Satisfied | Outcome::NotAsked => true,
        Outcome::Missing(_) | Outcome::Unreadable(_) => false,
    }
}

/// An SCT in JSON (docs/json.md).
#[derive(Serialize)]
struct SctRow {
    r#type: &'static str,
    log: Option<String>,
    log_id: Option<String>,
    operator: Option<String>,
    promised: Option<String>,
    counts: bool,
    worth: String,
}

/// What a policy makes of a certificate, in JSON (docs/json.md).
#[derive(Serialize)]
struct PolicyRow {
    r#type: &'static str,
    policy: &'static str,
    accepted: bool,
    needed: usize,
    why: String,
}

/// What a client of this project does, in JSON (docs/json.md).
#[derive(Serialize)]
struct ClientRow {
    r#type: &'static str,
    accepted: bool,
    why: String,
    list_version: u64,
    list_issued: String,
    warning: Option<String>,
}

impl SctRow {
    fn new(sct: &Weighed, logs: &LogList) -> Self {
        let log = sct.log_id.and_then(|id| logs.log(&id));
        let operator = log.zip(sct.promised).map(|(log, at)| log.operator_at(at).to_owned());
        Self {
            r#type: "sct",
            log: sct.log.clone(),
            log_id: sct.log_id.map(|id| id.to_string()),
            operator,
            promised: sct.promised.map(|at: Timestamp| at.to_string()),
            counts: matches!(sct.worth, Worth::Counted(_)),
            worth: sct.worth.to_string(),
        }
    }

    fn cells(&self) -> Vec<Cell> {
        let text = |text: &Option<String>| cell(text.as_deref().unwrap_or("?"));
        let color = if self.counts { Color::Green } else { Color::Yellow };
        let log = self.log.as_ref().or(self.log_id.as_ref());
        vec![
            cell(log.map_or("?", String::as_str)),
            text(&self.operator),
            text(&self.promised),
            cell(&self.worth).fg(color),
        ]
    }
}

impl PolicyRow {
    fn new(policy: &'static str, verdict: &Verdict) -> Self {
        Self {
            r#type: "policy",
            policy,
            accepted: is_accepted(verdict),
            needed: verdict.needed,
            why: verdict.to_string(),
        }
    }
}

impl ClientRow {
    fn new(verdict: &Verdict, ladder: Ladder, list: &SignedList) -> Self {
        Self {
            r#type: "client",
            accepted: is_accepted(verdict),
            why: verdict.to_string(),
            list_version: list.version,
            list_issued: list.issued.to_string(),
            warning: ladder.warning().as_ref().map(Warning::to_string),
        }
    }
}
