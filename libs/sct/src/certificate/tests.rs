use super::*;
use CertificateError as E;
use proptest::prelude::*;

const NULL: &[u8] = &[5, 0];

fn sequence(pieces: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, pieces)
}

/// The same element with a length that has a zero too many.
fn padded(der: &[u8]) -> Vec<u8> {
    let contents = Reader::new(der).element().unwrap().contents;
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    [&[der[0], 0x83, 0], &length[..], contents].concat()
}

fn extension(id: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[&element(OBJECT_IDENTIFIER, &[id]), &element(OCTET_STRING, &[value])])
}

fn sct_list() -> Vec<u8> {
    extension(SCT_LIST, &element(OCTET_STRING, &[b"the list"]))
}

fn poison() -> Vec<u8> {
    let critical = [BOOLEAN, 1, 0xff];
    let value = element(OCTET_STRING, &[NULL]);
    sequence(&[&element(OBJECT_IDENTIFIER, &[POISON]), &critical, &value])
}

/// Some other extension; long enough ones change the size of the lengths around them.
fn other(number: u8, length: usize) -> Vec<u8> {
    extension(&[0x55, 0x1d, number], &vec![number; length])
}

fn spki() -> Vec<u8> {
    sequence(&[b"\x05\x00\x03\x02\x00\x07"])
}

/// The fields before the extensions, in odd encodings that have to survive.
fn before() -> Vec<u8> {
    let version = element(VERSION, &[&[INTEGER, 1, 2]]);
    let serial = padded(&element(INTEGER, &[&[0, 0, 5]]));
    let validity = padded(&sequence(&[b"not times"]));
    let unique = element(ISSUER_UNIQUE_ID, &[&[0, 9]]);
    let (algorithm, name) = (sequence(&[]), sequence(&[NULL]));
    [version, serial, algorithm, name.clone(), validity, name, spki(), unique].concat()
}

fn tbs(extensions: &[&[u8]]) -> Vec<u8> {
    sequence(&[&before(), &element(EXTENSIONS, &[&sequence(extensions)])])
}

fn certificate(tbs: &[u8]) -> Vec<u8> {
    sequence(&[tbs, &sequence(&[]), &element(BIT_STRING, &[&[0, 1, 2]])])
}

/// The certificate with these extensions was logged with those.
fn check(extensions: &[&[u8]], expected: &[&[u8]]) {
    let spliced = precert_tbs(&certificate(&tbs(extensions))).unwrap();
    assert_eq!(spliced, tbs(expected));
}

fn check_refused(certificate: &[u8], error: CertificateError) {
    assert_eq!(precert_tbs(certificate), Err(error));
    assert_eq!(embedded_list(certificate), Err(error));
}

#[test]
fn only_the_list_and_the_poison_go() {
    let (a, b) = (&other(1, 3)[..], &other(2, 300)[..]);
    check(&[&sct_list(), a, b], &[a, b]);
    check(&[a, &sct_list(), b], &[a, b]);
    check(&[a, b, &sct_list()], &[a, b]);
    check(&[a, &poison(), b], &[a, b]);
    check(&[&poison(), a, &sct_list()], &[a]);
    check(&[b, a], &[b, a]);
}

#[test] // X.690 §10.1: lengths of one, two and three bytes, and the steps between them.
fn lengths_around_the_gap_are_the_shortest() {
    for length in (0..300).chain(65_400..65_600) {
        let kept = other(3, length);
        check(&[&sct_list(), &kept], &[&kept]);
    }
}

#[test]
fn odd_bytes_elsewhere_survive() {
    let odd_header = padded(&other(1, 3));
    let odd_id = sequence(&[&padded(&element(OBJECT_IDENTIFIER, &[&[0x55, 0x1d, 9]])), b"junk"]);
    let odd_value = extension(&[0x80, 0x80, 0x01], b"\xff\xff\xff");
    let bare = sequence(&[&element(OBJECT_IDENTIFIER, &[&[]])]);
    let odd: &[&[u8]] = &[&odd_header, &odd_id, &odd_value, &bare, &bare];
    check(&[odd, &[&sct_list()]].concat(), odd);
    check(odd, odd);
}

#[test] // RFC 5280 §4.1: Extensions is a SEQUENCE SIZE (1..MAX), OPTIONAL.
fn with_the_last_extension_the_field_goes() {
    let bare = sequence(&[&before()]);
    for extensions in [vec![sct_list()], vec![poison()], vec![poison(), sct_list()]] {
        let pieces: Vec<&[u8]> = extensions.iter().map(Vec::as_slice).collect();
        assert_eq!(precert_tbs(&certificate(&tbs(&pieces))).unwrap(), bare);
    }
    assert_eq!(precert_tbs(&certificate(&bare)).unwrap(), bare);
    // An empty list that was there from the start is somebody's signed bytes.
    check(&[], &[]);
}

#[test]
fn certificate_and_precertificate_give_the_same() {
    let (a, b) = (&other(1, 3)[..], &other(2, 30)[..]);
    let precertificate = precert_tbs(&certificate(&tbs(&[a, b, &poison()]))).unwrap();
    assert_eq!(precert_tbs(&certificate(&tbs(&[a, &sct_list(), b]))).unwrap(), precertificate);
}

#[test]
fn the_list_comes_out() {
    let list = |extensions: &[&[u8]]| {
        embedded_list(&certificate(&tbs(extensions))).map(|list| list.map(<[u8]>::to_vec))
    };
    assert_eq!(list(&[&other(1, 3), &sct_list()]), Ok(Some(b"the list".to_vec())));
    assert_eq!(list(&[&other(1, 3), &poison()]), Ok(None));
    assert_eq!(embedded_list(&certificate(&sequence(&[&before()]))), Ok(None));
    let inner = element(OCTET_STRING, &[b"critical"]);
    let value = element(OCTET_STRING, &[&inner]);
    let id = element(OBJECT_IDENTIFIER, &[SCT_LIST]);
    let critical = sequence(&[&id, &[BOOLEAN, 1, 0xff], &value]);
    assert_eq!(list(&[&critical]), Ok(Some(b"critical".to_vec())));

    let raw = |value: &[u8]| list(&[&extension(SCT_LIST, value)]);
    let cut_off = E::Malformed(Part::SctList, Malformed::Contents);
    assert_eq!(raw(b""), Err(E::Malformed(Part::SctList, Malformed::Header)));
    assert_eq!(raw(&[OCTET_STRING, 2, 0]), Err(cut_off));
    assert_eq!(raw(&[OCTET_STRING, 0, 0]), Err(E::TrailingBytes(Part::SctList)));
    assert_eq!(raw(&[OCTET_STRING, 0x81, 1, 0]), Err(E::NotDer(Part::SctList)));
    assert_eq!(raw(&sequence(&[])), Err(E::Misplaced(Part::SctList)));
    let twice = sequence(&[&id, &value, &value]);
    assert_eq!(list(&[&twice]), Err(E::TrailingBytes(Part::SctList)));
    assert_eq!(list(&[&sequence(&[&id, NULL])]), Err(E::Misplaced(Part::SctList)));
    let odd_value = sequence(&[&id, &padded(&value)]);
    assert_eq!(list(&[&odd_value]), Err(E::NotDer(Part::SctList)));
}

#[test]
fn doubled_extensions_are_refused() {
    let lists = certificate(&tbs(&[&sct_list(), &other(1, 1), &sct_list()]));
    check_refused(&lists, E::Duplicate(Part::SctList));
    // Hidden behind an odd header, it is still the second.
    let lists = certificate(&tbs(&[&sct_list(), &padded(&sct_list())]));
    check_refused(&lists, E::Duplicate(Part::SctList));
    let poisons = certificate(&tbs(&[&poison(), &poison()]));
    assert_eq!(precert_tbs(&poisons), Err(E::Duplicate(Part::Poison)));
    assert_eq!(embedded_list(&poisons), Ok(None));
}

#[test]
fn headers_on_the_way_must_be_der() {
    let list = sct_list();
    let whole = certificate(&tbs(&[&list]));
    check_refused(&padded(&whole), E::NotDer(Part::Certificate));
    check_refused(&certificate(&padded(&tbs(&[&list]))), E::NotDer(Part::TbsCertificate));
    let field = |field: &[u8]| certificate(&sequence(&[&before(), field]));
    let extensions = sequence(&[&list]);
    let odd_field = padded(&element(EXTENSIONS, &[&extensions]));
    check_refused(&field(&odd_field), E::NotDer(Part::OptionalField));
    let odd_list = element(EXTENSIONS, &[&padded(&extensions)]);
    check_refused(&field(&odd_list), E::NotDer(Part::Extensions));
    check_refused(&certificate(&tbs(&[&padded(&list)])), E::NotDer(Part::SctList));
    let id = padded(&element(OBJECT_IDENTIFIER, &[SCT_LIST]));
    let odd_id = sequence(&[&id, &element(OCTET_STRING, &[&[OCTET_STRING, 0]])]);
    check_refused(&certificate(&tbs(&[&odd_id])), E::NotDer(Part::SctList));
    let odd_poison = certificate(&tbs(&[&padded(&poison())]));
    assert_eq!(precert_tbs(&odd_poison), Err(E::NotDer(Part::Poison)));
    // X.690 §10.1: BER with an indefinite length.
    let indefinite = [&[SEQUENCE, 0x80], &whole[4..], &[0, 0]].concat();
    check_refused(&indefinite, E::Malformed(Part::Certificate, Malformed::Indefinite));
}

#[test]
fn strays_are_refused_by_name() {
    let good = tbs(&[&sct_list()]);
    let whole = certificate(&good);
    check_refused(&[&whole[..], NULL].concat(), E::TrailingBytes(Part::Certificate));
    let signature = element(BIT_STRING, &[&[0]]);
    let four = sequence(&[&good, &sequence(&[]), &signature, NULL]);
    check_refused(&four, E::TrailingBytes(Part::Certificate));
    let unsigned = sequence(&[&good, &sequence(&[])]);
    check_refused(&unsigned, E::Malformed(Part::Signature, Malformed::Header));
    check_refused(NULL, E::Misplaced(Part::Certificate));
    check_refused(b"", E::Malformed(Part::Certificate, Malformed::Header));

    let fields = |fields: &[&[u8]]| certificate(&sequence(fields));
    let extensions = element(EXTENSIONS, &[&sequence(&[&sct_list()])]);
    let unknown = [0x85, 0];
    let before = before();
    check_refused(&fields(&[&before, &extensions, NULL]), E::TrailingBytes(Part::TbsCertificate));
    check_refused(
        &fields(&[&before, &unknown, &extensions]),
        E::TrailingBytes(Part::TbsCertificate),
    );
    check_refused(
        &fields(&[&before, &extensions, &extensions]),
        E::TrailingBytes(Part::TbsCertificate),
    );
    let two_lists = element(EXTENSIONS, &[&sequence(&[]), &sequence(&[&sct_list()])]);
    check_refused(&fields(&[&before, &two_lists]), E::TrailingBytes(Part::OptionalField));
    check_refused(&certificate(&tbs(&[NULL])), E::Misplaced(Part::Extension));
    check_refused(&certificate(&tbs(&[&sequence(&[NULL])])), E::Misplaced(Part::Extension));
    let empty = certificate(&tbs(&[&sequence(&[])]));
    check_refused(&empty, E::Malformed(Part::Extension, Malformed::Header));

    // One required field after another becomes a NULL.
    let mut rest = Reader::new(&before);
    rest.element().unwrap();
    for part in [
        Part::SerialNumber,
        Part::Signature,
        Part::Issuer,
        Part::Validity,
        Part::Subject,
        Part::SubjectPublicKeyInfo,
    ] {
        let start = before.len() - rest.rest().len();
        let length = rest.element().unwrap().whole.len();
        let changed = [&before[..start], NULL, &before[start + length..]].concat();
        check_refused(&fields(&[&changed, &extensions]), E::Misplaced(part));
    }
}

#[test]
fn a_cut_certificate_is_refused_and_never_panics() {
    let whole = certificate(&tbs(&[&other(1, 200), &sct_list(), &poison()]));
    for end in 0..whole.len() {
        assert!(precert_tbs(&whole[..end]).is_err());
        assert!(embedded_list(&whole[..end]).is_err());
        assert!(spki_of(&whole[..end]).is_err());
    }
}

#[test]
fn the_key_comes_out_with_its_header() {
    assert_eq!(spki_of(&certificate(&tbs(&[]))).unwrap(), spki());
    // Extensions that cannot be read are not the key's affair.
    assert_eq!(spki_of(&certificate(&tbs(&[NULL]))).unwrap(), spki());
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes: Vec<u8>) {
        for bytes in [certificate(&tbs(&[&bytes])), certificate(&sequence(&[&bytes])), bytes] {
            let _ = precert_tbs(&bytes);
            let _ = embedded_list(&bytes);
            let _ = spki_of(&bytes);
        }
    }

    #[test]
    fn changed_certificates_are_judged(at: prop::sample::Index, octet: u8, cut: prop::sample::Index) {
        let mut changed = certificate(&tbs(&[&other(1, 20), &sct_list(), &poison()]));
        let length = changed.len();
        changed[at.index(length)] = octet;
        let _ = precert_tbs(&changed);
        let _ = precert_tbs(&changed[..cut.index(length)]);
        let _ = embedded_list(&changed);
        let _ = spki_of(&changed);
    }

    #[test]
    fn a_splice_only_cuts(lengths in prop::collection::vec(0_usize..200, 0..6), at: prop::sample::Index) {
        let mut extensions: Vec<_> = (1..).zip(lengths).map(|(id, length)| other(id, length)).collect();
        let kept = extensions.clone();
        extensions.insert(at.index(kept.len() + 1), sct_list());
        let pieces: Vec<&[u8]> = extensions.iter().map(Vec::as_slice).collect();
        let kept: Vec<&[u8]> = kept.iter().map(Vec::as_slice).collect();
        let expected = if kept.is_empty() { sequence(&[&before()]) } else { tbs(&kept) };
        prop_assert_eq!(precert_tbs(&certificate(&tbs(&pieces))).unwrap(), expected);
    }
}
