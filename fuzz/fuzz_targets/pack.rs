//! Evidence packs of strangers: what is read is written and read again, and every pack is judged.
#![no_main]

use countersign_judge::pack::{Pack, verify};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(pack) = Pack::from_tar(bytes) else { return };
    assert_eq!(Pack::from_tar(&pack.to_tar()).as_ref(), Ok(&pack));
    assert!(!verify(&pack, None).checks.is_empty());
});
