//! X.509 taken apart and put together: the little that the CA and the logs of the lab need.
//!
//! The monitor under test has its own code for all of this; the lab must not share its mistakes, so nothing here
//! is taken from there but the element reader. The lab signs with ECDSA P-256 and SHA-256 only.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use countersign_sct::der::{Element, Reader, SEQUENCE};

/// The body of a precertificate's poison: ASN.1 NULL (RFC 6962 §3.1).
pub(crate) const POISON: [u8; 2] = [5, 0];

/// The poison's object identifier, 1.3.6.1.4.1.11129.2.4.3 (RFC 6962 §3.1).
pub(crate) const POISON_OID: [u64; 10] = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 3];

/// The SCT list's object identifier, 1.3.6.1.4.1.11129.2.4.2 (RFC 6962 §3.3).
pub(crate) const SCT_LIST_OID: [u64; 10] = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];

/// The poison's object identifier, as the element stands in a certificate.
const POISON_OID_DER: [u8; 12] = [6, 10, 0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 3];

/// AlgorithmIdentifier of ecdsa-with-SHA256 (RFC 5758 §3.2).
const ECDSA_WITH_SHA256: [u8; 12] = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

/// What stands before the 65 bytes of an uncompressed P-256 point in a SubjectPublicKeyInfo (RFC 5480 §2).
const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 3, 1, 7, 3, 0x42, 0,
];

/// The tag of the extensions in a TBSCertificate, `[3]` (RFC 5280 §4.1).
const EXTENSIONS: u8 = 0xa3;

/// The tag of the version in a TBSCertificate, `[0]` (RFC 5280 §4.1).
const VERSION: u8 = 0xa0;

/// One DER element with this tag and these contents.
pub fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut whole = vec![tag];
    match u8::try_from(contents.len()) {
        Ok(short @ 0..0x80) => whole.push(short),
        _ => {
            let octets = contents.len().to_be_bytes();
            let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
            let significant = &octets[zeros..];
            whole.push(0x80 | u8::try_from(significant.len()).expect("a length has 8 octets"));
            whole.extend_from_slice(significant);
        }
    }
    whole.extend_from_slice(contents);
    whole
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// The SubjectPublicKeyInfo of an uncompressed P-256 point.
pub fn spki_of_point(point: &[u8; 65]) -> Vec<u8> {
    [&P256_SPKI_PREFIX[..], point].concat()
}

/// The uncompressed P-256 point in a SubjectPublicKeyInfo. `None` for keys of another kind.
pub fn point_of_spki(spki: &[u8]) -> Option<&[u8; 65]> {
    spki.strip_prefix(&P256_SPKI_PREFIX)?.try_into().ok()
}

/// The TBSCertificate of a certificate. `None` if there is none.
pub fn tbs_of(certificate: &[u8]) -> Option<&[u8]> {
    Some(parts(certificate)?[0].whole)
}

/// The SubjectPublicKeyInfo of a certificate: what follows version, serial number, algorithm, issuer, validity
/// and subject (RFC 5280 §4.1).
pub fn spki_of(certificate: &[u8]) -> Option<&[u8]> {
    let tbs = parts(certificate)?[0];
    let mut fields = Reader::new(tbs.contents);
    fields.optional(VERSION).ok()?;
    for _ in ["serial number", "algorithm", "issuer", "validity", "subject"] {
        fields.element().ok()?;
    }
    Some(fields.element().ok()?.whole)
}

/// The certificate of a TBSCertificate and a signature over it.
pub fn certificate(tbs: &[u8], signature: &[u8]) -> Vec<u8> {
    let bits = element(countersign_sct::der::BIT_STRING, &[&[0], signature].concat());
    element(SEQUENCE, &[tbs, &ECDSA_WITH_SHA256, &bits].concat())
}

/// Whether `issuer`'s key signed `certificate`. No names, times or constraints are looked at.
pub fn signed_by(certificate: &[u8], issuer: &[u8]) -> bool {
    let signature = || {
        let [tbs, _, bits] = parts(certificate)?;
        let point = point_of_spki(spki_of(issuer)?)?;
        let (0, signature) = bits.contents.split_first()? else { return None };
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(tbs.whole, signature).ok()
    };
    signature().is_some()
}

/// The SubjectPublicKeyInfo in a PKCS #10 request (RFC 2986 §4.1): what follows version and subject. `None` unless it
/// is of a P-256 key that signed the request.
pub fn requested_spki(csr: &[u8]) -> Option<&[u8]> {
    let [info, _, bits] = parts(csr)?;
    let mut fields = Reader::new(info.contents);
    for _ in ["version", "subject"] {
        fields.element().ok()?;
    }
    let spki = fields.element().ok()?.whole;
    let (0, signature) = bits.contents.split_first()? else { return None };
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point_of_spki(spki)?);
    key.verify(info.whole, signature).ok()?;
    Some(spki)
}

/// A TBSCertificate without its poison: what a log signs for a precertificate (RFC 6962 §3.2). `None` if there
/// is no poison, or no reading the bytes.
pub fn without_poison(tbs: &[u8]) -> Option<Vec<u8>> {
    let mut fields = Reader::new(Reader::new(tbs).element().ok()?.contents);
    let (mut kept, mut poisoned) = (Vec::new(), false);
    while !fields.is_empty() {
        let field = fields.element().ok()?;
        if field.tag.octet != EXTENSIONS {
            kept.extend_from_slice(field.whole);
            continue;
        }
        let mut extensions = Reader::new(Reader::new(field.contents).element().ok()?.contents);
        let mut others = Vec::new();
        while !extensions.is_empty() {
            let extension = extensions.element().ok()?;
            if extension.contents.starts_with(&POISON_OID_DER) {
                poisoned = true;
            } else {
                others.extend_from_slice(extension.whole);
            }
        }
        // Extensions is SEQUENCE SIZE (1..MAX): with nothing left in it, the field goes too (RFC 5280 §4.1).
        if !others.is_empty() {
            kept.extend_from_slice(&element(EXTENSIONS, &element(SEQUENCE, &others)));
        }
    }
    poisoned.then(|| element(SEQUENCE, &kept))
}

/// SerializedSCTs as the TLS-encoded list (RFC 6962 §3.3), inside the OCTET STRING that the extension holds.
pub fn sct_list(scts: &[Vec<u8>]) -> Vec<u8> {
    let two_bytes = |length: usize| {
        u16::try_from(length).expect("a handful of SCTs is far below 65,535 bytes").to_be_bytes()
    };
    let listed: Vec<u8> =
        scts.iter().flat_map(|sct| [&two_bytes(sct.len())[..], sct].concat()).collect();
    let list = [&two_bytes(listed.len())[..], &listed].concat();
    element(countersign_sct::der::OCTET_STRING, &list)
}

/// TBSCertificate, or what is asked for, algorithm, signature.
fn parts(certificate: &[u8]) -> Option<[Element<'_>; 3]> {
    let mut fields = Reader::new(Reader::new(certificate).element().ok()?.contents);
    Some([fields.element().ok()?, fields.element().ok()?, fields.element().ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // X.690 §10.1: the shortest length
    fn lengths_are_shortest() {
        assert_eq!(element(4, &[7; 2]), [4, 2, 7, 7]);
        assert_eq!(element(4, &[0; 0x7f])[..2], [4, 0x7f]);
        assert_eq!(element(4, &[0; 0x80])[..3], [4, 0x81, 0x80]);
        assert_eq!(element(4, &[0; 0x1234])[..4], [4, 0x82, 0x12, 0x34]);
    }

    #[test]
    fn the_poison_goes_and_the_rest_stays() {
        let poison = element(SEQUENCE, &[&POISON_OID_DER[..], &[1, 1, 255, 4, 2, 5, 0]].concat());
        let other = element(SEQUENCE, &[6, 3, 85, 29, 17, 4, 2, 48, 0]);
        let tbs = |extensions: &[u8]| {
            element(SEQUENCE, &[&[2, 1, 1], &element(EXTENSIONS, extensions)[..]].concat())
        };
        let both = tbs(&element(SEQUENCE, &[&other[..], &poison].concat()));
        let one = tbs(&element(SEQUENCE, &other));
        assert_eq!(without_poison(&both), Some(one.clone()));
        assert_eq!(without_poison(&one), None);
        let none = element(SEQUENCE, &[2, 1, 1]);
        assert_eq!(without_poison(&tbs(&element(SEQUENCE, &poison))), Some(none));
        assert_eq!(without_poison(&both[..both.len() - 1]), None);
    }

    #[test] // RFC 6962 §3.3
    fn a_list_of_scts() {
        let list = sct_list(&[vec![1, 2, 3], vec![4]]);
        assert_eq!(list, [4, 10, 0, 8, 0, 3, 1, 2, 3, 0, 1, 4]);
    }
}
