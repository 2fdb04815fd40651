//! DNS names, records and messages, and a validator of DNSSEC that keeps its proofs.
//!
//! Nothing here asks anybody: machines say what they need and are fed.

pub mod message;
pub mod name;
mod rdata;
pub mod rrset;

pub use domain::base::iana::Rtype;
pub use message::{Message, Query};
pub use name::Name;
pub use rrset::{Rrset, Rrsig, SignedRrset};
