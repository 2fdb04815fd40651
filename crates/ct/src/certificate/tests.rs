use proptest::prelude::*;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::sample::*;
use super::*;
use crate::names::names;
use crate::vectors;

#[test]
fn the_fields_of_a_certificate() {
    let sample = Sample { subject: common_name("www.example.org"), ..Sample::nameless() };
    let sample = sample.and(&[san(&[dns("example.org")]), extension(POISON, [5, 0])]);
    let der = sample.certificate();
    let walked = walk(&der, Kind::Certificate);
    assert!(walked.clean && walked.poison && walked.opaque.is_empty());
    assert_eq!(names(&walked), ["www.example.org", "example.org"]);
    assert_eq!(walked.serial, Some([0x4a, 0x17].as_slice()));
    assert_eq!(walked.issuer, Some(sample.issuer.as_slice()));
    assert_eq!(walked.subject, Some(sample.subject.as_slice()));
    assert_eq!(walked.spki, Some(sample.spki.as_slice()));
    assert_eq!(walked.not_before, "2026-01-01T00:00:00Z".parse().ok());
    assert_eq!(walked.not_after, "2026-04-01T00:00:00Z".parse().ok());

    let tbs = sample.tbs();
    let tbs = walk(&tbs, Kind::Tbs);
    assert_eq!((tbs.clean, tbs.spki, &tbs.names), (true, walked.spki, &walked.names));
    let digest = digest::digest(&digest::SHA256, &sample.spki);
    assert_eq!(walked.spki_sha256().as_ref().map(|hash| hash.as_slice()), Some(digest.as_ref()));
}

#[test]
fn a_key_that_is_not_all_there_is_none() {
    let sample = Sample { spki: claimed(0x30, 0x80, [0, 0]), ..Sample::nameless() };
    let der = sample.certificate();
    let walked = walk(&der, Kind::Certificate);
    assert_eq!((walked.clean, walked.spki), (false, None));
    assert_eq!(walk(b"", Kind::Certificate).spki_sha256(), None);
}

#[test] // The fields are found although one is missing or too many.
fn the_fields_of_a_bent_certificate() {
    let bent = [
        Sample { serial: Vec::new(), ..Sample::nameless() },
        Sample { version: Vec::new(), serial: Vec::new(), ..Sample::nameless() },
        Sample { version: element(0xa5, [9]), ..Sample::nameless() },
        Sample { before_extensions: element(0xa5, [9]), ..Sample::nameless() },
        Sample { signature: Vec::new(), ..Sample::nameless() },
    ];
    for sample in bent {
        let der = sample.certificate();
        let walked = walk(&der, Kind::Certificate);
        assert!(!walked.clean);
        assert_eq!(walked.opaque, [Cow::Borrowed(der.as_slice())]);
        assert_eq!(walked.issuer, Some(sample.issuer.as_slice()));
        assert_eq!(walked.spki, Some(sample.spki.as_slice()));
        assert!(walked.not_before.is_some() && walked.not_after.is_some());
    }
}

#[test] // X.690 §8.1.3.6: the work is linear in the input.
fn the_work_is_bounded_by_the_length() {
    const LENGTH: usize = 1 << 20;
    let filled = |unit: &[u8]| unit.repeat(LENGTH / unit.len());
    let in_san = |bytes: Vec<u8>| Sample::with(&[san(&[bytes])]).certificate();
    let in_subject = |bytes: Vec<u8>| Sample::of(element(0x30, bytes)).certificate();
    let in_extensions = |bytes| Sample::with(&[bytes]).certificate();
    let inputs = [
        filled(&[0x30, 0x80]),
        filled(&[0x30, 0x80, 0, 0]),
        filled(&[0xa3, 0x80]),
        filled(&[0x30, 0x83, 0x0f, 0xff, 0xff]),
        filled(&[0x3f, 0x81]),
        filled(&[0]),
        in_san(filled(&[0x82, 0])),
        in_san(filled(&[0xa2, 0x80])),
        in_san(filled(&[0xa2, 0x80, 0x24, 0x80, 0, 0, 0, 0])),
        in_san(filled(&[0xa4, 0x80, 0x30, 0x80])),
        in_san([filled(&[0xa2, 0x80, 0x24, 0x80]), filled(&[0, 0])].concat()),
        in_san(element(0xa2, filled(&[0x24, 0]))),
        in_subject(filled(&[0x31, 0x80])),
        in_subject(filled(&[0x31, 2, 0x30, 0])),
        in_extensions(filled(&[0x30, 0x80])),
        in_extensions(filled(&[0x30, 3, 6, 1, 1])),
        in_extensions(sequence(&[oid(SUBJECT_ALT_NAME), element(0x24, filled(&[0x24, 0x80]))])),
        in_extensions(sequence(&[oid(SUBJECT_ALT_NAME), element(0x24, filled(&[4, 1, 0x82]))])),
    ];
    for (number, input) in inputs.iter().enumerate() {
        for kind in [Kind::Certificate, Kind::Tbs] {
            elements::work::taken();
            let walked = walk(input, kind);
            let work = elements::work::taken();
            assert!(work <= 16 * input.len(), "input {number}: {work} headers");
            let opaque: usize = walked.opaque.iter().map(|bytes| bytes.len()).sum();
            assert!(opaque <= 4 * input.len(), "input {number}: {opaque} octets opaque");
        }
    }
}

/// The records of one file of odd certificates: kind, name, DER.
fn records(file: &str) -> Vec<(Kind, String, Vec<u8>)> {
    fn taken<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
        let (taken, after) = rest.split_at(length);
        *rest = after;
        taken
    }
    let number =
        |octets: &[u8]| octets.iter().fold(0, |number, &octet| number << 8 | usize::from(octet));
    let Some(path) = vectors::folder("ct/x509") else { return Vec::new() };
    let bytes = std::fs::read(path.join(file)).expect("a file of records");
    let mut rest = bytes.as_slice();
    let mut records = Vec::new();
    while !rest.is_empty() {
        let kind = if taken(&mut rest, 1) == [0] { Kind::Certificate } else { Kind::Tbs };
        let length = number(taken(&mut rest, 2));
        let name = String::from_utf8_lossy(taken(&mut rest, length)).into_owned();
        let length = number(taken(&mut rest, 4));
        records.push((kind, name, taken(&mut rest, length).to_vec()));
    }
    records
}

const FILES: [&str; 3] = ["ctcpp.bin", "ctgo.bin", "zlint.bin"];

#[test]
fn recorded_certificates_are_read_as_x509_parser_reads_them() {
    let mut compared = 0;
    for (kind, name, der) in FILES.into_iter().flat_map(records) {
        let walked = walk(&der, kind);
        let Ok((rest, certificate)) = X509Certificate::from_der(&der) else { continue };
        if kind == Kind::Certificate && rest.is_empty() && agrees(&walked, &certificate, &name) {
            compared += 1;
        }
    }
    assert!(compared > 1200 || records("zlint.bin").is_empty(), "only {compared} compared");
}

/// Compares names, key and validity. False where `x509-parser` itself could not read the names.
fn agrees(walked: &Walked<'_>, certificate: &X509Certificate<'_>, name: &str) -> bool {
    assert_eq!(walked.spki, Some(certificate.public_key().raw), "{name}");
    // It leaves out an empty SET at the end of a Name.
    assert!(walked.issuer.is_some_and(|issuer| issuer.starts_with(certificate.issuer().as_raw())));
    assert!(walked.subject.is_some_and(|name| name.starts_with(certificate.subject().as_raw())));
    let validity = certificate.validity();
    for (ours, theirs) in
        [(walked.not_before, validity.not_before), (walked.not_after, validity.not_after)]
    {
        let seconds = theirs.timestamp().min(Timestamp::MAX.as_second());
        assert_eq!(ours.map(|time| time.as_second()), Some(seconds), "{name}");
    }
    let raw = |place| walked.names.iter().filter(move |raw| raw.place == place);
    let common_names: Vec<&[u8]> = certificate
        .subject()
        .iter_common_name()
        .map(|attribute| attribute.attr_value().data)
        .filter(|value| !value.is_empty())
        .collect();
    let ours: Vec<&[u8]> = raw(Place::SubjectCn).map(|raw| raw.bytes.as_ref()).collect();
    assert_eq!(ours, common_names, "{name}");

    let Ok(alternative) = certificate.subject_alternative_name() else { return false };
    let Some(alternative) = alternative else { return true };
    let general_names = &alternative.value.general_names;
    if general_names.iter().any(|name| matches!(name, GeneralName::Invalid(..))) {
        return false;
    }
    let theirs = |wanted: fn(&GeneralName<'_>) -> Option<Vec<u8>>| {
        general_names.iter().filter_map(wanted).filter(|name| !name.is_empty()).collect::<Vec<_>>()
    };
    let ours = |place| raw(place).map(|raw| raw.bytes.to_vec()).collect::<Vec<_>>();
    let dns_names = theirs(|name| match name {
        GeneralName::DNSName(name) => Some(name.as_bytes().to_vec()),
        _ => None,
    });
    assert_eq!(ours(Place::SanDns), dns_names, "{name}");
    let addresses = theirs(|name| match name {
        GeneralName::IPAddress(octets) => Some(octets.to_vec()),
        _ => None,
    });
    assert_eq!(ours(Place::SanIp), addresses, "{name}");
    let uris = theirs(|name| match name {
        GeneralName::URI(uri) => Some(uri.as_bytes().to_vec()),
        _ => None,
    });
    assert_eq!(ours(Place::SanUri), uris, "{name}");
    let mailboxes = theirs(|name| match name {
        GeneralName::RFC822Name(mailbox) => Some(mailbox.as_bytes().to_vec()),
        _ => None,
    });
    assert_eq!(ours(Place::SanEmail), mailboxes, "{name}");
    true
}

proptest! {
    #[test]
    fn any_bytes_are_walked_and_kept(bytes: Vec<u8>) {
        for kind in [Kind::Certificate, Kind::Tbs] {
            let walked = walk(&bytes, kind);
            prop_assert!(walked.clean || walked.opaque.iter().any(|opaque| **opaque == *bytes));
        }
    }
}
