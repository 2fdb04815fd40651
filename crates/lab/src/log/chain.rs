//! A submitted chain, once it is found to lead to a root (RFC 6962 §3.1).

use super::entry::Content;
use crate::certificates::{self, sha256};

/// An end-entity certificate or precertificate under an accepted root. Only [`Chain::verify`] makes one.
pub(crate) struct Chain<'a> {
    end_entity: &'a [u8],
    /// Whose key signed it.
    issuer: &'a [u8],
}

/// Why a log does not take a chain (RFC 6962 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// There are no certificates.
    #[error("the chain is empty")]
    Empty,
    /// A certificate is not signed by the next one.
    #[error("certificate {position} is not signed by its successor")]
    Signature {
        /// Which: the end-entity certificate is number 0.
        position: usize,
    },
    /// The chain does not end at an accepted root.
    #[error("the chain leads to no accepted root")]
    Root,
    /// add-pre-chain is for precertificates.
    #[error("there is no poison in the precertificate")]
    NotPoisoned,
    /// add-chain is for certificates.
    #[error("there is poison in the certificate")]
    Poisoned,
    /// The certificate cannot be taken apart.
    #[error("the certificate cannot be read")]
    Unreadable,
}

impl<'a> Chain<'a> {
    /// Checks that each certificate is signed by the next, and the last by an accepted root or one itself.
    pub(crate) fn verify(chain: &'a [Vec<u8>], roots: &'a [Vec<u8>]) -> Result<Self, Refused> {
        let (Some(end_entity), Some(last)) = (chain.first(), chain.last()) else {
            return Err(Refused::Empty);
        };
        for (position, pair) in chain.windows(2).enumerate() {
            if !certificates::signed_by(&pair[0], &pair[1]) {
                return Err(Refused::Signature { position });
            }
        }
        let accepted = |root: &&Vec<u8>| *root == last || certificates::signed_by(last, root);
        let root = roots.iter().find(accepted).ok_or(Refused::Root)?;
        Ok(Self { end_entity, issuer: chain.get(1).unwrap_or(root) })
    }

    /// What add-chain logs.
    pub(crate) fn certificate(&self) -> Result<Content, Refused> {
        let tbs = certificates::tbs_of(self.end_entity).ok_or(Refused::Unreadable)?;
        if certificates::without_poison(tbs).is_some() {
            return Err(Refused::Poisoned);
        }
        Ok(Content::X509 { certificate: self.end_entity.to_vec() })
    }

    /// What add-pre-chain logs.
    pub(crate) fn precertificate(&self) -> Result<Content, Refused> {
        let tbs = certificates::tbs_of(self.end_entity).ok_or(Refused::Unreadable)?;
        let tbs = certificates::without_poison(tbs).ok_or(Refused::NotPoisoned)?;
        let spki = certificates::spki_of(self.issuer).ok_or(Refused::Unreadable)?;
        let precertificate = self.end_entity.to_vec();
        Ok(Content::Precert { issuer_key_hash: sha256(spki), tbs, precertificate })
    }
}
