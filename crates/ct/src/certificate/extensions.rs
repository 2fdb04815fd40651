//! The extensions (RFC 5280 §4.2): which carry names, which are known to carry none, and the rest.

use std::borrow::Cow;

use countersign_sct::der::{BOOLEAN, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE};

use super::elements::{CONSTRUCTED, Element, joined};
use super::general_names::Owner;
use super::{Walked, Walker};

impl<'a> Walker<'a> {
    /// `Extensions`, or one `Extension` that stands alone in their place.
    pub(super) fn extensions(&mut self, list: Element<'a>) {
        if list.tag != SEQUENCE {
            self.unclean();
        }
        if list.contents.first() == Some(&OBJECT_IDENTIFIER) {
            self.unclean();
            return self.extension(list.contents);
        }
        let mut reader = Reader::new(list.contents);
        while let Some(extension) = self.element(&mut reader) {
            if extension.tag != SEQUENCE {
                self.unclean();
            }
            self.extension(extension.contents);
        }
    }

    fn extension(&mut self, contents: &'a [u8]) {
        let mut reader = Reader::new(contents);
        let Some(id) = self.element(&mut reader) else { return self.unclean() };
        if id.tag != OBJECT_IDENTIFIER {
            return self.unclean();
        }
        if reader.peek() == Some(BOOLEAN) {
            // X.690 §11.1 and §11.5: TRUE is all ones, and FALSE, being the default, is left out.
            let critical = self.element(&mut reader);
            if critical.is_none_or(|critical| critical.contents != [0xff]) {
                self.unclean();
            }
        }
        let Some(value) = self.element(&mut reader) else { return self.unclean() };
        match value.tag {
            OCTET_STRING => self.value(id.contents, value.contents),
            CONSTRUCTED_OCTET_STRING => {
                self.unclean();
                self.value_in_segments(id.contents, &value);
            }
            _ => {
                self.unclean(); // Perhaps the value stands there without its OCTET STRING.
                self.value(id.contents, value.whole);
            }
        }
        if !reader.is_empty() {
            self.unclean();
        }
    }

    fn value(&mut self, id: &[u8], value: &'a [u8]) {
        match id {
            SUBJECT_ALT_NAME => self.general_names(value, Owner::Subject),
            ISSUER_ALT_NAME => self.general_names(value, Owner::Issuer),
            POISON => self.walked.poison = true,
            _ if carries_no_name(id) => {}
            _ => self.walked.opaque.push(Cow::Borrowed(value)),
        }
    }

    /// A value that must be put together first, and then cannot be borrowed from.
    fn value_in_segments(&mut self, id: &[u8], value: &Element<'a>) {
        let octets = joined(value);
        let mut walker = Walker::new();
        walker.value(id, &octets);
        let Walked { names, opaque, poison, .. } = walker.walked;
        for name in names {
            self.name(name.place, name.form, Cow::Owned(name.bytes.into_owned()));
        }
        let opaque = opaque.into_iter().map(|bytes| Cow::Owned(bytes.into_owned()));
        self.walked.opaque.extend(opaque);
        self.walked.poison |= poison;
        self.walked.opaque.push(Cow::Owned(octets.into_owned()));
    }
}

/// Extensions that no client takes a name of the subject from, so that they are not worth a scan. The others,
/// name constraints among them, are scanned.
fn carries_no_name(id: &[u8]) -> bool {
    match id {
        // subjectKeyIdentifier, authorityKeyIdentifier: hashes, or the issuer's name.
        [0x55, 0x1d, 14 | 35] => true,
        // keyUsage, basicConstraints, extKeyUsage: flags, a number, object identifiers.
        [0x55, 0x1d, 15 | 19 | 37] => true,
        // privateKeyUsagePeriod: times.
        [0x55, 0x1d, 16] => true,
        // cRLDistributionPoints, freshestCRL: where the CA serves its lists.
        [0x55, 0x1d, 31 | 46] => true,
        // certificatePolicies, policyMappings, policyConstraints, inhibitAnyPolicy: the CA's policies and where
        // it publishes them.
        [0x55, 0x1d, 32 | 33 | 36 | 54] => true,
        // 1.3.6.1.5.5.7.1.1, authorityInfoAccess: the CA's own servers.
        [0x2b, 6, 1, 5, 5, 7, 1, 1] => true,
        // 1.3.6.1.5.5.7.1.3, qcStatements: declarations, and where the CA publishes its own.
        [0x2b, 6, 1, 5, 5, 7, 1, 3] => true,
        // 1.3.6.1.5.5.7.1.24, TLS feature: numbers (RFC 7633).
        [0x2b, 6, 1, 5, 5, 7, 1, 24] => true,
        // 1.3.6.1.5.5.7.48.1.5, OCSP no check: NULL.
        [0x2b, 6, 1, 5, 5, 7, 48, 1, 5] => true,
        // 1.3.6.1.4.1.11129.2.4.2, the SCT list: log ids, times, signatures.
        [0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2] => true,
        // 1.3.6.1.4.1.311.21.1, .7 and .10, Microsoft's CA version, template and application policies: numbers.
        [0x2b, 6, 1, 4, 1, 0x82, 0x37, 21, 1 | 7 | 10] => true,
        // 2.16.840.1.113730.1.1, Netscape certificate type: flags.
        [0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1, 1] => true,
        _ => false,
    }
}

/// 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
/// 2.5.29.18.
const ISSUER_ALT_NAME: &[u8] = &[0x55, 0x1d, 18];
/// 1.3.6.1.4.1.11129.2.4.3 (RFC 6962 §3.1).
const POISON: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 3];

const CONSTRUCTED_OCTET_STRING: u8 = OCTET_STRING | CONSTRUCTED;
