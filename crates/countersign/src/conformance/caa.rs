//! Cases about CAA records in, what we make of each out: values, sets of records, climbs, standing permissions, and
//! counts of perspectives.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use countersign_caa::climb::{
    Climb, End, Failure as NoAnswer, FailureSide, Hop, Lookup, Next, Outcome, Security,
};
use countersign_caa::mpic::{Corroboration, Rules};
use countersign_caa::{
    Account, Decision, Failures, Identifier, IssueValue, Method, Name, Profile, Purpose, Record,
    Request, Verdict, Wildcard, decide, persist,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::print::Printer;

/// Judges each case, in the order of the file.
pub(super) fn run(path: &Path, printer: &mut Printer) -> anyhow::Result<()> {
    let text = fs::read(path).map_err(|error| Failure::read(path, &error))?;
    let cases: Vec<Case> = serde_json::from_slice(&text).map_err(|error| {
        Failure::new(format!("{} is not a list of cases: {error}", path.display()))
    })?;
    for case in cases {
        let (got, reason) = case.kind.judge().unwrap_or_else(|why| (Value::Null, Some(why)));
        let ok = got == case.expect;
        printer.object(&CaseRow { id: case.id, got, reason, expected: case.expect, ok })?;
    }
    Ok(())
}

/// A line that is printed.
#[derive(Serialize)]
struct CaseRow {
    id: String,
    got: Value,
    reason: Option<String>,
    expected: Value,
    ok: bool,
}

/// A case. Its other fields are for readers.
#[derive(Deserialize)]
struct Case {
    id: String,
    #[serde(flatten)]
    kind: Kind,
    expect: Value,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Kind {
    IssueValue { value: String },
    Rrset { rrset: Vec<RecordCase>, request: RequestCase },
    Tree { zone: BTreeMap<String, NodeCase>, request: RequestCase },
    Persist { txt: Vec<TextCase>, request: PersistCase },
    Mpic { remote: usize, corroborating: usize, rirs: usize, date: String },
}

/// Flags, tag, value.
#[derive(Deserialize)]
struct RecordCase(u8, String, String);

#[derive(Deserialize)]
struct RequestCase {
    name: String,
    issuers: Vec<String>,
    accounts: Vec<String>,
    method: String,
    #[serde(default)]
    br_failure_ok: bool,
    #[serde(rename = "type")]
    purpose: Option<String>,
}

/// What there is at a name. Without any of it: nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeCase {
    caa: Vec<RecordCase>,
    cname: Option<String>,
    rcode: Option<String>,
    sec: Option<String>,
    retried: bool,
}

/// One string, or several to be joined.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextCase {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct PersistCase {
    issuers: Vec<String>,
    accounts: Vec<String>,
    wildcard: bool,
    now: i64,
}

/// Aliases in a row. No resolver follows as many.
const ALIASES_MAX: usize = 20;

impl Kind {
    /// What we make of it, and why; `Err` of what is no case.
    fn judge(&self) -> Result<(Value, Option<String>), String> {
        match self {
            Self::IssueValue { value } => Ok(issue_value(value)),
            Self::Rrset { rrset, request } => {
                let records: Vec<_> = rrset.iter().map(RecordCase::record).collect();
                let (decision, _) = request.decide(|name| {
                    let hops = vec![Hop { name: name.to_string(), security: Security::Insecure }];
                    Ok(Lookup { hops, outcome: Outcome::Records(records.clone()), ttl_s: 0 })
                })?;
                let got = json!({"allow": allows(&decision), "reason": decision.reason.as_str()});
                Ok((got, bearings(&decision)))
            }
            Self::Tree { zone, request } => {
                let (decision, found_at) = request.decide(|name| look_up(zone, name))?;
                let reason = decision.reason.as_str();
                let got =
                    json!({"allow": allows(&decision), "reason": reason, "found_at": found_at});
                Ok((got, bearings(&decision)))
            }
            Self::Persist { txt, request } => {
                let issuers = names(&request.issuers)?;
                let accounts: Vec<_> = request.accounts.iter().map(Account::own).collect();
                let wildcard = if request.wildcard { Wildcard::Yes } else { Wildcard::No };
                let now = Timestamp::from_second(request.now).map_err(|error| error.to_string())?;
                let wanted = persist::Use { issuers: &issuers, accounts: &accounts, wildcard, now };
                let texts: Vec<_> = txt.iter().map(TextCase::joined).collect();
                Ok((persist::standing(&texts, &wanted).as_str().into(), None))
            }
            Self::Mpic { remote, corroborating, rirs, date } => {
                let day: Date = date.parse().map_err(|why: jiff::Error| why.to_string())?;
                let rules = Rules::in_force(day).ok_or("there were no rules on that day")?;
                let found = rules.count(*remote, *corroborating, *rirs);
                Ok(((found == Corroboration::Enough).into(), Some(found.as_str().to_owned())))
            }
        }
    }
}

fn issue_value(value: &str) -> (Value, Option<String>) {
    match IssueValue::parse(value.as_bytes()) {
        Ok(read) => {
            let params: Vec<_> = read.parameters.iter().map(|one| [one.tag, one.value]).collect();
            let issuer = read.issuer.unwrap_or("");
            (json!({"valid": true, "issuer": issuer, "params": params}), None)
        }
        Err(why) => {
            (json!({"valid": false, "issuer": null, "params": null}), Some(why.to_string()))
        }
    }
}

fn allows(decision: &Decision) -> bool {
    decision.verdict() == Verdict::Allow
}

/// What each record says.
fn bearings(decision: &Decision) -> Option<String> {
    let all: Vec<_> = decision.judged.iter().map(|one| one.bearing.as_str()).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn names(texts: &[String]) -> Result<Vec<Name>, String> {
    texts.iter().map(|text| Name::parse(text).map_err(|why| format!("{text}: {why}"))).collect()
}

impl RecordCase {
    fn record(&self) -> Record {
        let Self(flags, tag, value) = self;
        Record::new(*flags, tag, value)
    }
}

impl TextCase {
    fn joined(&self) -> String {
        match self {
            Self::One(text) => text.clone(),
            Self::Several(texts) => texts.concat(),
        }
    }
}

impl RequestCase {
    /// Climbs and decides; also where the climb ended, unless that is at the top.
    fn decide(
        &self,
        look_up: impl Fn(&Name) -> Result<Lookup, String>,
    ) -> Result<(Decision, Option<String>), String> {
        let failures =
            if self.br_failure_ok { Failures::BaselineRequirements } else { Failures::Deny };
        let request = Request {
            identifier: Identifier::parse(&self.name).map_err(|why| why.to_string())?,
            purpose: match self.purpose.as_deref() {
                None => Purpose::Tls,
                Some("smime") => Purpose::Smime,
                Some(other) => return Err(format!("no certificate is of the type {other}")),
            },
            issuers: names(&self.issuers)?,
            accounts: self.accounts.iter().map(Account::own).collect(),
            method: Some(Method::parse(&self.method).map_err(|why| why.to_string())?),
            constrained: Vec::new(),
        };
        let mut climb = Climb::new(request.identifier.name.clone(), failures);
        let climbed = loop {
            let lookup = match climb.next() {
                Next::Done(climbed) => break climbed.clone(),
                Next::Ask(name) => look_up(name)?,
            };
            climb.feed(lookup);
        };
        let last = climbed.steps.last().map(|step| step.name.to_string());
        let found_at = last.filter(|_| climbed.end != End::NoRecords);
        let profile = Profile { failures, ..Profile::default() };
        Ok((decide(&request, climbed, &profile), found_at))
    }
}

impl NodeCase {
    /// Unsigned, where the case says nothing.
    fn security(&self) -> Result<Security, String> {
        match self.sec.as_deref() {
            None | Some("insecure") => Ok(Security::Insecure),
            Some("secure") => Ok(Security::Secure),
            Some("bogus") => Ok(Security::Bogus),
            Some(other) => Err(format!("no answer is {other}")),
        }
    }

    fn outcome(&self) -> Outcome {
        match &self.rcode {
            Some(rcode) => Outcome::Failed(NoAnswer {
                why: rcode.clone(),
                tries: if self.retried { 2 } else { 1 },
                side: FailureSide::Outside,
            }),
            None if self.caa.is_empty() => Outcome::None,
            None => Outcome::Records(self.caa.iter().map(RecordCase::record).collect()),
        }
    }
}

/// What a resolver finds in these zones.
fn look_up(zone: &BTreeMap<String, NodeCase>, name: &Name) -> Result<Lookup, String> {
    let (mut at, mut hops) = (name.to_string(), Vec::new());
    let nothing = NodeCase::default();
    for _ in 0..=ALIASES_MAX {
        let node = zone.get(&at).unwrap_or(&nothing);
        hops.push(Hop { name: at.clone(), security: node.security()? });
        match &node.cname {
            Some(target) => at.clone_from(target),
            None => return Ok(Lookup { hops, outcome: node.outcome(), ttl_s: 0 }),
        }
    }
    let failure =
        NoAnswer { why: "too many aliases".to_owned(), tries: 1, side: FailureSide::Outside };
    Ok(Lookup { hops, outcome: Outcome::Failed(failure), ttl_s: 0 })
}
