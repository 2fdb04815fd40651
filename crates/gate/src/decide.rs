//! Deciding: each name looked up and judged, what others see asked for, and all of it archived before anybody hears it.

use std::sync::Arc;

use countersign_caa::climb::{Climb, Next};
use countersign_caa::{Identifier, Method, Profile, Request, Verdict, decide};
use countersign_net::Clock;
use tokio::task::JoinSet;

use crate::application::{Application, Evidence, Judgement, NameJudgement, Source};
use crate::archive::{Archive, ArchiveError};
use crate::corroborate::Corroborators;
use crate::lookup::Lookups;
use crate::row::RecordRow;

/// Whoever decides. Cheap to clone; clones are the same one.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lookups: Lookups,
    profile: Profile,
    archive: Archive,
    corroborators: Corroborators,
    clock: Clock,
}

/// A decision that is in the archive.
#[derive(Clone, Debug)]
pub struct Decided {
    /// May the CA issue?
    pub verdict: Verdict,
    /// The record.
    pub record: Arc<RecordRow>,
    /// What it rests on.
    pub judgement: Arc<Judgement>,
}

impl Gate {
    /// Puts the parts together.
    pub fn new(
        lookups: Lookups,
        profile: Profile,
        archive: Archive,
        corroborators: Corroborators,
        clock: Clock,
    ) -> Self {
        Self(Arc::new(Inner { lookups, profile, archive, corroborators, clock }))
    }

    /// Where decisions are kept.
    pub fn archive(&self) -> &Archive {
        &self.0.archive
    }

    /// Decides. With an error nothing is decided, and nobody may issue.
    pub async fn decide(&self, application: Application) -> Result<Decided, ArchiveError> {
        let Inner { profile, archive, corroborators, clock, .. } = &*self.0;
        let names = self.names(&application).await;
        let mut judgement = Judgement {
            at: clock.now(),
            application,
            profile: *profile,
            names,
            perspectives: None,
        };
        let mut proofs: Vec<_> = judgement
            .names
            .iter()
            .flat_map(|name| &name.evidence)
            .filter_map(|evidence| evidence.proof.clone())
            .collect();
        // Whoever asks for corroboration counts by himself. And where we deny, nobody can make it an allowance.
        let is_asked = judgement.application.source != Source::Corroboration
            && judgement.own_verdict() == Verdict::Allow;
        if is_asked && let Some((perspectives, theirs)) = corroborators.ask(&judgement, self).await
        {
            judgement.perspectives = Some(perspectives);
            proofs.extend(theirs);
        }
        let verdict = judgement.verdict();
        let record = archive.add(RecordRow::new(&judgement), proofs).await?;
        Ok(Decided { verdict, record: Arc::new(record), judgement: Arc::new(judgement) })
    }

    /// What walks start from, for whoever verifies a proof.
    pub fn lookups(&self) -> &Lookups {
        &self.0.lookups
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Judges each name. A few are looked up at once.
    async fn names(&self, application: &Application) -> Vec<NameJudgement> {
        let request = |(identifier, method): (&Identifier, &Option<Method>)| Request {
            identifier: identifier.clone(),
            purpose: application.purpose,
            issuers: application.issuers.clone(),
            accounts: application.accounts.clone(),
            method: method.clone(),
            constrained: Vec::new(),
        };
        let mut requests: Vec<Request> = application.names.iter().map(request).collect();
        if let [_] = requests[..] {
            let only = requests.pop().expect("it was just seen");
            return vec![self.name(only).await];
        }
        let (mut tasks, mut names) = (JoinSet::new(), Vec::new());
        for request in requests {
            if tasks.len() >= NAMES_AT_ONCE
                && let Some(judged) = tasks.join_next().await
            {
                names.push(judged.expect("a lookup does not panic"));
            }
            let gate = self.clone();
            tasks.spawn(async move { gate.name(request).await });
        }
        names.extend(tasks.join_all().await);
        names.sort_by(|one, other| {
            one.decision.request.identifier.cmp(&other.decision.request.identifier)
        });
        names
    }

    async fn name(&self, request: Request) -> NameJudgement {
        let profile = &self.0.profile;
        let mut climb = Climb::new(request.identifier.name.clone(), profile.failures);
        let mut evidence: Vec<Evidence> = Vec::new();
        let climbed = loop {
            let name = match climb.next() {
                Next::Done(climbed) => break climbed.clone(),
                Next::Ask(name) => name.clone(),
            };
            let looked = self.0.lookups.look(&name).await;
            climb.feed(looked.lookup.clone());
            evidence.push(looked.evidence.clone());
        };
        NameJudgement { decision: decide(&request, climbed, profile), evidence }
    }
}

/// Names of one application that are looked up at once: an eighth of all lookups under way, so that whoever asks for a
/// thousand names that do not answer leaves places for others.
const NAMES_AT_ONCE: usize = 8;
