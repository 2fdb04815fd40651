//! A follower's state as the store keeps it, and back.

use countersign_ct::follower::{Follower, Promise, Saved, SavedError};
use countersign_ct::head::Head;
use countersign_store::position::Position;
use countersign_tlog::{Frontier, Hash};
use jiff::Timestamp;

/// The row for a follower's state.
pub(crate) fn to_row<H: Head>(follower: &Follower<H>) -> Position {
    let saved = follower.save();
    let bytes = |hashes: &[Hash]| hashes.iter().map(|hash| hash.0).collect();
    Position {
        start: saved.start,
        downloaded_size: saved.downloaded.size(),
        downloaded_peaks: bytes(saved.downloaded.peaks()),
        tail: bytes(&saved.tail),
        verified_size: saved.verified.size(),
        verified_peaks: bytes(saved.verified.peaks()),
        verified_head: saved.verified_head,
        verified_head_time: follower.verified_head().and_then(|head| millis(head.timestamp_ms())),
        pending_heads: saved.pending,
    }
}

/// The follower that a row holds.
pub(crate) fn from_row<H: Head>(
    row: Position,
    promise: Promise,
    parse: impl Fn(&[u8]) -> Option<H>,
) -> Result<Follower<H>, RowError> {
    let frontier = |size, peaks: Vec<[u8; 32]>| {
        Frontier::from_peaks(size, peaks.into_iter().map(Hash).collect()).ok_or(RowError::Peaks)
    };
    let saved = Saved {
        start: row.start,
        downloaded: frontier(row.downloaded_size, row.downloaded_peaks)?,
        tail: row.tail.into_iter().map(Hash).collect(),
        verified: frontier(row.verified_size, row.verified_peaks)?,
        verified_head: row.verified_head,
        pending: row.pending_heads,
    };
    Ok(Follower::restore(saved, promise, parse)?)
}

/// Why a row is no state of a follower: the store is damaged, or was written to by something else.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum RowError {
    #[error("the stored tree has the wrong number of hashes")]
    Peaks,
    #[error(transparent)]
    State(#[from] SavedError),
}

/// A log's time as a timestamp; None for a time that no calendar has.
pub(crate) fn millis(timestamp_ms: u64) -> Option<Timestamp> {
    i64::try_from(timestamp_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok())
}
