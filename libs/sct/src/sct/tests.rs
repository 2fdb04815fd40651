use super::*;
use proptest::prelude::*;

/// `bytes` behind their length.
fn opaque16(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [&length, bytes].concat()
}

fn print(sct: &Sct) -> Vec<u8> {
    let signed = &sct.signature;
    [
        &[V1][..],
        &sct.log_id.0,
        &sct.timestamp_ms.to_be_bytes(),
        &opaque16(&sct.extensions),
        &[signed.hash, signed.signature_algorithm],
        &opaque16(&signed.signature),
    ]
    .concat()
}

fn sct(extensions: &[u8]) -> Sct {
    let signature = DigitallySigned { hash: 4, signature_algorithm: 3, signature: vec![1, 2, 3] };
    let extensions = extensions.to_vec();
    Sct { log_id: LogId([7; 32]), timestamp_ms: 1_700_000_000_123, extensions, signature }
}

#[test]
fn an_sct_is_all_of_its_bytes() {
    let bytes = print(&sct(b"ab"));
    assert_eq!(Sct::parse(&bytes), Ok(sct(b"ab")));
    for end in 0..bytes.len() {
        assert_eq!(Sct::parse(&bytes[..end]), Err(SctError::Truncated));
    }
    assert_eq!(Sct::parse(&[&bytes[..], &[0]].concat()), Err(SctError::TrailingBytes));
}

#[test] // RFC 6962 §3.2: v1 is 0. RFC 9162 §4.8 uses other structures altogether.
fn only_version_1_is_read() {
    let mut bytes = print(&sct(b""));
    bytes[0] = 1;
    assert_eq!(Sct::parse(&bytes), Err(SctError::Version(1)));
    assert_eq!(Sct::parse(&[255]), Err(SctError::Version(255)));
}

#[test]
fn a_time_is_a_time_or_none() {
    assert_eq!(sct(b"").timestamp(), Some("2023-11-14T22:13:20.123Z".parse().unwrap()));
    for timestamp_ms in [u64::MAX, 1 << 62, 253_402_300_800_000] {
        assert_eq!(Sct { timestamp_ms, ..sct(b"") }.timestamp(), None);
    }
}

#[test] // c2sp.org/static-ct-api, "SCT Extension"
fn leaf_index_is_forty_bits_in_extension_0() {
    let check = |extensions: &[u8], expected| assert_eq!(sct(extensions).leaf_index(), expected);
    check(&[], None);
    check(&[0, 0, 5, 0, 0, 0, 1, 2], Some(258));
    check(&[0, 0, 5, 255, 255, 255, 255, 255], Some((1 << 40) - 1));
    check(&[9, 0, 1, 7, 0, 0, 5, 0, 0, 0, 0, 3], Some(3));
    check(&[0, 0, 5, 0, 0, 0, 0, 3, 9, 0, 0], Some(3));
    check(&[9, 0, 1, 7], None);
    check(&[0, 0, 4, 0, 0, 0, 1], None);
    check(&[0, 0, 6, 0, 0, 0, 1, 2, 3], None);
    check(&[0, 0, 5, 0, 0, 0, 1], None);
    check(&[0, 0, 5, 0, 0, 0, 1, 2, 9], None);
    check(&[0, 0, 5, 0, 0, 0, 1, 2, 0, 0, 5, 0, 0, 0, 1, 2], None);
    check(&[0, 0, 5, 0, 0, 0, 1, 2, 9, 0, 0, 9, 0, 0], None);
}

#[test]
fn one_bad_sct_does_not_hide_the_others() {
    let good = print(&sct(b""));
    let list = opaque16(
        &[opaque16(&good), opaque16(&[]), opaque16(&[2]), opaque16(&good[1..]), opaque16(&good)]
            .concat(),
    );
    let parsed = parse_list(&list).unwrap();
    assert_eq!(parsed.len(), 5);
    assert_eq!(parsed[0], Ok(sct(b"")));
    assert_eq!(parsed[1], Err(SctError::Truncated));
    assert_eq!(parsed[2], Err(SctError::Version(2)));
    assert_eq!(parsed[3], Err(SctError::Version(7)));
    assert_eq!(parsed[4], Ok(sct(b"")));
}

#[test]
fn a_list_is_all_of_its_bytes() {
    let list = opaque16(&opaque16(&print(&sct(b"x"))));
    for end in 0..list.len() {
        assert_eq!(parse_list(&list[..end]), Err(ListError::Truncated));
    }
    assert_eq!(parse_list(&[&list[..], &[0]].concat()), Err(ListError::TrailingBytes));
    assert_eq!(parse_list(&[0, 0]), Err(ListError::Empty));
    assert_eq!(parse_list(&[0, 1, 0]), Err(ListError::Truncated));
    assert_eq!(parse_list(&[0, 3, 0, 2, 0]), Err(ListError::Truncated));
}

prop_compose! {
    fn any_sct()(
        id: [u8; 32], timestamp_ms: u64, extensions: Vec<u8>,
        hash: u8, signature_algorithm: u8, signature: Vec<u8>,
    ) -> Sct {
        let signature = DigitallySigned { hash, signature_algorithm, signature };
        Sct { log_id: LogId(id), timestamp_ms, extensions, signature }
    }
}

proptest! {
    #[test]
    fn parse_undoes_print(scts in prop::collection::vec(any_sct(), 1..5)) {
        let list: Vec<u8> = scts.iter().flat_map(|sct| opaque16(&print(sct))).collect();
        let parsed = parse_list(&opaque16(&list)).unwrap();
        let expected: Vec<_> = scts.into_iter().map(Ok).collect();
        prop_assert_eq!(parsed, expected);
    }

    #[test]
    fn any_bytes_are_judged(bytes: Vec<u8>) {
        let _ = parse_list(&bytes);
        let _ = parse_list(&opaque16(&bytes));
        let _ = Sct::parse(&bytes);
        let _ = sct(&bytes).leaf_index();
    }
}
