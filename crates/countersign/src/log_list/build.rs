//! `countersign log-list build`: a list for clients, out of what others publish.

use std::collections::BTreeSet;

use anyhow::Context as _;
use comfy_table::{Cell, Color};
use countersign_sct::SignedList;
use countersign_sct::signed_list::{Decided, Refusal, Source, SourceKind, What, build};
use jiff::Timestamp;
use serde::Serialize;

use super::age::ahead;
use super::file;
use crate::ExitStatus;
use crate::args::{ListBuildArgs, ListSource};
use crate::failure::Failure;
use crate::print::{Form, Printer, cell};

/// Makes the list, and says what was decided.
pub(super) fn run(
    args: &ListBuildArgs,
    printer: &mut Printer,
    now: Timestamp,
) -> anyhow::Result<ExitStatus> {
    let sources = args.sources.iter().map(source).collect::<anyhow::Result<Vec<_>>>()?;
    let last = args.last.as_deref().map(file::list).transpose()?;
    let issued = args.issued.map_or(now, |issued| issued.seen_from(now));
    if let Some(why) = ahead(issued, now) {
        let what = format!("no client would take this list: {why}");
        return Err(Failure::new(what).hint("is --issued right, and is the clock?").into());
    }
    if let Some(last) = last.as_ref().filter(|last| last.issued > issued) {
        let what = format!("the last list was issued at {}, after this one", last.issued);
        return Err(Failure::new(what).hint("clients take no list that is older").into());
    }
    let mut built = build(&sources, last.as_ref(), issued);
    for suspension in &args.suspensions {
        let parsed = suspension.parse();
        built.list.suspensions.push(parsed.with_context(|| format!("{suspension:?}"))?);
    }
    built.list.suspensions.sort_by_key(ToString::to_string);
    let text = built.list.to_text();
    // What cannot be read again is no list, such as one with a suspension of a month.
    SignedList::parse(&text).context("no client would take this list")?;
    file::replace(&args.out, text.as_bytes())?;
    let was_in =
        |one: &Decided| last.as_ref().is_some_and(|last| last.logs.log(&one.log_id).is_some());
    let rows: Vec<_> = built.decided.iter().map(|one| DecidedRow::new(one, was_in(one))).collect();
    match printer.form() {
        Form::Json => {
            rows.iter().try_for_each(|row| printer.object(row))?;
            printer.object(&ListRow::new(&built.list, args.out.display().to_string()))?;
        }
        Form::Human => {
            printer.table(&HEADER, rows.iter().map(DecidedRow::cells).collect())?;
            let row = ListRow::new(&built.list, args.out.display().to_string());
            printer.line(format_args!(
                "version {} with {} logs of {} operators is in {}",
                row.version, row.logs, row.operators, row.written
            ))?;
        }
    }
    // Refused or no longer trusted: certificates may depend on it.
    let dropped = rows.iter().any(|row| row.was_in && !row.is_in());
    Ok(if dropped { ExitStatus::Findings } else { ExitStatus::Expected })
}

fn source(source: &ListSource) -> anyhow::Result<Source> {
    let kind = if source.is_programme { SourceKind::Programme } else { SourceKind::Observer };
    Ok(Source { name: source.name.clone(), kind, list: super::read_file(&source.file)? })
}

/// What was decided about a log, in JSON (docs/json.md).
#[derive(Serialize)]
struct DecidedRow {
    r#type: &'static str,
    log: String,
    log_id: String,
    operator: String,
    was_in: bool,
    decision: &'static str,
    retired_at: Option<String>,
    why: Option<String>,
}

const HEADER: [&str; 3] = ["LOG", "OPERATOR", "DECISION"];

impl DecidedRow {
    fn new(decided: &Decided, was_in: bool) -> Self {
        let (decision, retired_at, why) = match &decided.what {
            What::Added => ("added", None, None),
            What::Kept => ("kept", None, None),
            What::Retired(at) => ("retired", Some(at.to_string()), None),
            What::Refused(refusal) => ("refused", None, Some(reason(refusal))),
            What::Dropped => ("dropped", None, Some("no programme trusts it any more".to_owned())),
        };
        Self {
            r#type: "decided",
            log: decided.description.clone(),
            log_id: decided.log_id.to_string(),
            operator: decided.operator.clone(),
            was_in,
            decision,
            retired_at,
            why,
        }
    }

    fn is_in(&self) -> bool {
        matches!(self.decision, "added" | "kept" | "retired")
    }

    /// What people are shown of it.
    fn cells(&self) -> Vec<Cell> {
        let detail = self.why.as_ref().or(self.retired_at.as_ref());
        let was_in = if self.was_in && !self.is_in() { "was in, now " } else { "" };
        let decision = format!("{was_in}{}", self.decision);
        let decision = detail.map_or(decision.clone(), |why| format!("{decision}: {why}"));
        let color = match (self.is_in(), self.was_in) {
            (true, _) => Color::Green,
            (false, true) => Color::Red,
            (false, false) => Color::Reset,
        };
        vec![cell(&self.log), cell(&self.operator), cell(&decision).fg(color)]
    }
}

fn reason(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotForProduction => "it is for tests, or for monitoring only".to_owned(),
        Refusal::Rejected => "a programme has rejected it".to_owned(),
        Refusal::OneSource(name) => format!("only {name} knows it"),
        Refusal::OtherOperator(name) => format!("another source says that {name} runs it"),
    }
}

/// The list that was made, in JSON (docs/json.md).
#[derive(Serialize)]
struct ListRow {
    r#type: &'static str,
    version: u64,
    issued: String,
    expires: String,
    logs: usize,
    operators: usize,
    written: String,
}

impl ListRow {
    fn new(list: &SignedList, written: String) -> Self {
        Self {
            r#type: "list",
            version: list.version,
            issued: list.issued.to_string(),
            expires: list.expires.to_string(),
            logs: list.logs.logs.len(),
            operators: operators(list),
            written,
        }
    }
}

/// How many operators a list has.
pub(super) fn operators(list: &SignedList) -> usize {
    list.logs.logs.iter().map(|log| &log.operator).collect::<BTreeSet<_>>().len()
}
