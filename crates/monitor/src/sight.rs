//! An entry that names something guarded, as it goes into the store.

use countersign_ct::Misbehaviour;
use countersign_ct::certificate::{Kind, Walked, walk};
use countersign_ct::entry::{Beside, Content, Entry};
use countersign_ct::follower::Placed;
use countersign_ct::names::names;
use countersign_ct::rfc6962::Chain;
use countersign_ct::watchlist::Watchlist;
use countersign_sct::{issuer_key_hash, spki_of};
use countersign_store::sighting::{MatchRow, NewSighting};

use crate::position::millis;

/// Looks at one entry. A sighting, if it carries a guarded name; and what is wrong with it, if anything.
pub(crate) fn look(
    watchlist: &Watchlist,
    placed: &Placed<Entry<'_>>,
) -> (Option<NewSighting>, Option<Misbehaviour>) {
    match placed.leaf.content {
        Content::Certificate { certificate, .. } => {
            (look_at(watchlist, placed, &walk(certificate, Kind::Certificate)), None)
        }
        Content::Precertificate { tbs, .. } => {
            (look_at(watchlist, placed, &walk(tbs, Kind::Tbs)), None)
        }
        Content::Unknown { why, bytes } => {
            // Nobody knows what such an entry is, so all of it is scanned.
            let sighting = look_at(watchlist, placed, &Walked::unread(bytes));
            let (index, why, bytes) = (placed.index, why.to_string(), bytes.to_vec());
            (sighting, Some(Misbehaviour::UnknownEntry { index, why, bytes }))
        }
    }
}

fn look_at(
    watchlist: &Watchlist,
    placed: &Placed<Entry<'_>>,
    walked: &Walked<'_>,
) -> Option<NewSighting> {
    let matches = watchlist.matches(walked);
    if matches.is_empty() {
        return None;
    }
    let matches = matches.into_iter().map(|found| MatchRow {
        guard: found.guard.to_string(),
        name: found.name,
        reading: found.reading.to_string(),
    });
    let (precertificate, issuer_key_hash) = match placed.leaf.content {
        Content::Precertificate { issuer_key_hash, .. } => (true, Some(issuer_key_hash)),
        Content::Certificate { .. } | Content::Unknown { .. } => (false, None),
    };
    let extra = beside(placed.leaf.beside);
    Some(NewSighting {
        index: placed.index,
        leaf_hash: placed.hash.0,
        logged_at: placed.leaf.timestamp_ms().and_then(millis),
        precertificate,
        leaf: placed.leaf.leaf_bytes(),
        spki_sha256: walked.spki_sha256(),
        issuer_key_sha256: issuer_key_hash.or_else(|| issuer_key(&extra)),
        not_before: walked.not_before,
        not_after: walked.not_after,
        names: names(walked),
        matches: matches.collect(),
        extra,
    })
}

/// What was served beside the leaf, as bytes. `extra_data` that is not base64 is kept as the text that it is.
fn beside(beside: Beside<'_>) -> Vec<u8> {
    match beside {
        Beside::ExtraData(text) => {
            base64_simd::STANDARD.decode_to_vec(text).unwrap_or_else(|_| text.as_bytes().to_vec())
        }
        Beside::Tile { served } => served.to_vec(),
        Beside::Nothing => Vec::new(),
    }
}

/// The key of the CA that signed a certificate, by the certificate that the log has above it (RFC 6962 §4.6). A
/// static log has only its fingerprint there, which says nothing of the key.
fn issuer_key(extra_data: &[u8]) -> Option<[u8; 32]> {
    let chain = Chain::of_certificate(extra_data)?;
    Some(issuer_key_hash(spki_of(chain.above.first()?).ok()?))
}
