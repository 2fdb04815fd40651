//! Another host that looks for us: it is asked over HTTP, looks, and signs what it saw.
//!
//! ```text
//!  asker                                              the other host
//!    │ what to look at, a nonce, a MAC by the token ────> │ a name that it may look at? not too often?
//!    │                                                    │ looks
//!    │ <──── what was seen, with the nonce, signed; exhibit
//! ```
//!
//! The token is never sent, and the answer is signed, so that HTTP in the clear lets nobody ask or answer in another's
//! place; it shows them what is looked at. A handshake comes as an exhibit, which the asker proves for itself: the
//! host is believed when and from where it looked, and that a service was not there, but not what was served. What it
//! says never authorises a key.

pub mod ask;
pub mod head;
pub mod serve;
pub mod sighting;
pub mod wire;

pub use ask::{AskError, Remote, ask};
pub use serve::{Settings, serve};
pub use sighting::{NotSeen, Sighting};
pub use wire::{Answer, Request, Saw, Token};

/// How far the clocks of both may be apart. Kerberos allows the same (RFC 4120 §8.2).
const CLOCKS_APART_MAX: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

#[cfg(test)]
mod tests;
