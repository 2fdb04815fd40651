//! Verdicts of the last minutes: most connections go where others went before.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};

use crate::verdict::{Presented, Rung, Verdict};

/// Two generations: when the young one is full, the old one is dropped and it becomes the old one. So nothing
/// grows, and nothing has to be looked for to be dropped.
#[derive(Debug, Default)]
pub(super) struct Cache {
    young: HashMap<Key, Cached>,
    old: HashMap<Key, Cached>,
}

/// The hash of everything that a verdict depends on, but for the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

#[derive(Clone, Debug)]
struct Cached {
    verdict: Arc<Verdict>,
    made: Timestamp,
}

/// The key for this certificate, under the list of this version.
pub(super) fn key(presented: Presented<'_>, list_version: u64, rung: Rung) -> Key {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&list_version.to_be_bytes());
    hash.update(&[match rung {
        Rung::Strict => 0,
        Rung::Degraded => 1,
    }]);
    // Two elements of DER, each with its length.
    hash.update(presented.issuer_spki);
    hash.update(presented.certificate);
    Key(hash.finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

impl Cache {
    pub(super) fn get(&mut self, key: &Key, now: Timestamp) -> Option<Arc<Verdict>> {
        let cached = self.young.get(key).or_else(|| self.old.get(key))?.clone();
        let age = now.duration_since(cached.made);
        let is_fresh = !age.is_negative() && age < KEPT;
        is_fresh.then_some(cached.verdict)
    }

    pub(super) fn put(&mut self, key: Key, verdict: Arc<Verdict>, now: Timestamp) {
        if self.young.len() >= GENERATION_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, Cached { verdict, made: now });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

/// A log that is retired in the meantime counts so long still; its retirement was announced days ahead.
const KEPT: SignedDuration = SignedDuration::from_mins(10);
/// Verdicts of a generation, some 500 bytes each.
const GENERATION_MAX: usize = 512;
