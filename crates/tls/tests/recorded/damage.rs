//! Recordings that are cut off or damaged: nothing panics, and nothing else is proved.

use std::collections::BTreeSet;

use countersign_sct::spki_of;
use countersign_tls::handshake::Shown;
use countersign_tls::{End, Handshake};

use crate::vector::{self, Vector};

#[test]
fn cut_anywhere_it_shows_less() {
    everywhere(|vector, whole, side, at| {
        let mut cut = vector.clone();
        side(&mut cut).truncate(at);
        let shown = cut.handshake();
        no_other_proof(vector, whole, &shown);
        let (certificates, all) = (shown.chain.certificates(), whole.chain.certificates());
        assert!(all.starts_with(certificates), "{}", vector.name);
    });
}

#[test]
fn damaged_anywhere_it_proves_no_other_chain() {
    everywhere(|vector, whole, side, at| {
        let mut damaged = vector.clone();
        side(&mut damaged)[at] ^= 1 << (at % 8);
        no_other_proof(vector, whole, &damaged.handshake());
    });
}

#[test]
fn in_tls13_every_byte_of_the_handshake_counts() {
    let vector = vector::named("tls13-retry");
    let whole = vector.handshake();
    let end = (0..=vector.received.len())
        .find(|length| {
            let mut cut = vector.clone();
            cut.received.truncate(*length);
            cut.handshake().end == End::Whole
        })
        .expect("it is whole");
    let mut ignored = BTreeSet::new();
    for at in 0..end {
        let mut damaged = vector.clone();
        damaged.received[at] ^= 0x10;
        if damaged.handshake().chain == whole.chain {
            ignored.insert(at);
        }
    }
    // What is left are headers of records in clear text, and the records that keep middleboxes quiet.
    assert!(ignored.len() < 20, "{ignored:?}");
}

/// Tries something at each byte of both directions. Recordings that are like another one are tried at each seventeenth.
fn everywhere(what: impl Fn(&Vector, &Handshake, Side, usize)) {
    for vector in vector::all() {
        let whole = vector.handshake();
        let step = if THOROUGH.contains(&vector.name.as_str()) { 1 } else { 17 };
        // Far behind the handshake nothing is read.
        for at in (0..vector.received.len().min(2200)).step_by(step) {
            what(&vector, &whole, |vector| &mut vector.received, at);
        }
        for at in (0..vector.sent.len()).step_by(step) {
            what(&vector, &whole, |vector| &mut vector.sent, at);
        }
    }
}

/// One direction of a recording.
type Side = fn(&mut Vector) -> &mut Vec<u8>;

/// One of each kind.
const THOROUGH: [&str; 8] = [
    "tls12-anonymous-ecdh",
    "tls12-dhe",
    "tls12-ecdhe-ecdsa",
    "tls12-static-rsa",
    "tls13-psk-ke",
    "tls13-p256",
    "tls13-retry",
    "tls13-smtp",
];

/// In TLS 1.2 nothing but the key is proved, so nothing but the key must be the same.
fn no_other_proof(vector: &Vector, whole: &Handshake, other: &Handshake) {
    let Shown::Proved { chain, .. } = &other.chain else { return };
    let proved = whole.chain.certificates();
    assert!(matches!(whole.chain, Shown::Proved { .. }), "{}", vector.name);
    if whole.version == Some(0x0304) {
        assert_eq!(chain, proved, "{}", vector.name);
    } else {
        assert_eq!(spki_of(&chain[0]), spki_of(&proved[0]), "{}", vector.name);
    }
}
