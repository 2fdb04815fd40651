//! The records of a file of certificates: each with its kind and name.

use std::io::{self, Read};

use countersign_ct::certificate::Kind;

/// A case.
pub(super) struct Record {
    pub(super) kind: Kind,
    pub(super) name: Vec<u8>,
    pub(super) der: Vec<u8>,
}

/// Why there is no record.
pub(super) enum Fault {
    Io(io::Error),
    Form(&'static str),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Record {
    /// Kind (u8), name (u16 and bytes), DER (u32 and bytes), big-endian.
    pub(super) fn read(file: &mut impl Read) -> Result<Self, Fault> {
        let [kind] = array(file)?;
        let kind = match kind {
            0 => Kind::Certificate,
            1 => Kind::Tbs,
            _ => {
                return Err(Fault::Form(
                    "the kind is neither 0 (certificate) nor 1 (TBSCertificate)",
                ));
            }
        };
        let length = u16::from_be_bytes(array(file)?);
        let name = bytes(file, u32::from(length))?;
        let length = u32::from_be_bytes(array(file)?);
        if length > DER_BYTES_MAX {
            return Err(Fault::Form("the certificate is longer than 16 MiB"));
        }
        Ok(Self { kind, name, der: bytes(file, length)? })
    }

    /// How long it is in the file.
    pub(super) fn bytes(&self) -> u64 {
        let length = 1 + 2 + self.name.len() + 4 + self.der.len();
        u64::try_from(length).expect("usize has at most 64 bits")
    }
}

fn array<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut array = [0; N];
    file.read_exact(&mut array)?;
    Ok(array)
}

/// Exactly so many bytes. Room is taken as they come, not as they are promised.
fn bytes(file: &mut impl Read, length: u32) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = file.take(u64::from(length)).read_to_end(&mut bytes)?;
    if u32::try_from(read) != Ok(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// A certificate in a log has less (RFC 6962 §3.1).
const DER_BYTES_MAX: u32 = (1 << 24) - 1;
