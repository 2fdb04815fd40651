//! The records of a file of certificates.
#![no_main]

// One file of the command alone: the whole would bring everything that it runs.
#[path = "../../crates/countersign/src/conformance"]
mod conformance {
    #[allow(dead_code, reason = "only the reading is tried here")]
    mod record;

    libfuzzer_sys::fuzz_target!(|file: &[u8]| {
        let mut file = file;
        while record::Record::read(&mut file).is_ok() {}
    });
}
