//! Which CAs are public: those that have, or once had, the trust of a browser's root programme. Only what such a
//! CA issues has to be in logs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::certificate::{CertificateError, spki_of};
use crate::signed_entry::issuer_key_hash;

/// The hashes of the keys of public roots ([`issuer_key_hash`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicRoots {
    /// Sorted.
    hashes: Vec<[u8; 32]>,
}

impl PublicRoots {
    /// Those that come with the program. None is ever taken off: a root that a browser no longer trusts may be
    /// trusted by the machine still.
    pub fn built_in() -> Self {
        let mut roots = Self::default();
        for line in BUILT_IN.lines().filter(|line| !line.starts_with('#')) {
            let hash = line.split(' ').next().and_then(|hash| STANDARD.decode(hash).ok());
            let hash = hash.and_then(|hash| hash.try_into().ok());
            roots.insert(hash.expect("a line of our own file begins with a hash"));
        }
        roots
    }

    /// Whether the root with this hash of its key is public.
    pub fn contains(&self, hash: &[u8; 32]) -> bool {
        self.hashes.binary_search(hash).is_ok()
    }

    /// Adds a root by its certificate, in DER.
    pub fn add_certificate(&mut self, certificate: &[u8]) -> Result<(), CertificateError> {
        self.insert(issuer_key_hash(spki_of(certificate)?));
        Ok(())
    }

    /// Adds all roots of a text with certificates in PEM (RFC 7468), and says how many that were. One that cannot be
    /// read is an error, and keeps none of the others out.
    pub fn add_pem(&mut self, text: &str) -> Result<usize, PublicRootsError> {
        let blocks: Vec<_> = text.split(BEGIN).skip(1).map(|block| self.add_block(block)).collect();
        blocks.into_iter().sum()
    }

    /// Adds what follows the beginning of a certificate in PEM: one.
    fn add_block(&mut self, block: &str) -> Result<usize, PublicRootsError> {
        let (body, _) = block.split_once(END).ok_or(PublicRootsError::Pem)?;
        let body: String = body.split_whitespace().collect();
        let certificate = STANDARD.decode(body).map_err(|_| PublicRootsError::Pem)?;
        self.add_certificate(&certificate)?;
        Ok(1)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there are none, and so nothing is enforced.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    fn insert(&mut self, hash: [u8; 32]) {
        if let Err(at) = self.hashes.binary_search(&hash) {
            self.hashes.insert(at, hash);
        }
    }
}

/// Why a text has no roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicRootsError {
    /// A certificate has no end, or is not base64.
    #[error("a certificate in PEM has no end or is not base64")]
    Pem,
    /// A certificate cannot be taken apart.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// One line a root: hash and name.
const BUILT_IN: &str = include_str!("public_roots.txt");
