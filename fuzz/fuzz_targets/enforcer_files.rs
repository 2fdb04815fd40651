//! What an enforcer keeps and is given: its memory reads what it writes, and any text of roots ends.
#![no_main]

use countersign_sct::PublicRoots;
use countersign_sct::enforcer::Memory;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(memory) = Memory::parse(text) {
        assert_eq!(Memory::parse(&memory.to_text()).as_ref(), Ok(&memory));
    }
    let mut roots = PublicRoots::default();
    if let Ok(count) = roots.add_pem(text) {
        assert!(roots.len() <= count);
    }
});
