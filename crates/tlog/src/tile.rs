//! A Merkle tree as static files (c2sp.org/tlog-tiles).
//!
//! A tile holds up to 256 neighbouring hashes of one level of the tree, and the levels between are hashed from
//! them: level 0 of the tiles is level 0 of the tree, level 1 is level 8, level 2 is level 16.

use crate::hash::{HASH_BYTES, Hash, node_hash};
use crate::proof::Node;

/// The width of a full tile, in hashes.
pub const TILE_WIDTH: u16 = 256;

/// The levels of the tree that one tile spans.
const TILE_LEVELS: u8 = 8;

/// The highest level that a path may name. Trees with 64-bit sizes end at level 7.
const LEVEL_MAX: u8 = 63;

/// Which tile, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 for leaf hashes, 1 for the roots of full tiles of level 0, and so on; at most 63.
    pub level: u8,
    /// The number of tiles to its left.
    pub index: u64,
    /// How many hashes or entries it has: 1 to 256. Less than [`TILE_WIDTH`] only at the right edge of a tree.
    pub width: u16,
}

impl TileId {
    /// The tile to read a node's hash from, as wide as the tree of `tree_size` leaves has it.
    ///
    /// # Panics
    ///
    /// If the tree does not have the node.
    pub fn covering(node: Node, tree_size: u64) -> Self {
        let nodes = tree_size.checked_shr(node.level.into()).unwrap_or(0);
        assert!(node.index < nodes, "a tree of {tree_size} leaves does not have {node:?}");
        let level = node.level / TILE_LEVELS;
        let index = node.index >> (TILE_LEVELS - node.level % TILE_LEVELS);
        let hashes = (tree_size >> (level * TILE_LEVELS)) - index * u64::from(TILE_WIDTH);
        let width = u16::try_from(hashes).map_or(TILE_WIDTH, |hashes| hashes.min(TILE_WIDTH));
        Self { level, index, width }
    }

    /// The same tile once it is full. A log may delete a partial tile as soon as it serves the full one.
    #[must_use]
    pub fn full(self) -> Self {
        Self { width: TILE_WIDTH, ..self }
    }

    /// Whether the tile will not change any more.
    pub fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// Where the log serves the tile's hashes, below its prefix: `tile/0/x001/x234/067.p/12`.
    ///
    /// # Panics
    ///
    /// If there is no such tile: its level is above 63, or its width is not 1 to 256.
    pub fn path(self) -> String {
        self.path_below(&self.level.to_string())
    }

    /// Where a static CT log serves the entries of a tile of level 0: `tile/data/x001/x234/067`
    /// (c2sp.org/static-ct-api, "Log Entries").
    ///
    /// # Panics
    ///
    /// If there is no such tile: its level is not 0, or its width is not 1 to 256.
    pub fn data_path(self) -> String {
        assert_eq!(self.level, 0, "entries stand at level 0");
        self.path_below(DATA)
    }

    /// Where a log serves the entries of a tile of level 0: `tile/entries/x001/x234/067` (c2sp.org/tlog-tiles, "Log
    /// entries").
    ///
    /// # Panics
    ///
    /// If there is no such tile: its level is not 0, or its width is not 1 to 256.
    pub fn entries_path(self) -> String {
        assert_eq!(self.level, 0, "entries stand at level 0");
        self.path_below(ENTRIES)
    }

    /// Reads what [`TileId::path`] prints, and no other text. `None` for anything else.
    pub fn parse_path(path: &str) -> Option<Self> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = level.parse().ok().filter(|level| *level <= LEVEL_MAX)?;
        let (index, width) = parse_index(rest)?;
        let tile = Self { level, index, width };
        // One tile has one path: what else could be read as this tile's (`tile/+0/01`) is refused here.
        (tile.path() == path).then_some(tile)
    }

    /// Reads what [`TileId::data_path`] prints, and no other text. `None` for anything else.
    pub fn parse_data_path(path: &str) -> Option<Self> {
        let tile = Self::parse_below(DATA, path)?;
        (tile.data_path() == path).then_some(tile)
    }

    /// Reads what [`TileId::entries_path`] prints, and no other text. `None` for anything else.
    pub fn parse_entries_path(path: &str) -> Option<Self> {
        let tile = Self::parse_below(ENTRIES, path)?;
        (tile.entries_path() == path).then_some(tile)
    }

    fn parse_below(folder: &str, path: &str) -> Option<Self> {
        let rest = path.strip_prefix("tile/")?.strip_prefix(folder)?.strip_prefix('/')?;
        let (index, width) = parse_index(rest)?;
        Some(Self { level: 0, index, width })
    }

    fn path_below(self, folder: &str) -> String {
        assert!(
            self.level <= LEVEL_MAX && (1..=TILE_WIDTH).contains(&self.width),
            "no tile: {self:?}"
        );
        let mut path = format!("tile/{folder}/");
        let mut groups = vec![self.index % GROUP];
        let mut rest = self.index / GROUP;
        while rest > 0 {
            groups.push(rest % GROUP);
            rest /= GROUP;
        }
        // Every group of three digits but the last is a folder, and has a name that no tile has.
        let (last, folders) = groups.split_first().expect("one group at least");
        for group in folders.iter().rev() {
            path += &format!("x{group:03}/");
        }
        path += &format!("{last:03}");
        if !self.is_full() {
            path += &format!(".p/{}", self.width);
        }
        path
    }
}

/// The folder of the entries of a static CT log.
const DATA: &str = "data";
/// The folder of the entries of any other log.
const ENTRIES: &str = "entries";

/// Indexes are cut into groups of three digits.
const GROUP: u64 = 1000;

/// Reads `x001/x234/067.p/12`, generously: the caller compares with the one right text.
fn parse_index(path: &str) -> Option<(u64, u16)> {
    let (groups, width) = match path.split_once(".p/") {
        Some((groups, width)) => (groups, width.parse().ok()?),
        None => (path, TILE_WIDTH),
    };
    let index = groups.split('/').try_fold(0_u64, |index, group| {
        let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        index.checked_mul(GROUP)?.checked_add(digits)
    })?;
    (1..=TILE_WIDTH).contains(&width).then_some((index, width))
}

/// The hashes of a tile. Nothing vouches for them until they lead to a root that the log signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashTile {
    /// 1 to 256.
    hashes: Vec<Hash>,
}

/// Why bytes are not the hashes of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// No tile is as wide as was asked for.
    #[error("no tile is {0} wide")]
    Width(u16),
    /// A tile is exactly its hashes.
    #[error("the tile has {found} bytes, not {expected}")]
    Length {
        /// Of the width asked for.
        expected: usize,
        /// Served.
        found: usize,
    },
}

impl HashTile {
    /// Reads a tile of `width` hashes, no byte less or more.
    pub fn parse(bytes: &[u8], width: u16) -> Result<Self, TileError> {
        if !(1..=TILE_WIDTH).contains(&width) {
            return Err(TileError::Width(width));
        }
        let (expected, found) = (usize::from(width) * HASH_BYTES, bytes.len());
        if found != expected {
            return Err(TileError::Length { expected, found });
        }
        let (hashes, _) = bytes.as_chunks();
        Ok(Self { hashes: hashes.iter().copied().map(Hash).collect() })
    }

    /// The hashes, from left to right. At level 0 they are the leaf hashes.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The hash of a node, where this is the tile `id`: stored in the tile, or hashed from what is. `None` if the
    /// node belongs into another tile, or beyond what this one has.
    pub fn hash_of(&self, id: TileId, node: Node) -> Option<Hash> {
        if node.level / TILE_LEVELS != id.level {
            return None;
        }
        let height = node.level % TILE_LEVELS;
        let nodes = u64::from(TILE_WIDTH >> height);
        if node.index / nodes != id.index {
            return None;
        }
        let place = usize::try_from(node.index % nodes).ok()?;
        let mut row = self.hashes.chunks_exact(1 << height).nth(place)?.to_vec();
        while row.len() > 1 {
            row = row.as_chunks().0.iter().map(|[left, right]| node_hash(left, right)).collect();
        }
        row.first().copied()
    }
}

#[cfg(test)]
mod tests;
