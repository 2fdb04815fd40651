//! The answers to `get-sth-consistency` and `get-proof-by-hash`.
#![no_main]

use countersign_ct::rfc6962::{consistency, inclusion};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = (consistency(bytes), inclusion(bytes));
});
