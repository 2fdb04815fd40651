//! A small signed DNS on loopback, written from the specifications: zones, a signer, an authoritative server, and all
//! that can be wrong with them.
//!
//! ```text
//!   Zone ──sign(Signing)──> Zone ──answer(Query)──> Reply ──to_wire──> message
//!     ^                                               ^
//!   owner, or who coerces her: Tree::other            somebody on the way, without keys: Forgery
//! ```
//!
//! | who lies | how it is made |
//! |---|---|
//! | a forger on the way | [`Responder::forge`] |
//! | the DNS host, with the true keys | [`Tree::other`] and [`Responder::publish`] |
//! | the same without keys | [`Zone::remove`] and its like on a [`Tree::zone`], and [`Responder::publish`] |
//! | the registrar or registry | [`Tree::other_parent`] and [`Responder::publish`], with [`MALLORY`] as the server |
//! | any of them, to some askers only | [`Responder::publish`] for one group |
//! | a signer with a wrong clock, or with too many iterations | [`Signing`], whose fields are open |
//! | a zone that costs too much | [`alias_chain`], [`false_signatures`], [`Key::look_alikes`], [`deepest_name`] |
//! | a server that is slow, silent or old | [`Manner`] |
//!
//! Names, sets of records and what is signed of them come from `countersign-dns`. Keys, proofs and answers are the
//! lab's own: the validator under test is checked by code that it does not share. Programs of others (ldns, BIND,
//! Unbound, NSD) are asked in the tests whether the lab has it right.
//!
//! # Limitations
//!
//! Class IN only, and neither zone transfers nor updates. Aliases are not followed from one zone into another, even if
//! the server has both. Addresses are added to referrals and NS sets only. Neither a name below a DNAME record nor a
//! zone whose names are so long that a hash or a `*` no longer fits in front is refused; do not write such zones.

mod answer;
mod chain;
mod excess;
mod forgery;
mod key;
mod proof;
mod reply;
mod responder;
mod signing;
mod tree;
mod zone;
mod zonefile;

#[cfg(test)]
mod tests;

pub use self::answer::answer;
pub use self::chain::{Denial, OptOut, bitmap, nsec3_hash};
pub use self::excess::{alias_chain, deepest_name, false_signatures};
pub use self::forgery::{Change, Forgery};
pub use self::key::{Algorithm, DS_ALGORITHM, DS_DIGEST, DsDigest, Key, Role, key_tag};
pub use self::reply::{Reply, Transport};
pub use self::responder::{Asked, Manner, Mismatch, Responder, View};
pub use self::signing::Signing;
pub use self::tree::{CONTENT, MALLORY, Tree};
pub use self::zone::{Delegation, Zone};
pub use self::zonefile::ZoneError;
