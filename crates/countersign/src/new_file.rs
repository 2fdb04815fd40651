//! Files that must not be there yet: evidence, proofs and keys are never written over.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use countersign_judge::statement::HostKey;
use countersign_tlog::note::KeyName;

use crate::failure::Failure;

/// Writes a file that was not there. It is there whole, or not at all.
pub(crate) fn save(out: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(out)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // What stopped the writing is what is told.
        let _removed = fs::remove_file(out);
    }
    written
}

/// Makes a key of this name, and writes its secret half to a file that nobody else may read.
pub(crate) fn key(name: KeyName, out: &Path) -> Result<HostKey, Failure> {
    let mut seed = [0; 32];
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    random.fill(&mut seed).map_err(|_| Failure::new("there is no randomness to make a key of"))?;
    let key = HostKey::new(name, seed);
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out);
    written
        .and_then(|mut file| {
            file.write_all(format!("{}\n", key.secret_text()).as_bytes())?;
            file.sync_all()
        })
        .map_err(|error| {
            Failure::write(out, &error).hint("a key is never replaced; name another --out")
        })?;
    Ok(key)
}
