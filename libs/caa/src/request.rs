//! What a CA is asked for, and what it knows of who asks.

use crate::account::Account;
use crate::constrained::Constrained;
use crate::method::Method;
use crate::name::{Identifier, Name};

/// A request for one name. A certificate for several names takes a request for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The name.
    pub identifier: Identifier,
    /// What the certificate is for.
    pub purpose: Purpose,
    /// The names by which the CA says, in its practice statement, that it is known. Compared as a whole: no part of a
    /// name is its name.
    pub issuers: Vec<Name>,
    /// The account that asks, and those above it. Without any, nothing that is bound to an account permits.
    pub accounts: Vec<Account>,
    /// How the name was validated. `None`: it was not; nothing that is bound to a method permits then.
    pub method: Option<Method>,
    /// Which validation was done that holds against whoever is on the way.
    pub constrained: Vec<Constrained>,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// A TLS server: `issue` and `issuewild` govern.
    #[default]
    Tls,
    /// A mail address: `issuemail` governs (RFC 9495 §4).
    Smime,
    /// A mark: `issuevmc` governs.
    Mark,
}
