//! The canary: each SCT in our own certificates names a log that must show the entry within its maximum merge delay.
//! A log that does not has broken its promise, or we are blind; either is worth waking somebody for.

use countersign_ct::certificate::{Kind, walk};
use countersign_ct::entry::{Beside, Content, Entry};
use countersign_judge::decision::ToldFinding;
use countersign_judge::explanation::explain_promise;
use countersign_judge::promise::{
    LogView, Promise, PromiseVerdict, SeenAt, judge_promise, promises_of,
};
use countersign_store::StoreError;
use countersign_store::promise::{Broken, PromiseId, Settled};
use countersign_store::sighting::Sighting;
use countersign_store::status::LogStatus;
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use super::Judge;
use crate::watch::later;

impl Judge {
    /// Notes what the SCTs in a certificate of our own promise.
    pub(super) fn note_promises(
        &self,
        certificate: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let promises = promises_of(certificate);
        for why in &promises.unread {
            warn!("an SCT in a certificate of ours cannot be read: {why}");
        }
        let logs = self.store.reader().logs()?;
        let mmd_of = |log: &[u8; 32]| {
            let row = logs.iter().find(|row| row.log.id == *log)?;
            i64::try_from(row.log.mmd_s?).ok().map(SignedDuration::from_secs)
        };
        let made = promises.made.into_iter();
        // A certificate that ran out long ago may lie in a directory for ever. What was promised for it is settled.
        let walked = walk(certificate, Kind::Certificate);
        if walked.not_after.is_some_and(|end| end < now) {
            return Ok(());
        }
        let made: Vec<_> =
            made.map(|made| made.within(mmd_of(&made.log).unwrap_or(MMD_DEFAULT))).collect();
        self.store.note_promises(&made, now)
    }

    /// The same for a certificate of ours that was sighted in a log. Whatever is in others proves nothing.
    pub(super) fn note_promises_in(
        &self,
        sighting: &Sighting,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if sighting.precertificate {
            return Ok(());
        }
        let Some(leaf) = self.store.reader().evidence(&sighting.leaf_sha256)? else {
            return Ok(());
        };
        match Entry::from_leaf(&leaf, Beside::Nothing).content {
            Content::Certificate { certificate, .. } => self.note_promises(certificate, now),
            Content::Precertificate { .. } | Content::Unknown { .. } => Ok(()),
        }
    }

    /// Looks for the entries that are due by now. When to look again.
    pub(super) fn look_for_promised(
        &self,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        loop {
            let due = self.store.reader().promises_due(now, BATCH)?;
            if due.is_empty() {
                return self.store.reader().next_promise_at();
            }
            let logs = self.store.reader().status()?.logs;
            for (id, promise) in due {
                self.look_for(id, &promise, &logs, now)?;
            }
        }
    }

    fn look_for(
        &self,
        id: PromiseId,
        promise: &Promise,
        logs: &[LogStatus],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let log = logs.iter().find(|row| row.log.log.id == promise.log);
        let seen: Vec<_> = self
            .store
            .reader()
            .sightings_of(&promise.tbs_sha256)?
            .into_iter()
            .filter(|seen| seen.log == promise.log)
            .map(|seen| SeenAt { index: seen.index, logged_ms: logged_ms(&seen) })
            .collect();
        let view = self.view(log);
        let verdict = judge_promise(promise, &seen, &view, now);
        let name = log.map_or("that is followed no longer", |row| &row.log.log.description);
        let broken = || {
            let told = explain_promise(promise, &verdict, name)?;
            let finding = promise.finding(&verdict)?;
            let severity = finding.severity();
            Some(Broken { title: told.title, severity, finding: ToldFinding::from(&finding) })
        };
        let settled = match verdict {
            PromiseVerdict::Kept => Settled::Kept,
            PromiseVerdict::KeptElsewhere { index } => {
                let broken = broken().expect("an entry in the wrong place is a finding");
                Settled::KeptElsewhere { index, broken }
            }
            PromiseVerdict::Broken => {
                Settled::Broken(broken().expect("a broken promise is a finding"))
            }
            PromiseVerdict::Waiting { until } => {
                // Not earlier than the next round, or this would go round for ever.
                return self.store.put_off_promise(id, until.max(later(now, self.come_by)));
            }
            // Whatever keeps us from looking is trouble of its own; once it is over, there is an answer.
            PromiseVerdict::NotLooked(_) => {
                return self.store.put_off_promise(id, later(now, self.come_by.max(LOOK_AGAIN)));
            }
        };
        self.store.settle_promise(id, promise, &settled, now)
    }

    /// How much of a log was looked at.
    fn view(&self, log: Option<&LogStatus>) -> LogView {
        let Some(row) = log else {
            return LogView { followed: false, searched_from: None, verified_head_time: None };
        };
        let read = row.progress.as_ref();
        // Only a tree that was searched to its end can show that something is not there.
        let whole = read.filter(|read| read.downloaded_size >= read.verified_size);
        LogView {
            followed: row.log.removed_at.is_none(),
            searched_from: match read {
                Some(read) if read.start == 0 => None,
                Some(_) | None => Some(self.searched_from),
            },
            verified_head_time: whole.and_then(|read| read.verified_head_time),
        }
    }
}

/// The entry's time. One that no calendar has is no promise's.
fn logged_ms(sighting: &Sighting) -> u64 {
    sighting.logged_at.and_then(|at| u64::try_from(at.as_millisecond()).ok()).unwrap_or(u64::MAX)
}

/// Promises looked for at a time.
const BATCH: u32 = 256;
/// Of a log whose list does not say: what RFC 6962 logs promise.
const MMD_DEFAULT: SignedDuration = SignedDuration::from_hours(24);
/// Where nobody can tell.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(60 * 60);
