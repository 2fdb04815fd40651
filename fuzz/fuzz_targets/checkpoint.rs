//! The text of a checkpoint has one reading, and the reading has one text.
#![no_main]

use countersign_tlog::Checkpoint;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_text(), text);
    }
});
