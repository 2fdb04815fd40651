//! `countersign replay`: what would be made of all that was seen, under the rules of today.

use countersign_judge::Verdict;
use countersign_monitor::judging::{expectation, facts, judge_again, judged};
use countersign_net::Clock;
use countersign_store::judgement::Judged;
use countersign_store::{Reader, Store};
use jiff::Timestamp;
use serde::Serialize;

use crate::ExitStatus;
use crate::args::ReplayArgs;
use crate::config::Settings;
use crate::plan;
use crate::print::{Form, Printer, hex, plain};

/// Judges every certificate in the store again, and says what would be otherwise.
pub(crate) fn run(
    args: &ReplayArgs,
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let now = Clock::system().now();
    // Deciding so from now on is for whoever holds the state: not beside a watch, which decides by itself.
    let store = if args.apply { Some(Store::open(&settings.state_dir)?) } else { None };
    let opened;
    let reader = match &store {
        Some(store) => store.reader(),
        None => {
            opened = Store::open_reader(&settings.state_dir)?;
            &opened
        }
    };
    let (judged, others) = replay(reader, settings, now)?;
    for row in &others {
        match printer.form() {
            Form::Json => printer.object(row)?,
            Form::Human => printer.line(row.sentence())?,
        }
    }
    if let Some(store) = &store {
        store.judge(&judged, None, now)?;
    }
    if printer.form() == Form::Human {
        let done = if args.apply { "decided otherwise now" } else { "would be decided otherwise" };
        printer.line(format_args!("{} certificates {done}", others.len()))?;
    }
    Ok(if others.is_empty() { ExitStatus::Expected } else { ExitStatus::Findings })
}

/// The decisions that are not those in force.
fn replay(
    reader: &Reader,
    settings: &Settings,
    now: Timestamp,
) -> anyhow::Result<(Vec<Judged>, Vec<ReplayRow>)> {
    let (_, rules) = reader.rules()?;
    let expectation = expectation(&plan::judging(settings), rules);
    let (mut decided, mut rows) = (Vec::new(), Vec::new());
    let mut after = [0; 32];
    loop {
        let page = reader.sighted(&after, PAGE)?;
        let Some(last) = page.last() else { return Ok((decided, rows)) };
        after = *last;
        for tbs_sha256 in &page {
            let Some((seen, decision)) = judge_again(reader, &expectation, tbs_sha256, now)? else {
                continue;
            };
            let before = reader.judgement(tbs_sha256)?;
            let then = before.as_ref().map(|before| before.told.verdict);
            if then.is_some_and(|then| then.as_str() == decision.verdict.as_str()) {
                continue;
            }
            let facts = facts(reader, None, &reader.sightings_of(tbs_sha256)?)?;
            let judged = judged(&seen, &decision, &facts);
            let told = &judged.told;
            rows.push(ReplayRow {
                r#type: "replay",
                tbs_sha256: hex(tbs_sha256),
                title: judged.title.clone(),
                was: then.map(Verdict::as_str),
                is: told.verdict.as_str(),
                by: told.by.iter().map(ToString::to_string).collect(),
                why: told.findings.iter().map(|found| found.text.clone()).collect(),
            });
            decided.push(judged);
        }
    }
}

/// A decision that differs, in JSON (docs/json.md).
#[derive(Serialize)]
struct ReplayRow {
    r#type: &'static str,
    tbs_sha256: String,
    title: String,
    was: Option<&'static str>,
    is: &'static str,
    by: Vec<String>,
    why: Vec<String>,
}

impl ReplayRow {
    fn sentence(&self) -> String {
        let tbs = self.tbs_sha256.get(..16).unwrap_or(&self.tbs_sha256);
        let why = if self.by.is_empty() { self.why.join("; ") } else { self.by.join(", ") };
        format!(
            "{tbs}: {} -> {} ({}): {}",
            self.was.unwrap_or("not judged"),
            self.is,
            plain(&why),
            plain(&self.title)
        )
    }
}

/// Certificates read at once.
const PAGE: u32 = 256;
