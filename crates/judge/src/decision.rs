//! Whether a certificate is an expected one.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use crate::expectation::Expectation;
use crate::finding::Finding;
use crate::observation::{Named, Observation};
use crate::rule::{Rule, RuleId};
use crate::severity::Severity;

/// What to make of one certificate, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to make of it.
    pub verdict: Verdict,
    /// What is wrong with it, the most severe first; at most [`FINDINGS_MAX`] and one that counts the rest. Nothing
    /// if it is expected.
    pub findings: Vec<Finding>,
    /// The rules that make it an expected one. Nothing if it is not.
    pub by: Vec<RuleId>,
}

/// A decision in words, as it is kept and told: what it says stays what it was when rules and programs change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What was made of it.
    pub verdict: Verdict,
    /// What is wrong, the most severe first.
    pub findings: Vec<ToldFinding>,
    /// The rules that make it an expected one.
    pub by: Vec<RuleId>,
}

/// A finding in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldFinding {
    /// As in [`Finding::kind`].
    pub kind: String,
    /// As in [`Finding::severity`].
    pub severity: Severity,
    /// One harmless sentence, without a capital letter or a full stop.
    pub text: String,
}

impl From<&Finding> for ToldFinding {
    fn from(finding: &Finding) -> Self {
        Self {
            kind: finding.kind().to_owned(),
            severity: finding.severity(),
            text: finding.to_string(),
        }
    }
}

/// What to make of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is ours: rules for its key or for itself cover every guarded name in it.
    Authorized,
    /// All names are covered, but some only by a third party's rule, which is weak: to be summed up and looked
    /// through by people now and then.
    ThirdParty,
    /// It is not ours so far as is known, and somebody may still say that it is.
    Pending {
        /// Until when. From then on it is unexpected.
        until: Timestamp,
    },
    /// It should not be there.
    Unexpected,
}

/// More findings on one certificate tell a reader nothing; a certificate may have tens of thousands of names.
pub const FINDINGS_MAX: usize = 100;

/// More rules for one key tell a reader nothing; a key that is used for years may have thousands, and a certificate
/// with thousands of names would hold each of them for each name.
pub const RULES_TOLD_MAX: usize = 10;

impl Verdict {
    /// A name for programs that never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorized => "authorized",
            Self::ThirdParty => "third-party",
            Self::Pending { .. } => "pending",
            Self::Unexpected => "unexpected",
        }
    }
}

impl Decision {
    /// That of the most severe finding. `None` if there are none.
    pub fn severity(&self) -> Option<Severity> {
        self.findings.iter().map(Finding::severity).max()
    }

    /// The decision in words.
    pub fn told(&self) -> Told {
        let findings = self.findings.iter().map(ToldFinding::from).collect();
        Told { verdict: self.verdict, findings, by: self.by.clone() }
    }
}

/// What to make of a certificate that was first seen at `seen_at`, in whatever log.
///
/// Each guarded name has to be covered by a rule that applied at that time. If one is not, whoever ordered the
/// certificate has the hold time to say that it is theirs, unless something about it contradicts a policy.
///
/// While `now` moves forward from `seen_at`, a pending decision can only become unexpected. If `now` is earlier than
/// `seen_at` by the hold time or more, the clock was wrong at one of the two, and the hold is over as well.
pub fn decide(
    expectation: &Expectation,
    observation: &Observation,
    seen_at: Timestamp,
    now: Timestamp,
) -> Decision {
    let rules = Applying::new(expectation, observation, seen_at);
    // Nothing to cover is not the same as all covered.
    let nameless = [Named::unread()];
    let names = if observation.names.is_empty() { &nameless } else { &observation.names[..] };

    let mut by = RuleIds::default();
    let mut weak = false;
    let mut uncovered = Vec::new();
    for named in names {
        match rules.cover(named) {
            Some(Cover::Own(rule)) => by.add(rule),
            Some(Cover::ThirdParty(rule)) => {
                weak = true;
                by.add(rule);
            }
            None => uncovered.push(named),
        }
    }
    if uncovered.is_empty() {
        let verdict = if weak { Verdict::ThirdParty } else { Verdict::Authorized };
        return Decision { verdict, findings: Vec::new(), by: by.ids };
    }
    let mut findings = Findings::default();
    for named in &uncovered {
        rules.findings(named, &mut findings);
        for policy in expectation.policies_for(named) {
            policy.findings(observation, named, |finding| findings.add(finding));
        }
    }
    let shortest = uncovered.iter().map(|named| expectation.hold_for(named)).min();
    let shortest = shortest.expect("some name is not covered");
    let verdict =
        if findings.contradict { Verdict::Unexpected } else { hold(shortest, seen_at, now) };
    Decision { verdict, findings: findings.told(), by: Vec::new() }
}

/// Pending during the hold time, unexpected after it.
///
/// A sighting can lie in the future if the clock went back since. A step within the hold time may make it last
/// twice as long. If it lies further in the future, the clock was wrong when the certificate was seen, and nobody
/// knows how long ago that was: then the hold is over, or one wrong hour could keep an alarm silent for years.
fn hold(hold: SignedDuration, seen_at: Timestamp, now: Timestamp) -> Verdict {
    let until = seen_at.checked_add(hold).unwrap_or(Timestamp::MAX);
    let ahead = seen_at.duration_since(now);
    if now < until && ahead < hold { Verdict::Pending { until } } else { Verdict::Unexpected }
}

/// The rules that one certificate fits.
struct Applying<'a> {
    observation: &'a Observation,
    /// For its key or for itself.
    own: Vec<&'a Rule>,
    /// The same, but run out when it was first seen.
    expired: Vec<&'a Rule>,
    third_parties: Vec<&'a Rule>,
}

/// What covers a name.
enum Cover<'a> {
    Own(&'a Rule),
    ThirdParty(&'a Rule),
}

impl<'a> Applying<'a> {
    fn new(expectation: &'a Expectation, observation: &'a Observation, seen_at: Timestamp) -> Self {
        let (own, expired) =
            expectation.own(observation).partition(|rule| rule.applies_at(seen_at));
        let third_parties = expectation.third_parties(observation, seen_at).collect();
        Self { observation, own, expired, third_parties }
    }

    /// No policy is asked here: whatever is wrong with a certificate for our own key, only we can use it.
    fn cover(&self, named: &Named) -> Option<Cover<'a>> {
        if let Some(rule) = self.own.iter().find(|rule| rule.scope.covers_named(named)) {
            return Some(Cover::Own(rule));
        }
        // A name that had to be guessed is too little together with a key that is not ours.
        if named.is_doubtful() {
            return None;
        }
        let rule = self.third_parties.iter().find(|rule| rule.scope.covers(&named.name))?;
        Some(Cover::ThirdParty(rule))
    }

    /// Why nothing covers a name: at least one finding.
    fn findings(&self, named: &Named, findings: &mut Findings) {
        let mut ran_out =
            self.expired.iter().filter(|rule| rule.scope.covers_named(named)).peekable();
        if ran_out.peek().is_some() {
            for rule in ran_out {
                let until = rule.until.expect("a rule without an end does not run out");
                findings.add(Finding::RuleExpired { rule: rule.id.clone(), until });
            }
            return;
        }
        let known = self.own.iter().chain(&self.expired).take(RULES_TOLD_MAX);
        let rules: Vec<RuleId> = known.map(|rule| rule.id.clone()).collect();
        findings.add(match self.observation.spki_sha256 {
            _ if !rules.is_empty() => Finding::NameNotCovered { name: named.name.clone(), rules },
            Some(spki_sha256) => Finding::UnknownKey { spki_sha256 },
            None => Finding::NoKey,
        });
    }
}

/// Rules, each once, in the order of the names that they cover.
#[derive(Default)]
struct RuleIds {
    ids: Vec<RuleId>,
}

impl RuleIds {
    fn add(&mut self, rule: &Rule) {
        if !self.ids.contains(&rule.id) {
            self.ids.push(rule.id.clone());
        }
    }
}

/// Findings, each once.
#[derive(Default)]
struct Findings {
    all: Vec<Finding>,
    seen: HashSet<Finding>,
    contradict: bool,
}

impl Findings {
    fn add(&mut self, finding: Finding) {
        self.contradict |= finding.is_contradiction();
        if self.seen.insert(finding.clone()) {
            self.all.push(finding);
        }
    }

    /// The most severe first, each severity in the order of the names, and no more than can be read.
    fn told(mut self) -> Vec<Finding> {
        self.all.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
        let count = self.all.len().saturating_sub(FINDINGS_MAX);
        self.all.truncate(FINDINGS_MAX);
        if count > 0 {
            self.all.push(Finding::More { count });
        }
        self.all
    }
}

#[cfg(test)]
mod tests;
