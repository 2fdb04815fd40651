//! Names and records that stand by themselves: printing and parsing undo each other.
#![no_main]

use countersign_dns::{Name, Rrset, Rrsig};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok((name, _)) = Name::read(bytes) {
        assert_eq!(name.to_string().parse().as_ref(), Ok(&name));
    }
    if let Some(rrsig) = Rrsig::from_rdata(bytes) {
        assert_eq!(rrsig.rdata().to_ascii_lowercase(), bytes.to_ascii_lowercase());
    }
    if let Ok((record, rest)) = Rrset::read(bytes) {
        assert!(record.rdatas().len() == 1 && rest.len() < bytes.len());
    }
});
