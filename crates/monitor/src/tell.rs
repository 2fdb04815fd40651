//! From a sighting to whoever must know: the judging, then the reporter and each sink, one task each.
//!
//! ```text
//!  followers ──news──> judging ──news──> reporter (standard output)
//!                         ^       ├────> sink ──trouble──┐
//!                         │       └────> sink            │
//!                         └──────────────────────────────┘
//! ```

use std::sync::Arc;

use anyhow::Context as _;
use countersign_net::Participant;
use countersign_store::StoreError;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::chance::Chance;
use crate::context::{Context, blocking};
use crate::delivery::Delivery;
use crate::judging::Judge;
use crate::report::{Outlet, report};
use crate::sink::Sink;
use crate::watch::{NEWS_MAX, later};

/// The tasks that tell.
pub(crate) struct Tellers {
    judging: JoinSet<()>,
    telling: JoinSet<()>,
    stop_judging: CancellationToken,
    stop_telling: CancellationToken,
}

impl Tellers {
    pub(crate) async fn start(
        cx: &Arc<Context>,
        outlet: Box<dyn Outlet>,
        sinks: Vec<Sink>,
        news: mpsc::Receiver<Participant>,
        chance: &mut Chance,
    ) -> anyhow::Result<Self> {
        let (mut telling, stop_telling) = (JoinSet::new(), CancellationToken::new());
        let mut tell = Vec::new();
        let (to_reporter, received) = mpsc::channel(NEWS_MAX);
        tell.push(to_reporter);
        telling.spawn(report(
            Arc::clone(&cx.store),
            outlet,
            received,
            cx.clock.participant(),
            stop_telling.clone(),
        ));
        for sink in sinks {
            let (name, now) = (sink.name().to_owned(), cx.clock.now());
            let added = cx.store(move |store| store.add_sink(&name, now)).await;
            added.with_context(|| format!("cannot keep the sink {}", sink.name()))?;
            let (to_sink, received) = mpsc::channel(NEWS_MAX);
            tell.push(to_sink);
            let delivery = Delivery {
                store: Arc::clone(&cx.store),
                net: cx.net.clone(),
                sink,
                participant: cx.clock.participant(),
                chance: chance.fork(),
                unreachable_after: cx.settings.unreachable_after,
                // By way of the judging, which tells all.
                others: cx.news.clone(),
            };
            telling.spawn(delivery.run(received, stop_telling.clone()));
        }
        let (mut judging, stop_judging) = (JoinSet::new(), CancellationToken::new());
        let poll = cx.settings.poll;
        let searched_from = later(cx.since, poll);
        let judge =
            Judge::new(Arc::clone(&cx.store), cx.settings.judging.clone(), poll, searched_from);
        judging.spawn(judge_all(judge, news, tell, cx.clock.participant(), stop_judging.clone()));
        Ok(Self { judging, telling, stop_judging, stop_telling })
    }

    /// Has all judged that was sighted, and told what can be told at once; then ends.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.stop_judging.cancel();
        while let Some(done) = self.judging.join_next().await {
            done.context("the judging panicked")?;
        }
        self.stop_telling.cancel();
        while let Some(done) = self.telling.join_next().await {
            done.context("a reporter panicked")?;
        }
        Ok(())
    }
}

/// Judges until stopped, and then what is left. What it holds back simulated time with, it hands on to those who tell.
async fn judge_all(
    mut judge: Judge,
    mut news: mpsc::Receiver<Participant>,
    tell: Vec<mpsc::Sender<Participant>>,
    mut participant: Participant,
    stop: CancellationToken,
) {
    let mut wake_at = participant.now();
    loop {
        let (mut stopped, mut held) = (false, None);
        tokio::select! {
            () = stop.cancelled() => stopped = true,
            new = news.recv() => held = new,
            () = participant.sleep_until(wake_at) => {}
        }
        let now = participant.now();
        let judged: Result<Timestamp, StoreError>;
        (judge, judged) = blocking(move || {
            let judged = judge.round(now);
            (judge, judged)
        })
        .await;
        wake_at = judged.unwrap_or_else(|err| {
            warn!("cannot judge: {err}");
            later(now, RETRY)
        });
        for to in &tell {
            // Where so many wait that there is no room, somebody is on the way.
            let _ = to.try_send(participant.clock().participant());
        }
        drop(held);
        if stopped {
            return;
        }
    }
}

/// When the store could not be read or written.
const RETRY: std::time::Duration = std::time::Duration::from_secs(10);
