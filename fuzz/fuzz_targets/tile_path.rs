//! A tile has one path, and a path leads to one tile.
#![no_main]

use countersign_tlog::TileId;

libfuzzer_sys::fuzz_target!(|path: &str| {
    assert!(TileId::parse_path(path).is_none_or(|tile| tile.path() == path));
    assert!(TileId::parse_data_path(path).is_none_or(|tile| tile.data_path() == path));
    assert!(TileId::parse_entries_path(path).is_none_or(|tile| tile.entries_path() == path));
});
