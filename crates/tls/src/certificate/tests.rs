use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;

fn vector_u24(bytes: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&length[..], bytes].concat()
}

/// The body of a Certificate of TLS 1.3 with so many certificates of one octet.
fn body(count: usize) -> Vec<u8> {
    let entry = [0, 0, 1, 0xaa, 0, 0];
    [&[0], &vector_u24(&entry.repeat(count))[..]].concat()
}

fn compressed(algorithm: u16, length: usize, packed: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(length).unwrap().to_be_bytes();
    [&algorithm.to_be_bytes()[..], &length, &vector_u24(packed)].concat()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_thousand_certificates_are_cut_off() {
    let read = of_tls13(&body(1000)).unwrap();
    assert_eq!((read.chain.len(), read.left_out), (CHAIN_MAX, 1000 - CHAIN_MAX));
    let list = vector_u24(&[0, 0, 1, 0xaa].repeat(1000));
    let read = of_tls12(&list).unwrap();
    assert_eq!((read.chain.len(), read.left_out), (CHAIN_MAX, 1000 - CHAIN_MAX));
}

#[test] // RFC 8446 §4.4.2.4
fn no_certificate_is_no_answer() {
    assert!(of_tls13(&body(0)).is_none() && of_tls12(&[0, 0, 0]).is_none());
}

#[test]
fn what_belongs_to_the_first_is_kept() {
    let ocsp = [0, 5, 0, 5, 1, 0, 0, 1, 0xbb];
    let beside = [&[0, 15][..], &ocsp, &[0, 18, 0, 2, 0xcc, 0xdd]].concat();
    let list = [&[0, 0, 1, 0xaa][..], &beside, &[0, 0, 1, 0xee, 0, 0]].concat();
    let read = of_tls13(&[&[0], &vector_u24(&list)[..]].concat()).unwrap();
    assert_eq!(read.chain, [[0xaa], [0xee]]);
    assert_eq!((read.ocsp, read.scts), (Some(vec![0xbb]), Some(vec![0xcc, 0xdd])));
}

#[test] // RFC 8879 §4
fn what_is_unpacked_has_the_length_that_was_said() {
    let plain = body(3);
    let packed = zlib(&plain);
    assert_eq!(of_compressed(&compressed(1, plain.len(), &packed)).unwrap().chain.len(), 3);
    let check = |message: &[u8], flaw: Compressed| {
        assert_eq!(of_compressed(message).unwrap_err(), Flaw::Compressed(flaw));
    };
    for length in [plain.len() - 1, plain.len() + 1] {
        check(&compressed(1, length, &packed), Compressed::Length(length));
    }
    check(&compressed(1, plain.len(), b"x"), Compressed::Stream);
    check(&compressed(9, plain.len(), &packed), Compressed::Algorithm(9));
    check(&compressed(1, 0xff_ffff, &packed), Compressed::TooLarge(0xff_ffff));
    // A megabyte of zeros that says it is small.
    let bomb = zlib(&vec![0; 1 << 20]);
    check(&compressed(1, 100, &bomb), Compressed::Length(100));
}

#[test] // RFC 8879 §7.3
fn brotli_is_unpacked_too() {
    // As the library of Google compresses three certificates, and a megabyte of zeros.
    let packed =
        [0x1b, 0x15, 0x00, 0xf8, 0xa7, 0x01, 0x02, 0x24, 0x54, 0x47, 0x50, 0x71, 0x00, 0x30, 0x3a];
    let read = of_compressed(&compressed(2, body(3).len(), &packed)).unwrap();
    assert_eq!(read.chain, [[0xaa], [0xaa], [0xaa]]);
    let zeros =
        [0x5b, 0xff, 0xff, 0x8f, 0x7f, 0x02, 0x20, 0x1e, 0x0b, 0x04, 0x72, 0xef, 0x1f, 0x00];
    let flaw = of_compressed(&compressed(2, 100, &zeros)).unwrap_err();
    assert_eq!(flaw, Flaw::Compressed(Compressed::Length(100)));
    let flaw = of_compressed(&compressed(2, 22, &packed[..12])).unwrap_err();
    assert_eq!(flaw, Flaw::Compressed(Compressed::Stream));
}
