//! What a file in a watched directory may hold: anything. It is read twice the same way, and within its bounds.
#![no_main]

use countersign_judge::material::{BLOCKS_MAX, read};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let material = read(bytes);
    assert_eq!(read(bytes), material);
    assert!(material.found.len() <= BLOCKS_MAX);
});
