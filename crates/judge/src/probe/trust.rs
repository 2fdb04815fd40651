//! Whether a chain leads to roots that the clients of a service trust, and whose key signed the certificate.

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use countersign_sct::spki_of;

use super::observation::Leaf;

/// What clients make of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It leads to one of the roots.
    Rooted {
        /// The SubjectPublicKeyInfo that signed the certificate, with its header: that of an intermediate, or of the root.
        issuer_spki: Vec<u8>,
        /// Whether the certificate is valid now.
        validity: Validity,
        /// Whether it is for the domain.
        is_for_domain: bool,
    },
    /// It leads to none, in our words.
    NotRooted {
        /// Why.
        why: String,
    },
}

/// Where a time stands to the validity of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// In it.
    Now,
    /// Behind it.
    Expired,
    /// Before it.
    NotYet,
}

/// Looks for a path from the first certificate to one of the roots (RFC 5280 §6), through the others in any order.
///
/// A certificate that has run out is looked at as of its last second: whose it was is a question by itself.
pub fn trust(chain: &[Vec<u8>], domain: &str, roots: &[TrustAnchor<'_>], now: Timestamp) -> Trust {
    let not_rooted = |why: &dyn std::fmt::Display| Trust::NotRooted { why: why.to_string() };
    let Some((first, others)) = chain.split_first() else {
        return not_rooted(&"there is no certificate");
    };
    let leaf = Leaf::of(first);
    let validity = match (leaf.not_before, leaf.not_after) {
        (Some(from), _) if now < from => Validity::NotYet,
        (_, Some(until)) if now > until => Validity::Expired,
        _ => Validity::Now,
    };
    let at = match validity {
        Validity::Now => now,
        Validity::Expired => leaf.not_after.unwrap_or(now),
        Validity::NotYet => leaf.not_before.unwrap_or(now),
    };
    let der = CertificateDer::from(&first[..]);
    let certificate = match EndEntityCert::try_from(&der) {
        Ok(certificate) => certificate,
        Err(why) => return not_rooted(&why),
    };
    let others: Vec<_> =
        others.iter().take(OTHERS_MAX).map(|der| CertificateDer::from(&der[..])).collect();
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let usage = KeyUsage::server_auth();
    let path = certificate.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        roots,
        &others,
        time,
        usage,
        None,
        None,
    );
    let path = match path {
        Ok(path) => path,
        Err(why) => return not_rooted(&why),
    };
    let issuer_spki = match path.intermediate_certificates().next() {
        Some(issuer) => spki_of(issuer.der().as_ref()).map(<[u8]>::to_vec).unwrap_or_default(),
        None => with_header(path.anchor().subject_public_key_info.as_ref()),
    };
    let is_for_domain = ServerName::try_from(domain)
        .is_ok_and(|name| certificate.verify_is_valid_for_subject_name(&name).is_ok());
    Trust::Rooted { issuer_spki, validity, is_for_domain }
}

/// A root, out of its certificate. `None`: it can be none.
pub fn anchor<'a>(certificate: &'a CertificateDer<'_>) -> Option<TrustAnchor<'a>> {
    webpki::anchor_from_trusted_cert(certificate).ok()
}

/// Longer chains are no server's; path building is bounded by webpki besides.
const OTHERS_MAX: usize = 16;

/// An anchor keeps the contents of its SubjectPublicKeyInfo only; logs and others hash it with the header of its
/// SEQUENCE.
fn with_header(contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let significant = length.iter().skip_while(|octet| **octet == 0).copied();
    let mut spki = vec![0x30];
    match contents.len() {
        short @ 0..0x80 => spki.push(u8::try_from(short).expect("it is less than 0x80")),
        _ => {
            let octets: Vec<u8> = significant.collect();
            spki.push(
                0x80 | u8::try_from(octets.len()).expect("a length has at most eight octets"),
            );
            spki.extend(octets);
        }
    }
    spki.extend_from_slice(contents);
    spki
}
