//! A proof that an entry is in a log: what was read is written again byte for byte, and proves nothing without its log.
#![no_main]

use countersign_tlog::note::VerifierKey;
use countersign_tlog::{Hash, TlogProof};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(proof) = TlogProof::parse(bytes) {
        assert_eq!(proof.to_text().as_bytes(), bytes);
        let nobody = VerifierKey::ed25519("log.example".parse().expect("a name"), [0; 32]);
        assert!(proof.verify(&Hash::EMPTY_ROOT, &nobody).is_err());
    }
});
