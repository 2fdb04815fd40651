//! Takes out of a certificate what its SCTs are about: the list of them, and what the logs signed
//! (RFC 6962 §3.2, §3.3).
//!
//! The log signed a precertificate that nobody has any more. It is rebuilt from the certificate by cutting
//! the extension with the SCTs out of the bytes and correcting the lengths around the gap. All other bytes
//! stay as they are, however odd: to decode and encode them again would mend what the CA and the log have
//! signed unmended.
//!
//! The headers that lead to the extensions have to be DER: they are the ones to be written anew, and the
//! log's own reader and this one must agree on what is cut. Elements on the way are stepped over unseen.
//!
//! # Limitations
//!
//! A precertificate can be signed by a Precertificate Signing Certificate. The log then puts the name and key
//! identifier of the final issuer in before it signs (RFC 6962 §3.2). Certificates have these already; for
//! such a precertificate, [`precert_tbs`] does not do it.

use std::fmt;

use jiff::Timestamp;

use crate::der::{BIT_STRING, Element, INTEGER, Malformed, OBJECT_IDENTIFIER, OCTET_STRING};
use crate::der::{BOOLEAN, Reader, SEQUENCE};

/// The embedded list of SCTs, for [`crate::parse_list`]. `None` if the certificate has no such extension.
pub fn embedded_list(certificate: &[u8]) -> Result<Option<&[u8]>, CertificateError> {
    let extensions = Tbs::read(certificate)?.extensions()?;
    let Some(extension) = only(&extensions, SCT_LIST, Part::SctList)? else { return Ok(None) };
    let mut fields = Reader::new(extension.after_id);
    fields
        .optional(BOOLEAN)
        .map_err(|source| CertificateError::Malformed(Part::SctList, source))?;
    let value = expect(&mut fields, OCTET_STRING, Part::SctList)?;
    end(&fields, Part::SctList)?;
    // RFC 6962 §3.3: the list is itself an OCTET STRING inside the extension's value.
    let mut value = Reader::new(value.contents);
    let list = expect(&mut value, OCTET_STRING, Part::SctList)?;
    end(&value, Part::SctList)?;
    Ok(Some(list.contents))
}

/// What the log signed: the TBSCertificate without the list of SCTs and without the poison (RFC 6962 §3.2).
///
/// Takes a certificate or a precertificate. One that has neither extension gives its TBSCertificate as it is.
///
/// When nothing is left of the extensions, the whole field goes: a list of extensions has at least one
/// (RFC 5280 §4.1). Logs do so (those written in Go, by the `omitempty` of the field in TesseraCT and others)
/// and clients too (Firefox). Older versions of OpenSSL leave an empty SEQUENCE.
pub fn precert_tbs(certificate: &[u8]) -> Result<Vec<u8>, CertificateError> {
    let tbs = Tbs::read(certificate)?;
    let extensions = tbs.extensions()?;
    only(&extensions, SCT_LIST, Part::SctList)?;
    only(&extensions, POISON, Part::Poison)?;
    let kept: Vec<&[u8]> = extensions
        .iter()
        .filter(|extension| ![SCT_LIST, POISON].contains(&extension.id))
        .map(|extension| extension.element.whole)
        .collect();
    if kept.len() == extensions.len() {
        return Ok(tbs.whole.to_vec());
    }
    let field = if kept.is_empty() {
        Vec::new()
    } else {
        element(EXTENSIONS, &[&element(SEQUENCE, &kept)])
    };
    Ok(element(SEQUENCE, &[tbs.before_extensions, &field]))
}

/// The SubjectPublicKeyInfo of a certificate, header and all. That of the issuer, hashed, is in what the log
/// signs: see [`crate::issuer_key_hash`].
pub fn spki_of(certificate: &[u8]) -> Result<&[u8], CertificateError> {
    Ok(Tbs::read(certificate)?.subject_public_key_info)
}

/// Whether it has the extension that keeps a precertificate from being used (RFC 6962 §3.1).
pub fn is_precertificate(certificate: &[u8]) -> Result<bool, CertificateError> {
    let extensions = Tbs::read(certificate)?.extensions()?;
    Ok(extensions.iter().any(|extension| extension.id == POISON))
}

/// Whether issuer and subject are one name, byte for byte (RFC 5280 §3.2, "self-issued"), as in every root.
pub fn is_self_issued(certificate: &[u8]) -> Result<bool, CertificateError> {
    let tbs = Tbs::read(certificate)?;
    Ok(tbs.issuer == tbs.subject)
}

/// When a certificate begins and ends to be valid (RFC 5280 §4.1.2.5), both in it.
pub fn validity_of(certificate: &[u8]) -> Result<(Timestamp, Timestamp), CertificateError> {
    let mut times = Reader::new(Tbs::read(certificate)?.validity);
    let from = time(&mut times)?;
    let to = time(&mut times)?;
    end(&times, Part::Validity)?;
    Ok((from, to))
}

/// Why a certificate does not let itself be taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// There should be this part, and there is no element at all.
    #[error("{0} cannot be read")]
    Malformed(Part, #[source] Malformed),
    /// There should be this part, and there is something else.
    #[error("{0} is not where it should be")]
    Misplaced(Part),
    /// The tag or the length of this part is not the shortest.
    #[error("{0} is not written as DER demands")]
    NotDer(Part),
    /// There is more in this part than its last field.
    #[error("bytes follow the last field of {0}")]
    TrailingBytes(Part),
    /// This part is there twice, so what was signed is a matter of opinion.
    #[error("{0} is there twice")]
    Duplicate(Part),
}

/// A part of a certificate (RFC 5280 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The certificate itself.
    Certificate,
    /// `tbsCertificate`.
    TbsCertificate,
    /// `serialNumber`.
    SerialNumber,
    /// `signature`, `signatureAlgorithm` or `signatureValue`.
    Signature,
    /// `issuer`.
    Issuer,
    /// `validity`.
    Validity,
    /// `subject`.
    Subject,
    /// `subjectPublicKeyInfo`.
    SubjectPublicKeyInfo,
    /// `version`, `issuerUniqueID`, `subjectUniqueID` or the header of `extensions`.
    OptionalField,
    /// `extensions`: the SEQUENCE in the field.
    Extensions,
    /// Some extension.
    Extension,
    /// The extension with the list of SCTs (RFC 6962 §3.3).
    SctList,
    /// The extension that keeps a precertificate from being used (RFC 6962 §3.1).
    Poison,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "the certificate",
            Self::TbsCertificate => "the TBSCertificate",
            Self::SerialNumber => "the serial number",
            Self::Signature => "the signature or its algorithm",
            Self::Issuer => "the issuer",
            Self::Validity => "the validity",
            Self::Subject => "the subject",
            Self::SubjectPublicKeyInfo => "the SubjectPublicKeyInfo",
            Self::OptionalField => "an optional field",
            Self::Extensions => "the list of extensions",
            Self::Extension => "an extension",
            Self::SctList => "the extension with the SCTs",
            Self::Poison => "the poison extension",
        })
    }
}

/// A TBSCertificate, cut where it matters.
struct Tbs<'a> {
    /// All of it.
    whole: &'a [u8],
    /// The contents of `issuer`.
    issuer: &'a [u8],
    /// The contents of `validity`.
    validity: &'a [u8],
    /// The contents of `subject`.
    subject: &'a [u8],
    /// The fields before `extensions`.
    before_extensions: &'a [u8],
    subject_public_key_info: &'a [u8],
    /// The SEQUENCE in `extensions`: its contents.
    extensions: Option<&'a [u8]>,
}

impl<'a> Tbs<'a> {
    fn read(certificate: &'a [u8]) -> Result<Self, CertificateError> {
        let mut outer = Reader::new(certificate);
        let mut fields = Reader::new(expect(&mut outer, SEQUENCE, Part::Certificate)?.contents);
        end(&outer, Part::Certificate)?;
        let tbs = expect(&mut fields, SEQUENCE, Part::TbsCertificate)?;
        step_over(&mut fields, SEQUENCE, Part::Signature)?;
        step_over(&mut fields, BIT_STRING, Part::Signature)?;
        end(&fields, Part::Certificate)?;

        let mut fields = Reader::new(tbs.contents);
        optional(&mut fields, VERSION)?;
        step_over(&mut fields, INTEGER, Part::SerialNumber)?;
        step_over(&mut fields, SEQUENCE, Part::Signature)?;
        let issuer = step_over(&mut fields, SEQUENCE, Part::Issuer)?.contents;
        let validity = step_over(&mut fields, SEQUENCE, Part::Validity)?.contents;
        let subject = step_over(&mut fields, SEQUENCE, Part::Subject)?.contents;
        let spki = expect(&mut fields, SEQUENCE, Part::SubjectPublicKeyInfo)?;
        optional(&mut fields, ISSUER_UNIQUE_ID)?;
        optional(&mut fields, SUBJECT_UNIQUE_ID)?;
        let (before_extensions, _) =
            tbs.contents.split_at(tbs.contents.len() - fields.rest().len());
        let extensions = match optional(&mut fields, EXTENSIONS)? {
            None => None,
            Some(field) if !field.canonical => {
                return Err(CertificateError::NotDer(Part::OptionalField));
            }
            Some(field) => {
                let mut field = Reader::new(field.contents);
                let list = expect(&mut field, SEQUENCE, Part::Extensions)?;
                end(&field, Part::OptionalField)?;
                Some(list.contents)
            }
        };
        end(&fields, Part::TbsCertificate)?;
        let subject_public_key_info = spki.whole;
        let whole = tbs.whole;
        Ok(Self {
            whole,
            issuer,
            validity,
            subject,
            before_extensions,
            subject_public_key_info,
            extensions,
        })
    }

    fn extensions(&self) -> Result<Vec<Extension<'a>>, CertificateError> {
        let mut reader = Reader::new(self.extensions.unwrap_or_default());
        let mut extensions = Vec::new();
        while !reader.is_empty() {
            let element = step_over(&mut reader, SEQUENCE, Part::Extension)?;
            let mut fields = Reader::new(element.contents);
            let id = step_over(&mut fields, OBJECT_IDENTIFIER, Part::Extension)?;
            let canonical = element.canonical && id.canonical;
            let after_id = fields.rest();
            extensions.push(Extension { element, id: id.contents, canonical, after_id });
        }
        Ok(extensions)
    }
}

/// One extension, and as much of its inside as tells which one it is.
struct Extension<'a> {
    element: Element<'a>,
    /// `extnID`: the contents.
    id: &'a [u8],
    /// Its header and that of its `extnID` are DER.
    canonical: bool,
    /// `critical`, if it is there, and `extnValue`.
    after_id: &'a [u8],
}

/// The extension with this id, if there is one. Two, or one in a header that is not DER, are refused.
fn only<'a, 'b>(
    extensions: &'b [Extension<'a>],
    id: &[u8],
    part: Part,
) -> Result<Option<&'b Extension<'a>>, CertificateError> {
    let mut found = extensions.iter().filter(|extension| extension.id == id);
    let Some(extension) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(CertificateError::Duplicate(part));
    }
    if !extension.canonical {
        return Err(CertificateError::NotDer(part));
    }
    Ok(Some(extension))
}

/// The next element, which is `part`. Its header may be odd: its bytes are kept as they are.
fn step_over<'a>(
    reader: &mut Reader<'a>,
    octet: u8,
    part: Part,
) -> Result<Element<'a>, CertificateError> {
    let element = reader.element().map_err(|source| CertificateError::Malformed(part, source))?;
    if element.tag.octet != octet {
        return Err(CertificateError::Misplaced(part));
    }
    Ok(element)
}

/// The next element, which is `part` and is looked into or handed out: its header is DER.
fn expect<'a>(
    reader: &mut Reader<'a>,
    octet: u8,
    part: Part,
) -> Result<Element<'a>, CertificateError> {
    let element = step_over(reader, octet, part)?;
    if element.canonical { Ok(element) } else { Err(CertificateError::NotDer(part)) }
}

/// `YYMMDDHHMMSSZ` of 1950 to 2049, or `YYYYMMDDHHMMSSZ` of any year (RFC 5280 §4.1.2.5.1, §4.1.2.5.2).
fn time(times: &mut Reader<'_>) -> Result<Timestamp, CertificateError> {
    let element =
        times.element().map_err(|source| CertificateError::Malformed(Part::Validity, source))?;
    let text = std::str::from_utf8(element.contents)
        .ok()
        .and_then(|text| text.strip_suffix('Z'))
        .filter(|digits| digits.bytes().all(|octet| octet.is_ascii_digit()));
    let (year, rest) = match (element.tag.octet, text) {
        (UTC_TIME, Some(text)) if text.len() == 12 => {
            let (year, rest) = text.split_at(2);
            let century = if year < "50" { "20" } else { "19" };
            (format!("{century}{year}"), rest)
        }
        (GENERALIZED_TIME, Some(text)) if text.len() == 14 => (text[..4].to_owned(), &text[4..]),
        _ => return Err(CertificateError::Misplaced(Part::Validity)),
    };
    let [month, day, hour, minute, second] = [0, 2, 4, 6, 8].map(|at| &rest[at..at + 2]);
    let text = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    text.parse().map_err(|_| CertificateError::Misplaced(Part::Validity))
}

fn optional<'a>(
    reader: &mut Reader<'a>,
    octet: u8,
) -> Result<Option<Element<'a>>, CertificateError> {
    let malformed = |source| CertificateError::Malformed(Part::OptionalField, source);
    reader.optional(octet).map_err(malformed)
}

fn end(reader: &Reader<'_>, part: Part) -> Result<(), CertificateError> {
    if reader.is_empty() { Ok(()) } else { Err(CertificateError::TrailingBytes(part)) }
}

/// Writes an element in DER (X.690 §10.1).
pub(crate) fn element(octet: u8, contents: &[&[u8]]) -> Vec<u8> {
    let length: usize = contents.iter().map(|piece| piece.len()).sum();
    let mut written = Vec::with_capacity(length + 10);
    written.push(octet);
    match u8::try_from(length) {
        Ok(short @ ..0x80) => written.push(short),
        _ => {
            let octets = length.to_be_bytes();
            let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
            let significant = &octets[zeros..];
            written.push(0x80 | u8::try_from(significant.len()).expect("a usize has few bytes"));
            written.extend_from_slice(significant);
        }
    }
    contents.iter().for_each(|piece| written.extend_from_slice(piece));
    written
}

/// 1.3.6.1.4.1.11129.2.4.2 (RFC 6962 §3.3).
const SCT_LIST: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];
/// 1.3.6.1.4.1.11129.2.4.3 (RFC 6962 §3.1).
const POISON: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x03];

/// `UTCTime`.
const UTC_TIME: u8 = 0x17;
/// `GeneralizedTime`.
const GENERALIZED_TIME: u8 = 0x18;
/// `version [0] EXPLICIT`.
const VERSION: u8 = 0xa0;
/// `issuerUniqueID [1] IMPLICIT BIT STRING`.
const ISSUER_UNIQUE_ID: u8 = 0x81;
/// `subjectUniqueID [2] IMPLICIT BIT STRING`.
const SUBJECT_UNIQUE_ID: u8 = 0x82;
/// `extensions [3] EXPLICIT`.
const EXTENSIONS: u8 = 0xa3;

#[cfg(test)]
mod tests;
