//! What is noted beside the entries: what is over, what failed, and for how long.

use countersign_ct::Misbehaviour;
use countersign_ct::backlog::Race;
use countersign_ct::follower::Ask;
use countersign_ct::head::{Head, HeadError};
use countersign_net::pace::{BACKOFF_MAX, BACKOFF_MIN};
use countersign_store::poll::Poll;
use jiff::Timestamp;
use tracing::{debug, warn};

use super::{Failure, ONCE_TRIES, Outcome, Stage, Task, chain};
use crate::protocol::{Protocol, Unmet};
use crate::trouble::Condition;
use crate::watch::{Extent, later};

impl<P: Protocol> Task<P> {
    /// Notes that something of this kind is over, if it was there.
    pub(super) async fn over(&self, kind: &str) -> Result<(), Failure> {
        self.all_over(&[kind]).await
    }

    async fn all_over(&self, kinds: &[&str]) -> Result<(), Failure> {
        let kinds = kinds.iter().map(|&kind| kind.to_owned()).collect();
        Ok(self.cx.clear(Some(self.id), kinds, self.participant.now()).await?)
    }

    /// After a head came: what is over, and how the race stands.
    pub(super) async fn settle(
        &mut self,
        found: &[Misbehaviour],
        now: Timestamp,
    ) -> Result<(), Failure> {
        let mut over = Vec::new();
        // A log that gives heads and nothing else is not there yet.
        if self.failing.is_none() {
            over.push(Condition::Unreachable.kind());
        }
        for kind in ["stale-head", "future-head"] {
            if !found.iter().any(|found| found.kind() == kind) {
                over.push(kind);
            }
        }
        if let Stage::Following { follower, .. } = &self.stage {
            let head = follower.latest().map_or(0, Head::size);
            self.backlog.observe(now, head, follower.downloaded());
            match self.backlog.race() {
                Race::Losing { lag, growth_per_hour, read_per_hour } => {
                    let detail = format!(
                        "{lag} entries behind and falling further: the log grows by {growth_per_hour} entries an hour, {read_per_hour} are read"
                    );
                    let kind = Condition::Backlog.kind().to_owned();
                    self.cx.raise(Some(self.id), kind, detail, now).await?;
                }
                Race::CaughtUp | Race::Gaining { .. } => over.push(Condition::Backlog.kind()),
                Race::Unknown => {}
            }
        }
        self.all_over(&over).await
    }

    /// After all was read that the log has signed: what is over by that. Not a doubt about the head that it still
    /// shows.
    pub(super) async fn settle_read(&mut self) -> Result<(), Failure> {
        let Stage::Following { follower, .. } = &self.stage else {
            unreachable!("only followers read")
        };
        let proved = follower.verified_head().map(|head| (head.size(), head.root()));
        let mut over = vec![Condition::Unreachable.kind()];
        if proved.is_some() && proved == self.shown {
            over.push("unproved-head");
        }
        self.all_over(&over).await
    }

    /// Notes that a poll brought no head. What to fail with: the store's own failure, if it has one.
    pub(super) async fn poll_failed(
        &mut self,
        failure: Failure,
        now: Timestamp,
    ) -> Result<Failure, Failure> {
        if matches!(failure, Failure::Stopped) {
            return Ok(failure);
        }
        let (id, why) = (self.id, chain(&failure));
        self.cx.store(move |store| store.note_poll(&id.0, &Poll::Trouble(why), now)).await?;
        if let Failure::Unmet(Unmet::Head { error: HeadError::Signature, answer }) = &failure {
            self.raise(vec![Misbehaviour::BadSignature { answer: answer.clone() }]).await?;
        }
        Ok(failure)
    }

    /// Counts a failure, and says so once it has lasted. An outcome, if it was to be read once and cannot be.
    pub(super) async fn fail(&mut self, failure: &Failure) -> Option<Outcome> {
        let (now, why) = (self.participant.now(), chain(failure));
        debug!(log.id = %self.id, "{}: {why}", self.log.description);
        match failure {
            Failure::Store(_) => {
                warn!(log.id = %self.id, "{}: {why}; going back to what is stored", self.log.description);
                self.stage = Stage::New;
                self.poll_at = Timestamp::MIN;
            }
            Failure::Row(_) => {
                self.poll_at = Timestamp::MIN;
                let detail =
                    format!("{why}. Until that is mended this log is not read: {MEND_POSITION}");
                self.note(Condition::UnusablePosition, detail, now).await;
            }
            // A later head may have a place to begin that can be proved.
            Failure::Unmet(Unmet::Unfitting(_)) if self.is_proving_start() => {
                self.stage = Stage::New
            }
            Failure::Unmet(_) | Failure::Misbehaved(_) | Failure::Stopped => {}
        }
        // Being asked to slow down is no failure, unless it lasts.
        let counts = u32::from(!matches!(failure, Failure::Unmet(Unmet::Throttled { .. })));
        let (since, tries) =
            self.failing.map_or((now, counts), |(since, tries)| (since, tries + counts));
        self.failing = Some((since, tries));
        self.setbacks += counts;
        let lasted = now.duration_since(since).unsigned_abs() >= self.cx.settings.unreachable_after;
        let given_up = self.cx.extent == Extent::Once && self.setbacks >= ONCE_TRIES;
        if (lasted || given_up) && !matches!(failure, Failure::Store(_) | Failure::Row(_)) {
            self.note(Condition::Unreachable, why.clone(), now).await;
        }
        given_up.then(|| Outcome::GaveUp(format!("{}: {why}", self.log.description)))
    }

    /// Raises a condition while something else has failed already.
    async fn note(&self, condition: Condition, detail: String, now: Timestamp) {
        let kind = condition.kind();
        if let Err(err) = self.cx.raise(Some(self.id), kind.to_owned(), detail, now).await {
            warn!(log.id = %self.id, trouble.kind = kind, "{}: cannot note {kind}: {err}", self.log.description);
        }
    }

    /// Whether the place to begin was found and is yet to be proved.
    fn is_proving_start(&self) -> bool {
        matches!(&self.stage, Stage::Starting(start) if matches!(start.next(), Ask::Frontier { .. }))
    }

    /// When the next step may be tried after one that failed: a part of a bound that doubles with each setback.
    pub(super) fn pause(&mut self) -> Timestamp {
        let bound =
            BACKOFF_MIN.saturating_mul(2_u32.saturating_pow(self.setbacks)).min(BACKOFF_MAX);
        later(self.participant.now(), bound.mul_f64(self.chance.unit()))
    }
}

/// What to do about a position that cannot be used. It says where to go on from, so nothing can be read without it.
const MEND_POSITION: &str = "put back a backup of the state directory, or begin with a new one, and --since the time of the old one's last entry";
