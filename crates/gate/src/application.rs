//! What a CA wants to have decided, and what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_caa::{Account, Decision, Identifier, Method, Name, Profile, Purpose, Verdict};
use jiff::Timestamp;

use crate::perspective::Perspectives;

/// What is to be decided: one certificate, whatever the number of its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Through which door it came.
    pub source: Source,
    /// What the CA calls it: an order's address, the number of a request.
    pub reference: Option<String>,
    /// What the certificate is for.
    pub purpose: Purpose,
    /// The names by which the CA is known.
    pub issuers: Vec<Name>,
    /// The account that asks, and those above it.
    pub accounts: Vec<Account>,
    /// Each name, once, with the method by which it was validated.
    pub names: BTreeMap<Identifier, Option<Method>>,
}

/// A door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The proxy before an ACME CA.
    Acme,
    /// The HTTP API.
    Api,
    /// The webhook of step-ca.
    StepCa,
    /// Another gate, which asks for corroboration.
    Corroboration,
}

impl Source {
    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acme => "acme",
            Self::Api => "api",
            Self::StepCa => "step-ca",
            Self::Corroboration => "corroboration",
        }
    }
}

/// What was decided, with all that it rests on.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// When.
    pub at: Timestamp,
    /// What was asked.
    pub application: Application,
    /// The rules that were followed.
    pub profile: Profile,
    /// Each name, in order.
    pub names: Vec<NameJudgement>,
    /// What other perspectives said, where they were asked.
    pub perspectives: Option<Perspectives>,
}

/// What was decided of one name.
#[derive(Clone, Debug)]
pub struct NameJudgement {
    /// The decision with its lookups.
    pub decision: Decision,
    /// Of each lookup, in their order, what proves it.
    pub evidence: Vec<Evidence>,
}

/// What proves a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The time that it was judged as of.
    pub validated_at: Timestamp,
    /// The proof; `None` if nothing was proved, since it is forged or could not be told.
    pub proof: Option<ProofFile>,
}

/// A proof as bytes (docs/dnssec-proof.md), and their SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    /// The hash.
    pub hash: [u8; 32],
    /// The bytes, shared by all who need them.
    pub bytes: Arc<[u8]>,
}

impl Judgement {
    /// May the CA issue? Only if it may for each name, and enough others say so where they have to.
    pub fn verdict(&self) -> Verdict {
        let all = self.own_verdict() == Verdict::Allow;
        let is_corroborated = self.perspectives.as_ref().is_none_or(Perspectives::are_enough);
        if all && is_corroborated { Verdict::Allow } else { Verdict::Deny }
    }

    /// The same, without the others.
    pub fn own_verdict(&self) -> Verdict {
        let mut verdicts = self.names.iter().map(|name| name.decision.verdict());
        let all = !self.names.is_empty() && verdicts.all(|verdict| verdict == Verdict::Allow);
        if all { Verdict::Allow } else { Verdict::Deny }
    }
}
