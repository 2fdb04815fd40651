//! A log's signed statement of size and root, whatever its kind of log calls it.

use countersign_sct::BadSignature;
use countersign_tlog::Hash;

/// A signed tree head (RFC 6962 §3.5) or checkpoint (c2sp.org/tlog-checkpoint) whose signature was verified:
/// only verification makes one.
pub trait Head: Clone {
    /// Number of leaves.
    fn size(&self) -> u64;
    /// Root hash over them.
    fn root(&self) -> Hash;
    /// When it was signed, in milliseconds since 1970.
    fn timestamp_ms(&self) -> u64;
    /// The head as it was served, signature included: evidence that anybody can verify.
    fn bytes(&self) -> &[u8];
}

/// Why an answer is no head of this log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// Not the JSON or the note that the specification asks for.
    #[error("not a signed head: {0}")]
    Malformed(String),
    /// A note without a signature line of this log.
    #[error("no signature of this log")]
    Unsigned,
    /// A head that this log's key did not sign.
    #[error("the signature does not verify")]
    Signature,
}

impl From<BadSignature> for HeadError {
    fn from(_: BadSignature) -> Self {
        Self::Signature
    }
}

/// What both kinds of log sign: `TreeHeadSignature` of RFC 6962 §3.5.
pub(crate) fn signed_bytes(timestamp_ms: u64, size: u64, root: &Hash) -> Vec<u8> {
    let mut signed = vec![V1, TREE_HASH];
    signed.extend(timestamp_ms.to_be_bytes());
    signed.extend(size.to_be_bytes());
    signed.extend(root.0);
    signed
}

/// `version` v1(0).
const V1: u8 = 0;
/// `signature_type` tree_hash(1).
const TREE_HASH: u8 = 1;
