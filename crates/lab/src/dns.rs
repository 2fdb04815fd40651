//! A small signed DNS on loopback, written from the specifications: zones, a signer, an authoritative server, and all
//! that can be wrong with them.
//!
//! Names, sets of records and what is signed of them come from `countersign-dns`. Keys, proofs and answers are the
//! lab's own: the validator under test is checked by code that it does not share. Programs of others (ldns, BIND,
//! Unbound) are asked in the tests whether the lab has it right.

mod answer;
mod chain;
mod key;
mod proof;
mod reply;
mod signing;
mod zone;
mod zonefile;

#[cfg(test)]
mod tests;

pub use self::answer::answer;
pub use self::chain::{Denial, OptOut, bitmap, nsec3_hash};
pub use self::key::{Algorithm, DsDigest, Key, Role, key_tag};
pub use self::reply::{Reply, Transport};
pub use self::signing::Signing;
pub use self::zone::{Delegation, Zone};
pub use self::zonefile::ZoneError;
