//! Real certificates and real lists of logs, through the public interface only.
//!
//! They are other people's files, in a folder beside the project.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;
use std::path::Path;

mod built_in;
mod certificates;
mod libcrypto;
mod log_lists;
mod odd;
mod policies;
mod precertificates;

/// A file of the folder with test data. Without the folder: `None`, and the test is skipped, but not in CI.
fn vector(path: &str) -> Option<Vec<u8>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors"));
    if !folder.exists() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no test data at {folder:?}");
        eprintln!("skipped: no test data at {folder:?}");
        return None;
    }
    Some(fs::read(folder.join(path)).unwrap())
}
