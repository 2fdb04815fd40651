//! Bytes of private keys, overwritten when they are no longer needed.

use std::fmt;
use std::ops::Deref;

/// Bytes that are overwritten before their memory is given back, and that never move while they grow.
///
/// This is a courtesy to whoever reads a core dump or a swap partition; the language promises nothing here.
pub struct Wiped(Vec<u8>);

impl Wiped {
    /// Takes bytes over. What was copied of them before is not touched.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Room for this many.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Adds bytes, for which there must be room: to grow would leave a copy behind.
    pub(super) fn extend(&mut self, bytes: impl Iterator<Item = u8>) {
        for octet in bytes {
            assert!(self.0.len() < self.0.capacity(), "there is room for what was foreseen");
            self.0.push(octet);
        }
    }
}

impl Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.fill(0);
        // Without a reader the compiler may leave the writing out.
        std::hint::black_box(&self.0);
    }
}

impl fmt::Debug for Wiped {
    /// Prints the length only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wiped({} bytes)", self.0.len())
    }
}
