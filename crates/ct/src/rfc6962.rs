//! The answers of an RFC 6962 log (§4): its signed tree head, entries and proofs.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_sct::{DigitallySigned, LogKey};
use countersign_tlog::Hash;
use serde::Deserialize;

use crate::bytes::Bytes;
use crate::entry::{Beside, Entry};
use crate::head::{Head, HeadError, signed_bytes};

/// A signed tree head (RFC 6962 §3.5) whose signature verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTreeHead {
    size: u64,
    timestamp_ms: u64,
    root: Hash,
    bytes: Vec<u8>,
}

impl SignedTreeHead {
    /// Where it is served, after the log's URL.
    pub const PATH: &'static str = "ct/v1/get-sth";

    /// Reads the answer to `get-sth` (RFC 6962 §4.3) and verifies it with the log's key.
    pub fn parse(answer: &[u8], key: &LogKey) -> Result<Self, HeadError> {
        let malformed = |why: &str| HeadError::Malformed(why.to_owned());
        let shape: TreeHeadAnswer<'_> =
            serde_json::from_slice(answer).map_err(|err| malformed(&err.to_string()))?;
        let root = hash(&shape.sha256_root_hash).ok_or_else(|| malformed("sha256_root_hash"))?;
        let signature = STANDARD
            .decode(shape.tree_head_signature.as_bytes())
            .map_err(|_| malformed("tree_head_signature is not base64"))?;
        let signed = DigitallySigned::parse(&signature)
            .map_err(|_| malformed("tree_head_signature is not a signature"))?;
        key.verify(&signed_bytes(shape.timestamp, shape.tree_size, &root), &signed)?;
        Ok(Self {
            size: shape.tree_size,
            timestamp_ms: shape.timestamp,
            root,
            bytes: answer.to_owned(),
        })
    }
}

impl Head for SignedTreeHead {
    fn size(&self) -> u64 {
        self.size
    }
    fn root(&self) -> Hash {
        self.root
    }
    fn timestamp_ms(&self) -> u64 {
        self.timestamp_ms
    }
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Where entries `start..end` are served, after the log's URL. The log may send fewer.
pub fn entries_path(range: &Range<u64>) -> String {
    assert!(!range.is_empty(), "get-entries has an inclusive end, so it cannot ask for nothing");
    format!("ct/v1/get-entries?start={}&end={}", range.start, range.end - 1)
}

/// Where the proof that the tree of `old` leaves begins the tree of `new` leaves is served.
pub fn consistency_path(old: u64, new: u64) -> String {
    format!("ct/v1/get-sth-consistency?first={old}&second={new}")
}

/// Where the proof that a leaf is among the first `size` is served.
pub fn inclusion_path(leaf: &Hash, size: u64) -> String {
    // The three characters of base64 that mean something else in a query.
    let hash = leaf.to_string().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("ct/v1/get-proof-by-hash?hash={hash}&tree_size={size}")
}

/// Why an answer is not what RFC 6962 §4 says it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// Not the JSON of that answer.
    #[error("not the JSON that was asked for")]
    Json(#[source] serde_json::Error),
    /// A field that is base64 by the specification, but not here.
    #[error("{0} is not base64")]
    Base64(&'static str),
    /// A hash that is not 32 octets.
    #[error("a hash is not 32 octets")]
    Hash,
    /// More entries than were asked for.
    #[error("{sent} entries were sent, {asked} were asked for")]
    TooMany {
        /// How many came.
        sent: usize,
        /// How many could have come.
        asked: usize,
    },
    /// No entry at all. RFC 6962 §4.6 lets a log send fewer than asked, but not none.
    #[error("no entry was sent")]
    Empty,
    /// A proof longer than that of any tree.
    #[error("the proof has {0} hashes")]
    LongProof(usize),
}

/// An answer to `get-entries`: the leaves decoded, what came beside them still as served.
#[derive(Debug)]
pub struct Page<'a> {
    /// All leaves, one after the other. One allocation a page: this is the hot path.
    leaves: Vec<u8>,
    entries: Vec<(Range<usize>, Cow<'a, str>)>,
}

impl<'a> Page<'a> {
    /// Reads an answer to `get-entries` (RFC 6962 §4.6) that was asked for at most `asked` entries.
    pub fn parse(answer: &'a [u8], asked: usize) -> Result<Self, AnswerError> {
        let read = match plain_entries(answer) {
            Some(entries) => entries,
            None => {
                let shape: EntriesAnswer<'a> =
                    serde_json::from_slice(answer).map_err(AnswerError::Json)?;
                shape.entries
            }
        };
        let sent = read.len();
        if sent > asked {
            return Err(AnswerError::TooMany { sent, asked });
        }
        if sent == 0 {
            return Err(AnswerError::Empty);
        }
        let octets_max = read.iter().map(|entry| entry.leaf_input.len() / 4 * 3).sum();
        let mut leaves = Vec::with_capacity(octets_max);
        let mut entries = Vec::with_capacity(sent);
        for entry in read {
            let start = leaves.len();
            base64_simd::STANDARD
                .decode_append(entry.leaf_input.as_bytes(), &mut leaves)
                .map_err(|_| AnswerError::Base64("leaf_input"))?;
            entries.push((start..leaves.len(), entry.extra_data));
        }
        Ok(Self { leaves, entries })
    }

    /// The entries, in the log's order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.entries.iter().map(|(leaf, extra_data)| {
            Entry::from_leaf(&self.leaves[leaf.clone()], Beside::ExtraData(extra_data))
        })
    }
}

/// Reads an answer to `get-entries` that looks as those of all logs do: two strings an entry, neither space nor
/// escape anywhere. `None` if this one looks otherwise, which says nothing: a JSON reader decides then. Nearly all
/// of an answer is the insides of these strings, and here they are searched for their ends only.
///
/// A JSON reader would refuse control characters within. They are no base64, which is what counts for leaves,
/// and `extra_data` is nothing that we rely on.
fn plain_entries(answer: &[u8]) -> Option<Vec<EntryAnswer<'_>>> {
    let answer = answer.strip_suffix(b"\n").unwrap_or(answer);
    let mut rest = answer.strip_prefix(b"{\"entries\":[")?;
    let mut entries = Vec::new();
    loop {
        rest = rest.strip_prefix(b"{")?;
        let leaf_input_first = rest.starts_with(LEAF_INPUT);
        let (first, second) =
            if leaf_input_first { (LEAF_INPUT, EXTRA_DATA) } else { (EXTRA_DATA, LEAF_INPUT) };
        let (one, after) = plain_text(rest.strip_prefix(first)?)?;
        let (other, after) = plain_text(after.strip_prefix(b",")?.strip_prefix(second)?)?;
        let (leaf_input, extra_data) = if leaf_input_first { (one, other) } else { (other, one) };
        entries.push(EntryAnswer {
            leaf_input: Cow::Borrowed(leaf_input),
            extra_data: Cow::Borrowed(extra_data),
        });
        rest = match after.strip_prefix(b"}")? {
            b"]}" => return Some(entries),
            more => more.strip_prefix(b",")?,
        };
    }
}

/// The rest of a string without escapes, and what follows it.
fn plain_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = memchr::memchr2(b'"', b'\\', bytes)?;
    let after = bytes[end..].strip_prefix(b"\"")?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, after))
}

/// Reads the answer to `get-sth-consistency` (RFC 6962 §4.4).
pub fn consistency(answer: &[u8]) -> Result<Vec<Hash>, AnswerError> {
    let shape: ConsistencyAnswer<'_> = serde_json::from_slice(answer).map_err(AnswerError::Json)?;
    hashes(&shape.consistency)
}

/// Reads the answer to `get-proof-by-hash` (RFC 6962 §4.5): the leaf's index and its audit path.
pub fn inclusion(answer: &[u8]) -> Result<(u64, Vec<Hash>), AnswerError> {
    let shape: InclusionAnswer<'_> = serde_json::from_slice(answer).map_err(AnswerError::Json)?;
    Ok((shape.leaf_index, hashes(&shape.audit_path)?))
}

/// `extra_data`, decoded (RFC 6962 §4.6): the precertificate, if the entry is one, and the chain above it.
#[derive(Debug, PartialEq, Eq)]
pub struct Chain<'a> {
    /// The precertificate as it was submitted, for a precertificate entry.
    pub precertificate: Option<&'a [u8]>,
    /// The certificates above, the issuer first.
    pub above: Vec<&'a [u8]>,
}

impl<'a> Chain<'a> {
    /// Reads the decoded `extra_data` of a certificate entry.
    pub fn of_certificate(extra_data: &'a [u8]) -> Option<Self> {
        let mut bytes = Bytes::new(extra_data);
        let above = certificates(bytes.vector_u24()?)?;
        bytes.rest().is_empty().then_some(Self { precertificate: None, above })
    }

    /// Reads the decoded `extra_data` of a precertificate entry (`PrecertChainEntry`).
    pub fn of_precertificate(extra_data: &'a [u8]) -> Option<Self> {
        let mut bytes = Bytes::new(extra_data);
        let precertificate = Some(bytes.vector_u24()?);
        let above = certificates(bytes.vector_u24()?)?;
        bytes.rest().is_empty().then_some(Self { precertificate, above })
    }
}

/// Reads a vector of `ASN.1Cert`.
fn certificates(vector: &[u8]) -> Option<Vec<&[u8]>> {
    let mut bytes = Bytes::new(vector);
    let mut certificates = Vec::new();
    while !bytes.rest().is_empty() {
        certificates.push(bytes.vector_u24()?);
        if certificates.len() > CHAIN_MAX {
            return None;
        }
    }
    Some(certificates)
}

/// Reads the hashes of a proof.
fn hashes(proof: &[Cow<'_, str>]) -> Result<Vec<Hash>, AnswerError> {
    if proof.len() > PROOF_MAX {
        return Err(AnswerError::LongProof(proof.len()));
    }
    proof.iter().map(|text| hash(text).ok_or(AnswerError::Hash)).collect()
}

fn hash(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok().map(Hash)
}

/// How the members of an entry begin, up to the inside of the string.
const LEAF_INPUT: &[u8] = b"\"leaf_input\":\"";
const EXTRA_DATA: &[u8] = b"\"extra_data\":\"";
/// A proof in a tree of 2^64 leaves has at most 64 hashes on each side of the path (RFC 6962 §2.1.2).
const PROOF_MAX: usize = 128;
/// Real chains have two to four certificates. `extra_data` could hold five million empty ones.
const CHAIN_MAX: usize = 32;

#[derive(Deserialize)]
struct TreeHeadAnswer<'a> {
    tree_size: u64,
    timestamp: u64,
    #[serde(borrow)]
    sha256_root_hash: Cow<'a, str>,
    #[serde(borrow)]
    tree_head_signature: Cow<'a, str>,
}

#[derive(Deserialize)]
struct EntriesAnswer<'a> {
    #[serde(borrow)]
    entries: Vec<EntryAnswer<'a>>,
}

#[derive(Deserialize)]
struct EntryAnswer<'a> {
    #[serde(borrow)]
    leaf_input: Cow<'a, str>,
    #[serde(borrow)]
    extra_data: Cow<'a, str>,
}

#[derive(Deserialize)]
struct ConsistencyAnswer<'a> {
    #[serde(borrow)]
    consistency: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct InclusionAnswer<'a> {
    leaf_index: u64,
    #[serde(borrow)]
    audit_path: Vec<Cow<'a, str>>,
}

#[cfg(test)]
mod tests;
