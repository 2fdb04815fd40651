//! `countersign caa explain`: would this CA issue for this name, to this account, by this method? With every lookup and
//! every record that the answer rests on.

use std::collections::BTreeMap;

use countersign_caa::climb::{Climb, End, Next, Security, Step};
use countersign_caa::{
    Account, Bearing, Climbed, Decision, Demand, Failures, Profile, Request, Verdict, decide,
};
use countersign_dns::walk;
use countersign_dns::{Query, Rtype};
use countersign_judge::caa::{lookup, owner};
use countersign_net::{Clock, Dns};
use owo_colors::OwoColorize as _;
use serde::Serialize;
use tokio::runtime;

use super::record_row::RecordRow;
use crate::ExitStatus;
use crate::args::{CaaExplainArgs, Global};
use crate::config;
use crate::print::{Form, Printer, plain};
use crate::way_out;

/// Climbs, decides, and tells.
pub(super) fn run(
    args: &CaaExplainArgs,
    global: &Global,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let (dns, walk) = way_out::dns(config::settings_if_any(global)?.as_ref(), &args.way)?;
    let demand = if args.require_secure { Demand::Secure } else { Demand::Validated };
    let profile = Profile { demand, ..Profile::default() };
    let request = Request {
        identifier: args.name.clone(),
        purpose: args.purpose.into(),
        issuers: args.ca.clone(),
        accounts: args.account.iter().map(Account::own).collect(),
        method: args.method.clone(),
        constrained: Vec::new(),
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let climbed = runtime.block_on(climb(&dns, &request, &walk, profile.failures));
    let decision = decide(&request, climbed, &profile);
    match printer.form() {
        Form::Json => printer.object(&DecisionRow::new(&decision))?,
        Form::Human => {
            for line in lines(&decision) {
                printer.text(format!("{line}\n").as_bytes())?;
            }
        }
    }
    Ok(match (decision.verdict(), decision.climbed.end) {
        (_, End::Failed | End::UnderWay) => ExitStatus::CouldNotLook,
        (Verdict::Allow, _) => ExitStatus::Expected,
        (Verdict::Deny, _) => ExitStatus::Findings,
    })
}

/// Climbs over the network. What is asked first is judged last, as of the end.
async fn climb(
    dns: &Dns,
    request: &Request,
    settings: &walk::Settings,
    failures: Failures,
) -> Climbed {
    let clock = Clock::system();
    let mut known = BTreeMap::new();
    let mut climb = Climb::new(request.identifier.name.clone(), failures);
    loop {
        let query = match climb.next() {
            Next::Done(climbed) => return climbed.clone(),
            Next::Ask(name) => Query { name: owner(name), rtype: Rtype::CAA },
        };
        dns.walk(query.clone(), settings, clock.now(), &mut known).await;
        let walked = dns.walk(query, settings, clock.now(), &mut known).await;
        let ttls = walked.hops.iter().filter_map(|hop| match &hop.outcome {
            walk::Outcome::Records(sets) => sets.iter().map(|set| set.ttl_s()).min(),
            walk::Outcome::Alias { rrset, .. } => Some(rrset.ttl_s()),
            walk::Outcome::NoData | walk::Outcome::NoName | walk::Outcome::Unknown => None,
        });
        let ttl_s = ttls.min().unwrap_or(0);
        climb.feed(lookup(&walked, ttl_s, 1));
    }
}

/// The decision for people: the climb, the records, the answer.
fn lines(decision: &Decision) -> Vec<String> {
    let mut lines: Vec<_> = decision.climbed.steps.iter().map(step).collect();
    if let Some((_, records)) = decision.climbed.relevant() {
        for judged in &decision.judged {
            let (flags, tag, value) = match records[judged.record].parts() {
                Ok(parts) => (parts.flags, parts.tag, String::from_utf8_lossy(parts.value)),
                Err(_) => (0, "?", "".into()),
            };
            let bearing = match judged.bearing {
                Bearing::Permits { .. } | Bearing::Constrains => {
                    judged.bearing.as_str().green().to_string()
                }
                Bearing::Silent => judged.bearing.as_str().dimmed().to_string(),
                Bearing::Unmet(_) | Bearing::Forbids => judged.bearing.as_str().red().to_string(),
            };
            lines.push(format!("    {flags} {tag} {:?}: {bearing}", plain(&value)));
        }
    }
    let (name, reason) = (&decision.request.identifier, decision.reason.as_str());
    lines.push(match decision.verdict() {
        Verdict::Allow => format!("{}: {name} ({reason})", "may issue".green()),
        Verdict::Deny => format!("{}: {name} ({reason})", "must not issue".red()),
    });
    if decision.climbed.security() == Security::Insecure && decision.verdict() == Verdict::Allow {
        lines.push(
            "not signed: whoever is between the CA and the DNS servers could have written this"
                .to_owned(),
        );
    }
    lines
}

fn step(step: &Step) -> String {
    let hops: Vec<_> =
        step.lookup.hops.iter().map(|hop| format!("{} {}", hop.name, word(hop.security))).collect();
    let found = outcome(step);
    format!("{}: {} → {found}", step.name, hops.join(" → "))
}

fn outcome(step: &Step) -> String {
    use countersign_caa::climb::Outcome;
    match &step.lookup.outcome {
        Outcome::Records(records) => format!("{} CAA records", records.len()),
        Outcome::None => "no CAA".to_owned(),
        Outcome::Failed(failure) => plain(&failure.why).into_owned(),
    }
}

fn word(security: Security) -> &'static str {
    match security {
        Security::Secure => "secure",
        Security::Insecure => "insecure",
        Security::Indeterminate => "indeterminate",
        Security::Bogus => "bogus",
    }
}

/// A decision (docs/json.md).
#[derive(Serialize)]
struct DecisionRow {
    r#type: &'static str,
    name: String,
    allow: bool,
    reason: &'static str,
    found_at: Option<String>,
    account: Option<String>,
    usable_seconds: u32,
    steps: Vec<StepRow>,
    records: Vec<JudgedRow>,
}

#[derive(Serialize)]
struct StepRow {
    name: String,
    hops: Vec<HopRow>,
    outcome: String,
}

#[derive(Serialize)]
struct HopRow {
    name: String,
    security: &'static str,
}

#[derive(Serialize)]
struct JudgedRow {
    #[serde(flatten)]
    record: RecordRow,
    bearing: &'static str,
}

impl DecisionRow {
    fn new(decision: &Decision) -> Self {
        let relevant = decision.climbed.relevant();
        let records = relevant.map(|(_, records)| records).unwrap_or_default();
        let judged = decision.judged.iter().map(|one| JudgedRow {
            record: RecordRow::new(&records[one.record]),
            bearing: one.bearing.as_str(),
        });
        let steps = decision.climbed.steps.iter().map(|step| StepRow {
            name: step.name.to_string(),
            hops: step
                .lookup
                .hops
                .iter()
                .map(|hop| HopRow { name: hop.name.clone(), security: word(hop.security) })
                .collect(),
            outcome: outcome(step),
        });
        Self {
            r#type: "caa-decision",
            name: decision.request.identifier.to_string(),
            allow: decision.verdict() == Verdict::Allow,
            reason: decision.reason.as_str(),
            found_at: relevant.map(|(name, _)| name.to_string()),
            account: decision.account().map(|account| account.uri.clone()),
            usable_seconds: decision.usable_s(),
            steps: steps.collect(),
            records: judged.collect(),
        }
    }
}
