//! What a static log serves (c2sp.org/static-ct-api): its checkpoint, its data tiles, its issuers.
//!
//! # Limitations
//!
//! Of several unreadable entries in a row, the second and later ones are found only if what stands behind their leaves
//! has the shape that it has behind the defined ones. Otherwise the bytes go to the one before; the others are there,
//! by their hashes, with no bytes of their own, and nothing shows that what the tree has was served at all.

use aws_lc_rs::digest::{Context, SHA256, digest};
use countersign_sct::{DigitallySigned, LogKey};
use countersign_tlog::note::{KeyName, key_id};
use countersign_tlog::tile::TILE_WIDTH;
use countersign_tlog::{Checkpoint, Hash, Note};

use crate::bytes::Bytes;
use crate::certificate::Kind;
use crate::entry::{Beside, Content, Entry, Unreadable, read_timestamped};
use crate::head::{Head, HeadError, signed_bytes};

/// A checkpoint of a static log whose `RFC6962NoteSignature` verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    size: u64,
    timestamp_ms: u64,
    root: Hash,
    bytes: Vec<u8>,
}

impl SignedCheckpoint {
    /// Where it is served, after the monitoring prefix.
    pub const PATH: &'static str = "checkpoint";

    /// Reads a checkpoint and verifies the log's own signature line with its key. Other lines are not looked at:
    /// logs add signatures of witnesses and of new algorithms.
    ///
    /// The key signs size, root and time, but not the origin line (c2sp.org/static-ct-api, "Checkpoints"), so
    /// the origin only tells under which name to look for the signature.
    pub fn parse(answer: &[u8], key: &LogKey) -> Result<Self, HeadError> {
        let note = Note::parse(answer).map_err(|err| HeadError::Malformed(err.to_string()))?;
        let checkpoint =
            Checkpoint::parse(note.text()).map_err(|err| HeadError::Malformed(err.to_string()))?;
        // An origin that cannot be the name of a key cannot be that of a signature line either.
        let name: KeyName = checkpoint.origin().parse().map_err(|_| HeadError::Unsigned)?;
        let key_id = key_id(&name, RFC6962_NOTE_SIGNATURE, &key.id().0);
        let mut found = Err(HeadError::Unsigned);
        for line in note.signatures_by(&name, key_id) {
            found = Self::verify(answer, &checkpoint, &line.signature, key);
            if found.is_ok() {
                break;
            }
        }
        found
    }

    /// Verifies the body of one signature line: a time in milliseconds and a `DigitallySigned`.
    fn verify(
        answer: &[u8],
        checkpoint: &Checkpoint,
        signature: &[u8],
        key: &LogKey,
    ) -> Result<Self, HeadError> {
        let malformed = || HeadError::Malformed("the signature line is too short".to_owned());
        let mut bytes = Bytes::new(signature);
        let timestamp_ms = bytes.u64().ok_or_else(malformed)?;
        let signed = DigitallySigned::parse(bytes.rest()).map_err(|_| malformed())?;
        key.verify(&signed_bytes(timestamp_ms, checkpoint.size(), &checkpoint.root()), &signed)?;
        Ok(Self {
            size: checkpoint.size(),
            timestamp_ms,
            root: checkpoint.root(),
            bytes: answer.to_owned(),
        })
    }
}

impl Head for SignedCheckpoint {
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

/// Where the certificate with this SHA-256 fingerprint is served, after the monitoring prefix.
pub fn issuer_path(fingerprint: &[u8; 32]) -> String {
    format!("issuer/{:?}", Hash(*fingerprint))
}

/// Whether `certificate` is the one with this fingerprint: SHA-256 of all its bytes.
pub fn has_fingerprint(certificate: &[u8], fingerprint: &[u8; 32]) -> bool {
    digest(&SHA256, certificate).as_ref() == fingerprint
}

/// The fingerprints of the chain above an entry, the issuer's first, out of what was served beside its leaf
/// ([`Beside::Tile`]); no more than 32 of them. None if it is not as the specification has it.
pub fn fingerprints(served: &[u8], entry: Kind) -> Option<Vec<[u8; 32]>> {
    let mut bytes = Bytes::new(served);
    let (fingerprints, odd) = chain(&mut bytes, entry)?.as_chunks();
    let whole = odd.is_empty() && bytes.rest().is_empty();
    whole.then(|| fingerprints.iter().take(CHAIN_MAX).copied().collect())
}

/// The precertificate as it was submitted, out of what was served beside the leaf of one ([`Beside::Tile`]).
pub fn precertificate(served: &[u8]) -> Option<&[u8]> {
    Bytes::new(served).vector_u24()
}

/// A data tile, read as far as it goes.
#[derive(Debug)]
pub struct DataTile<'a> {
    /// The entries in order. At most 256: [`DataTile::read`] stops there.
    pub entries: Vec<Entry<'a>>,
    /// Where the entries ended before the bytes did: why, and the bytes that follow.
    pub unread: Option<(Unreadable, &'a [u8])>,
}

impl<'a> DataTile<'a> {
    /// Reads the entries of a data tile (inflated). Nothing marks where an entry of an unknown type ends, so the
    /// first one ends the reading; [`DataTile::read_with`] gets past it.
    pub fn read(tile: &'a [u8]) -> Self {
        let mut entries = Vec::with_capacity(usize::from(TILE_WIDTH));
        let mut bytes = Bytes::new(tile);
        while !bytes.rest().is_empty() {
            if entries.len() == usize::from(TILE_WIDTH) {
                let unread = (Unreadable::Trailing(bytes.rest().len()), bytes.rest());
                return Self { entries, unread: Some(unread) };
            }
            let before = bytes.rest();
            match read_tile_leaf(&mut bytes) {
                Ok(entry) => entries.push(entry),
                Err(why) => return Self { entries, unread: Some((why, before)) },
            }
        }
        Self { entries, unread: None }
    }

    /// Reads a data tile whose leaf hashes are known from the hash tile of level 0. An entry that cannot be read
    /// becomes [`Content::Unknown`] with all bytes up to the next entry whose hash is as expected, so that
    /// neither it nor its neighbours are lost. Several in a row are told apart by their hashes, as far as that goes.
    /// There is one entry for each hash.
    pub fn read_with(tile: &'a [u8], hashes: &[Hash]) -> Vec<Entry<'a>> {
        let mut entries: Vec<Entry<'a>> = Vec::with_capacity(hashes.len());
        let mut bytes = Bytes::new(tile);
        let mut to_hash = DIVIDE_HASHED_MAX;
        while let Some(hash) = hashes.get(entries.len()) {
            let before = bytes.rest();
            if let Ok(entry) = read_tile_leaf(&mut bytes)
                && entry.leaf_hash() == *hash
            {
                entries.push(entry);
                continue;
            }
            let (length, next) = find_entry(before, &hashes[entries.len() + 1..]);
            let (unknown, rest) = before.split_at(length);
            let gap = &hashes[entries.len()..=entries.len() + next];
            for (hash, bytes) in gap.iter().zip(divide(unknown, gap, &mut to_hash)) {
                let read = read_tile_leaf(&mut Bytes::new(bytes));
                let why = read.err().unwrap_or(Unreadable::Hash);
                entries.push(Entry::told(*hash, Content::Unknown { why, bytes }));
            }
            bytes = Bytes::new(rest);
        }
        entries
    }
}

/// Whether bytes that could not be read begin with the leaf that the tree has under `hash`. If not, they are not what
/// was logged, whatever they are: a page of HTML in place of a tile, say.
pub fn begins_with_leaf(bytes: &[u8], hash: &Hash) -> bool {
    leaf_length(&bytes[..bytes.len().min(UNKNOWN_BYTES_MAX)], hash).is_some()
}

/// The length of the leaf that the tree has under `hash` and that `bytes` begin with.
fn leaf_length(bytes: &[u8], hash: &Hash) -> Option<usize> {
    let mut context = Context::new(&SHA256);
    context.update(&[LEAF_PREFIX]);
    context.update(LEAF_START);
    let last = bytes.iter().position(|octet| {
        context.update(std::slice::from_ref(octet));
        context.clone().finish().as_ref() == hash.0
    })?;
    Some(last + 1)
}

/// Divides `bytes`, which hold all the unreadable entries under `hashes`, among them. A leaf is found by its hash, and
/// behind it should stand what stands behind the leaves that are defined. As soon as that does not lead to the next
/// leaf, the one before has all the rest, and the others have nothing. `to_hash` counts down what may be hashed.
fn divide<'a>(bytes: &'a [u8], hashes: &[Hash], to_hash: &mut usize) -> Vec<&'a [u8]> {
    let mut leaf = |bytes: &[u8], hash: &Hash| {
        let bytes = &bytes[..bytes.len().min(UNKNOWN_BYTES_MAX).min(*to_hash)];
        let length = leaf_length(bytes, hash);
        *to_hash -= length.unwrap_or(bytes.len());
        length
    };
    let (mut parts, mut rest) = (Vec::with_capacity(hashes.len()), bytes);
    for pair in hashes.windows(2) {
        let Some(length) = leaf(rest, &pair[0]) else { break };
        let nexts = [Kind::Certificate, Kind::Tbs].into_iter().filter_map(|kind| {
            let mut behind = Bytes::new(&rest[length..]);
            chain(&mut behind, kind).map(|_| behind.rest())
        });
        let Some(next) = nexts.into_iter().find(|next| leaf(next, &pair[1]).is_some()) else {
            break;
        };
        parts.push(&rest[..rest.len() - next.len()]);
        rest = next;
    }
    parts.push(rest);
    parts.resize(hashes.len(), &[]);
    parts
}

/// Finds the first of `hashes` whose entry stands somewhere after the start of `bytes`: its offset there, and how
/// many hashes were passed over. Without one: all bytes, all hashes.
fn find_entry(bytes: &[u8], hashes: &[Hash]) -> (usize, usize) {
    let mut hashed = 0;
    for offset in 1..bytes.len() {
        let mut candidate = Bytes::new(&bytes[offset..]);
        // Nearly every offset fails here, since a type of 0 or 1 and lengths that fit are rare in a certificate.
        let Ok(entry) = read_tile_leaf(&mut candidate) else { continue };
        hashed += bytes.len() - offset - candidate.rest().len();
        if hashed > RESYNC_HASHED_MAX {
            break;
        }
        let hash = entry.leaf_hash();
        if let Some(passed) = hashes.iter().position(|expected| *expected == hash) {
            return (offset, passed);
        }
    }
    (bytes.len(), hashes.len())
}

/// Reads a `TileLeaf` off the front (c2sp.org/static-ct-api, "Log entries").
fn read_tile_leaf<'a>(bytes: &mut Bytes<'a>) -> Result<Entry<'a>, Unreadable> {
    let start = bytes.rest();
    let content = read_timestamped(bytes)?;
    let leaf = &start[..start.len() - bytes.rest().len()];
    let after_leaf = bytes.rest();
    let kind = match content {
        Content::Precertificate { .. } => Kind::Tbs,
        Content::Certificate { .. } | Content::Unknown { .. } => Kind::Certificate,
    };
    chain(bytes, kind).ok_or(Unreadable::Truncated)?;
    let served = &after_leaf[..after_leaf.len() - bytes.rest().len()];
    Ok(Entry::from_parts([LEAF_START, leaf], content, Beside::Tile { served }))
}

/// Reads what follows a leaf in a `TileLeaf`: for a precertificate itself, as submitted, and then the fingerprints of
/// the chain, which are returned.
fn chain<'a>(bytes: &mut Bytes<'a>, entry: Kind) -> Option<&'a [u8]> {
    match entry {
        Kind::Tbs => drop(bytes.vector_u24()?),
        Kind::Certificate => {}
    }
    bytes.vector_u16()
}

/// `version` v1(0) and `leaf_type` timestamped_entry(0), which every leaf starts with and no tile repeats.
const LEAF_START: &[u8] = &[0, 0];
/// Real chains have two to four certificates. There is room for two thousand.
const CHAIN_MAX: usize = 32;
/// Signature type of an `RFC6962NoteSignature` (c2sp.org/static-ct-api, "Checkpoints").
const RFC6962_NOTE_SIGNATURE: u8 = 0x05;
/// What is hashed in front of a leaf (RFC 6962 §2.1).
const LEAF_PREFIX: u8 = 0;
/// How long a leaf of an unknown type may be. Ten times the largest certificates that logs take; each octet more costs
/// one more hash.
const UNKNOWN_BYTES_MAX: usize = 1 << 20;
/// Octets to hash while dividing the unreadable entries of one tile. Each leaf is found twice, so that is room for 256
/// of them of 8 KiB.
const DIVIDE_HASHED_MAX: usize = 4 << 20;
/// Octets to hash while looking for the entry after an unreadable one: ten times the largest tile seen, so that
/// bytes made to look like entries cost a bounded time.
const RESYNC_HASHED_MAX: usize = 16 << 20;

#[cfg(test)]
mod tests;
