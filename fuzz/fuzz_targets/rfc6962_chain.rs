//! The decoded `extra_data` of both kinds of entry.
#![no_main]

use countersign_ct::rfc6962::Chain;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = (Chain::of_certificate(bytes), Chain::of_precertificate(bytes));
});
