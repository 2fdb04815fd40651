//! The canary: each SCT in one of our own certificates is a log's promise to publish an entry, and the entry must
//! turn up where we look. If it does not, the log has broken its word or we are blind; this tells which.
//!
//! The promise is for one entry, since the Merkle tree's leaf holds the timestamp of the SCT (RFC 6962 §3.4): the
//! same certificate with another timestamp, or at another index than a static log promised, is another entry.

use aws_lc_rs::digest::{self, SHA256};
use countersign_sct::{embedded_list, parse_list, precert_tbs};
use jiff::{SignedDuration, Timestamp};

use crate::finding::Finding;

/// What a log has promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Promise {
    /// The log's id.
    pub log: [u8; 32],
    /// See [`crate::observation::Observation::tbs_sha256`].
    pub tbs_sha256: [u8; 32],
    /// The time of the SCT, in milliseconds since 1970: the entry's time as well.
    pub timestamp_ms: u64,
    /// Where the entry will be, if the log says so (c2sp.org/static-ct-api, "SCT Extension").
    pub leaf_index: Option<u64>,
    /// How long after that time the entry may be missing: the log's maximum merge delay.
    pub mmd: SignedDuration,
}

/// An SCT as it stands in a certificate; how long its log may take is not written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Promised {
    /// The log's id.
    pub log: [u8; 32],
    /// See [`Promise::tbs_sha256`].
    pub tbs_sha256: [u8; 32],
    /// See [`Promise::timestamp_ms`].
    pub timestamp_ms: u64,
    /// See [`Promise::leaf_index`].
    pub leaf_index: Option<u64>,
}

/// What the SCTs in a certificate promise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promises {
    /// The SCTs, in order.
    pub made: Vec<Promised>,
    /// Why others could not be read. Nothing is known of what these promise.
    pub unread: Vec<String>,
}

/// The promises in a certificate's embedded SCT list. The signatures are not verified: for our own certificates
/// that is the CA's business, and an SCT that no log has signed would show as a broken promise.
pub fn promises_of(certificate: &[u8]) -> Promises {
    let mut promises = Promises::default();
    let list = match embedded_list(certificate) {
        Ok(Some(list)) => list,
        Ok(None) => return promises,
        Err(why) => return promises.and_unread(&why),
    };
    let tbs = match precert_tbs(certificate) {
        Ok(tbs) => tbs,
        Err(why) => return promises.and_unread(&why),
    };
    let scts = match parse_list(list) {
        Ok(scts) => scts,
        Err(why) => return promises.and_unread(&why),
    };
    let hash = digest::digest(&SHA256, &tbs);
    let tbs_sha256 = hash.as_ref().try_into().expect("SHA-256 has 32 octets");
    for sct in scts {
        match sct {
            Ok(sct) => promises.made.push(Promised {
                log: sct.log_id.0,
                tbs_sha256,
                timestamp_ms: sct.timestamp_ms,
                leaf_index: sct.leaf_index(),
            }),
            Err(why) => promises.unread.push(why.to_string()),
        }
    }
    promises
}

impl Promises {
    fn and_unread(mut self, why: &dyn std::error::Error) -> Self {
        self.unread.push(why.to_string());
        self
    }
}

impl Promised {
    /// The promise of a log that may take that long.
    pub fn within(self, mmd: SignedDuration) -> Promise {
        let Self { log, tbs_sha256, timestamp_ms, leaf_index } = self;
        Promise { log, tbs_sha256, timestamp_ms, leaf_index, mmd }
    }
}

impl Promise {
    /// When the log gave it. `None` after the year 9999.
    pub fn given(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(i64::try_from(self.timestamp_ms).ok()?).ok()
    }

    /// From when on a tree without the entry breaks it.
    pub fn due(&self) -> Option<Timestamp> {
        let late = self.mmd.max(SignedDuration::ZERO).checked_add(LAG)?;
        self.given()?.checked_add(late).ok()
    }

    /// What is wrong, if the verdict is that something is.
    pub fn finding(&self, verdict: &PromiseVerdict) -> Option<Finding> {
        let &Self { log, timestamp_ms, leaf_index, .. } = self;
        match verdict {
            PromiseVerdict::Broken => {
                let due = self.due().unwrap_or(Timestamp::MAX);
                Some(Finding::PromiseNotKept { log, timestamp_ms, due })
            }
            PromiseVerdict::KeptElsewhere { index } => {
                let promised = leaf_index;
                Some(Finding::PromiseKeptElsewhere { log, promised, index: *index })
            }
            PromiseVerdict::Kept
            | PromiseVerdict::Waiting { .. }
            | PromiseVerdict::NotLooked(_) => None,
        }
    }
}

/// Where the certificate was seen in that log, as precertificate or as certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SeenAt {
    /// The entry's index.
    pub index: u64,
    /// The entry's time, in milliseconds since 1970.
    pub logged_ms: u64,
}

/// How much of a log has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogView {
    /// Whether the log is followed at all.
    pub followed: bool,
    /// Entries older than this were never looked at. `None`: all were, from the first.
    pub searched_from: Option<Timestamp>,
    /// The log's own time of its newest tree head whose entries have all been verified and searched. `None`: there
    /// is none yet.
    pub verified_head_time: Option<Timestamp>,
}

/// Whether a log has kept its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromiseVerdict {
    /// The entry is there.
    Kept,
    /// The certificate is in the log, but not as the entry that was promised.
    KeptElsewhere {
        /// Where it is.
        index: u64,
    },
    /// There is time left.
    Waiting {
        /// Until when.
        until: Timestamp,
    },
    /// Nobody can tell. Never fine, and no alarm by itself: whatever keeps us from looking is reported elsewhere.
    NotLooked(NotLooked),
    /// A tree that should have the entry was searched to the end, and it is not there.
    Broken,
}

/// Why nobody can tell whether a promise was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotLooked {
    /// It is in no list, or switched off.
    #[error("the log is not followed")]
    NotFollowed,
    /// The entry may be among those that were there before the guarding began.
    #[error("the entry may be older than what was searched")]
    BeforeSearch,
    /// The log shows nothing new, or we are behind.
    #[error("no tree as new as the promise asks for has been searched yet")]
    Behind,
    /// The SCT is from the future, so that it is not due for long, or never.
    #[error("the promise is dated in the future")]
    FromTheFuture,
}

/// The parts of a log have clocks of their own, and a head may be signed on another machine than an SCT.
const LAG: SignedDuration = SignedDuration::from_mins(10);

/// No honest clock is further ahead. Clients refuse SCTs from the future (RFC 6962 §5.2).
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(24);

/// Whether the log has kept a promise, given all places in that log where the certificate was seen.
pub fn judge_promise(
    promise: &Promise,
    seen: &[SeenAt],
    view: &LogView,
    now: Timestamp,
) -> PromiseVerdict {
    let is_promised = |seen: &&SeenAt| {
        seen.logged_ms == promise.timestamp_ms
            && promise.leaf_index.is_none_or(|index| index == seen.index)
    };
    if seen.iter().any(|seen| is_promised(&seen)) {
        return PromiseVerdict::Kept;
    }
    if !view.followed {
        return PromiseVerdict::NotLooked(NotLooked::NotFollowed);
    }
    let (Some(given), Some(due)) = (promise.given(), promise.due()) else {
        return PromiseVerdict::NotLooked(NotLooked::FromTheFuture);
    };
    if given.duration_since(now) > AHEAD_MAX {
        return PromiseVerdict::NotLooked(NotLooked::FromTheFuture);
    }
    // Times in a log are not in order: an entry can stand before one that is older by the merge delay.
    let earliest =
        given.checked_sub(promise.mmd.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MIN);
    if view.searched_from.is_some_and(|from| earliest < from) {
        return PromiseVerdict::NotLooked(NotLooked::BeforeSearch);
    }
    // The log's own word counts, not our clock: only a tree that it dates after the end can break the promise.
    let searched = view.verified_head_time.is_some_and(|head| due <= head);
    match (searched, seen.first()) {
        (true, Some(elsewhere)) => PromiseVerdict::KeptElsewhere { index: elsewhere.index },
        (true, None) => PromiseVerdict::Broken,
        (false, _) if now < due => PromiseVerdict::Waiting { until: due },
        (false, _) => PromiseVerdict::NotLooked(NotLooked::Behind),
    }
}

#[cfg(test)]
mod tests;
