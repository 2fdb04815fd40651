//! A client's profile: refused, or the one that has this text.
#![no_main]

use countersign_tls::profile::Profile;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(profile) = Profile::parse(text) {
        assert_eq!(profile.to_string(), text);
    }
});
