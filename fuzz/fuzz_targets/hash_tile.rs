//! A hash tile: its width in two bytes, which node is asked for in nine, then the tile.
#![no_main]

use countersign_tlog::{HashTile, Node, TileId};

libfuzzer_sys::fuzz_target!(|input: (u16, u8, u64, &[u8])| {
    let (width, level, index, bytes) = input;
    if let Ok(tile) = HashTile::parse(bytes, width) {
        let id = TileId { level: level / 8, index: index >> 8, width };
        tile.hash_of(id, Node { level, index });
    }
});
