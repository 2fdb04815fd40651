//! `expectation.json` and `decision.json`: what was expected, what was seen, and what came of it, so that anybody can
//! decide again.
//!
//! Of the rules there are those that [`decide`] looks at for this certificate: for its key, for itself, and for third
//! parties. The others, and who registered a rule, are nobody else's business.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::encoding::{hex, unhex};
use super::evidence::{Files, Unreadable, json, parse, time};
use crate::decision::{Decision, Told, ToldFinding, Verdict, decide};
use crate::expectation::Expectation;
use crate::observation::{Named, Observation};
use crate::policy::{Policy, Wildcards};
use crate::rule::{Basis, Origin, Rule};
use crate::scope::Scope;

/// A decision with all that it follows from.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    pub(super) rules: Vec<Rule>,
    pub(super) policies: Vec<Policy>,
    pub(super) hold: SignedDuration,
    pub(super) observation: Observation,
    pub(super) first_seen_at: Timestamp,
    pub(super) decided_at: Timestamp,
    pub(super) told: Told,
}

impl Judgement {
    /// Decides on a certificate that was first seen at `first_seen_at`. `hold` is for names that no policy touches.
    pub fn new(
        rules: impl IntoIterator<Item = Rule>,
        policies: Vec<Policy>,
        hold: SignedDuration,
        observation: Observation,
        first_seen_at: Timestamp,
        decided_at: Timestamp,
    ) -> Self {
        let is_looked_at = |rule: &Rule| match &rule.basis {
            Basis::Key { spki_sha256 } => Some(*spki_sha256) == observation.spki_sha256,
            Basis::Certificate { tbs_sha256 } => *tbs_sha256 == observation.tbs_sha256,
            Basis::ThirdParty { .. } => true,
        };
        let rules = rules.into_iter().filter(is_looked_at);
        // Who registered a rule is not in the pack, and nothing depends on it.
        let rules = rules.map(|rule| Rule { origin: Origin::Configuration, ..rule }).collect();
        let told = Told { verdict: Verdict::Unexpected, findings: Vec::new(), by: Vec::new() };
        let mut judgement =
            Self { rules, policies, hold, observation, first_seen_at, decided_at, told };
        judgement.told = judgement.again().told();
        judgement
    }

    /// What the decision has to be.
    pub(super) fn again(&self) -> Decision {
        let expectation =
            Expectation::new(self.rules.iter().cloned(), self.policies.clone(), self.hold);
        decide(&expectation, &self.observation, self.first_seen_at, self.decided_at)
    }
}

const EXPECTATION: &str = "expectation.json";
const DECISION: &str = "decision.json";

/// Both files.
pub(super) fn write(judgement: &Judgement) -> Files {
    let expectation = ExpectationShape {
        hold: judgement.hold.to_string(),
        rules: judgement.rules.iter().map(RuleShape::of).collect(),
        policies: judgement.policies.iter().map(PolicyShape::of).collect(),
    };
    let decision = DecisionShape::of(judgement);
    Files::from([
        (EXPECTATION.to_owned(), json(&expectation)),
        (DECISION.to_owned(), json(&decision)),
    ])
}

/// Reads both, or neither if neither is there.
pub(super) fn read(files: &Files) -> Result<Option<Judgement>, Unreadable> {
    if !files.contains_key(EXPECTATION) && !files.contains_key(DECISION) {
        return Ok(None);
    }
    let expectation: ExpectationShape = parse(files, EXPECTATION)?;
    let decision: DecisionShape = parse(files, DECISION)?;
    let bad = |what| Unreadable::malformed(EXPECTATION, what);
    let rules = expectation.rules.into_iter().map(RuleShape::read);
    let policies = expectation.policies.into_iter().map(PolicyShape::read);
    let bad_decision = |what| Unreadable::malformed(DECISION, what);
    let DecisionShape { first_seen_at, decided_at, observed, told } = decision;
    Ok(Some(Judgement {
        rules: rules.collect::<Option<_>>().ok_or_else(|| bad("a rule is none"))?,
        policies: policies.collect::<Option<_>>().ok_or_else(|| bad("a policy is none"))?,
        hold: expectation.hold.parse().map_err(|_| bad("hold is no duration"))?,
        observation: observed.read().ok_or_else(|| bad_decision("what was observed is nothing"))?,
        first_seen_at: time(&first_seen_at, DECISION)?,
        decided_at: time(&decided_at, DECISION)?,
        told: told.read().ok_or_else(|| bad_decision("what was decided is nothing"))?,
    }))
}

#[derive(Serialize, Deserialize)]
struct ExpectationShape {
    /// For names that no policy touches.
    hold: String,
    rules: Vec<RuleShape>,
    policies: Vec<PolicyShape>,
}

#[derive(Serialize, Deserialize)]
struct RuleShape {
    id: String,
    expects: BasisShape,
    names: Vec<String>,
    since: String,
    until: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum BasisShape {
    Key { spki_sha256: String },
    Certificate { tbs_sha256: String },
    ThirdParty { issuer_keys_sha256: Vec<String>, validity_max: String },
}

impl RuleShape {
    fn of(rule: &Rule) -> Self {
        Self {
            id: rule.id.to_string(),
            expects: match &rule.basis {
                Basis::Key { spki_sha256 } => BasisShape::Key { spki_sha256: hex(spki_sha256) },
                Basis::Certificate { tbs_sha256 } => {
                    BasisShape::Certificate { tbs_sha256: hex(tbs_sha256) }
                }
                Basis::ThirdParty { issuer_keys, validity_max } => BasisShape::ThirdParty {
                    issuer_keys_sha256: issuer_keys.iter().map(|key| hex(key)).collect(),
                    validity_max: validity_max.to_string(),
                },
            },
            names: rule.scope.items().collect(),
            since: rule.since.to_string(),
            until: rule.until.map(|until| until.to_string()),
        }
    }

    fn read(self) -> Option<Rule> {
        let basis = match self.expects {
            BasisShape::Key { spki_sha256 } => Basis::Key { spki_sha256: unhex(&spki_sha256)? },
            BasisShape::Certificate { tbs_sha256 } => {
                Basis::Certificate { tbs_sha256: unhex(&tbs_sha256)? }
            }
            BasisShape::ThirdParty { issuer_keys_sha256, validity_max } => Basis::ThirdParty {
                issuer_keys: issuer_keys_sha256
                    .iter()
                    .map(|key| unhex(key))
                    .collect::<Option<_>>()?,
                validity_max: validity_max.parse().ok()?,
            },
        };
        Some(Rule {
            id: self.id.parse().ok()?,
            basis,
            scope: Scope::new(self.names).ok()?,
            since: self.since.parse().ok()?,
            until: self.until.map(|until| until.parse()).transpose().ok()?,
            origin: Origin::Configuration,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct PolicyShape {
    names: Vec<String>,
    issuer_keys_sha256: Option<Vec<String>>,
    wildcards_expected: bool,
    validity_max: Option<String>,
    hold: String,
}

impl PolicyShape {
    fn of(policy: &Policy) -> Self {
        let issuer_keys = policy.issuer_keys.as_ref();
        Self {
            names: policy.scope.items().collect(),
            issuer_keys_sha256: issuer_keys.map(|keys| keys.iter().map(|key| hex(key)).collect()),
            wildcards_expected: policy.wildcards == Wildcards::Expected,
            validity_max: policy.validity_max.map(|validity| validity.to_string()),
            hold: policy.hold.to_string(),
        }
    }

    fn read(self) -> Option<Policy> {
        let issuer_keys = match self.issuer_keys_sha256 {
            None => None,
            Some(keys) => Some(keys.iter().map(|key| unhex(key)).collect::<Option<_>>()?),
        };
        let wildcards =
            if self.wildcards_expected { Wildcards::Expected } else { Wildcards::NotExpected };
        Some(Policy {
            scope: Scope::new(self.names).ok()?,
            issuer_keys,
            wildcards,
            validity_max: self.validity_max.map(|validity| validity.parse()).transpose().ok()?,
            hold: self.hold.parse().ok()?,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct DecisionShape {
    first_seen_at: String,
    decided_at: String,
    observed: ObservationShape,
    #[serde(flatten)]
    told: ToldShape,
}

#[derive(Serialize, Deserialize)]
struct ObservationShape {
    tbs_sha256: String,
    spki_sha256: Option<String>,
    issuer_key_sha256: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    names: Vec<NamedShape>,
}

#[derive(Serialize, Deserialize)]
struct NamedShape {
    name: String,
    guard: String,
    reading: String,
}

#[derive(Serialize, Deserialize)]
struct ToldShape {
    verdict: String,
    until: Option<String>,
    findings: Vec<FindingShape>,
    by: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct FindingShape {
    kind: String,
    severity: String,
    text: String,
}

impl DecisionShape {
    fn of(judgement: &Judgement) -> Self {
        Self {
            first_seen_at: judgement.first_seen_at.to_string(),
            decided_at: judgement.decided_at.to_string(),
            observed: ObservationShape::of(&judgement.observation),
            told: ToldShape::of(&judgement.told),
        }
    }
}

impl ObservationShape {
    fn of(observation: &Observation) -> Self {
        let named = |named: &Named| NamedShape {
            name: named.name.clone(),
            guard: named.guard.clone(),
            reading: named.reading.clone(),
        };
        Self {
            tbs_sha256: hex(&observation.tbs_sha256),
            spki_sha256: observation.spki_sha256.as_ref().map(|hash| hex(hash)),
            issuer_key_sha256: observation.issuer_key_sha256.as_ref().map(|hash| hex(hash)),
            not_before: observation.not_before.map(|at| at.to_string()),
            not_after: observation.not_after.map(|at| at.to_string()),
            names: observation.names.iter().map(named).collect(),
        }
    }

    fn read(self) -> Option<Observation> {
        let hash = |text: Option<String>| match text {
            None => Some(None),
            Some(text) => unhex(&text).map(Some),
        };
        let at = |text: Option<String>| text.map(|text| text.parse::<Timestamp>()).transpose().ok();
        let named =
            |NamedShape { name, guard, reading }: NamedShape| Named { name, guard, reading };
        Some(Observation {
            tbs_sha256: unhex(&self.tbs_sha256)?,
            spki_sha256: hash(self.spki_sha256)?,
            issuer_key_sha256: hash(self.issuer_key_sha256)?,
            names: self.names.into_iter().map(named).collect(),
            not_before: at(self.not_before)?,
            not_after: at(self.not_after)?,
        })
    }
}

impl ToldShape {
    fn of(told: &Told) -> Self {
        let until = match told.verdict {
            Verdict::Pending { until } => Some(until.to_string()),
            Verdict::Authorized | Verdict::ThirdParty | Verdict::Unexpected => None,
        };
        let finding = |finding: &ToldFinding| FindingShape {
            kind: finding.kind.clone(),
            severity: finding.severity.to_string(),
            text: finding.text.clone(),
        };
        Self {
            verdict: told.verdict.as_str().to_owned(),
            until,
            findings: told.findings.iter().map(finding).collect(),
            by: told.by.iter().map(ToString::to_string).collect(),
        }
    }

    fn read(self) -> Option<Told> {
        let verdict = match (self.verdict.as_str(), self.until) {
            ("pending", Some(until)) => Verdict::Pending { until: until.parse().ok()? },
            ("authorized", None) => Verdict::Authorized,
            ("third-party", None) => Verdict::ThirdParty,
            ("unexpected", None) => Verdict::Unexpected,
            _ => return None,
        };
        let finding = |FindingShape { kind, severity, text }: FindingShape| {
            Some(ToldFinding { kind, severity: severity.parse().ok()?, text })
        };
        Some(Told {
            verdict,
            findings: self.findings.into_iter().map(finding).collect::<Option<_>>()?,
            by: self.by.iter().map(|rule| rule.parse().ok()).collect::<Option<_>>()?,
        })
    }
}
