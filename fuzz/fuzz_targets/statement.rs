//! What another host states: what was read is written again byte for byte, and nobody is believed without a key.
#![no_main]

use countersign_judge::statement::Statement;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(statement) = std::str::from_utf8(bytes).ok().and_then(|text| Statement::parse(text).ok()) {
        assert_eq!(statement.to_text().as_bytes(), bytes);
    }
    let now = "2026-11-24T00:00:00Z".parse().expect("a literal time");
    assert!(Statement::open(bytes, &[], |_| None, now).is_err());
});
