//! Signed certificate timestamps and lists of them (RFC 6962 §3.2, §3.3).

use jiff::Timestamp;

use crate::digitally_signed::DigitallySigned;
use crate::log_id::LogId;
use crate::tls::{Reader, Truncated};

/// A log's promise that it will publish an entry. Parsed, not verified: see [`crate::verify_sct`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sct {
    /// Which log promises.
    pub log_id: LogId,
    /// When it promised, in milliseconds since 1970.
    pub timestamp_ms: u64,
    /// `CtExtensions`, as sent: the signature covers these bytes.
    pub extensions: Vec<u8>,
    /// Over [`crate::signed_bytes`].
    pub signature: DigitallySigned,
}

impl Sct {
    /// Reads one SCT of version 1, and nothing after it.
    pub fn parse(bytes: &[u8]) -> Result<Self, SctError> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8()?;
        if version != V1 {
            return Err(SctError::Version(version));
        }
        let sct = Self {
            log_id: LogId(reader.array()?),
            timestamp_ms: reader.u64()?,
            extensions: reader.opaque16()?.to_vec(),
            signature: DigitallySigned::read(&mut reader)?,
        };
        if reader.is_empty() { Ok(sct) } else { Err(SctError::TrailingBytes) }
    }

    /// When the log promised. `None` for a time after the year 9999: the log gave no true time.
    pub fn timestamp(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(i64::try_from(self.timestamp_ms).ok()?).ok()
    }

    /// Where the entry is in the log, if the SCT says so (c2sp.org/static-ct-api, "SCT Extension"). `None`
    /// without that extension, and when the extensions are not what that document allows.
    pub fn leaf_index(&self) -> Option<u64> {
        let mut reader = Reader::new(&self.extensions);
        let mut seen = [false; 256];
        let mut leaf_index = None;
        while !reader.is_empty() {
            let extension_type = reader.u8().ok()?;
            let data = reader.opaque16().ok()?;
            // "Duplicate extensions with the same ExtensionType MUST NOT be included."
            if std::mem::replace(&mut seen[usize::from(extension_type)], true) {
                return None;
            }
            if extension_type == LEAF_INDEX {
                let &[a, b, c, d, e] = data else { return None };
                leaf_index = Some(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]));
            }
        }
        leaf_index
    }
}

/// Why some bytes are not one SCT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SctError {
    /// Of another version than 1, whose number is 0.
    #[error("the SCT has version number {0}; only 0, version 1, is known")]
    Version(u8),
    /// The bytes end within it.
    #[error("the SCT is cut off")]
    Truncated,
    /// More bytes follow.
    #[error("bytes follow the SCT")]
    TrailingBytes,
}

impl From<Truncated> for SctError {
    fn from(Truncated: Truncated) -> Self {
        Self::Truncated
    }
}

/// Reads a `SignedCertificateTimestampList` (RFC 6962 §3.3), which its two-byte lengths keep under 65,538
/// bytes. Each SCT is judged by itself: one that cannot be read does not hide the others.
pub fn parse_list(list: &[u8]) -> Result<Vec<Result<Sct, SctError>>, ListError> {
    let mut reader = Reader::new(list);
    let mut scts = Reader::new(reader.opaque16()?);
    if !reader.is_empty() {
        return Err(ListError::TrailingBytes);
    }
    // `SerializedSCT sct_list <1..2^16-1>`: at least one byte, so at least one SCT.
    if scts.is_empty() {
        return Err(ListError::Empty);
    }
    let mut parsed = Vec::new();
    while !scts.is_empty() {
        // An entry of no bytes, which the RFC does not allow, is told as one that is cut off.
        parsed.push(Sct::parse(scts.opaque16()?));
    }
    Ok(parsed)
}

/// Why some bytes are not one list of SCTs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The bytes end within it, or an SCT would run past the end of the list.
    #[error("the list of SCTs is cut off")]
    Truncated,
    /// More bytes follow.
    #[error("bytes follow the list of SCTs")]
    TrailingBytes,
    /// There is no SCT in it.
    #[error("the list of SCTs is empty")]
    Empty,
}

impl From<Truncated> for ListError {
    fn from(Truncated: Truncated) -> Self {
        Self::Truncated
    }
}

/// `Version` v1 (RFC 6962 §3.2).
pub(crate) const V1: u8 = 0;
/// `ExtensionType` leaf_index (c2sp.org/static-ct-api, "SCT Extension").
const LEAF_INDEX: u8 = 0;

#[cfg(test)]
mod tests;
