//! A certificate and its issuer, the length of the first in front: nobody signs by accident.
#![no_main]

use countersign_ct::certificate::signature::{Signed, signed_by};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((length, bytes)) = bytes.split_first_chunk() else { return };
    let Some((certificate, issuer)) = bytes.split_at_checked(u16::from_be_bytes(*length).into())
    else {
        return;
    };
    if signed_by(certificate, issuer) == Signed::Valid {
        assert!(!certificate.is_empty() && !issuer.is_empty(), "nothing was signed by nobody");
    }
});
