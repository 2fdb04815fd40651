//! A data tile: against the hashes of its own entries it reads the same, and no hash goes without an entry.
#![no_main]

use countersign_ct::certificate::Kind;
use countersign_ct::static_ct::{DataTile, fingerprints};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = (fingerprints(bytes, Kind::Certificate), fingerprints(bytes, Kind::Tbs));
    let entries = DataTile::read(bytes).entries;
    let mut hashes: Vec<_> = entries.iter().map(|entry| entry.leaf_hash()).collect();
    assert_eq!(DataTile::read_with(bytes, &hashes), entries);
    let by = hashes.len().min(1);
    hashes.rotate_left(by);
    assert_eq!(DataTile::read_with(bytes, &hashes).len(), hashes.len());
});
