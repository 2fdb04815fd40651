//! What a TLS handshake shows to who has its bytes, whoever spoke: hellos, fingerprints, certificates, and, given a line
//! of a key log, whether the holder of the certificate's key answered our random bytes.
//!
//! ```text
//!  bytes each way ──> Recording ──┐
//!  lines of a key log ──> KeyLog ─┴──> Handshake ──> chain, proved or not; fingerprints; hash of both hellos
//! ```
//!
//! Values in, values out. What a peer sends is never an error: a [`Handshake`] says how far it could be followed.

pub mod profile;
pub mod recording;

pub use recording::{Recording, Tape};
