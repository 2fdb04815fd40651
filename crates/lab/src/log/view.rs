//! What one group of clients is shown: a history up to a head, through the knobs.

use super::entry::Entry;
use super::history::History;
use super::knobs::{HeadSignature, Knobs, Shown};
use super::signer::{Head, Signer};

/// The log as one request finds it.
pub(crate) struct View<'a> {
    pub(crate) history: &'a History,
    pub(crate) knobs: &'a Knobs,
    pub(crate) head: Head,
    /// The `digitally-signed` struct over the head.
    pub(crate) signature: Vec<u8>,
    signer: &'a Signer,
}

impl<'a> View<'a> {
    /// Chooses and signs the head.
    pub(crate) fn new(
        history: &'a History,
        knobs: &'a Knobs,
        signer: &'a Signer,
        now_ms: u64,
    ) -> Self {
        let mut head = match knobs.shown {
            Shown::Latest => history.latest(),
            Shown::Frozen(head) => head,
            Shown::RolledBack { size } => history.head_of(size, now_ms),
        };
        let shift = i64::try_from(knobs.timestamp_shift.as_millis()).unwrap_or(0);
        head.timestamp_ms = head.timestamp_ms.saturating_add_signed(shift);
        let mut signature = signer.sign_head(&head);
        match knobs.head_signature {
            HeadSignature::Good => {}
            HeadSignature::Bad => {
                *signature.last_mut().expect("a signature has bytes") ^= 1;
            }
        }
        Self { history, knobs, head, signature, signer }
    }

    /// The checkpoint of the head.
    pub(crate) fn checkpoint(&self) -> String {
        let Knobs { extension_lines, signature_lines, .. } = self.knobs;
        self.signer.checkpoint(&self.head, &self.signature, extension_lines, signature_lines)
    }

    /// The entry served at an index within the head's tree.
    pub(crate) fn entry(&self, index: u64) -> &Entry {
        let substitute = self.knobs.substitutes.get(&index);
        substitute.or_else(|| self.history.entry(index)).expect("a head covers entries")
    }

    /// The hash served at an index of a level of tiles: over 256^level leaves.
    pub(crate) fn hash(&self, level: u32, index: u64) -> [u8; 32] {
        let binary = usize::try_from(8 * level).expect("at most 40");
        let mut hash = self.history.tree().subtree(binary, index).expect("a head covers hashes");
        if level == 0 && self.knobs.altered_hashes.contains(&index) {
            hash[0] ^= 1;
        }
        hash
    }
}
