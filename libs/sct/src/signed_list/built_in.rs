//! The list that comes with the program. It needs no signature: who could change it could change the program.

use super::SignedList;

impl SignedList {
    /// The list of the day when this version was made. `countersign log-list build` makes it, of the lists of
    /// Mozilla, Apple and crt.sh; `docs/log-list.md` says how.
    /// It has version 0: whoever signs lists counts from 1, and any list that was not issued before it is newer.
    pub fn built_in() -> Self {
        Self { version: 0, ..Self::parse(BUILT_IN).expect("a test has read it") }
    }
}

const BUILT_IN: &str = include_str!("built_in.txt");
