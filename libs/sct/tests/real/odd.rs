//! 1,700 certificates that linters and logs have collected for being odd.

use countersign_sct::{CertificateError, Part, embedded_list, parse_list, precert_tbs, spki_of};

use crate::vector;

/// The bytes behind a big-endian length of `size` bytes.
fn take<'a>(bytes: &mut &'a [u8], size: usize) -> &'a [u8] {
    let (length, rest) = bytes.split_at(size);
    let length = length.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
    let (taken, rest) = rest.split_at(length);
    *bytes = rest;
    taken
}

fn certificates(file: &str) -> Option<Vec<Vec<u8>>> {
    let file = vector(file)?;
    let mut rest = &file[..];
    let mut certificates = Vec::new();
    while let Some((kind, after)) = rest.split_first() {
        rest = after;
        take(&mut rest, 2);
        let der = take(&mut rest, 4);
        if *kind == 0 {
            certificates.push(der.to_vec());
        }
    }
    Some(certificates)
}

#[test]
fn odd_certificates_are_spliced_or_refused_by_name() {
    let mut refused = Vec::new();
    let mut lists = 0;
    let mut count = 0;
    for file in FILES {
        let Some(certificates) = certificates(file) else { return };
        count += certificates.len();
        for certificate in &certificates {
            let tbs = match precert_tbs(certificate) {
                Ok(tbs) => tbs,
                Err(error) => {
                    refused.push(error);
                    continue;
                }
            };
            assert!(spki_of(certificate).is_ok());
            match embedded_list(certificate) {
                Ok(Some(list)) => {
                    lists += 1;
                    assert!(tbs.len() < certificate.len() - list.len());
                    let _ = parse_list(list);
                }
                // Without a list, and without a poison, nothing was cut.
                Ok(None) => assert!(
                    certificate.windows(tbs.len()).any(|window| window == tbs)
                        || certificate.windows(POISON.len()).any(|window| window == POISON)
                ),
                Err(error) => refused.push(error),
            }
        }
    }
    // CRLs, OCSP answers and the like, and one certificate that is BER.
    assert_eq!((count, lists, refused.len()), (1_700, 44, 10));
    let outermost = |error: &CertificateError| match error {
        CertificateError::Malformed(part, _) | CertificateError::Misplaced(part) => {
            [Part::Certificate, Part::TbsCertificate].contains(part)
        }
        _ => false,
    };
    assert!(refused.iter().all(outermost), "{refused:?}");
}

const FILES: &[&str] = &["ct/x509/ctcpp.bin", "ct/x509/ctgo.bin", "ct/x509/zlint.bin"];
/// 1.3.6.1.4.1.11129.2.4.3 (RFC 6962 §3.1).
const POISON: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x03];
