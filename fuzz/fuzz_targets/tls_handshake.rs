//! A recorded connection with a key log, cut in three by two lengths in front: it is followed as far as it goes, and what
//! is proved to us is proved to others.
#![no_main]

use countersign_tls::exhibit::Exhibit;
use countersign_tls::handshake::Shown;
use countersign_tls::{Handshake, KeyLog, Recording, fingerprint};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&[a, b, c, d], rest)) = bytes.split_first_chunk() else { return };
    let Some((keys, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes([a, b]))) else { return };
    let Some((sent, received)) = rest.split_at_checked(usize::from(u16::from_be_bytes([c, d]))) else { return };
    let mut recording = Recording::default();
    recording.sent.push(sent);
    recording.received.push(received);
    let key_log = KeyLog::read(keys);
    let shown = Handshake::of(&recording, &key_log);
    assert!(shown.end.to_string().is_ascii());
    assert!(fingerprint::server(&shown).is_none_or(|text| text.is_ascii()));
    let exhibit = Exhibit::new(&[], &recording, &key_log);
    assert_eq!(exhibit.is_some(), matches!(shown.chain, Shown::Proved { .. }));
});
