//! A certificate, taken apart and put together again as its log signed it.
#![no_main]

use countersign_sct::{LogKey, embedded_list, parse_list, precert_tbs, spki_of};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = spki_of(bytes).map(LogKey::from_spki);
    let _ = embedded_list(bytes).map(|list| list.map(parse_list));
    if let Ok(tbs) = precert_tbs(bytes) {
        assert!(tbs.len() <= bytes.len(), "something was added");
    }
});
