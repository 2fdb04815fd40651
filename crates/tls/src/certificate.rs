//! The message with the server's certificates: of TLS 1.2 (RFC 5246 §7.4.2), of TLS 1.3 with what belongs to each of
//! them (RFC 8446 §4.4.2), and compressed (RFC 8879).

use std::io::Read as _;

use brotli_decompressor::Decompressor;
use flate2::read::ZlibDecoder;

use crate::bytes::Bytes;
use crate::flaw::{Compressed, Flaw};
use crate::hello::{SCT, STATUS_REQUEST, extension, extensions};
use crate::message::Message;
use crate::recording::TAPE_BYTES_MAX;

/// What a server shows of itself.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    /// At least one, the server's own first, at most [`CHAIN_MAX`].
    pub(crate) chain: Vec<Vec<u8>>,
    /// How many more there were.
    pub(crate) left_out: usize,
    /// An OCSP response for the first one.
    pub(crate) ocsp: Option<Vec<u8>>,
    /// A list of SCTs for the first one.
    pub(crate) scts: Option<Vec<u8>>,
}

/// Real chains have two to four certificates. A recording has room for ten thousand that are made small on purpose.
pub const CHAIN_MAX: usize = 32;

/// Certificates that were compressed have at most as many bytes as others could have.
const UNPACKED_BYTES_MAX: usize = TAPE_BYTES_MAX;

impl Certificates {
    fn push(&mut self, certificate: &[u8]) {
        if self.chain.len() < CHAIN_MAX {
            self.chain.push(certificate.to_vec());
        } else {
            self.left_out += 1;
        }
    }
}

/// Reads the body of a Certificate of TLS 1.2.
pub(crate) fn of_tls12(body: &[u8]) -> Option<Certificates> {
    let mut body = Bytes::new(body);
    let mut list = Bytes::new(body.vector_u24().filter(|_| body.is_empty())?);
    let mut read = Certificates::default();
    while !list.is_empty() {
        read.push(list.vector_u24()?);
    }
    (!read.chain.is_empty()).then_some(read)
}

/// Reads the body of a Certificate of TLS 1.3, sent in the handshake: it answers no request, so its context is empty.
pub(crate) fn of_tls13(body: &[u8]) -> Option<Certificates> {
    let mut body = Bytes::new(body);
    body.vector_u8().filter(|context| context.is_empty())?;
    let mut list = Bytes::new(body.vector_u24().filter(|_| body.is_empty())?);
    let mut read = Certificates::default();
    while !list.is_empty() {
        let is_first = read.chain.is_empty();
        read.push(list.vector_u24()?);
        let beside = list.vector_u16()?;
        if is_first && !beside.is_empty() {
            let beside = extensions(Bytes::new(&[&length(beside)?[..], beside].concat())).ok()?;
            read.ocsp = extension(&beside, STATUS_REQUEST).and_then(ocsp);
            read.scts = extension(&beside, SCT).map(<[u8]>::to_vec);
        }
    }
    (!read.chain.is_empty()).then_some(read)
}

/// Reads the body of a CompressedCertificate.
pub(crate) fn of_compressed(body: &[u8]) -> Result<Certificates, Flaw> {
    let malformed = Flaw::Malformed(Message::COMPRESSED_CERTIFICATE);
    let mut fields = Bytes::new(body);
    let (algorithm, length) = fields.u16().zip(fields.u24()).ok_or(malformed)?;
    let packed = fields.vector_u24().filter(|_| fields.is_empty()).ok_or(malformed)?;
    let unpacked = unpack(algorithm, length, packed)?;
    of_tls13(&unpacked).ok_or(Flaw::Malformed(Message::CERTIFICATE))
}

/// The OCSP response in a CertificateStatus (RFC 6066 §8). The list of version 2 (RFC 6961) nobody asks for.
pub(crate) fn ocsp(status: &[u8]) -> Option<Vec<u8>> {
    let mut fields = Bytes::new(status);
    let is_ocsp = fields.u8()? == 1;
    fields.vector_u24().filter(|_| is_ocsp && fields.is_empty()).map(<[u8]>::to_vec)
}

/// Exactly `length` bytes, or nothing.
fn unpack(algorithm: u16, length: usize, packed: &[u8]) -> Result<Vec<u8>, Compressed> {
    if length > UNPACKED_BYTES_MAX {
        return Err(Compressed::TooLarge(length));
    }
    // One byte more shows that there is more.
    let limit = u64::try_from(length + 1).expect("a limit fits a u64");
    let mut unpacked = Vec::new();
    let read = match algorithm {
        ZLIB => ZlibDecoder::new(packed).take(limit).read_to_end(&mut unpacked),
        BROTLI => Decompressor::new(packed, BUFFER_BYTES).take(limit).read_to_end(&mut unpacked),
        other => return Err(Compressed::Algorithm(other)),
    };
    read.map_err(|_| Compressed::Stream)?;
    if unpacked.len() == length { Ok(unpacked) } else { Err(Compressed::Length(length)) }
}

fn length(bytes: &[u8]) -> Option<[u8; 2]> {
    u16::try_from(bytes.len()).ok().map(u16::to_be_bytes)
}

// RFC 8879 §7.3. The third one, Zstandard, is what no client of today offers alone.
const ZLIB: u16 = 1;
const BROTLI: u16 = 2;

/// How much is unpacked at a time.
const BUFFER_BYTES: usize = 4096;

#[cfg(test)]
mod tests;
