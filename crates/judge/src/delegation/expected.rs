//! What the operator expects of a delegation.

use std::collections::{BTreeMap, BTreeSet};

use countersign_dns::{Ds, Name, Rtype};

use super::shown::{Shown, Topic};
use super::snapshot::Snapshot;

/// All that is expected of one zone. Of what is not in it nobody has said anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The zone.
    pub zone: Name,
    /// What may be shown of each topic.
    pub plans: BTreeMap<Topic, Plan>,
    /// The keys that may sign beside those that the DS records name, each named as by a DS record. Empty: any, as long
    /// as the others vouch for them.
    pub zsks: Vec<Ds>,
}

/// What may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Any of these; at least one. The first is what should be there now.
    pub accepted: Vec<Shown>,
    /// Who says so.
    pub basis: Basis,
}

/// Who says what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The operator, in the configuration.
    Declared,
    /// Nobody: it was so when it was first looked at, or when somebody accepted it.
    Learned,
}

impl Basis {
    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Learned => "learned",
        }
    }
}

impl Plan {
    /// What is there now, and what is announced to come: both, and each alone (RFC 6781 §4.1: a change of keys goes
    /// by way of both).
    pub fn declared(now: &Shown, next: Option<&Shown>) -> Self {
        let mut accepted = vec![now.clone()];
        if let Some(next) = next {
            let both = now.rdatas().chain(next.rdatas()).map(<[u8]>::to_vec);
            accepted.extend([Shown::records(both), next.clone()]);
        }
        Self { accepted, basis: Basis::Declared }
    }

    /// Whether it says that something else is going to be there.
    pub fn announces(&self) -> bool {
        self.accepted.len() > 1
    }

    /// What was learned.
    pub fn learned(shown: Shown) -> Self {
        Self { accepted: vec![shown], basis: Basis::Learned }
    }

    /// Whether this may be shown.
    pub fn accepts(&self, shown: &Shown) -> bool {
        self.accepted.contains(shown)
    }
}

impl Expected {
    /// Nothing is expected.
    pub fn nothing(zone: Name) -> Self {
        Self { zone, plans: BTreeMap::new(), zsks: Vec::new() }
    }

    /// What may be shown of a topic.
    pub fn plan(&self, topic: &Topic) -> Option<&Plan> {
        self.plans.get(topic)
    }

    /// The same, with what was learned of topics of which nothing is declared.
    #[must_use]
    pub fn with_learned(&self, learned: &BTreeMap<Topic, Shown>) -> Self {
        let mut expected = self.clone();
        for (topic, shown) in learned {
            let plan = || Plan::learned(shown.clone());
            expected.plans.entry(topic.clone()).or_insert_with(plan);
        }
        expected
    }

    /// Whether the zone is unsigned as it is meant to be: its DS records may be gone, and are.
    pub(super) fn is_let_go(&self, now: &Snapshot) -> bool {
        let topic = Topic::parent(self.zone.clone(), Rtype::DS);
        let (Some(plan), Some(views)) = (self.plan(&topic), now.views.get(&topic)) else {
            return false;
        };
        plan.accepts(&Shown::None) && views.iter().all(|view| view.shown == Shown::None)
    }

    /// The servers that the parent may name.
    pub(super) fn servers(&self) -> BTreeSet<Name> {
        let plan = self.plan(&Topic::parent(self.zone.clone(), Rtype::NS));
        plan.into_iter().flat_map(|plan| &plan.accepted).flat_map(Shown::servers).collect()
    }

    /// The DS records that may be there, now or soon; `None` if nobody has said anything of them.
    pub(super) fn ds(&self) -> Option<Vec<Ds>> {
        let plan = self.plan(&Topic::parent(self.zone.clone(), Rtype::DS))?;
        let rdatas = plan.accepted.iter().flat_map(Shown::rdatas);
        Some(rdatas.filter_map(Ds::from_rdata).collect())
    }
}
