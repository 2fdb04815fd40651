//! Follows one log: asks what the follower below wants to know, sends it, feeds the reply, keeps the result.
//!
//! ```text
//!  New ──head──> Starting ──times, frontier──> Following ──leaves, proofs──┐
//!   ^                                              ^────────────────────────┘
//!   └── the store failed: begin again from what it has
//! ```
//!
//! The task has no opinions: the follower says what a reply shows. It retries, waits, and says what it cannot do.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_ct::Misbehaviour;
use countersign_ct::backlog::Backlog;
use countersign_ct::entry::Entry;
use countersign_ct::follower::{Ask, Follower, Next, Start, Started};
use countersign_ct::head::Head;
use countersign_net::pace::{Pace, Paces};
use countersign_net::page_size::PageSize;
use countersign_net::{FetchError, Participant};
use countersign_sct::LogId;
use countersign_store::StoreError;
use countersign_store::poll::{self, Poll};
use countersign_store::position::{Position, Revision};
use countersign_store::sighting::NewSighting;
use countersign_tlog::Hash;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::chance::Chance;
use crate::context::Context;
use crate::position::{RowError, from_row, millis, to_row};
use crate::protocol::{Protocol, Unmet};
use crate::report::Progress;
use crate::roster::Followed;
use crate::trouble::Condition;
use crate::watch::{Extent, Listed};

use issuers::Issuers;

mod download;
mod inclusion;
mod issuers;
mod upkeep;

/// The task that follows one log.
pub(crate) struct Task<P: Protocol> {
    cx: Arc<Context>,
    log: Followed,
    id: LogId,
    listed: Listed,
    protocol: P,
    participant: Participant,
    stop: CancellationToken,
    chance: Chance,
    pace: Pace,
    operator_pace: Arc<Mutex<Pace>>,
    page: PageSize,
    backlog: Backlog,
    stage: Stage<P::Head>,
    /// When the log is asked for its head next.
    poll_at: Timestamp,
    /// Size and root of the head that the log showed last.
    shown: Option<(u64, Hash)>,
    /// Since when nothing works, and how often it was tried.
    failing: Option<(Timestamp, u32)>,
    /// How often the log answered in place of a proof with something else, since the last one that it gave.
    proofs_refused: u32,
    /// Steps that failed since something new was last read or proved. An answer that came quickly and was wrong is
    /// asked for again as slowly as one that did not come.
    setbacks: u32,
    /// The most leaves that were ever there, right or wrong.
    furthest: u64,
    /// The least that was ever left of the search for the place to begin.
    closest: u64,
    /// Connections that broke in a row.
    broken: u32,
    /// Found, but not in the store.
    sightings: Vec<NewSighting>,
    issuers: Issuers,
    committed_at: Timestamp,
    /// What was committed last, and on which day.
    committed: Option<(i64, Position)>,
}

enum Stage<H> {
    /// Nothing is known, or what was known is not what the store has.
    New,
    /// The place to begin is being looked for.
    Starting(Start<H>),
    /// The log is followed from a position that the store has at this revision, if it has one.
    Following { follower: Follower<H>, revision: Option<Revision> },
}

/// What the watch gives each of its tasks.
pub(crate) struct Shared {
    pub(crate) operator_pace: Arc<Mutex<Pace>>,
    pub(crate) chance: Chance,
    pub(crate) stop: CancellationToken,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was stopped.
    Stopped,
    /// All that the log has signed was read and verified.
    CaughtUp,
    /// It was to be read once, and could not.
    GaveUp(String),
}

/// What a step came to.
enum Step {
    /// There is more to do at once.
    On,
    /// Nothing to do until the next poll.
    Idle,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Unmet(#[from] Unmet),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the stored position cannot be used: {0}")]
    Row(#[from] RowError),
    /// The log misbehaved in a way that leaves nothing to do but to ask again.
    #[error("{0}")]
    Misbehaved(String),
    #[error("stopped")]
    Stopped,
}

impl<P: Protocol> Task<P> {
    pub(crate) fn new(
        cx: Arc<Context>,
        log: Followed,
        listed: Listed,
        protocol: P,
        shared: Shared,
    ) -> Self {
        let Shared { operator_pace, chance, stop } = shared;
        let participant = cx.clock.participant();
        let id = log.key.id();
        let pace = Pace::of_log(cx.settings.rates);
        Self {
            cx,
            log,
            id,
            listed,
            protocol,
            participant,
            stop,
            chance,
            pace,
            operator_pace,
            page: PageSize::default(),
            backlog: Backlog::default(),
            stage: Stage::New,
            poll_at: Timestamp::MIN,
            shown: None,
            failing: None,
            proofs_refused: 0,
            setbacks: 0,
            furthest: 0,
            closest: u64::MAX,
            broken: 0,
            sightings: Vec::new(),
            issuers: Issuers::default(),
            committed_at: Timestamp::MIN,
            committed: None,
        }
    }

    /// Follows until stopped, or, where only one reading is wanted, until all is read or cannot be.
    pub(crate) async fn run(mut self) -> Outcome {
        loop {
            let wake_at = match self.step().await {
                Ok(Step::On) => {
                    self.failing = None;
                    continue;
                }
                Ok(Step::Idle) if self.cx.extent == Extent::Once => return Outcome::CaughtUp,
                Ok(Step::Idle) => {
                    self.failing = None;
                    self.setbacks = 0;
                    self.poll_at
                }
                Err(Failure::Stopped) => return Outcome::Stopped,
                Err(failure) => {
                    if let Some(outcome) = self.fail(&failure).await {
                        return outcome;
                    }
                    self.ready_at().max(self.pause())
                }
            };
            if self.sleep_until(wake_at).await.is_err() {
                return Outcome::Stopped;
            }
        }
    }

    async fn step(&mut self) -> Result<Step, Failure> {
        if self.stop.is_cancelled() {
            return Err(Failure::Stopped);
        }
        let now = self.participant.now();
        if now >= self.poll_at || matches!(self.stage, Stage::New) {
            self.poll().await?;
        }
        match &self.stage {
            Stage::New => unreachable!("a poll that succeeds leaves New behind"),
            Stage::Starting(start) => {
                let ask = start.next();
                self.start(ask).await
            }
            Stage::Following { follower, .. } => match follower.next() {
                Next::Head => {
                    self.commit().await?;
                    self.settle_read().await?;
                    self.complete_issuers().await?;
                    self.prove_inclusions().await.map(|()| Step::Idle)
                }
                Next::Leaves { start, end } => self.download(start..end).await,
                Next::Consistency { old, new } => self.prove(old, new).await,
            },
        }
    }

    /// Asks for the newest head and holds it against what is known.
    async fn poll(&mut self) -> Result<(), Failure> {
        let answered = self.request(|protocol, now| async move { protocol.head(now).await }).await;
        let now = self.participant.now();
        let head = match answered {
            Ok(head) => head,
            Err(failure) => return Err(self.poll_failed(failure, now).await?),
        };
        let poll = poll::Head {
            size: head.size(),
            time: millis(head.timestamp_ms()),
            bytes: head.bytes().to_owned(),
        };
        self.shown = Some((head.size(), head.root()));
        let id = self.id;
        self.cx.store(move |store| store.note_poll(&id.0, &Poll::Head(poll), now)).await?;
        self.poll_at = crate::watch::later(now, self.cx.settings.poll);
        if matches!(self.stage, Stage::New) {
            self.stage = self.begin(&head, now).await?;
            self.over(Condition::UnusablePosition.kind()).await?;
        }
        let found = match &mut self.stage {
            Stage::Following { follower, .. } if follower.wants_head() => {
                follower.feed_head(head, now)
            }
            Stage::New | Stage::Starting(_) | Stage::Following { .. } => Vec::new(),
        };
        self.settle(&found, now).await?;
        self.raise(found).await
    }

    /// Goes on from what the store has, or looks for a place to begin.
    async fn begin(&mut self, head: &P::Head, now: Timestamp) -> Result<Stage<P::Head>, Failure> {
        let (id, promise) = (self.id, self.log.promise);
        self.sightings.clear();
        self.committed_at = now;
        self.committed = None;
        if let Some((row, revision)) =
            self.cx.store(move |store| store.reader().position(&id.0)).await?
        {
            let protocol = self.protocol.clone();
            let follower = from_row(row, promise, |bytes| protocol.parse_head(bytes).ok())?;
            return Ok(Stage::Following { follower, revision: Some(revision) });
        }
        // Guarding begins now, and with it this log: no entry that is older is wanted. A log that was listed later, or
        // that could not be reached at first, may hold some that are.
        let begins = self.listed == Listed::AtFirst
            && self.cx.since >= self.cx.started
            && now <= crate::watch::later(self.cx.started, self.cx.settings.poll);
        let start = if begins {
            Start::at_end(promise, head.clone())
        } else {
            Start::since(promise, head.clone(), self.cx.since, self.log.merge_delay())
        };
        Ok(Stage::Starting(start))
    }

    /// Answers one question of the search for the place to begin.
    async fn start(&mut self, ask: Ask) -> Result<Step, Failure> {
        match ask {
            Ask::Time { index } => {
                let Stage::Starting(start) = &self.stage else { unreachable!("the search asked") };
                // Of partial tiles a log has only those of the trees that it has signed: up to the head.
                let range = P::one_request(index..start.head_size(), 1);
                let fetched = self
                    .request(|protocol, now| async move { protocol.leaves(range, now).await })
                    .await?;
                let offset = usize::try_from(index - fetched.start).expect("within one tile");
                let time =
                    P::entries(&fetched, |entries| entries.get(offset).map(Entry::timestamp_ms))?
                        .ok_or(Unmet::Unfitting("the log does not give the entry asked for"))?;
                let Stage::Starting(start) = &mut self.stage else {
                    unreachable!("the search asked")
                };
                start.feed_time(time);
                if start.left() < self.closest {
                    self.closest = start.left();
                    self.setbacks = 0;
                }
            }
            Ask::Frontier { size, head_size } => {
                let (frontier, proof) = self
                    .request(|protocol, now| async move {
                        protocol.frontier(size, head_size, now).await
                    })
                    .await?;
                let Stage::Starting(start) = std::mem::replace(&mut self.stage, Stage::New) else {
                    unreachable!("the search asked")
                };
                match start.feed_frontier(frontier, &proof) {
                    Started::Follower(follower) => {
                        debug!(log.id = %self.id, tree.size = size, "begins at entry {size}");
                        self.stage = Stage::Following { follower: *follower, revision: None };
                        self.over("unproved-start").await?;
                        self.commit().await?;
                    }
                    Started::Misbehaved(found) => {
                        let why = found.to_string();
                        self.raise(vec![found]).await?;
                        return Err(Failure::Misbehaved(why));
                    }
                }
            }
        }
        Ok(Step::On)
    }

    /// Asks for the consistency proof that the follower wants. A log that keeps answering with something else is
    /// taken to have none. One that cannot be asked is not.
    async fn prove(&mut self, old: u64, new: u64) -> Result<Step, Failure> {
        let answered = self
            .request(|protocol, now| async move { protocol.consistency(old, new, now).await })
            .await;
        let proof = match answered {
            Ok(proof) => Some(proof),
            Err(Failure::Unmet(unmet)) if unmet.is_refusal() => {
                self.proofs_refused += 1;
                if self.proofs_refused < PROOF_TRIES {
                    return Err(Failure::Unmet(unmet));
                }
                None
            }
            Err(failure) => return Err(failure),
        };
        self.proofs_refused = 0;
        let Stage::Following { follower, .. } = &mut self.stage else {
            unreachable!("the follower asked")
        };
        let found = follower.feed_consistency(proof.as_deref());
        self.after_doubt(found).await
    }

    /// After a doubt about the log was answered: goes on, or waits before it asks for the same again.
    async fn after_doubt(&mut self, found: Vec<Misbehaviour>) -> Result<Step, Failure> {
        let fatal = found.iter().find(|found| leaves_nothing_to_do(found)).map(ToString::to_string);
        if found.is_empty() {
            self.over("unproved-head").await?;
        }
        self.raise(found).await?;
        self.commit().await?;
        fatal.map_or(Ok(Step::On), |why| Err(Failure::Misbehaved(why)))
    }

    /// Keeps the position, and the sightings below it, if that was not done for a while.
    async fn commit_if_due(&mut self) -> Result<(), Failure> {
        let due = crate::watch::later(self.committed_at, COMMIT_EVERY.unsigned_abs());
        if self.participant.now() >= due { self.commit().await } else { Ok(()) }
    }

    async fn commit(&mut self) -> Result<(), Failure> {
        // Sightings are of when they were found, not of when their issuers came.
        let now = self.participant.now();
        self.fetch_issuers().await?;
        let Stage::Following { follower, revision } = &mut self.stage else {
            unreachable!("only followers have a position")
        };
        let (id, row, expected) = (self.id, to_row(follower), *revision);
        let day = now.as_second().div_euclid(DAY_S);
        // Nothing new; but of each day one head is kept.
        if expected.is_some()
            && self.sightings.is_empty()
            && self.committed.as_ref() == Some(&(day, row.clone()))
        {
            return Ok(());
        }
        let sightings = std::mem::take(&mut self.sightings);
        let any = !sightings.is_empty();
        let kept = (day, row.clone());
        let committed = self
            .cx
            .store(move |store| store.commit(&id.0, expected, &row, &sightings, now))
            .await?;
        *revision = Some(committed);
        self.committed = Some(kept);
        self.committed_at = now;
        if any {
            self.cx.tell();
        }
        Ok(())
    }

    /// Makes one request at the learned pace and waits for its answer.
    async fn request<T, F: Future<Output = Result<T, Unmet>> + Send>(
        &mut self,
        ask: impl FnOnce(P, Timestamp) -> F,
    ) -> Result<T, Failure> {
        let ready_at = self.ready_at();
        self.sleep_until(ready_at).await?;
        let now = self.participant.now();
        self.paced(|paces| paces.on_request(now));
        let answered = tokio::select! {
            () = self.stop.cancelled() => return Err(Failure::Stopped),
            answered = ask(self.protocol.clone(), now) => answered,
        };
        self.pace_by(&answered);
        Ok(answered?)
    }

    /// Learns from an answer how fast the log may be asked.
    fn pace_by<T>(&mut self, answered: &Result<T, Unmet>) {
        let now = self.participant.now();
        let jitter = self.chance.unit();
        self.broken = match answered {
            Err(Unmet::Fetch(FetchError::Broken { .. })) => self.broken + 1,
            Ok(_) | Err(_) => 0,
        };
        if self.broken == BROKEN_MAX {
            debug!(log.id = %self.id, "{}: closes its connections; a new one for each request", self.log.description);
            self.protocol.close_connections();
        }
        self.paced(|paces| match answered {
            Ok(_) => paces.on_success(now),
            Err(Unmet::Throttled { retry_after, .. }) => paces.on_throttle(now, *retry_after),
            Err(_) => paces.on_failure(now, jitter),
        });
    }

    fn paced<T>(&mut self, run: impl FnOnce(&mut Paces<'_>) -> T) -> T {
        let mut operator = self.operator_pace.lock().unwrap_or_else(PoisonError::into_inner);
        run(&mut Paces { log: &mut self.pace, operator: &mut operator })
    }

    fn ready_at(&mut self) -> Timestamp {
        let now = self.participant.now();
        self.paced(|paces| paces.ready_at(now))
    }

    async fn sleep_until(&mut self, time: Timestamp) -> Result<(), Failure> {
        tokio::select! {
            () = self.stop.cancelled() => Err(Failure::Stopped),
            () = self.participant.sleep_until(time) => Ok(()),
        }
    }

    fn progress(&self) {
        let Stage::Following { follower, .. } = &self.stage else { return };
        (self.cx.progress)(&Progress {
            description: self.log.description.clone(),
            start: follower.start(),
            downloaded: follower.downloaded(),
            head: follower.latest().map_or(0, Head::size),
        });
    }

    async fn raise(&self, found: Vec<Misbehaviour>) -> Result<(), Failure> {
        let now = self.participant.now();
        for found in found {
            self.cx.raise_misbehaviour(self.id, found, now).await?;
        }
        Ok(())
    }
}

/// Whether a log that did this has to be asked again for what it just gave, so that there must be a pause.
fn leaves_nothing_to_do(found: &Misbehaviour) -> bool {
    match found {
        Misbehaviour::WrongEntries { .. }
        | Misbehaviour::ChangedEntry { .. }
        | Misbehaviour::Unproved { .. }
        | Misbehaviour::UnprovedStart { .. } => true,
        Misbehaviour::Fork { .. }
        | Misbehaviour::Rollback { .. }
        | Misbehaviour::Stale { .. }
        | Misbehaviour::Future { .. }
        | Misbehaviour::BadSignature { .. }
        | Misbehaviour::UnknownEntry { .. } => false,
    }
}

/// An error with all its causes.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// After so many broken connections in a row none is kept: some operators' servers break those that are.
const BROKEN_MAX: u32 = 3;
/// How often a log answers without a proof before it counts as having none.
const PROOF_TRIES: u32 = 5;
/// How often a log that is to be read once is tried, while nothing works.
const ONCE_TRIES: u32 = 5;
const DAY_S: i64 = 24 * 60 * 60;
/// How much work a crash may cost. Less would spend more time on syncing the disk than on reading.
const COMMIT_EVERY: SignedDuration = SignedDuration::from_secs(5);
