//! One history that a log tells: its entries, the tree over them, and the tree heads it has published. An honest
//! log has one; a log that forks has several with a common beginning.

use std::collections::HashMap;

use super::entry::Entry;
use super::signer::Head;
use super::tree::{Tree, count};

/// Entries in the order of their leaves. What was sequenced after the last published head is not served.
pub(crate) struct History {
    entries: Vec<Entry>,
    tree: Tree,
    /// The first index of every leaf hash.
    indices: HashMap<[u8; 32], u64>,
    /// Oldest first, and never empty: a log starts by publishing its empty tree.
    published: Vec<Head>,
}

impl History {
    /// An empty log.
    pub(crate) fn new(now_ms: u64) -> Self {
        let tree = Tree::default();
        let empty = Head { size: 0, timestamp_ms: now_ms, root: tree.root(0) };
        Self { entries: Vec::new(), tree, indices: HashMap::new(), published: vec![empty] }
    }

    /// A history with the same first `size` entries, all of them published just now.
    pub(crate) fn fork(&self, size: u64, now_ms: u64) -> Self {
        let mut fork = Self::new(now_ms);
        let kept = usize::try_from(size).expect("the lab's trees are small");
        assert!(kept <= self.entries.len(), "a fork shares entries that there are");
        for entry in &self.entries[..kept] {
            fork.push(entry.clone());
        }
        fork.published = self.published.iter().filter(|head| head.size <= size).copied().collect();
        fork.publish(now_ms);
        fork
    }

    /// Sequences an entry; its index.
    pub(crate) fn push(&mut self, entry: Entry) -> u64 {
        let (index, hash) = (self.size(), entry.leaf_hash());
        self.tree.push(hash);
        self.indices.entry(hash).or_insert(index);
        self.entries.push(entry);
        index
    }

    /// Makes a head of all that is sequenced.
    pub(crate) fn publish(&mut self, now_ms: u64) -> Head {
        let head = self.head_of(self.size(), now_ms);
        self.published.push(head);
        head
    }

    /// How many entries are sequenced.
    pub(crate) fn size(&self) -> u64 {
        count(self.entries.len())
    }

    /// The head that was published last.
    pub(crate) fn latest(&self) -> Head {
        *self.published.last().expect("a log starts by publishing its empty tree")
    }

    /// What a head of the first `size` entries would say.
    pub(crate) fn head_of(&self, size: u64, timestamp_ms: u64) -> Head {
        Head { size, timestamp_ms, root: self.tree.root(size) }
    }

    /// Whether some published tree ends with a partial tile of this width (c2sp.org/tlog-tiles, "Partial
    /// tiles": those of other sizes never existed).
    pub(crate) fn had_partial(&self, level: u32, index: u64, width: u64) -> bool {
        let hashes = index * 256 + width;
        self.published.iter().any(|head| head.size >> (8 * level) == hashes)
    }

    /// The tree, in which there is more than what is published.
    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The entry at an index.
    pub(crate) fn entry(&self, index: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(index).ok()?)
    }

    /// Where a leaf first stands.
    pub(crate) fn index_of(&self, hash: &[u8; 32]) -> Option<u64> {
        self.indices.get(hash).copied()
    }
}
