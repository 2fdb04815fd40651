//! An entry that names something guarded, as it goes into the store.

use aws_lc_rs::digest::{SHA256, digest};
use countersign_ct::Misbehaviour;
use countersign_ct::certificate::signature::{Signed, signed_by};
use countersign_ct::certificate::{Kind, Walked, walk};
use countersign_ct::entry::{Beside, Content, Entry};
use countersign_ct::follower::Placed;
use countersign_ct::names::names;
use countersign_ct::rfc6962::Chain;
use countersign_ct::watchlist::Watchlist;
use countersign_sct::{issuer_key_hash, precert_tbs, spki_of};
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
    let extra = beside(placed.leaf.beside);
    let (precertificate, issuer_key_sha256) = match (placed.leaf.content, placed.leaf.beside) {
        (Content::Precertificate { issuer_key_hash, .. }, _) => (true, Some(issuer_key_hash)),
        (Content::Certificate { certificate, .. }, Beside::ExtraData(_)) => {
            let chain = Chain::of_certificate(&extra);
            let issuer = chain.and_then(|chain| chain.above.first().copied());
            (false, issuer.and_then(|issuer| signing_key(certificate, issuer)))
        }
        // A static log has only the issuer's fingerprint there, which says nothing of the key.
        (Content::Certificate { .. } | Content::Unknown { .. }, _) => (false, None),
    };
    Some(NewSighting {
        index: placed.index,
        leaf_hash: placed.hash.0,
        tbs_sha256: tbs_sha256(&placed.leaf),
        logged_at: placed.leaf.timestamp_ms().and_then(millis),
        precertificate,
        leaf: placed.leaf.leaf_bytes(),
        spki_sha256: walked.spki_sha256(),
        issuer_key_sha256,
        not_before: walked.not_before,
        not_after: walked.not_after,
        names: names(walked),
        matches: matches.collect(),
        extra,
    })
}

/// What a precertificate and its certificate have in common: the TBSCertificate less poison and SCT list (RFC 6962
/// §3.2). A log has taken the poison out of the leaf of a precertificate.
fn tbs_sha256(entry: &Entry<'_>) -> [u8; 32] {
    match entry.content {
        Content::Precertificate { tbs, .. } => sha256(tbs),
        Content::Certificate { certificate, .. } => {
            precert_tbs(certificate).map_or_else(|_| sha256(certificate), |tbs| sha256(&tbs))
        }
        Content::Unknown { .. } => sha256(&entry.leaf_bytes()),
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 octets")
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

/// The key of the CA that signed the certificate in `leaf`, if that is the one of the certificate `issuer`.
pub(crate) fn issuer_key(leaf: &[u8], issuer: &[u8]) -> Option<[u8; 32]> {
    match Entry::from_leaf(leaf, Beside::Nothing).content {
        Content::Certificate { certificate, .. } => signing_key(certificate, issuer),
        Content::Precertificate { .. } | Content::Unknown { .. } => None,
    }
}

/// SHA-256 of the key in `issuer`, if it signed `certificate`. The tree does not cover what a log serves as the chain,
/// so nothing else shows that this is the issuer.
fn signing_key(certificate: &[u8], issuer: &[u8]) -> Option<[u8; 32]> {
    match signed_by(certificate, issuer) {
        Signed::Valid => Some(issuer_key_hash(spki_of(issuer).ok()?)),
        Signed::Invalid | Signed::CouldNotTell(_) => None,
    }
}
