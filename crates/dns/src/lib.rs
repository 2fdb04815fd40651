//! DNS names, records and messages, and a validator of DNSSEC that keeps its proofs.
//!
//! Nothing here asks anybody: machines say what they need and are fed.

pub mod algorithm;
pub mod anchor;
pub mod denial;
pub mod key;
pub mod limits;
pub mod message;
pub mod name;
pub mod proof;
mod rdata;
pub mod resolution;
pub mod rrset;
pub mod security;
pub mod walk;
pub mod zone_text;

pub use algorithm::Algorithms;
pub use anchor::{Anchor, Anchors};
pub use domain::base::iana::Rtype;
pub use key::{Dnskey, Ds};
pub use limits::Limits;
pub use message::{Message, Query};
pub use name::Name;
pub use resolution::{Cuts, Hints, Resolution};
pub use rrset::{Rrset, Rrsig, SignedRrset};
pub use security::Security;
pub use walk::{Walk, Walked};
