//! Frames of a helper, in whatever pieces they come: read to the end or refused, and what was read is written the same.
#![no_main]

// The file alone: the rest of `probe` would bring a whole network stack to be built with counters.
#[path = "../../crates/probe/src/stack/openssl/frame.rs"]
mod frame;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&size, bytes)) = bytes.split_first() else { return };
    let mut frames = frame::Frames::default();
    let mut taken = 0;
    for piece in bytes.chunks(usize::from(size).max(1)) {
        frames.push(piece);
        while let Some(read) = frames.next() {
            let Ok(frame) = read else { return };
            let mut written = Vec::new();
            frame.write(&mut written);
            assert_eq!(written, bytes[taken..taken + written.len()]);
            taken += written.len();
        }
    }
});
