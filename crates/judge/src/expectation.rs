//! What the operator says should be true: all rules and policies, made ready for deciding.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::observation::{Named, Observation};
use crate::policy::Policy;
use crate::rule::{Basis, Rule};

/// Rules and policies. A decision looks up the rules for its key and its certificate by hash and goes through the
/// rules for third parties, so that any number of registered keys costs nothing.
#[derive(Debug)]
pub struct Expectation {
    rules: Vec<Rule>,
    by_key: HashMap<[u8; 32], Vec<usize>>,
    by_certificate: HashMap<[u8; 32], Vec<usize>>,
    third_parties: Vec<usize>,
    policies: Vec<Policy>,
    default_hold: SignedDuration,
}

impl Expectation {
    /// What these say. `default_hold` is for names that no policy touches.
    pub fn new(
        rules: impl IntoIterator<Item = Rule>,
        policies: Vec<Policy>,
        default_hold: SignedDuration,
    ) -> Self {
        let rules: Vec<Rule> = rules.into_iter().collect();
        let (mut by_key, mut by_certificate) = (HashMap::new(), HashMap::new());
        let mut third_parties = Vec::new();
        for (position, rule) in rules.iter().enumerate() {
            let positions: &mut Vec<usize> = match &rule.basis {
                Basis::Key { spki_sha256 } => by_key.entry(*spki_sha256).or_default(),
                Basis::Certificate { tbs_sha256 } => by_certificate.entry(*tbs_sha256).or_default(),
                Basis::ThirdParty { .. } => &mut third_parties,
            };
            positions.push(position);
        }
        Self { rules, by_key, by_certificate, third_parties, policies, default_hold }
    }

    /// All rules, in the order given.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// All policies, in the order given.
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The rules for the key or for the very certificate, also those that have run out.
    pub(crate) fn own(&self, observation: &Observation) -> impl Iterator<Item = &Rule> {
        // An unreadable key is nobody's: only a rule for the certificate can speak for it.
        let key = observation.spki_sha256.and_then(|key| self.by_key.get(&key));
        let certificate = self.by_certificate.get(&observation.tbs_sha256);
        key.into_iter().chain(certificate).flatten().map(|&position| &self.rules[position])
    }

    /// The rules for third parties that a certificate fits by its issuer, validity and time.
    pub(crate) fn third_parties<'a>(
        &'a self,
        observation: &Observation,
        seen_at: Timestamp,
    ) -> impl Iterator<Item = &'a Rule> {
        let (issuer, validity) = (observation.issuer_key_sha256, observation.validity());
        self.third_parties.iter().map(|&position| &self.rules[position]).filter(move |rule| {
            let Basis::ThirdParty { issuer_keys, validity_max } = &rule.basis else { return false };
            issuer.is_some_and(|issuer| issuer_keys.contains(&issuer))
                && validity.is_some_and(|validity| validity <= *validity_max)
                && rule.applies_at(seen_at)
        })
    }

    /// The policies that a name has to do with.
    pub(crate) fn policies_for(&self, named: &Named) -> impl Iterator<Item = &Policy> {
        self.policies.iter().filter(move |policy| policy.scope.touches(named))
    }

    /// How long a certificate with this name waits: the shortest of what its policies say.
    pub(crate) fn hold_for(&self, named: &Named) -> SignedDuration {
        let shortest = self.policies_for(named).map(|policy| policy.hold).min();
        shortest.unwrap_or(self.default_hold).max(SignedDuration::ZERO)
    }
}
