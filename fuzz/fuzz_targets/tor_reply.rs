//! What tor says at its control port: it ends, and what is quoted reads as it was.
#![no_main]

// The file alone: the rest of `net` would bring a whole HTTP client to be built with counters.
#[path = "../../crates/net/src/tor/reply.rs"]
#[allow(dead_code, reason = "a target reads more than it asks about")]
mod reply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut reader = reply::Reader::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(read) = reader.line(line) else { return };
        for line in read.iter().flat_map(|reply| &reply.lines) {
            let circuit = reply::circuit(line);
            for (fingerprint, _) in circuit.iter().filter_map(|circuit| circuit.last.as_ref()) {
                assert!(reply::is_fingerprint(fingerprint));
            }
            let _not_asked =
                (reply::stream(line), read.as_ref().map(|reply| reply.value("ExitNodes")));
            let quoted = format!("1 BUILT SOCKS_USERNAME={}", reply::quote(line));
            let user = reply::circuit(&quoted).and_then(|circuit| circuit.user);
            assert_eq!(user.as_deref(), Some(line.as_str()));
        }
    }
});
