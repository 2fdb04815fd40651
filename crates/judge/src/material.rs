//! What a file says of a key: the public half of private keys, the keys and names of certificate requests
//! (RFC 2986), certificates. It is what operators register, so that a certificate for it is expected.
//!
//! Files are PEM (RFC 7468), any number of blocks with any text around them, or one DER value. What a block is, its
//! DER tells: labels are wrong too often. Private keys: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 §A.1.2) and SEC 1
//! (RFC 5915), each for RSA of at least 2048 bits, P-256, P-384, P-521, Ed25519 as far as the form allows.
//!
//! A key is known by SHA-256 of the SubjectPublicKeyInfo, as a certificate for it carries it. Nothing of a private
//! key is kept, and what was decoded of it is overwritten.
//!
//! # Limitations
//!
//! The signature of a request is not verified: who can write the file could sign as well. Keys that a certificate
//! would carry in an unusual form (compressed points, RSASSA-PSS) are known by the usual form only; public keys,
//! requests and certificates are taken as they stand.

mod key;
mod pem;
mod shape;
mod wiped;

use countersign_ct::certificate::{Kind, Place, Walked, walk};
use countersign_ct::names::names;
use countersign_ct::watchlist::Guard;
use countersign_sct::{CertificateError, precert_tbs, spki_of};

use crate::material::shape::{Request, Shape};

pub use wiped::Wiped;

/// Longer files are not read, in bytes. A certificate with its chain and key has some ten thousand, a collection of
/// all public roots a quarter of this.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// The most PEM blocks that are looked at in one file: more than a collection of all public roots has.
pub const BLOCKS_MAX: usize = 500;

/// Something that can be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// A key by itself: for no names in particular.
    Key {
        /// SHA-256 of its SubjectPublicKeyInfo.
        spki_sha256: [u8; 32],
        /// Which half was found.
        from: KeyKind,
    },
    /// A certificate request.
    Request {
        /// SHA-256 of the SubjectPublicKeyInfo in it.
        spki_sha256: [u8; 32],
        /// What it asks for, in its order.
        names: Vec<String>,
    },
    /// A certificate that is not one of a CA.
    Certificate {
        /// SHA-256 of its TBSCertificate without the list of SCTs: the same as for its precertificate.
        tbs_sha256: [u8; 32],
        /// SHA-256 of the SubjectPublicKeyInfo in it.
        spki_sha256: [u8; 32],
        /// What it is for, in its order.
        names: Vec<String>,
        /// The certificate.
        der: Vec<u8>,
    },
}

/// Which half of a key was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The private key.
    Private,
    /// The public key.
    Public,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Material {
    /// What can be registered, in the order of the file.
    pub found: Vec<Registration>,
    /// How many certificates of CAs there were. They come with ours as its chain and register nothing.
    pub authorities: usize,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// What could not be read in a file, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unread {
    /// The file is too large to be a key or a certificate.
    #[error("the file has more than {FILE_BYTES_MAX} bytes")]
    FileTooLarge,
    /// Nothing after this many blocks was looked at.
    #[error("the file has more than {BLOCKS_MAX} PEM blocks; the rest was not read")]
    TooManyBlocks,
    /// A block, or a DER value, has no end: perhaps it is being written.
    #[error("{0} is cut off")]
    CutOff(Block),
    /// The lines of a block are not base64.
    #[error("{0} is not base64")]
    NotBase64(Block),
    /// The key needs a password.
    #[error("{0} is encrypted; register its public key, or a request or certificate for it")]
    Encrypted(Block),
    /// A collection that needs a password (RFC 7292).
    #[error("{0} is PKCS#12; register the public key, or a request or certificate for it")]
    Pkcs12(Block),
    /// A private key of an algorithm or size that public CAs do not certify, or a damaged one.
    #[error("{0} is no private key for RSA (2048 bits or more), P-256, P-384, P-521 or Ed25519")]
    PrivateKey(Block),
    /// A certificate that does not let itself be taken apart.
    #[error("{0} is no certificate in DER")]
    Certificate(Block, #[source] CertificateError),
    /// DER, but of nothing that is known here.
    #[error("{0} is no key, request or certificate")]
    Unknown(Block),
}

/// Where something stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A PEM block with this label.
    Pem(String),
    /// The file as a whole.
    File,
}

impl std::fmt::Display for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pem(label) => write!(f, "the block {label:?}"),
            Self::File => f.write_str("the file"),
        }
    }
}

/// Reads a file. A text without any PEM block, or bytes that do not start as DER, hold nothing, and that is no error.
pub fn read(bytes: &[u8]) -> Material {
    let mut material = Material::default();
    if bytes.len() > FILE_BYTES_MAX {
        material.unread.push(Unread::FileTooLarge);
        return material;
    }
    if bytes.first() == Some(&countersign_sct::der::SEQUENCE) {
        material.add(shape::trimmed(bytes), Block::File);
        return material;
    }
    for (position, block) in pem::blocks(bytes).enumerate() {
        if position == BLOCKS_MAX {
            material.unread.push(Unread::TooManyBlocks);
            break;
        }
        match block {
            Ok(block) if IGNORED.contains(&block.label.as_str()) => {}
            Ok(block) => material.add(&block.contents, Block::Pem(block.label)),
            Err(unread) => material.unread.push(unread),
        }
    }
    material
}

/// Labels of blocks that stand beside keys and say nothing of them. `openssl ecparam -genkey` writes the first.
const IGNORED: [&str; 3] = ["EC PARAMETERS", "DH PARAMETERS", "X509 CRL"];

impl Material {
    /// Takes one DER value.
    fn add(&mut self, der: &[u8], block: Block) {
        match Shape::of(der) {
            Shape::Certificate if shape::is_authority(der) => self.authorities += 1,
            Shape::Certificate => match certificate(der) {
                Ok(registration) => self.found.push(registration),
                Err(source) => self.unread.push(Unread::Certificate(block, source)),
            },
            Shape::Request(request) => self.found.push(requested(&request)),
            Shape::PublicKey => {
                self.found
                    .push(Registration::Key { spki_sha256: sha256(der), from: KeyKind::Public });
            }
            Shape::PrivateKey(form) => match key::public_half(der, form) {
                Some(spki) => {
                    let spki_sha256 = sha256(&spki);
                    self.found.push(Registration::Key { spki_sha256, from: KeyKind::Private });
                }
                None => self.unread.push(Unread::PrivateKey(block)),
            },
            Shape::EncryptedKey => self.unread.push(Unread::Encrypted(block)),
            Shape::Pkcs12 => self.unread.push(Unread::Pkcs12(block)),
            Shape::CutOff => self.unread.push(Unread::CutOff(block)),
            Shape::Unknown => self.unread.push(Unread::Unknown(block)),
        }
    }
}

fn certificate(der: &[u8]) -> Result<Registration, CertificateError> {
    Ok(Registration::Certificate {
        tbs_sha256: sha256(&precert_tbs(der)?),
        spki_sha256: sha256(spki_of(der)?),
        names: host_names(walk(der, Kind::Certificate)),
        der: der.to_vec(),
    })
}

/// Reads the names of a request with the eyes that read certificates: what it asks for is put into the frame of a
/// TBSCertificate.
fn requested(request: &Request<'_>) -> Registration {
    let frame = request.as_tbs();
    Registration::Request {
        spki_sha256: sha256(request.spki),
        names: host_names(walk(&frame, Kind::Tbs)),
    }
}

/// The names and addresses of hosts. A common name may also be somebody's name, and other attributes of the subject
/// are not for hosts at all.
fn host_names(mut walked: Walked<'_>) -> Vec<String> {
    walked.names.retain(|name| match name.place {
        Place::SanDns | Place::SanIp | Place::SanUri => true,
        Place::SanXmppAddr | Place::SanSrvName | Place::SubjectCn => true,
        Place::SanEmail | Place::SanSmtpUtf8Mailbox | Place::SanDirectoryName => false,
        Place::SubjectEmail | Place::SubjectOther | Place::IssuerAltName => false,
        Place::Raw | Place::Certificate => false,
    });
    let mut names = names(&walked);
    names.retain(|name| Guard::parse(name.strip_prefix("*.").unwrap_or(name)).is_ok());
    names
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().try_into().expect("SHA-256 has 32 octets")
}

#[cfg(test)]
mod tests;
