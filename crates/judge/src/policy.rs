//! What no certificate for some names should be like, whoever asked for it.
//!
//! A policy authorises nothing. It takes away the time that an unknown certificate is otherwise given to turn out
//! to be one of ours.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::finding::Finding;
use crate::observation::{Named, Observation};
use crate::scope::{Scope, is_pattern};

/// What contradicts the operator's expectations, for the names in a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The names.
    pub scope: Scope,
    /// SHA-256 of the SubjectPublicKeyInfo of each CA that may issue for them. `None`: any. Empty: none may.
    pub issuer_keys: Option<BTreeSet<[u8; 32]>>,
    /// Whether certificates with wildcards are used.
    pub wildcards: Wildcards,
    /// The longest validity. `None`: any.
    pub validity_max: Option<SignedDuration>,
    /// How long an unknown certificate waits for somebody to say that it is ours. May be nothing.
    pub hold: SignedDuration,
}

/// Whether certificates with wildcards are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wildcards {
    /// They are, or may be.
    Expected,
    /// They are not: one is somebody else's.
    NotExpected,
}

/// A certificate manager, its registration and a directory scan are done within a minute or two; ten leave room for
/// a slow hook and still wake somebody before most attacks are under way.
pub const HOLD_DEFAULT: SignedDuration = SignedDuration::from_mins(10);

impl Policy {
    /// Hands on what is wrong about a certificate that carries this name and that no rule covers.
    pub(crate) fn findings(
        &self,
        observation: &Observation,
        named: &Named,
        mut found: impl FnMut(Finding),
    ) {
        if let Some(allowed) = &self.issuer_keys {
            match observation.issuer_key_sha256 {
                Some(key) if allowed.contains(&key) => {}
                None if !allowed.is_empty() => found(Finding::IssuerUnknown),
                // Of no set at all, an unknown issuer is none either.
                issuer_key_sha256 => found(Finding::IssuerNotAllowed { issuer_key_sha256 }),
            }
        }
        if self.wildcards == Wildcards::NotExpected && is_pattern(&named.name) {
            found(Finding::WildcardNotExpected { name: named.name.clone() });
        }
        if let Some(validity_max) = self.validity_max {
            match observation.validity() {
                Some(validity) if validity <= validity_max => {}
                Some(validity) => found(Finding::ValidityTooLong { validity, validity_max }),
                None => found(Finding::ValidityUnknown),
            }
        }
    }
}
