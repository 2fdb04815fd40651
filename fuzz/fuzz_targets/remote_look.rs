//! What hosts that look for each other say: whatever is read prints the same.
#![no_main]

// The files alone: the rest of `probe` would bring all of its clients to be built with counters.
#[path = "../../crates/probe/src/remote/head.rs"]
#[allow(dead_code, reason = "the limits are for who reads")]
mod head;
#[path = "../../crates/probe/src/remote/wire.rs"]
#[allow(dead_code, reason = "the limits are for who reads")]
mod wire;

use wire::{Answer, Request, Token};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let length = head::body_length(bytes, BODY_BYTES_MAX);
    assert!(length.is_ok_and(|length| length <= BODY_BYTES_MAX) || length.is_err());
    let token = Token::new(&"0".repeat(32)).expect("it is long enough");
    assert!(Request::open(bytes, &token).is_err());
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(request) = Request::parse(text) {
        assert_eq!(Request::open(request.seal(&token).as_bytes(), &token), Ok(request));
    }
    let _ = Answer::parse(text, b"");
});

const BODY_BYTES_MAX: usize = 100;
