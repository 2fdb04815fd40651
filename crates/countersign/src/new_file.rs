//! Files that must not be there yet: evidence and proofs are never written over.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

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
