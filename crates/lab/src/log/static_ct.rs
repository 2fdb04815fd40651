//! The face of a log that c2sp.org/static-ct-api describes: a checkpoint, tiles of hashes, tiles of entries, issuers.

use std::collections::BTreeMap;

use super::knobs::PartialTiles;
use super::reply::Reply;
use super::view::View;

/// What a path below `tile/` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TilePath {
    /// Of hashes at this level, or of entries.
    pub(crate) of: TileOf,
    /// Which tile of its level.
    pub(crate) index: u64,
    /// How many hashes or entries: 256, or fewer for a partial tile.
    pub(crate) width: u64,
}

/// What is in a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TileOf {
    /// Hashes at this level: each over 256^level leaves.
    Hashes(u32),
    /// Entries.
    Entries,
}

impl TilePath {
    /// Reads `<L>/<N>` and `<L>/<N>.p/<W>`, where L is a level or `data` (c2sp.org/tlog-tiles, "Merkle Tree").
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let (level, path) = path.split_once('/')?;
        let of = match level {
            "data" => TileOf::Entries,
            // A tree of 2^64 leaves has tiles at the levels 0 to 7; static-ct-api stops at 5.
            level => TileOf::Hashes(decimal(level).filter(|&level| level < 6)?.try_into().ok()?),
        };
        let (index, width) = match path.split_once(".p/") {
            None => (path, TILE),
            Some((index, width)) => {
                (index, decimal(width).filter(|width| (1..TILE).contains(width))?)
            }
        };
        Some(Self { of, index: tile_index(index)?, width })
    }

    /// The level of the hashes in the tile, or of those over its entries.
    fn level(self) -> u32 {
        match self.of {
            TileOf::Hashes(level) => level,
            TileOf::Entries => 0,
        }
    }
}

impl View<'_> {
    /// The answer to a GET of anything that is not under `ct/v1/`.
    pub(crate) fn static_ct(&self, path: &str, issuers: &BTreeMap<[u8; 32], Vec<u8>>) -> Reply {
        let answer = match path.split_once('/') {
            None if path == "checkpoint" => {
                Some(Reply::ok("text/plain; charset=utf-8", self.checkpoint()))
            }
            Some(("tile", tile)) => TilePath::parse(tile).and_then(|tile| self.tile(tile)),
            Some(("issuer", fingerprint)) => hex(fingerprint)
                .and_then(|fingerprint| issuers.get(&fingerprint))
                .map(|issuer| Reply::ok("application/pkix-cert", issuer.clone())),
            None | Some(_) => None,
        };
        answer.unwrap_or_else(|| Reply::refusal(404, "no such resource"))
    }

    /// The tile, or what the knobs make of it.
    fn tile(&self, asked: TilePath) -> Option<Reply> {
        let hashes = self.head.size >> (8 * asked.level());
        let start = asked.index.checked_mul(TILE)?;
        let full = hashes >= start.saturating_add(TILE);
        let width = match (asked.width, self.knobs.partial_tiles) {
            (TILE, _) => full.then_some(TILE)?,
            (_, PartialTiles::Vanish) if full => return None,
            (_, PartialTiles::FullInstead) if full => TILE,
            (width, PartialTiles::Kept | PartialTiles::Vanish | PartialTiles::FullInstead) => {
                let shown = hashes == start + width;
                let had = || self.history.had_partial(asked.level(), asked.index, width);
                (shown || (hashes > start + width && had())).then_some(width)?
            }
        };
        let range = start..start + width;
        let bytes: Vec<u8> = match asked.of {
            TileOf::Hashes(level) => range.flat_map(|index| self.hash(level, index)).collect(),
            TileOf::Entries => range.flat_map(|index| self.entry(index).tile_leaf()).collect(),
        };
        Some(Reply::ok("application/octet-stream", bytes))
    }
}

/// Hashes or entries in a full tile.
pub(crate) const TILE: u64 = 256;

/// A decimal number in its one spelling.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A tile's index in groups of three digits, all but the last with an `x` before them: `x001/x234/067`.
fn tile_index(text: &str) -> Option<u64> {
    let mut groups = text.split('/').rev();
    let mut index = three_digits(groups.next()?)?;
    let mut thousands: u64 = 1;
    for group in groups {
        thousands = thousands.checked_mul(1000)?;
        let group = three_digits(group.strip_prefix('x')?)?;
        index = index.checked_add(group.checked_mul(thousands)?)?;
    }
    // One spelling only: no leading groups of zeros.
    (index >= thousands || thousands == 1).then_some(index)
}

/// Exactly three decimal digits.
fn three_digits(text: &str) -> Option<u64> {
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// A fingerprint in lowercase hexadecimal.
fn hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = str::from_utf8(digits).expect("checked to be ASCII");
        *byte = u8::from_str_radix(digits, 16).expect("checked to be hexadecimal");
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Option<(TileOf, u64, u64)>) {
        let parsed = TilePath::parse(path).map(|tile| (tile.of, tile.index, tile.width));
        assert_eq!(parsed, expected, "{path}");
    }

    #[test] // c2sp.org/tlog-tiles, "Merkle Tree"
    fn paths_have_one_spelling() {
        check("0/000", Some((TileOf::Hashes(0), 0, 256)));
        check("1/x001/x234/067", Some((TileOf::Hashes(1), 1_234_067, 256)));
        check("data/x001/067.p/5", Some((TileOf::Entries, 1067, 5)));
        for bad in ["0/x000/001", "0/1", "0/0001", "00/000", "6/000", "0/001/002", "0/+01", "x/000"]
        {
            check(bad, None);
        }
        for bad in ["0/000.p/0", "0/000.p/256", "0/000.p/07", "0/000.p/", "0/", "0"] {
            check(bad, None);
        }
    }
}
