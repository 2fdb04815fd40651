//! Brings reports to one sink: in order, at least once, again and again if it fails. What one sink does is nothing to
//! the others and nothing to the watch, except that the others are told.

use std::sync::Arc;
use std::time::Duration;

use countersign_net::{Net, Participant};
use countersign_store::trouble::{Nature, NewTrouble};
use countersign_store::{Store, StoreError};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::chance::Chance;
use crate::context::blocking;
use crate::message::{Composed, SINK_TROUBLE, compose};
use crate::sink::{NotDelivered, Sink, retry};
use crate::watch::later;

/// One sink, and what it runs on.
pub(crate) struct Delivery {
    pub(crate) store: Arc<Store>,
    pub(crate) net: Net,
    pub(crate) sink: Sink,
    pub(crate) participant: Participant,
    pub(crate) chance: Chance,
    /// A sink that fails for so long is trouble.
    pub(crate) unreachable_after: Duration,
    /// Tells the other sinks of that trouble.
    pub(crate) others: mpsc::Sender<Participant>,
}

/// How often a sink rejected the message that is first in its line. Names in it could be chosen so that a filter on
/// the way throws it away; then it goes out without them. It is never dropped.
#[derive(Default)]
struct Refusals {
    of: String,
    count: u32,
}

impl Delivery {
    /// Delivers until stopped, and then makes one more attempt. Each message in `news` says that there is something
    /// new; the participant in it keeps simulated time from passing until it was delivered.
    pub(crate) async fn run(
        mut self,
        mut news: mpsc::Receiver<Participant>,
        stop: CancellationToken,
    ) {
        let mut refusals = Refusals::default();
        let mut wake_at = self.participant.now();
        loop {
            let (mut stopped, mut held) = (false, None);
            tokio::select! {
                () = stop.cancelled() => stopped = true,
                new = news.recv() => held = new,
                () = self.participant.sleep_until(wake_at) => {}
            }
            wake_at = match self.deliver(&mut refusals, stopped).await {
                Ok(next) => next,
                Err(err) => {
                    warn!(sink.name = %self.sink.name(), "cannot deliver: {err}");
                    later(self.participant.now(), STORE_RETRY)
                }
            };
            drop(held);
            if stopped {
                return;
            }
        }
    }

    /// Delivers what waits, as long as it goes well. When to try again.
    async fn deliver(
        &mut self,
        refusals: &mut Refusals,
        last_attempt: bool,
    ) -> Result<Timestamp, StoreError> {
        loop {
            let now = self.participant.now();
            let name = self.sink.name().to_owned();
            let (waiting, row) = self
                .reading(move |store| {
                    let row = store.reader().sink(&name)?;
                    let waiting = store.reader().undelivered(&name, WAITING_MAX)?;
                    Ok((compose(store.reader(), &waiting)?, row))
                })
                .await?;
            let Some(Composed { message, through }) = waiting else { return Ok(Timestamp::MAX) };
            let (attempts, next_at) = row.map_or((0, None), |row| (row.attempts, row.next_at));
            // One that is planned later than that was planned by a clock that was wrong.
            let planned = next_at.filter(|at| *at > now && *at <= later(now, NEXT_MAX));
            if let Some(next_at) = planned
                && !last_attempt
            {
                return Ok(next_at);
            }
            let rejections = if refusals.of == message.id { refusals.count } else { 0 };
            let sent = message.after(rejections);
            match self.sink.send(&self.net, &sent, attempts + 1, now).await {
                Ok(()) => {
                    *refusals = Refusals::default();
                    debug!(sink.name = %self.sink.name(), message.id = %message.id, "delivered");
                    self.delivered(through).await?;
                }
                Err(why) => {
                    let retry_after = match &why {
                        NotDelivered::Rejected(_) => {
                            *refusals = Refusals { of: message.id, count: rejections + 1 };
                            None
                        }
                        NotDelivered::Failed { retry_after, .. } => *retry_after,
                    };
                    return self.failed(&why.to_string(), attempts, retry_after).await;
                }
            }
        }
    }

    async fn delivered(
        &self,
        through: countersign_store::report::ReportId,
    ) -> Result<(), StoreError> {
        let (name, now) = (self.sink.name().to_owned(), self.participant.now());
        let kind = trouble_kind(&name);
        self.reading(move |store| {
            store.delivered(&name, through, now)?;
            store.clear(None, &kind, now).map(drop)
        })
        .await
    }

    /// Notes a failure, and raises it if it has lasted. When to try again.
    async fn failed(
        &mut self,
        why: &str,
        attempts: u32,
        retry_after: Option<Duration>,
    ) -> Result<Timestamp, StoreError> {
        let now = self.participant.now();
        let next_at = retry::next_at(attempts + 1, retry_after, now, self.chance.unit());
        let (name, why) = (self.sink.name().to_owned(), why.to_owned());
        let unreachable_after = self.unreachable_after;
        warn!(sink.name = %name, "not delivered: {why}");
        let raised = self
            .reading(move |store| {
                store.not_delivered(&name, &why, next_at, now)?;
                let since = store.reader().sink(&name)?.and_then(|row| row.failing_since);
                let Some(since) = since.filter(|since| later(*since, unreachable_after) <= now)
                else {
                    return Ok(false);
                };
                let detail = format!("the sink {name} takes nothing since {since:.0}: {why}");
                let kind = trouble_kind(&name);
                let trouble = NewTrouble {
                    log: None,
                    kind: &kind,
                    nature: Nature::Condition,
                    detail: &detail,
                    evidence: &[],
                };
                store
                    .raise(&trouble, now)
                    .map(|raised| matches!(raised, countersign_store::trouble::Raised::Opened(_)))
            })
            .await?;
        if raised {
            let _ = self.others.try_send(self.participant.clock().participant());
        }
        Ok(next_at)
    }

    async fn reading<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = Arc::clone(&self.store);
        blocking(move || run(&store)).await
    }
}

fn trouble_kind(name: &str) -> String {
    format!("{SINK_TROUBLE}{name}")
}

/// Reports taken out at a time. More than this are summed up in more than one message.
const WAITING_MAX: u32 = 1000;
/// Nothing is ever planned later than this from when it is planned.
const NEXT_MAX: Duration = Duration::from_secs(2 * 60 * 60);
/// When the store could not be read.
const STORE_RETRY: Duration = Duration::from_secs(10);
