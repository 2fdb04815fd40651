//! A handshake from a stranger: what was read is written again byte for byte, and judged.
#![no_main]

use countersign_tls::exhibit::{Exhibit, Verdict};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(exhibit) = std::str::from_utf8(bytes).ok().and_then(|text| Exhibit::parse(text).ok()) else { return };
    assert_eq!(exhibit.print().as_bytes(), bytes);
    if let Verdict::Proved(proved) = exhibit.verify() {
        assert!(!proved.chain.is_empty());
    }
});
