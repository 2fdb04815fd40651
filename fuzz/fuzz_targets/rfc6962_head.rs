//! The answer to `get-sth`, verified with the key beside the seeds.
#![no_main]

use countersign_ct::rfc6962::SignedTreeHead;
use countersign_sct::LogKey;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let key = LogKey::from_spki(include_bytes!("../log-key.der")).expect("a P-256 key");
    let _ = SignedTreeHead::parse(bytes, &key);
});
