//! Walks a certificate (RFC 5280 §4.1) for what a guard is held against: every place that can carry a name, the
//! key, the validity.
//!
//! A certificate that a strict parser refuses may still be one that some client accepts, so the walk never gives
//! up. What it cannot read it steps over and hands on as [`Walked::opaque`], for the scan in [`crate::scan`].
//! Where the structure is not plain DER a client may draw the borders elsewhere than the walk does; then the
//! whole certificate is opaque, also what was read.
//!
//! Each octet is looked at a bounded number of times: the walk goes as deep as X.509 nests, and no deeper.
//!
//! # Limitations
//!
//! What no name, key or time is taken from is stepped over unseen: the signatures, the issuer's name, the
//! contents of the extensions that carry no name. Oddities inside these do not make a certificate unclean.

mod distinguished_name;
mod elements;
mod extensions;
mod general_names;
pub mod signature;
mod time;

use std::borrow::Cow;

use aws_lc_rs::digest;
use countersign_sct::der::{BIT_STRING, INTEGER, Reader, SEQUENCE};
use jiff::Timestamp;

use elements::Element;

/// Which structure the bytes are meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `Certificate`.
    Certificate,
    /// `TBSCertificate`, as in the leaf of a precertificate (RFC 6962 §3.4).
    Tbs,
}

/// What a walk found. The slices borrow from the certificate; few are copies, see [`RawName::bytes`].
#[derive(Clone, Debug, Default)]
pub struct Walked<'a> {
    /// Every name, in the order of the certificate, duplicates included.
    pub names: Vec<RawName<'a>>,
    /// The contents of the serial number.
    pub serial: Option<&'a [u8]>,
    /// The issuer's `Name`, with its header.
    pub issuer: Option<&'a [u8]>,
    /// The subject's `Name`, with its header.
    pub subject: Option<&'a [u8]>,
    /// The start of the validity, where it can be read.
    pub not_before: Option<Timestamp>,
    /// The end of the validity, where it can be read.
    pub not_after: Option<Timestamp>,
    /// The `SubjectPublicKeyInfo`, with its header. A client may see another key unless [`Walked::clean`].
    pub spki: Option<&'a [u8]>,
    /// Whether the poison extension is there (RFC 6962 §3.1).
    pub poison: bool,
    /// Whether everything walked over was plain DER, laid out as X.509 has it. Unknown extensions are allowed.
    pub clean: bool,
    /// What was not understood. The whole certificate where it is not clean.
    pub opaque: Vec<Cow<'a, [u8]>>,
}

/// A name as it stands in the certificate; [`crate::names`] reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawName<'a> {
    /// Where it stands.
    pub place: Place,
    /// What its bytes are.
    pub form: Form,
    /// At least one octet, at most [`NAME_BYTES_MAX`]. Copied only from BER strings that come in segments.
    pub bytes: Cow<'a, [u8]>,
}

/// A place that can carry a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// `dNSName` in subjectAltName (RFC 5280 §4.2.1.6), and strings there without a type of their own.
    SanDns,
    /// `iPAddress` in subjectAltName.
    SanIp,
    /// `uniformResourceIdentifier` in subjectAltName.
    SanUri,
    /// `rfc822Name` in subjectAltName.
    SanEmail,
    /// `id-on-xmppAddr` in subjectAltName (RFC 6120 §13.7.1.4).
    SanXmppAddr,
    /// `id-on-dnsSRV` in subjectAltName (RFC 4985).
    SanSrvName,
    /// `id-on-SmtpUTF8Mailbox` in subjectAltName (RFC 9598).
    SanSmtpUtf8Mailbox,
    /// An attribute in a `directoryName` in subjectAltName.
    SanDirectoryName,
    /// Any of these in issuerAltName (RFC 5280 §4.2.1.7).
    IssuerAltName,
    /// A commonName of the subject.
    SubjectCn,
    /// An emailAddress of the subject (RFC 2985 §5.2.1).
    SubjectEmail,
    /// Another attribute of the subject that may hold a host: not one of X.520.
    SubjectOther,
    /// Bytes that were not understood.
    Raw,
    /// The certificate as a whole.
    Certificate,
}

/// What the bytes of a name are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One octet a character, or UTF-8. Which of them the reader must guess: CAs confuse the string types.
    Text,
    /// BMPString: UTF-16, big endian.
    Utf16,
    /// UniversalString: UTF-32, big endian.
    Utf32,
    /// `iPAddress`: 4 or 16 octets.
    Address,
}

/// Longer strings are not kept as names but are opaque, in octets. Twice what a host name of 253 characters
/// takes in UTF-32; it bounds the work on one name, of which some is quadratic (punycode).
pub const NAME_BYTES_MAX: usize = 2048;

/// Walks over a certificate. Every input gives an answer.
pub fn walk(der: &[u8], kind: Kind) -> Walked<'_> {
    let mut walker = Walker::new();
    walker.outermost(der, kind);
    let mut walked = walker.walked;
    if !walked.clean {
        walked.opaque.push(Cow::Borrowed(der));
    }
    walked
}

impl<'a> Walked<'a> {
    /// Bytes that are no certificate and may contain one: nothing is understood, all is opaque.
    pub fn unread(bytes: &'a [u8]) -> Self {
        Self { opaque: vec![Cow::Borrowed(bytes)], ..Self::default() }
    }

    /// SHA-256 of the `SubjectPublicKeyInfo`. Computed at each call.
    pub fn spki_sha256(&self) -> Option<[u8; 32]> {
        let digest = digest::digest(&digest::SHA256, self.spki?);
        Some(digest.as_ref().try_into().expect("SHA-256 has 32 octets"))
    }
}

impl Place {
    /// A name for people and files that never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SanDns => "san-dns",
            Self::SanIp => "san-ip",
            Self::SanUri => "san-uri",
            Self::SanEmail => "san-email",
            Self::SanXmppAddr => "san-xmpp-addr",
            Self::SanSrvName => "san-srv-name",
            Self::SanSmtpUtf8Mailbox => "san-smtp-utf8-mailbox",
            Self::SanDirectoryName => "san-directory-name",
            Self::IssuerAltName => "issuer-alt-name",
            Self::SubjectCn => "subject-cn",
            Self::SubjectEmail => "subject-email",
            Self::SubjectOther => "subject-other",
            Self::Raw => "raw",
            Self::Certificate => "certificate",
        }
    }
}

/// A walk under way.
struct Walker<'a> {
    walked: Walked<'a>,
}

/// The fields of a `TBSCertificate`, in order (RFC 5280 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Version,
    Serial,
    Signature,
    Issuer,
    Validity,
    Subject,
    Spki,
    IssuerUniqueId,
    SubjectUniqueId,
    Extensions,
    End,
}

/// `[0] EXPLICIT`, around the version.
const VERSION: u8 = 0xa0;
/// `[1] IMPLICIT BIT STRING`.
const ISSUER_UNIQUE_ID: u8 = 0x81;
/// `[2] IMPLICIT BIT STRING`.
const SUBJECT_UNIQUE_ID: u8 = 0x82;
/// `[3] EXPLICIT`, around the extensions.
const EXTENSIONS: u8 = 0xa3;

impl<'a> Walker<'a> {
    fn new() -> Self {
        Self { walked: Walked { clean: true, ..Walked::default() } }
    }

    /// The next element, also where it is not DER; see [`elements::next`].
    fn element(&mut self, reader: &mut Reader<'a>) -> Option<Element<'a>> {
        if reader.is_empty() {
            return None;
        }
        let element = elements::next(reader);
        if !element.is_some_and(|element| element.canonical) {
            self.unclean();
        }
        element
    }

    /// The one element that `bytes` should be.
    fn only(&mut self, bytes: &'a [u8]) -> Option<Element<'a>> {
        let mut reader = Reader::new(bytes);
        let element = self.element(&mut reader);
        if element.is_none() || !reader.is_empty() {
            self.unclean();
        }
        element
    }

    fn unclean(&mut self) {
        self.walked.clean = false;
    }

    fn name(&mut self, place: Place, form: Form, bytes: Cow<'a, [u8]>) {
        match bytes.len() {
            0 => {}
            1..=NAME_BYTES_MAX => self.walked.names.push(RawName { place, form, bytes }),
            _ => self.walked.opaque.push(bytes),
        }
    }

    fn outermost(&mut self, der: &'a [u8], kind: Kind) {
        let Some(outer) = self.only(der) else { return };
        if outer.tag != SEQUENCE {
            self.unclean();
        }
        match kind {
            Kind::Certificate => self.certificate(outer),
            Kind::Tbs => self.tbs(outer.contents),
        }
    }

    fn certificate(&mut self, certificate: Element<'a>) {
        let mut reader = Reader::new(certificate.contents);
        // Junk before the TBSCertificate is stepped over.
        while reader.peek().is_some_and(|tag| tag != SEQUENCE && tag != INTEGER && tag != VERSION) {
            self.unclean();
            if self.element(&mut reader).is_none() {
                return;
            }
        }
        if reader.peek().is_some_and(|tag| tag != SEQUENCE) {
            // A TBSCertificate in the place of the certificate, or one whose header is lost.
            self.unclean();
            return self.tbs(reader.rest());
        }
        let Some(tbs) = self.element(&mut reader) else { return self.unclean() };
        self.tbs(tbs.contents);
        for expected in [SEQUENCE, BIT_STRING] {
            if self.element(&mut reader).is_none_or(|element| element.tag != expected) {
                self.unclean();
            }
        }
        if !reader.is_empty() {
            self.unclean();
        }
    }

    fn tbs(&mut self, contents: &'a [u8]) {
        let mut reader = Reader::new(contents);
        let mut due = Field::Version;
        while let Some(element) = self.element(&mut reader) {
            due = self.field(due, element);
        }
        if due <= Field::Spki {
            self.unclean();
        }
    }

    /// Takes one element of a `TBSCertificate`, where `due` or a later field should stand. Gives what is due next.
    fn field(&mut self, due: Field, element: Element<'a>) -> Field {
        match (element.tag, due) {
            (VERSION, Field::Version) => Field::Serial,
            (INTEGER, Field::Version | Field::Serial) => {
                self.walked.serial = Some(element.contents);
                Field::Signature
            }
            (SEQUENCE, Field::Version | Field::Serial) => {
                self.unclean(); // The serial number is missing.
                Field::Issuer
            }
            (SEQUENCE, Field::Signature) => Field::Issuer,
            (SEQUENCE, Field::Issuer) => {
                self.walked.issuer = Some(element.whole);
                Field::Validity
            }
            (SEQUENCE, Field::Validity) => {
                self.validity(element.contents);
                Field::Subject
            }
            (SEQUENCE, Field::Subject) => {
                self.walked.subject = Some(element.whole);
                self.subject(element.contents);
                Field::Spki
            }
            (SEQUENCE, Field::Spki) => {
                self.walked.spki = element.whole_is_exact.then_some(element.whole);
                Field::IssuerUniqueId
            }
            // Any bits may stand in these two, so they are not understood.
            (ISSUER_UNIQUE_ID, Field::IssuerUniqueId) => {
                self.walked.opaque.push(Cow::Borrowed(element.contents));
                Field::SubjectUniqueId
            }
            (SUBJECT_UNIQUE_ID, Field::IssuerUniqueId | Field::SubjectUniqueId) => {
                self.walked.opaque.push(Cow::Borrowed(element.contents));
                Field::Extensions
            }
            (EXTENSIONS, _) => {
                let in_place = (Field::IssuerUniqueId..=Field::Extensions).contains(&due);
                if !in_place {
                    self.unclean();
                }
                if let Some(list) = self.only(element.contents) {
                    self.extensions(list);
                }
                if in_place { Field::End } else { due }
            }
            (SEQUENCE, _) => {
                self.unclean(); // Perhaps extensions without their tag.
                self.extensions(element);
                Field::End
            }
            _ => {
                self.unclean();
                due
            }
        }
    }

    fn validity(&mut self, contents: &'a [u8]) {
        let mut reader = Reader::new(contents);
        let mut time = || match self.element(&mut reader) {
            Some(element) => time::timestamp(element.tag, element.contents),
            None => None,
        };
        let (not_before, not_after) = (time(), time());
        (self.walked.not_before, self.walked.not_after) = (not_before, not_after);
        if !reader.is_empty() {
            self.unclean();
        }
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
