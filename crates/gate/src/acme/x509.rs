//! The names that a certificate or a request for one asks for (RFC 2986, RFC 5280 §4.2.1.6), read so strictly that
//! whoever reads them differently would have to refuse them.
//!
//! Names are lower-cased. Each is there once, however often it was written.

use std::collections::BTreeSet;

use countersign_sct::der::{
    BIT_STRING, BOOLEAN, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, SET,
};

/// The names, and nothing else that a certificate could be issued for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names(pub BTreeSet<String>);

/// Why no names are taken out of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamesError {
    /// It is not the DER that it should be.
    #[error("it is not well-formed DER of its kind")]
    Form,
    /// Something is there twice that must be there once, so that readers could differ.
    #[error("it has its names in two places")]
    Twice,
    /// It asks for an address, a mailbox, or another kind of name.
    #[error("it asks for a name that is no DNS name")]
    Kind,
    /// A name is not ASCII, or a common name is in an encoding of old.
    #[error("a name in it is not in plain ASCII")]
    Encoding,
    /// There is none.
    #[error("there is no name in it")]
    None,
    /// More than [`NAMES_MAX`].
    #[error("there are more than {NAMES_MAX} names in it")]
    TooMany,
}

/// Names in one request. Public CAs take 100; a thousand lookups are bearable.
pub const NAMES_MAX: usize = 1000;

impl Names {
    /// Those of a PKCS #10 request.
    pub fn of_csr(der: &[u8]) -> Result<Self, NamesError> {
        let mut parts = Strict::whole(der, SEQUENCE)?;
        let mut info = parts.inside(SEQUENCE)?;
        let (_algorithm, _signature) = (parts.take(SEQUENCE)?, parts.take(BIT_STRING)?);
        parts.end()?;
        info.take(INTEGER)?;
        let mut found = Found::default();
        found.subject(info.take(SEQUENCE)?)?;
        info.take(SEQUENCE)?;
        let mut attributes = info.inside(ATTRIBUTES)?;
        info.end()?;
        let mut requested = None;
        while !attributes.0.is_empty() {
            let mut attribute = attributes.inside(SEQUENCE)?;
            let oid = attribute.take(OBJECT_IDENTIFIER)?.contents;
            let mut values = attribute.inside(SET)?;
            attribute.end()?;
            match oid {
                EXTENSION_REQUEST => {
                    let extensions = values.take(SEQUENCE)?;
                    values.end()?;
                    if requested.replace(extensions).is_some() {
                        return Err(NamesError::Twice);
                    }
                }
                // Some software takes names from here as well.
                MICROSOFT_EXTENSION_REQUEST => return Err(NamesError::Twice),
                _ => {}
            }
        }
        if let Some(extensions) = requested {
            found.extensions(extensions)?;
        }
        found.names()
    }

    /// Those of a certificate, or of one that is about to be signed.
    pub fn of_certificate(der: &[u8]) -> Result<Self, NamesError> {
        let mut parts = Strict::whole(der, SEQUENCE)?;
        let mut tbs = parts.inside(SEQUENCE)?;
        let (_algorithm, _signature) = (parts.take(SEQUENCE)?, parts.take(BIT_STRING)?);
        parts.end()?;
        tbs.optional(VERSION)?;
        // Serial number, algorithm, issuer, validity; subject; key.
        for tag in [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE] {
            tbs.take(tag)?;
        }
        let mut found = Found::default();
        found.subject(tbs.take(SEQUENCE)?)?;
        tbs.take(SEQUENCE)?;
        for tag in [ISSUER_UNIQUE_ID, SUBJECT_UNIQUE_ID] {
            tbs.optional(tag)?;
        }
        if let Some(wrapped) = tbs.optional(EXTENSIONS)? {
            let mut wrapped = Strict(Reader::new(wrapped.contents));
            let extensions = wrapped.take(SEQUENCE)?;
            wrapped.end()?;
            found.extensions(extensions)?;
        }
        tbs.end()?;
        found.names()
    }
}

#[derive(Default)]
struct Found {
    names: BTreeSet<String>,
    has_alternatives: bool,
}

impl Found {
    fn names(self) -> Result<Names, NamesError> {
        if self.names.is_empty() { Err(NamesError::None) } else { Ok(Names(self.names)) }
    }

    fn add(&mut self, name: &[u8]) -> Result<(), NamesError> {
        let name = std::str::from_utf8(name).map_err(|_| NamesError::Encoding)?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NamesError::Encoding);
        }
        self.names.insert(name.to_ascii_lowercase());
        if self.names.len() > NAMES_MAX { Err(NamesError::TooMany) } else { Ok(()) }
    }

    /// The common names. What else a subject says is for the CA to judge.
    fn subject(&mut self, subject: Element<'_>) -> Result<(), NamesError> {
        let mut sets = Strict(Reader::new(subject.contents));
        while !sets.0.is_empty() {
            let mut attributes = sets.inside(SET)?;
            while !attributes.0.is_empty() {
                let mut attribute = attributes.inside(SEQUENCE)?;
                let oid = attribute.take(OBJECT_IDENTIFIER)?.contents;
                let value = attribute.any()?;
                attribute.end()?;
                match (oid, value.tag.octet) {
                    (COMMON_NAME, UTF8_STRING | PRINTABLE_STRING | IA5_STRING) => {
                        self.add(value.contents)?;
                    }
                    (COMMON_NAME, _) => return Err(NamesError::Encoding),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn extensions(&mut self, extensions: Element<'_>) -> Result<(), NamesError> {
        let mut extensions = Strict(Reader::new(extensions.contents));
        while !extensions.0.is_empty() {
            let mut extension = extensions.inside(SEQUENCE)?;
            let oid = extension.take(OBJECT_IDENTIFIER)?.contents;
            extension.optional(BOOLEAN)?;
            let value = extension.take(OCTET_STRING)?.contents;
            extension.end()?;
            if oid != SUBJECT_ALTERNATIVE_NAME {
                continue;
            }
            if std::mem::replace(&mut self.has_alternatives, true) {
                return Err(NamesError::Twice);
            }
            let mut names = Strict::whole(value, SEQUENCE)?;
            while !names.0.is_empty() {
                let name = names.any()?;
                match name.tag.octet {
                    DNS_NAME => self.add(name.contents)?,
                    _ => return Err(NamesError::Kind),
                }
            }
        }
        Ok(())
    }
}

/// A reader that takes DER only, and what it is told to expect.
struct Strict<'a>(Reader<'a>);

impl<'a> Strict<'a> {
    /// Into the one element that all of the bytes are.
    fn whole(bytes: &'a [u8], tag: u8) -> Result<Self, NamesError> {
        let mut outside = Self(Reader::new(bytes));
        let inside = outside.inside(tag)?;
        outside.end()?;
        Ok(inside)
    }

    fn any(&mut self) -> Result<Element<'a>, NamesError> {
        let element = self.0.element().map_err(|_| NamesError::Form)?;
        if element.canonical { Ok(element) } else { Err(NamesError::Form) }
    }

    fn take(&mut self, tag: u8) -> Result<Element<'a>, NamesError> {
        let element = self.any()?;
        if element.tag.octet == tag { Ok(element) } else { Err(NamesError::Form) }
    }

    fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, NamesError> {
        if self.0.peek() == Some(tag) { self.take(tag).map(Some) } else { Ok(None) }
    }

    fn inside(&mut self, tag: u8) -> Result<Self, NamesError> {
        Ok(Self(Reader::new(self.take(tag)?.contents)))
    }

    fn end(&self) -> Result<(), NamesError> {
        if self.0.is_empty() { Ok(()) } else { Err(NamesError::Form) }
    }
}

const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
/// `[2]` of GeneralName (RFC 5280 §4.2.1.6).
const DNS_NAME: u8 = 0x82;
/// `[0]` of CertificationRequestInfo (RFC 2986 §4.1), and of TBSCertificate (RFC 5280 §4.1).
const ATTRIBUTES: u8 = 0xa0;
const VERSION: u8 = 0xa0;
const ISSUER_UNIQUE_ID: u8 = 0x81;
const SUBJECT_UNIQUE_ID: u8 = 0x82;
const EXTENSIONS: u8 = 0xa3;
/// 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
/// 2.5.29.17.
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 17];
/// 1.2.840.113549.1.9.14 (RFC 2985 §5.4.2).
const EXTENSION_REQUEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14];
/// 1.3.6.1.4.1.311.2.1.14.
const MICROSOFT_EXTENSION_REQUEST: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 14];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::string::Ia5String;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn params(names: &[&str], common_name: Option<&str>) -> CertificateParams {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(name) = common_name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params
    }

    fn csr(params: CertificateParams) -> Vec<u8> {
        let key = KeyPair::generate().expect("a key");
        params.serialize_request(&key).expect("a request").der().to_vec()
    }

    fn certificate(params: CertificateParams) -> Vec<u8> {
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").der().to_vec()
    }

    #[track_caller]
    fn check(params: CertificateParams, expected: Result<&[&str], NamesError>) {
        let expected =
            expected.map(|names| Names(names.iter().map(|name| (*name).to_owned()).collect()));
        assert_eq!(Names::of_csr(&csr(params.clone())), expected);
        assert_eq!(Names::of_certificate(&certificate(params)), expected);
    }

    #[test]
    fn names_come_from_subject_and_alternatives() {
        check(params(&["a.example", "*.b.example"], None), Ok(&["*.b.example", "a.example"]));
        check(params(&["A.Example", "a.example"], Some("a.example")), Ok(&["a.example"]));
        check(params(&["a.example"], Some("b.example")), Ok(&["a.example", "b.example"]));
        check(params(&[], Some("b.example")), Ok(&["b.example"]));
        check(params(&[], None), Err(NamesError::None));
    }

    #[test]
    fn what_is_no_dns_name_is_refused() {
        check(params(&["a.example", "192.0.2.1"], None), Err(NamesError::Kind));
        let mut mail = params(&["a.example"], None);
        mail.subject_alt_names
            .push(SanType::Rfc822Name(Ia5String::try_from("a@b").expect("ASCII")));
        check(mail, Err(NamesError::Kind));
        check(params(&["a.example"], Some("zwei Wörter")), Err(NamesError::Encoding));
        check(params(&["a.example"], Some("two words")), Err(NamesError::Encoding));
    }

    #[test]
    fn der_is_read_to_its_end() {
        let der = csr(params(&["a.example"], None));
        for cut in 0..der.len() {
            assert!(Names::of_csr(&der[..cut]).is_err(), "{cut}");
        }
        assert_eq!(Names::of_csr(&[&der[..], &[0]].concat()), Err(NamesError::Form));
        assert_eq!(Names::of_certificate(&der), Err(NamesError::Form));
    }

    proptest! {
        #[test]
        fn any_bytes_have_names_or_not(bytes: Vec<u8>, at: prop::sample::Index, octet: u8) {
            let _nothing = Names::of_csr(&bytes);
            let mut der = csr(params(&["a.example"], Some("a.example")));
            let at = at.index(der.len());
            der[at] = octet;
            let _survived = (Names::of_csr(&der), Names::of_certificate(&der));
        }
    }
}
