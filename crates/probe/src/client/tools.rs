//! What is installed with us, and clients are run with.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cage;

/// Where they are.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The program `countersign-cage`.
    pub cage: PathBuf,
    /// The library that has programs with OpenSSL write a key log.
    pub key_log: PathBuf,
}

/// One of them is nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {name} beside this program, nor in {}", PLACES.join(" or "))]
pub struct ToolsError {
    /// What it is called.
    pub name: &'static str,
    /// What builds it.
    pub hint: &'static str,
}

impl Tools {
    /// Finds them: in the folder that `COUNTERSIGN_TOOLS` names, beside this program, or where packages put them.
    pub fn find() -> Result<Self, ToolsError> {
        Ok(Self {
            cage: find(cage::HELPER, "cargo build -p countersign-probe builds it")?,
            key_log: find(KEY_LOG_LIBRARY, "cargo build -p countersign-keylog-preload builds it")?,
        })
    }
}

fn find(name: &'static str, hint: &'static str) -> Result<PathBuf, ToolsError> {
    let named = env::var_os("COUNTERSIGN_TOOLS").filter(|path| !path.is_empty());
    let own = env::current_exe().ok();
    let own = own.as_deref().and_then(Path::parent);
    let near = own
        .into_iter()
        .flat_map(|folder| ["", "../lib/countersign", "../lib"].map(|place| folder.join(place)));
    let places = named.map(PathBuf::from).into_iter().chain(near);
    let mut places = places.chain(PLACES.iter().map(PathBuf::from));
    places
        .find_map(|place| fs::canonicalize(place.join(name)).ok())
        .ok_or(ToolsError { name, hint })
}

/// What the library is called, here and in a cage.
pub(super) const KEY_LOG_LIBRARY: &str = "libcountersign_keylog_preload.so";

/// Where packages put them.
const PLACES: [&str; 2] = ["/usr/local/lib/countersign", "/usr/lib/countersign"];
