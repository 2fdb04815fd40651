//! What an HTTP proxy answers to CONNECT.
#![no_main]

// The file alone: the rest of `net` would bring a whole HTTP client to be built with counters.
#[path = "../../crates/net/src/dial/connect_answer.rs"]
#[allow(dead_code, reason = "the limit is for who reads")]
mod connect_answer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let status = connect_answer::status(bytes);
    assert!(status.is_none_or(|status| (100..600).contains(&status)));
});
