//! A compressed body: what comes out keeps to its limit.
#![no_main]

// The file alone: the rest of `net` would bring a whole HTTP client to be built with counters.
#[path = "../../crates/net/src/gzip.rs"]
mod gzip;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(inflated) = gzip::inflate(bytes, BYTES_MAX) {
        assert!(inflated.len() <= BYTES_MAX);
    }
});

const BYTES_MAX: usize = 1 << 16;
