//! A signed note: what was read is written again byte for byte.
#![no_main]

use countersign_tlog::note::{Note, VerifierKey};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(Note::parse(note.to_text().as_bytes()).as_ref(), Ok(&note));
    }
    if let Some(key) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<VerifierKey>().ok()) {
        assert_eq!(key.to_string().as_bytes(), bytes);
    }
});
