//! A list of SCTs as a certificate, a TLS extension or an OCSP response carries it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for sct in countersign_sct::parse_list(bytes).into_iter().flatten().flatten() {
        sct.leaf_index();
    }
});
