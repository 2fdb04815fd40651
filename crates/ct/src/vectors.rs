//! Where the tests find recorded data.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_sct::LogKey;

/// A folder of the recorded data, beside the checkout. None where there is none, which is said.
pub(crate) fn folder(path: &str) -> Option<PathBuf> {
    let folder =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors")).join(path);
    if folder.exists() {
        return Some(folder);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{} is missing", folder.display());
    eprintln!("skipped: {} is missing", folder.display());
    None
}

/// The key of Cloudflare 'Nimbus 2017', which signed nothing here.
pub(crate) fn some_key() -> LogKey {
    let spki = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE15ypB40iQe6ToFJB2vSA8CW86/rzPNJ+kdg/LNpRvcjuKnLj/xhW5DoiDyI8xtUws5toLqtWwkFf1mRXFLFarw==";
    LogKey::from_spki(&STANDARD.decode(spki).expect("base64")).expect("a P-256 key")
}
