//! A follower's state as plain values, to be kept over a restart.

use countersign_tlog::{Frontier, Hash};

use super::{Follower, Promise, Tail};
use crate::head::Head;

/// All that a follower knows. Where it is kept and how is for others to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Index of the first leaf that was followed.
    pub start: u64,
    /// The tree of all leaves hashed.
    pub downloaded: Frontier,
    /// The hashes of the last leaves of `downloaded`, at most one tile of them.
    pub tail: Vec<Hash>,
    /// The tree of all leaves under a head whose root was computed.
    pub verified: Frontier,
    /// That head, as served.
    pub verified_head: Option<Vec<u8>>,
    /// Heads whose leaves were not all there, as served, by rising size.
    pub pending: Vec<Vec<u8>>,
}

/// Why saved values are no state of a follower: they were damaged, or belong to another log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// A head does not verify with this log's key.
    #[error("a saved head is not one of this log")]
    Head,
    /// The verified head is not that of the verified tree.
    #[error("the saved head is not that of the saved tree")]
    Root,
    /// Positions or heads are not in order.
    #[error("the saved positions are not in order")]
    Order,
}

impl<H: Head> Follower<H> {
    /// The state as plain values.
    pub fn save(&self) -> Saved {
        Saved {
            start: self.start,
            downloaded: self.downloaded.clone(),
            tail: self.tail.hashes.clone(),
            verified: self.verified.clone(),
            verified_head: self.verified_head.as_ref().map(|head| head.bytes().to_owned()),
            pending: self.pending.iter().map(|head| head.bytes().to_owned()).collect(),
        }
    }

    /// Goes on from saved values. `parse` reads a head and verifies it with the log's key, as when it was served.
    pub fn restore(
        saved: Saved,
        promise: Promise,
        parse: impl Fn(&[u8]) -> Option<H>,
    ) -> Result<Self, SavedError> {
        let parse = |bytes: &Vec<u8>| parse(bytes).ok_or(SavedError::Head);
        let verified_head = saved.verified_head.as_ref().map(parse).transpose()?;
        let is_verified =
            |head: &H| head.size() == saved.verified.size() && head.root() == saved.verified.root();
        if !verified_head.as_ref().is_none_or(is_verified) {
            return Err(SavedError::Root);
        }
        let pending = saved.pending.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let sizes: Vec<_> = [saved.start, saved.verified.size(), saved.downloaded.size()]
            .into_iter()
            .chain(pending.iter().map(Head::size))
            .collect();
        let kept = u64::try_from(saved.tail.len()).expect("a length fits 64 bits");
        let Some(first) = saved.downloaded.size().checked_sub(kept) else {
            return Err(SavedError::Order);
        };
        if !sizes.is_sorted() {
            return Err(SavedError::Order);
        }
        let tail = Tail { first, hashes: saved.tail };
        // What stood before the verified position in its tile is known only if nothing was downloaded since.
        let verified_tail = if saved.downloaded == saved.verified {
            tail.clone()
        } else {
            Tail::starting_at(saved.verified.size())
        };
        Ok(Self {
            start: saved.start,
            tail,
            verified_tail,
            downloaded: saved.downloaded,
            verified: saved.verified,
            verified_head,
            pending: pending.into(),
            ..Self::from_first(promise)
        })
    }
}
