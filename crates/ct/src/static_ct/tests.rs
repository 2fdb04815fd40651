//! Real tiles, made ones, and broken ones.

use super::*;
use crate::entry::Content;
use countersign_tlog::HashTile;
use proptest::prelude::*;

/// A `TileLeaf` for a certificate entry.
fn tile_leaf(entry_type: u16, body: &[u8]) -> Vec<u8> {
    let mut leaf = 7_u64.to_be_bytes().to_vec();
    leaf.extend(entry_type.to_be_bytes());
    leaf.extend([0, 0, u8::try_from(body.len()).unwrap()]);
    leaf.extend(body);
    leaf.extend([0, 0, 0, 0]);
    leaf
}

fn contents<'a>(entries: &[Entry<'a>]) -> Vec<Content<'a>> {
    entries.iter().map(|entry| entry.content).collect()
}

#[test]
fn an_unknown_entry_hides_neither_itself_nor_its_neighbours() {
    let (first, odd, last) = (tile_leaf(0, b"first"), tile_leaf(99, b"odd"), tile_leaf(0, b"last"));
    let tile = [first.clone(), odd.clone(), last.clone()].concat();
    let read = DataTile::read(&tile);
    assert_eq!(read.entries.len(), 1);
    assert_eq!(
        read.unread.map(|(why, rest)| (why, rest.len())),
        Some((Unreadable::EntryType(99), tile.len() - first.len()))
    );

    let hash = |leaf: &[u8]| countersign_tlog::leaf_hash(&[&[0, 0], &leaf[..leaf.len() - 2]]);
    let odd_hash = Hash([9; 32]);
    let hashes = [hash(&first), odd_hash, hash(&last)];
    let entries = DataTile::read_with(&tile, &hashes);
    assert_eq!(
        contents(&entries),
        [
            Content::Certificate { timestamp_ms: 7, certificate: b"first" },
            Content::Unknown { why: Unreadable::EntryType(99), bytes: &odd },
            Content::Certificate { timestamp_ms: 7, certificate: b"last" },
        ]
    );
    assert_eq!(entries.iter().map(Entry::leaf_hash).collect::<Vec<_>>(), hashes);
    assert_eq!(entries[1].leaf_bytes(), odd);
}

#[test]
fn unknown_entries_in_a_row_are_told_apart_by_their_hashes() {
    let (first, last) = (tile_leaf(0, b"first"), tile_leaf(0, b"last"));
    let odd: Vec<_> = (99..102).map(|kind| tile_leaf(kind, b"odd")).collect();
    let hash = |leaf: &[u8]| countersign_tlog::leaf_hash(&[&[0, 0], &leaf[..leaf.len() - 2]]);
    let all = [&[first], &odd[..], &[last]].concat();
    let mut hashes: Vec<_> = all.iter().map(|leaf| hash(leaf)).collect();
    let unknown = |hashes: &[Hash]| -> Vec<Vec<u8>> {
        let tile = all.concat();
        let entries = DataTile::read_with(&tile, hashes);
        assert_eq!(entries.iter().map(Entry::leaf_hash).collect::<Vec<_>>(), hashes);
        assert!(matches!(entries[4].content, Content::Certificate { certificate: b"last", .. }));
        entries[1..4].iter().map(Entry::leaf_bytes).collect()
    };
    assert_eq!(unknown(&hashes), odd);
    // Something else was logged in the place of the last two: they cannot be found.
    hashes[2] = Hash([9; 32]);
    assert_eq!(unknown(&hashes), [odd.concat(), Vec::new(), Vec::new()]);
    hashes[1] = Hash([8; 32]);
    assert_eq!(unknown(&hashes), [odd.concat(), Vec::new(), Vec::new()]);
}

#[test]
fn the_chain_is_told_by_its_fingerprints() {
    let check = |served: &[u8], kind, expected: Option<&[[u8; 32]]>| {
        assert_eq!(fingerprints(served, kind).as_deref(), expected);
    };
    let two = [&[0, 64][..], &[1; 32], &[2; 32]].concat();
    check(&two, Kind::Certificate, Some(&[[1; 32], [2; 32]]));
    check(&two, Kind::Tbs, None);
    let precertificate = [&[0, 0, 1, 0x30][..], &two].concat();
    check(&precertificate, Kind::Tbs, Some(&[[1; 32], [2; 32]]));
    check(&[0, 0], Kind::Certificate, Some(&[]));
    check(&[0, 1, 9], Kind::Certificate, None);
    check(&[&two[..], &[0]].concat(), Kind::Certificate, None);
    let many = [&[0xff, 0xe0][..], &[7; 0xffe0]].concat();
    check(&many, Kind::Certificate, Some(&[[7; 32]; CHAIN_MAX]));
    check(&[], Kind::Certificate, None);
}

#[test]
fn a_leaf_is_known_by_its_hash_alone() {
    let odd = tile_leaf(99, b"odd");
    let hash = countersign_tlog::leaf_hash(&[&[0, 0], &odd[..odd.len() - 2]]);
    assert!(begins_with_leaf(&odd, &hash));
    assert!(!begins_with_leaf(&odd[1..], &hash));
    assert!(!begins_with_leaf(b"<html>", &hash));
    assert!(!begins_with_leaf(&[], &hash));
}

#[test]
fn a_tile_of_junk_still_has_an_entry_for_each_hash() {
    let hashes = [Hash([1; 32]), Hash([2; 32]), Hash([3; 32])];
    let entries = DataTile::read_with(b"junk", &hashes);
    assert_eq!(entries.iter().map(Entry::leaf_hash).collect::<Vec<_>>(), hashes);
    assert_eq!(entries[0].leaf_bytes(), b"junk");
    assert!(DataTile::read_with(&[], &hashes).len() == 3);
}

#[test]
fn no_tile_has_more_than_256_entries() {
    let tile = tile_leaf(0, b"x").repeat(257);
    let read = DataTile::read(&tile);
    assert_eq!(read.entries.len(), 256);
    assert!(matches!(read.unread, Some((Unreadable::Trailing(_), _))));
}

#[test]
fn real_data_tiles_have_the_hashes_of_real_hash_tiles() {
    let Some(tiles) = crate::vectors::folder("ct/static-tiles/navigli2025h2/tile") else { return };
    let mut count = 0;
    for (name, width) in [("000", 256), ("001", 256), ("002", 256), ("003", 256), ("003.p/10", 10)]
    {
        let data = std::fs::read(tiles.join("data").join(name)).unwrap();
        let hashes = std::fs::read(tiles.join("0").join(name)).unwrap();
        let hashes = HashTile::parse(&hashes, width).unwrap();
        let read = DataTile::read(&data);
        assert!(read.unread.is_none(), "{name}: {:?}", read.unread.map(|(why, _)| why));
        let ours: Vec<_> = read.entries.iter().map(Entry::leaf_hash).collect();
        assert_eq!(ours, hashes.hashes(), "{name}");
        assert_eq!(DataTile::read_with(&data, hashes.hashes()), read.entries);
        count += read.entries.len();
    }
    assert_eq!(count, 4 * 256 + 10);
}

proptest! {
    #[test]
    fn any_tile_is_read_to_its_end_or_to_where_it_breaks(tile: Vec<u8>, hashes: [u8; 4]) {
        let read = DataTile::read(&tile);
        let rest = read.unread.map_or(0, |(_, rest)| rest.len());
        prop_assert!(rest <= tile.len());
        let hashes = hashes.map(|hash| Hash([hash; 32]));
        prop_assert_eq!(DataTile::read_with(&tile, &hashes).len(), 4);
    }

    #[test]
    fn any_checkpoint_is_refused_or_verified(answer: Vec<u8>) {
        let key = crate::vectors::some_key();
        prop_assert!(SignedCheckpoint::parse(&answer, &key).is_err());
    }
}

/// A checkpoint with a line of a witness and one of an algorithm nobody knows, made with OpenSSL's P-256.
mod signed {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn spki(pair: &EcdsaKeyPair) -> Vec<u8> {
        // SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING } (RFC 5480 §2)
        let mut spki = vec![0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
        spki.extend([6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 3, 0x42, 0]);
        spki.extend(pair.public_key().as_ref());
        spki
    }

    /// Signs a checkpoint of five leaves as a static log does, with `extra` signature lines before its own.
    fn check(
        change: impl Fn(String) -> String,
        extra: &str,
        expected: Result<(u64, u64), HeadError>,
    ) {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
        let key = LogKey::from_spki(&spki(&pair)).unwrap();
        let root = Hash([5; 32]);
        let message = signed_bytes(1_700_000_000_000, 5, &root);
        let signature = pair.sign(&random, &message).unwrap();
        let name: KeyName = "log.example/2026".parse().unwrap();
        let mut line = key_id(&name, RFC6962_NOTE_SIGNATURE, &key.id().0).to_vec();
        line.extend(1_700_000_000_000_u64.to_be_bytes());
        line.extend([4, 3, 0, u8::try_from(signature.as_ref().len()).unwrap()]);
        line.extend(signature.as_ref());
        let note = format!("{name}\n5\n{root}\n\n{extra}— {name} {}\n", STANDARD.encode(line));
        let head = SignedCheckpoint::parse(change(note).as_bytes(), &key);
        assert_eq!(head.map(|head| (head.size(), head.timestamp_ms())), expected);
    }

    #[test]
    fn a_signed_checkpoint_verifies_whatever_else_is_signed() {
        let expected = Ok((5, 1_700_000_000_000));
        check(|note| note, "", expected.clone());
        let post_quantum = format!("— log.example/2026 {}\n", STANDARD.encode(vec![6; 2424]));
        check(|note| note, &post_quantum, expected.clone());
        check(|note| note, "something else altogether\n", expected.clone());
        check(|note| note.replacen("\n\n", "\nextension\n\n", 1), "", expected);
    }

    #[test]
    fn a_forged_one_does_not() {
        check(|note| note.replacen("\n5\n", "\n6\n", 1), "", Err(HeadError::Signature));
        check(|note| note.replace("2026", "2027"), "", Err(HeadError::Unsigned));
        let short = format!("— log.example/2026 {}\n", STANDARD.encode([1, 2, 3, 4]));
        check(
            |note| note.split("— ").next().unwrap().to_owned() + &short,
            "",
            Err(HeadError::Unsigned),
        );
    }
}
