//! Certificates made by hand for the tests, with whatever is wrong with them.

use countersign_sct::der::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET};

/// An element with a definite, shortest length.
pub(crate) fn element(tag: u8, contents: impl AsRef<[u8]>) -> Vec<u8> {
    let contents = contents.as_ref();
    let length = u32::try_from(contents.len()).expect("a small sample");
    let length = match length.to_be_bytes() {
        [0, 0, 0, octet @ ..=0x7f] => vec![octet],
        [0, 0, 0, octet] => vec![0x81, octet],
        [0, 0, high, low] => vec![0x82, high, low],
        [_, high, middle, low] => vec![0x83, high, middle, low],
    };
    [&[tag], length.as_slice(), contents].concat()
}

/// An element whose length is claimed, not measured.
pub(crate) fn claimed(tag: u8, length: u8, contents: impl AsRef<[u8]>) -> Vec<u8> {
    [&[tag, length], contents.as_ref()].concat()
}

/// An element of indefinite length (X.690 §8.1.3.6).
pub(crate) fn indefinite(tag: u8, contents: impl AsRef<[u8]>) -> Vec<u8> {
    [&[tag, 0x80], contents.as_ref(), &[0, 0]].concat()
}

/// Elements with what is between two of them left out.
pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(SEQUENCE, parts.concat())
}

pub(crate) fn oid(contents: &[u8]) -> Vec<u8> {
    element(OBJECT_IDENTIFIER, contents)
}

pub(crate) const COMMON_NAME: &[u8] = &[0x55, 4, 3];
pub(crate) const ORGANIZATION: &[u8] = &[0x55, 4, 10];
pub(crate) const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
/// 1.2.840.113549.1.9.2: Cisco puts a host there.
pub(crate) const UNSTRUCTURED_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 2];
pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
pub(crate) const ISSUER_ALT_NAME: &[u8] = &[0x55, 0x1d, 18];
pub(crate) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
pub(crate) const XMPP_ADDR: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 8, 5];
pub(crate) const SRV_NAME: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 8, 7];
pub(crate) const SMTP_UTF8_MAILBOX: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 8, 9];
/// 1.3.6.1.4.1.311.20.2.3, a Windows user.
pub(crate) const USER_PRINCIPAL_NAME: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 20, 2, 3];
pub(crate) const POISON: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 3];

pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const TELETEX_STRING: u8 = 0x14;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UNIVERSAL_STRING: u8 = 0x1c;
pub(crate) const BMP_STRING: u8 = 0x1e;

/// A relative distinguished name of one attribute.
pub(crate) fn attribute(id: &[u8], tag: u8, value: impl AsRef<[u8]>) -> Vec<u8> {
    element(SET, sequence(&[oid(id), element(tag, value)]))
}

/// `Name` with one common name in UTF-8.
pub(crate) fn common_name(value: impl AsRef<[u8]>) -> Vec<u8> {
    sequence(&[attribute(COMMON_NAME, UTF8_STRING, value)])
}

pub(crate) fn extension(id: &[u8], value: impl AsRef<[u8]>) -> Vec<u8> {
    sequence(&[oid(id), element(OCTET_STRING, value)])
}

/// A subjectAltName of these names.
pub(crate) fn san(names: &[Vec<u8>]) -> Vec<u8> {
    extension(SUBJECT_ALT_NAME, sequence(names))
}

pub(crate) fn dns(name: impl AsRef<[u8]>) -> Vec<u8> {
    element(0x82, name)
}

pub(crate) fn other_name(id: &[u8], value: Vec<u8>) -> Vec<u8> {
    element(0xa0, [oid(id), element(0xa0, value)].concat())
}

/// A certificate in its parts, each with its header.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) version: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) validity: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    /// Between the key and the extensions.
    pub(crate) before_extensions: Vec<u8>,
    /// The element that is tagged `[3]`.
    pub(crate) extensions: Vec<u8>,
    /// After the `TBSCertificate`.
    pub(crate) signature: Vec<u8>,
}

/// ecdsa-with-SHA256.
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

impl Sample {
    /// A clean one without any name.
    pub(crate) fn nameless() -> Self {
        let algorithm = sequence(&[oid(ECDSA_WITH_SHA256)]);
        let time = |text: &str| element(0x17, text);
        Self {
            version: element(0xa0, element(INTEGER, [2])),
            serial: element(INTEGER, [0x4a, 0x17]),
            issuer: common_name("Lab CA"),
            validity: sequence(&[time("260101000000Z"), time("260401000000Z")]),
            subject: sequence(&[]),
            spki: sequence(&[algorithm.clone(), element(BIT_STRING, [0, 4, 1, 2, 3])]),
            before_extensions: Vec::new(),
            extensions: Vec::new(),
            signature: [algorithm, element(BIT_STRING, [0, 0x30, 0])].concat(),
        }
    }

    /// One with this subject.
    pub(crate) fn of(subject: Vec<u8>) -> Self {
        Self { subject, ..Self::nameless() }
    }

    /// One with these extensions.
    pub(crate) fn with(extensions: &[Vec<u8>]) -> Self {
        Self::nameless().and(extensions)
    }

    pub(crate) fn and(self, extensions: &[Vec<u8>]) -> Self {
        Self { extensions: element(0xa3, sequence(extensions)), ..self }
    }

    pub(crate) fn fields(&self) -> Vec<u8> {
        let algorithm = sequence(&[oid(ECDSA_WITH_SHA256)]);
        [
            &self.version,
            &self.serial,
            &algorithm,
            &self.issuer,
            &self.validity,
            &self.subject,
            &self.spki,
            &self.before_extensions,
            &self.extensions,
        ]
        .map(Vec::as_slice)
        .concat()
    }

    pub(crate) fn tbs(&self) -> Vec<u8> {
        element(SEQUENCE, self.fields())
    }

    pub(crate) fn certificate(&self) -> Vec<u8> {
        sequence(&[self.tbs(), self.signature.clone()])
    }
}
