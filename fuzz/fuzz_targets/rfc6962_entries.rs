//! The answer to `get-entries`: every entry that comes out has a leaf hash.
#![no_main]

use countersign_ct::rfc6962::Page;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(page) = Page::parse(bytes, 256) else { return };
    for entry in page.entries() {
        assert_eq!(entry.leaf_hash(), countersign_tlog::leaf_hash(&[&entry.leaf_bytes()]));
    }
});
