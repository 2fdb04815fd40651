//! Entries of a log: those that were read make the same bundle again.
#![no_main]

use countersign_tlog::entry_bundle::{parse, push};

libfuzzer_sys::fuzz_target!(|input: (u16, &[u8])| {
    let (width, bytes) = input;
    if let Ok(entries) = parse(bytes, width) {
        let bundle = entries.iter().try_fold(Vec::new(), |bundle, entry| push(&bundle, entry));
        assert_eq!(bundle.as_deref(), Some(bytes));
    }
});
