//! Proofs of strangers: what is read is written again byte for byte, and every proof is judged.
#![no_main]

use countersign_dns::proof::Proof;
use countersign_dns::walk::Settings;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(proof) = Proof::parse(bytes) else { return };
    assert_eq!(proof.to_bytes(), bytes);
    if let Ok(walked) = proof.verify(&Settings::default(), None) {
        // Nobody has the keys of the root.
        assert!(!walked.steps.is_empty());
    }
});
