//! Certificates for tests, as far as SCTs look into them.

use aws_lc_rs::signature::EcdsaKeyPair;
use jiff::{SignedDuration, Timestamp};

use crate::certificate::element;
use crate::der::{BIT_STRING, BOOLEAN, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use crate::digitally_signed::{DigitallySigned, HASH_SHA256, SIGNATURE_ECDSA};
use crate::key::tests::sign;
use crate::log_id::LogId;
use crate::signed_entry::{SignedEntry, issuer_key_hash, signed_bytes};

/// A validity that begins a day before `now` and has so many days.
pub(crate) fn validity(now: Timestamp, days: i64) -> Vec<u8> {
    let from = now - SignedDuration::from_hours(24);
    times(from, from + SignedDuration::from_hours(24 * days))
}

/// A validity, in GeneralizedTime.
pub(crate) fn times(from: Timestamp, to: Timestamp) -> Vec<u8> {
    let time = |time: Timestamp| {
        let text: String = time.to_string().chars().filter(char::is_ascii_digit).collect();
        element(0x18, &[&text.as_bytes()[..14], b"Z"])
    };
    element(SEQUENCE, &[&time(from), &time(to)])
}

/// A TBSCertificate with this validity and these extensions.
pub(crate) fn tbs(validity: Vec<u8>, extensions: &[&[u8]]) -> Vec<u8> {
    tbs_for(&element(SEQUENCE, &[&element(INTEGER, &[&[9]])]), validity, extensions)
}

/// One for this key.
pub(crate) fn tbs_for(spki: &[u8], validity: Vec<u8>, extensions: &[&[u8]]) -> Vec<u8> {
    let empty = element(SEQUENCE, &[]);
    let serial = element(INTEGER, &[&[5]]);
    let field = match extensions {
        [] => Vec::new(),
        extensions => element(0xa3, &[&element(SEQUENCE, extensions)]),
    };
    element(SEQUENCE, &[&serial, &empty, &empty, &validity, &empty, spki, &field])
}

/// A certificate for this key whose issuer has another name than it.
pub(crate) fn issued_by_another(spki: &[u8], validity: Vec<u8>) -> Vec<u8> {
    let (empty, serial) = (element(SEQUENCE, &[]), element(INTEGER, &[&[5]]));
    let issuer = element(SEQUENCE, &[&empty]);
    certificate(&element(SEQUENCE, &[&serial, &empty, &issuer, &validity, &empty, spki]))
}

/// The certificate with this TBSCertificate; nobody looks at its signature.
pub(crate) fn certificate(tbs: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[tbs, &element(SEQUENCE, &[]), &element(BIT_STRING, &[&[0, 1]])])
}

/// The extension with these SCTs (RFC 6962 §3.3).
pub(crate) fn sct_extension(scts: &[Vec<u8>]) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let scts: Vec<u8> = scts.iter().flat_map(|sct| [&length(sct)[..], sct].concat()).collect();
    let list = element(OCTET_STRING, &[&length(&scts), &scts]);
    let id = element(OBJECT_IDENTIFIER, &[&[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2]]);
    element(SEQUENCE, &[&id, &element(OCTET_STRING, &[&list])])
}

/// The extension that a precertificate has (RFC 6962 §3.1).
pub(crate) fn poison() -> Vec<u8> {
    let id = element(OBJECT_IDENTIFIER, &[&[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 3]]);
    let critical = element(BOOLEAN, &[&[0xff]]);
    element(SEQUENCE, &[&id, &critical, &element(OCTET_STRING, &[&[5, 0]])])
}

/// An SCT as it stands in a list.
pub(crate) fn sct(log_id: LogId, timestamp_ms: u64, signed: &DigitallySigned) -> Vec<u8> {
    let length = u16::try_from(signed.signature.len()).unwrap().to_be_bytes();
    let algorithms = [signed.hash, signed.signature_algorithm];
    [
        &[0],
        &log_id.0[..],
        &timestamp_ms.to_be_bytes(),
        &[0, 0],
        &algorithms,
        &length,
        &signed.signature,
    ]
    .concat()
}

/// The SCT of the log with this key for a TBSCertificate.
pub(crate) fn promise(
    pair: &EcdsaKeyPair,
    log_id: LogId,
    issuer_spki: &[u8],
    tbs: &[u8],
    promised: Timestamp,
) -> Vec<u8> {
    let timestamp_ms = u64::try_from(promised.as_millisecond()).unwrap();
    let entry = SignedEntry::Precert { issuer_key_hash: issuer_key_hash(issuer_spki), tbs };
    let signature = sign(pair, &signed_bytes(timestamp_ms, &[], &entry).unwrap());
    let signed =
        DigitallySigned { hash: HASH_SHA256, signature_algorithm: SIGNATURE_ECDSA, signature };
    sct(log_id, timestamp_ms, &signed)
}
