//! What a TLS handshake shows to who has its bytes, whoever spoke: hellos, fingerprints, certificates, and, given a line
//! of a key log, whether the holder of the certificate's key answered our random bytes.
//!
//! ```text
//!  bytes each way ──> Recording ──┐
//!  lines of a key log ──> KeyLog ─┴──> Handshake ──> chain, proved or not; fingerprints; hash of both hellos
//! ```
//!
//! Values in, values out. What a peer sends is never an error: a [`Handshake`] says how far it could be followed.

pub mod alert;
mod bytes;
mod certificate;
pub mod exhibit;
pub mod fingerprint;
pub mod flaw;
pub mod handshake;
pub mod hello;
pub mod key_log;
mod message;
pub mod names;
mod opened;
pub mod profile;
mod reading;
mod record;
pub mod recording;
mod signature;
pub mod transcript;

pub use alert::{Alert, Side};
pub use certificate::CHAIN_MAX;
pub use flaw::{Flaw, Hidden, Unproved};
pub use handshake::{End, Handshake, Shown};
pub use hello::{ClientHello, ServerHello};
pub use key_log::KeyLog;
pub use recording::{Recording, Tape};
