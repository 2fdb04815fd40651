//! The search for the records that govern a name: at the name, and upwards (RFC 8659 §3).
//!
//! ```text
//!   new(name) ──> Next::Ask(name) ── feed(lookup) ──> records: done
//!                      ^                    │──> none: the parent of the name that was asked, never of an alias
//!                      └────────────────────┘──> failed, or not secure: done, and no permission
//! ```
//!
//! Aliases are followed by whoever looks up, who says how secure each of them is.

use crate::name::Name;
use crate::profile::Failures;
use crate::record::Record;

/// A climb under way, or at its end.
#[derive(Clone, Debug)]
pub struct Climb {
    failures: Failures,
    /// What is asked next.
    name: Option<Name>,
    climbed: Climbed,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
pub enum Next<'a> {
    /// Look up the CAA records of this name, following aliases, and feed what comes of it.
    Ask(&'a Name),
    /// It is done.
    Done(&'a Climbed),
}

/// What a climb found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Climbed {
    /// The lookups, from the name upwards. Without any, nothing was looked at.
    pub steps: Vec<Step>,
    /// How it ended.
    pub end: End,
}

/// How a climb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At the relevant records, those of the last step.
    Relevant,
    /// Above the top-level domain, without any.
    NoRecords,
    /// At a lookup, the last step, that failed.
    Failed,
    /// At a lookup, the last step, whose answer is forged or broken.
    Bogus,
    /// Not yet.
    UnderWay,
}

/// One lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The name that was looked up.
    pub name: Name,
    /// What came of it.
    pub lookup: Lookup,
}

/// What came of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Each name on the way: the one that was looked up, and one for each alias that was followed. Of a lookup that
    /// failed, the last is the name at which it did. Without any, nothing is known of how secure it is.
    pub hops: Vec<Hop>,
    /// What stands at the end of the way.
    pub outcome: Outcome,
    /// How long that may be kept, in seconds.
    pub ttl_s: u32,
}

/// A name on the way of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The name, as text.
    pub name: String,
    /// How secure is what it says.
    pub security: Security,
}

/// How secure an answer is (RFC 4033 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Security {
    /// Validated, with a chain to a trust anchor.
    Secure,
    /// Proved to have no such chain.
    Insecure,
    /// Not known, as where nobody validates. Never enough.
    Indeterminate,
    /// There should be a chain, and it does not hold.
    Bogus,
}

/// What stands at the end of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// CAA records, at least one.
    Records(Vec<Record>),
    /// No CAA records, or no such name.
    None,
    /// No answer.
    Failed(Failure),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened, in words.
    pub why: String,
    /// How often it was tried.
    pub tries: u32,
    /// Where the fault lies.
    pub side: FailureSide,
}

/// Where the fault of a failure lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureSide {
    /// In what the CA runs, or nobody knows.
    Ours,
    /// Outside: other lookups succeed.
    Outside,
}

impl Climb {
    /// Sets out from a name.
    pub fn new(name: Name, failures: Failures) -> Self {
        let climbed = Climbed { steps: Vec::new(), end: End::UnderWay };
        Self { failures, name: Some(name), climbed }
    }

    /// What comes next; the same until something is fed.
    pub fn next(&self) -> Next<'_> {
        match &self.name {
            Some(name) => Next::Ask(name),
            None => Next::Done(&self.climbed),
        }
    }

    /// Takes what came of the lookup that [`Climb::next`] asks for. At the end nothing is taken any more.
    pub fn feed(&mut self, lookup: Lookup) {
        let Some(name) = self.name.take() else { return };
        let above = name.parent();
        let ends = lookup.ends(self.failures);
        self.climbed.steps.push(Step { name, lookup });
        match (ends, above) {
            (Some(end), _) => self.climbed.end = end,
            (None, Some(above)) => self.name = Some(above),
            (None, None) => self.climbed.end = End::NoRecords,
        }
    }
}

impl Lookup {
    /// The worst of the way: whoever can forge one alias leads to records of their own.
    pub fn security(&self) -> Security {
        self.hops.iter().map(|hop| hop.security).max().unwrap_or(Security::Indeterminate)
    }

    /// Whether a climb ends here, and how; `None`: it goes on to the name above.
    fn ends(&self, failures: Failures) -> Option<End> {
        match (&self.outcome, self.security()) {
            (_, Security::Bogus) => Some(End::Bogus),
            (_, Security::Indeterminate) => Some(End::Failed),
            (Outcome::Records(records), _) => (!records.is_empty()).then_some(End::Relevant),
            (Outcome::None, _) => None,
            (Outcome::Failed(failure), _) => match failures {
                Failures::BaselineRequirements if is_permission(failure, &self.hops) => None,
                Failures::BaselineRequirements | Failures::Deny => Some(End::Failed),
            },
        }
    }
}

/// Whether a failure is permission, by Baseline Requirements §3.2.2.8.1. The zone that failed is that of the last hop.
fn is_permission(failure: &Failure, hops: &[Hop]) -> bool {
    let is_unsigned = hops.last().is_some_and(|hop| hop.security == Security::Insecure);
    failure.side == FailureSide::Outside && failure.tries > 1 && is_unsigned
}

impl Climbed {
    /// Whether this is what a climb from that name finds: each step at the name above the one before, none behind one
    /// that ends it, and the end that follows. Whoever puts a climb together by hand can leave something out.
    pub(crate) fn is_of(&self, name: &Name, failures: Failures) -> bool {
        let mut next = Some(name.clone());
        let mut end = None;
        for step in &self.steps {
            if end.is_some() || next.as_ref() != Some(&step.name) {
                return false;
            }
            end = step.lookup.ends(failures);
            next = step.name.parent();
        }
        let end = end.or(next.is_none().then_some(End::NoRecords));
        end == Some(self.end)
    }

    /// The relevant records and the name that was looked up for them.
    pub fn relevant(&self) -> Option<(&Name, &[Record])> {
        let step = self.steps.last().filter(|_| self.end == End::Relevant)?;
        match &step.lookup.outcome {
            Outcome::Records(records) => Some((&step.name, records)),
            Outcome::None | Outcome::Failed(_) => None,
        }
    }

    /// The worst of all lookups: to suppress the records of a name is as good as to forge those above it.
    pub fn security(&self) -> Security {
        let all = self.steps.iter().map(|step| step.lookup.security());
        all.max().unwrap_or(Security::Indeterminate)
    }
}

#[cfg(test)]
mod tests;
