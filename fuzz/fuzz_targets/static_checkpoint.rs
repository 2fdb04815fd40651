//! The checkpoint of a static log, verified with the key beside the seeds.
#![no_main]

use countersign_ct::static_ct::SignedCheckpoint;
use countersign_sct::LogKey;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let key = LogKey::from_spki(include_bytes!("../log-key.der")).expect("a P-256 key");
    let _ = SignedCheckpoint::parse(bytes, &key);
});
