//! What a log signs when it promises an entry (RFC 6962 §3.2).

use crate::key::{BadSignature, LogKey};
use crate::log_id::sha256;
use crate::sct::{Sct, V1};

/// What was submitted, in the form that the log signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedEntry<'a> {
    /// A final certificate: for SCTs that come in the TLS handshake or an OCSP answer.
    X509 {
        /// The certificate, in DER.
        certificate: &'a [u8],
    },
    /// A precertificate: for SCTs that are embedded in the certificate.
    Precert {
        /// See [`issuer_key_hash`].
        issuer_key_hash: [u8; 32],
        /// See [`crate::precert_tbs`].
        tbs: &'a [u8],
    },
}

/// The `issuer_key_hash` of a precertificate: SHA-256 of the SubjectPublicKeyInfo of the certificate that
/// issued it (see [`crate::spki_of`]), or of the trust anchor, with the header of its SEQUENCE.
pub fn issuer_key_hash(spki: &[u8]) -> [u8; 32] {
    sha256(spki)
}

/// The structure that an SCT's signature covers (RFC 6962 §3.2).
///
/// The `MerkleTreeLeaf` of the same entry (§3.4) has the very same bytes: its version and leaf type are 0 as
/// well. So this is also what is hashed, after a zero byte, to find the entry in the log's tree.
pub fn signed_bytes(
    timestamp_ms: u64,
    extensions: &[u8],
    entry: &SignedEntry<'_>,
) -> Result<Vec<u8>, TooLong> {
    let (entry_type, issuer_key_hash, opaque): (u16, &[u8], &[u8]) = match entry {
        SignedEntry::X509 { certificate } => (X509_ENTRY, &[], certificate),
        SignedEntry::Precert { issuer_key_hash, tbs } => (PRECERT_ENTRY, issuer_key_hash, tbs),
    };
    // `opaque ASN.1Cert<1..2^24-1>`, `opaque TBSCertificate<1..2^24-1>`.
    let [0, opaque_length @ ..] = length(opaque)? else { return Err(TooLong) };
    // `opaque CtExtensions<0..2^16-1>`.
    let [0, 0, extensions_length @ ..] = length(extensions)? else { return Err(TooLong) };
    Ok([
        &[V1, CERTIFICATE_TIMESTAMP][..],
        &timestamp_ms.to_be_bytes(),
        &entry_type.to_be_bytes(),
        issuer_key_hash,
        &opaque_length,
        opaque,
        &extensions_length,
        extensions,
    ]
    .concat())
}

/// Verifies that the log with this key signed the SCT for this entry. Whether that log is worth anything is
/// another question: [`crate::Log::standing`].
pub fn verify_sct(sct: &Sct, entry: &SignedEntry<'_>, key: &LogKey) -> Result<(), BadSignature> {
    if sct.log_id != key.id() {
        return Err(BadSignature::OtherLog { sct: sct.log_id, key: key.id() });
    }
    let signed = signed_bytes(sct.timestamp_ms, &sct.extensions, entry)?;
    key.verify(&signed, &sct.signature)
}

/// The entry or the extensions are longer than the structure can hold: no log has signed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate has 16 MiB or more, or the extensions have 64 KiB or more")]
pub struct TooLong;

fn length(bytes: &[u8]) -> Result<[u8; 4], TooLong> {
    u32::try_from(bytes.len()).map(u32::to_be_bytes).map_err(|_| TooLong)
}

/// `SignatureType` certificate_timestamp, and `MerkleLeafType` timestamped_entry.
const CERTIFICATE_TIMESTAMP: u8 = 0;
/// `LogEntryType` x509_entry.
const X509_ENTRY: u16 = 0;
/// `LogEntryType` precert_entry.
const PRECERT_ENTRY: u16 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digitally_signed::{DigitallySigned, HASH_SHA256, SIGNATURE_ECDSA};
    use crate::key::tests::{sign, signer};

    #[test] // RFC 6962 §3.2, field by field.
    fn the_structure_is_that_of_the_rfc() {
        let x509 = SignedEntry::X509 { certificate: b"cert" };
        assert_eq!(
            signed_bytes(0x0102, b"ext", &x509).unwrap(),
            b"\0\0\0\0\0\0\0\0\x01\x02\0\0\0\0\x04cert\0\x03ext"
        );
        let precert = SignedEntry::Precert { issuer_key_hash: [b'k'; 32], tbs: b"tbs" };
        assert_eq!(
            signed_bytes(1, b"", &precert).unwrap(),
            [&b"\0\0\0\0\0\0\0\0\0\x01\0\x01"[..], &[b'k'; 32], b"\0\0\x03tbs\0\0"].concat()
        );
    }

    #[test]
    fn what_no_length_can_tell_is_refused() {
        let bytes = vec![0; 1 << 24];
        let long = SignedEntry::X509 { certificate: &bytes };
        assert_eq!(signed_bytes(0, b"", &long), Err(TooLong));
        let longest = SignedEntry::X509 { certificate: &bytes[1..] };
        assert!(signed_bytes(0, &bytes[..0xffff], &longest).is_ok());
        assert_eq!(signed_bytes(0, &bytes[..0x10000], &longest), Err(TooLong));
    }

    #[test]
    fn a_signature_is_good_for_one_entry_time_and_log() {
        let (pair, key) = signer();
        let entry = SignedEntry::Precert { issuer_key_hash: [1; 32], tbs: b"tbs" };
        let signature = sign(&pair, &signed_bytes(5, b"ext", &entry).unwrap());
        let signature =
            DigitallySigned { hash: HASH_SHA256, signature_algorithm: SIGNATURE_ECDSA, signature };
        let sct = Sct { log_id: key.id(), timestamp_ms: 5, extensions: b"ext".to_vec(), signature };
        assert_eq!(verify_sct(&sct, &entry, &key), Ok(()));

        let bad = Err(BadSignature::Mismatch);
        assert_eq!(verify_sct(&Sct { timestamp_ms: 6, ..sct.clone() }, &entry, &key), bad);
        assert_eq!(verify_sct(&Sct { extensions: vec![], ..sct.clone() }, &entry, &key), bad);
        let other_issuer = SignedEntry::Precert { issuer_key_hash: [2; 32], tbs: b"tbs" };
        assert_eq!(verify_sct(&sct, &other_issuer, &key), bad);
        assert_eq!(verify_sct(&sct, &SignedEntry::X509 { certificate: b"tbs" }, &key), bad);

        let (_, other) = signer();
        let other_log = BadSignature::OtherLog { sct: key.id(), key: other.id() };
        assert_eq!(verify_sct(&sct, &entry, &other), Err(other_log));
        let renamed = Sct { log_id: other.id(), ..sct.clone() };
        assert_eq!(verify_sct(&renamed, &entry, &other), bad);
        let endless = Sct { extensions: vec![0; 1 << 16], ..sct };
        assert_eq!(verify_sct(&endless, &entry, &key), Err(BadSignature::TooLong(TooLong)));
    }
}
