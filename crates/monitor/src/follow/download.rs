//! Downloads the leaves that the follower needs: several requests under way, their answers fed in order.

use std::collections::VecDeque;
use std::ops::Range;

use countersign_ct::follower::Next;
use countersign_store::poll::Throughput;
use tokio_util::task::AbortOnDropHandle;

use super::{Failure, Stage, Step, Task, leaves_nothing_to_do};
use crate::protocol::{Fetched, Protocol, Unmet};
use crate::sight::look;

/// A request for leaves that was sent.
struct UnderWay {
    range: Range<u64>,
    handle: AbortOnDropHandle<Result<Fetched, Unmet>>,
}

impl<P: Protocol> Task<P> {
    /// Downloads until all needed is there, the next poll is due, or something is wrong.
    pub(super) async fn download(&mut self, needed: Range<u64>) -> Result<Step, Failure> {
        let mut under_way: VecDeque<UnderWay> = VecDeque::new();
        let (begun, mut downloaded) = (self.participant.now(), Throughput::default());
        let mut next = needed.start;
        loop {
            while next < needed.end && under_way.len() < self.cx.settings.jobs_per_log {
                let now = self.participant.now();
                let ready_at = self.ready_at();
                if now >= self.poll_at || (ready_at > now && !under_way.is_empty()) {
                    break;
                }
                self.sleep_until(ready_at).await?;
                let range = P::one_request(next..needed.end, self.page.entries());
                next = range.end;
                under_way.push_back(self.fetch(range));
            }
            let Some(UnderWay { range, handle }) = under_way.pop_front() else { break };
            let fetched = self.answer(handle).await?;
            let taken_to = self.take(&range, &fetched).await?;
            downloaded.entries += taken_to.saturating_sub(range.start);
            downloaded.received_bytes += fetched.received_bytes;
            if taken_to < range.end {
                // What was asked for after this page leaves a gap now.
                under_way.clear();
                next = taken_to;
            }
            let Stage::Following { follower, .. } = &self.stage else {
                unreachable!("only followers download")
            };
            if !matches!(follower.next(), Next::Leaves { start, .. } if start == taken_to) {
                break;
            }
        }
        self.commit_if_due().await?;
        let (id, now) = (self.id, self.participant.now());
        downloaded.took_ms = u64::try_from(now.duration_since(begun).as_millis()).unwrap_or(0);
        self.cx.store(move |store| store.note_throughput(&id.0, &downloaded, now)).await?;
        Ok(Step::On)
    }

    /// Sends one request for leaves on its way.
    fn fetch(&mut self, range: Range<u64>) -> UnderWay {
        let now = self.participant.now();
        self.paced(|paces| paces.on_request(now));
        let (protocol, asked) = (self.protocol.clone(), range.clone());
        // The handle aborts the request when it is dropped, so it never outlives this task.
        #[expect(
            clippy::disallowed_methods,
            reason = "the handle ends the task, and is awaited in order"
        )]
        let handle = tokio::spawn(async move { protocol.leaves(asked, now).await });
        UnderWay { range, handle: AbortOnDropHandle::new(handle) }
    }

    async fn answer(
        &mut self,
        handle: AbortOnDropHandle<Result<Fetched, Unmet>>,
    ) -> Result<Fetched, Failure> {
        let answered = tokio::select! {
            () = self.stop.cancelled() => return Err(Failure::Stopped),
            answered = handle => answered.expect("a request neither panics nor is aborted before its end"),
        };
        self.pace_by(&answered);
        Ok(answered?)
    }

    /// Feeds one answer and looks at what it brought. The index after the last leaf taken.
    async fn take(&mut self, range: &Range<u64>, fetched: &Fetched) -> Result<u64, Failure> {
        let Stage::Following { follower, .. } = &mut self.stage else {
            unreachable!("only followers download")
        };
        let before = follower.verified();
        let watchlist = &self.cx.settings.watchlist;
        let (count, sightings, found) = P::entries(fetched, |entries| {
            let count = u64::try_from(entries.len()).expect("a length fits 64 bits");
            let (placed, mut found) = follower.feed_leaves(fetched.start, entries);
            let mut sightings = Vec::new();
            for placed in &placed {
                let (sighting, misbehaviour) = look(watchlist, placed);
                sightings.extend(sighting);
                found.extend(misbehaviour);
            }
            (count, sightings, found)
        })?;
        self.page.on_answer(range, count);
        let (taken_to, verified) = (follower.downloaded(), follower.verified());
        self.sightings.extend(sightings);
        if taken_to > self.furthest {
            self.furthest = taken_to;
            self.setbacks = 0;
        }
        self.progress();
        let fatal = found.iter().find(|found| leaves_nothing_to_do(found)).map(ToString::to_string);
        self.raise(found).await?;
        if let Some(why) = fatal {
            return Err(Failure::Misbehaved(why));
        }
        if verified > before {
            // The tree is that of a signed head again, whatever was doubted before.
            self.setbacks = 0;
            self.over("unproved-head").await?;
        }
        if verified > before || !self.sightings.is_empty() {
            self.commit().await?;
        }
        self.commit_if_due().await?;
        Ok(taken_to)
    }
}
