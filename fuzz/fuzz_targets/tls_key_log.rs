//! A key log: each line is one secret, or skipped and counted.
#![no_main]

use countersign_tls::KeyLog;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let log = KeyLog::read(bytes);
    let lines = u64::try_from(bytes.split(|octet| *octet == b'\n').count()).expect("fits");
    let kept = u64::try_from(log.len()).expect("fits");
    assert!(log.skipped() + kept <= lines);
});
