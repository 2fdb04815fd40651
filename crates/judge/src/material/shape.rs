//! Which structure some DER is, told by its outermost elements.

use countersign_sct::der::{BIT_STRING, BOOLEAN, Element, INTEGER, Malformed, OBJECT_IDENTIFIER};
use countersign_sct::der::{OCTET_STRING, Reader, SEQUENCE, SET};

use super::key::Form;

/// A structure that files of keys and certificates hold.
pub(super) enum Shape<'a> {
    /// `Certificate` (RFC 5280 §4.1).
    Certificate,
    /// `CertificationRequest` (RFC 2986 §4.2).
    Request(Request<'a>),
    /// `SubjectPublicKeyInfo`.
    PublicKey,
    /// A private key.
    PrivateKey(Form),
    /// `EncryptedPrivateKeyInfo` (RFC 5958 §3).
    EncryptedKey,
    /// `PFX` (RFC 7292 §4).
    Pkcs12,
    /// The bytes end before the element does.
    CutOff,
    /// Another one.
    Unknown,
}

/// A file without the line end that some editors leave after DER.
pub(super) fn trimmed(file: &[u8]) -> &[u8] {
    let mut reader = Reader::new(file);
    match reader.element() {
        Ok(outer) if reader.rest().trim_ascii().is_empty() => outer.whole,
        _ => file,
    }
}

/// What a request asks for.
pub(super) struct Request<'a> {
    /// `Name`, with its header.
    subject: &'a [u8],
    /// `SubjectPublicKeyInfo`, with its header.
    pub(super) spki: &'a [u8],
    /// `Extensions`, with its header, where extensions are asked for.
    extensions: Option<&'a [u8]>,
}

impl<'a> Shape<'a> {
    pub(super) fn of(der: &'a [u8]) -> Self {
        let mut reader = Reader::new(der);
        if reader.peek().is_some_and(|tag| tag != SEQUENCE) {
            return Self::Unknown;
        }
        let outer = match reader.element() {
            Ok(outer) => outer,
            Err(Malformed::Header | Malformed::Contents) => return Self::CutOff,
            Err(Malformed::Indefinite | Malformed::TooLarge) => return Self::Unknown,
        };
        if !outer.canonical || !reader.is_empty() {
            return Self::Unknown;
        }
        let fields = elements(outer.contents);
        let tags: Vec<u8> = fields.iter().map(|field| field.tag.octet).collect();
        match *tags.as_slice() {
            [INTEGER, SEQUENCE, OCTET_STRING, ..] => Self::PrivateKey(Form::Pkcs8),
            [INTEGER, INTEGER, INTEGER, ..] => Self::PrivateKey(Form::Pkcs1),
            [INTEGER, OCTET_STRING, ..] => Self::PrivateKey(Form::Sec1),
            [INTEGER, SEQUENCE, ..] => Self::Pkcs12,
            [SEQUENCE, OCTET_STRING] => Self::EncryptedKey,
            // Were it not in DER, a certificate would not carry the same bytes.
            [SEQUENCE, BIT_STRING] if fields.iter().all(|field| field.canonical) => Self::PublicKey,
            [SEQUENCE, SEQUENCE, BIT_STRING] => match Request::read(fields[0].contents) {
                Some(request) => Self::Request(request),
                None => Self::Certificate,
            },
            _ => Self::Unknown,
        }
    }
}

impl<'a> Request<'a> {
    /// Reads `CertificationRequestInfo` (RFC 2986 §4.1). A `TBSCertificate` has other fields.
    fn read(info: &'a [u8]) -> Option<Self> {
        let fields = elements(info);
        let [version, subject, spki, attributes @ ..] = fields.as_slice() else { return None };
        // The attributes must be there, and some leave them out.
        let attributes = match attributes {
            [] => &[][..],
            [attributes] if attributes.tag.octet == ATTRIBUTES => attributes.contents,
            _ => return None,
        };
        let tags = [version.tag.octet, subject.tag.octet, spki.tag.octet];
        if tags != [INTEGER, SEQUENCE, SEQUENCE] || !spki.canonical {
            return None;
        }
        let extensions = elements(attributes).iter().find_map(extensions);
        Some(Self { subject: subject.whole, spki: spki.whole, extensions })
    }

    /// A TBSCertificate of what is asked for, with nothing in the fields that a CA would fill.
    pub(super) fn as_tbs(&self) -> Vec<u8> {
        let nothing = [SEQUENCE, 0];
        let mut contents = [INTEGER, 1, 0].to_vec();
        for field in [&nothing, &nothing, &nothing, self.subject, self.spki] {
            contents.extend_from_slice(field);
        }
        if let Some(extensions) = self.extensions {
            contents.extend(wrapped(EXTENSIONS, extensions));
        }
        wrapped(SEQUENCE, &contents)
    }
}

/// The `Extensions` in an attribute, if it asks for some (RFC 2985 §5.4.2).
fn extensions<'a>(attribute: &Element<'a>) -> Option<&'a [u8]> {
    let fields = elements(attribute.contents);
    let [id, values] = fields.as_slice() else { return None };
    let asks = id.tag.octet == OBJECT_IDENTIFIER && EXTENSION_REQUESTS.contains(&id.contents);
    let values = (asks && values.tag.octet == SET).then(|| elements(values.contents))?;
    values.first().map(|value| value.whole)
}

/// Whether a certificate is one of a CA (RFC 5280 §4.2.1.9). One that cannot be read is not known to be.
pub(super) fn is_authority(certificate: &[u8]) -> bool {
    let inner = |bytes| elements(bytes).first().map(|element: &Element<'_>| element.contents);
    let Some(tbs) = inner(certificate).and_then(inner) else { return false };
    let fields = elements(tbs);
    let Some(field) = fields.iter().find(|field| field.tag.octet == EXTENSIONS) else {
        return false;
    };
    let list = inner(field.contents).unwrap_or_default();
    elements(list).iter().any(|extension| {
        let parts = elements(extension.contents);
        let (Some(id), Some(value)) = (parts.first(), parts.last()) else { return false };
        // The default of cA, FALSE, is left out; whatever is not FALSE is TRUE.
        id.contents == BASIC_CONSTRAINTS
            && elements(inner(value.contents).unwrap_or_default()).first().is_some_and(
                |authority| authority.tag.octet == BOOLEAN && authority.contents != [0],
            )
    })
}

/// The elements in some bytes, up to the first that is none or to [`ELEMENTS_MAX`].
fn elements(bytes: &[u8]) -> Vec<Element<'_>> {
    let mut reader = Reader::new(bytes);
    std::iter::from_fn(|| reader.element().ok()).take(ELEMENTS_MAX).collect()
}

/// More fields, attributes or extensions than any of these structures has.
const ELEMENTS_MAX: usize = 100;

/// Writes an element in DER (X.690 §10.1).
pub(super) fn wrapped(octet: u8, contents: &[u8]) -> Vec<u8> {
    let mut header = vec![octet];
    match u8::try_from(contents.len()) {
        Ok(short @ ..0x80) => header.push(short),
        _ => {
            let octets = contents.len().to_be_bytes();
            let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
            let significant = &octets[zeros..];
            header.push(0x80 | u8::try_from(significant.len()).expect("a usize has few bytes"));
            header.extend_from_slice(significant);
        }
    }
    [header.as_slice(), contents].concat()
}

/// `[0] IMPLICIT Attributes`.
const ATTRIBUTES: u8 = 0xa0;
/// `[3] EXPLICIT Extensions`.
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.19.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
/// 1.2.840.113549.1.9.14, and what Windows uses, 1.3.6.1.4.1.311.2.1.14.
const EXTENSION_REQUESTS: [&[u8]; 2] =
    [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14], &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 14]];
