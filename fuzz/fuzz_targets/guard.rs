//! A watched name or address as an operator writes it: what was understood is printed so that it is again.
#![no_main]

use countersign_ct::watchlist::Guard;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(guard) = Guard::parse(text) {
        assert_eq!(Guard::parse(&guard.to_string()), Ok(guard));
    }
});
