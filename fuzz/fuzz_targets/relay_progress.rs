//! The records of a connection, cut anyhow: what is seen does not depend on the cuts, and a handshake that is through has
//! an answer.
#![no_main]

// The file alone: the rest of `probe` would bring TLS to be built with counters.
#[path = "../../crates/probe/src/relay/progress.rs"]
mod progress;

use progress::Progress;

// Pieces: a byte that says who speaks, one that says how much, what is said.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (mut whole, mut cut) = (Progress::default(), Progress::default());
    let mut rest = bytes;
    while let [speaker, len, after @ ..] = rest {
        let (said, left) = after.split_at(usize::from(*len).min(after.len()));
        rest = left;
        if speaker & 1 == 0 {
            whole.sent(said);
            said.iter().for_each(|byte| cut.sent(&[*byte]));
        } else {
            whole.received(said);
            said.iter().for_each(|byte| cut.received(&[*byte]));
        }
        assert_eq!(whole, cut);
        let has_hellos = whole.has_client_hello() && whole.has_server_hello();
        assert!(!whole.is_through() || has_hellos && whole.answer().is_some());
    }
});
