//! The first message of each side (RFC 8446 §4.1, RFC 5246 §7.4.1): nothing in them is encrypted, and nothing is left
//! out here, order and GREASE (RFC 8701) included.
//!
//! A hello is read as a whole or not at all. What stands inside its extensions is read when it is asked for; an
//! extension that cannot be read says nothing.

use crate::bytes::{Bytes, numbers};

/// What a client offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// `legacy_version`.
    pub version: u16,
    /// `random`.
    pub random: [u8; 32],
    /// `legacy_session_id`.
    pub session_id: Vec<u8>,
    /// The cipher suites, the preferred one first.
    pub suites: Vec<u16>,
    /// `legacy_compression_methods`.
    pub compressions: Vec<u8>,
    /// The extensions, in their order.
    pub extensions: Vec<Extension>,
}

/// What the server chose. A HelloRetryRequest is one too: see [`ServerHello::is_retry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// `legacy_version`. See [`ServerHello::negotiated`].
    pub version: u16,
    /// `random`.
    pub random: [u8; 32],
    /// `legacy_session_id_echo`; before TLS 1.3 the server's own.
    pub session_id: Vec<u8>,
    /// The cipher suite.
    pub suite: u16,
    /// `legacy_compression_method`.
    pub compression: u8,
    /// The extensions, in their order.
    pub extensions: Vec<Extension>,
}

/// One extension (RFC 8446 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Which one, by its number.
    pub kind: u16,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// Why a message is no hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HelloError {
    /// A field ends after the message does, or the message after its last field.
    #[error("the lengths in the hello do not fit")]
    Lengths,
    /// RFC 8446 §4.2: there must not be two of one kind.
    #[error("the hello has two extensions of the kind {0}")]
    Twice(u16),
}

impl ClientHello {
    /// Reads the body of a ClientHello: the message without its type and length.
    pub fn parse(body: &[u8]) -> Result<Self, HelloError> {
        let mut fields = Bytes::new(body);
        let hello = Self::fields(&mut fields).ok_or(HelloError::Lengths)?;
        let extensions = extensions(fields)?;
        Ok(Self { extensions, ..hello })
    }

    fn fields(fields: &mut Bytes<'_>) -> Option<Self> {
        let (version, random) = (fields.u16()?, fields.array()?);
        let session_id = fields.vector_u8().filter(|id| id.len() <= SESSION_ID_MAX)?.to_vec();
        let suites = numbers(fields.vector_u16()?)?;
        let compressions = fields.vector_u8()?.to_vec();
        Some(Self { version, random, session_id, suites, compressions, extensions: Vec::new() })
    }

    /// What the first extension of this kind says.
    pub fn extension(&self, kind: u16) -> Option<&[u8]> {
        extension(&self.extensions, kind)
    }

    /// The host that is asked for (RFC 6066 §3), as it stands: bytes of the client, not to be shown unescaped.
    pub fn server_name(&self) -> Option<&[u8]> {
        let mut names = Bytes::new(whole(self.extension(SERVER_NAME)?, Bytes::vector_u16)?);
        while !names.is_empty() {
            let (kind, name) = (names.u8()?, names.vector_u16()?);
            if kind == 0 {
                return Some(name);
            }
        }
        None
    }

    /// The application protocols that are offered (RFC 7301 §3.1), as they stand.
    pub fn alpn(&self) -> Vec<&[u8]> {
        self.extension(ALPN).and_then(protocols).unwrap_or_default()
    }

    /// The versions that are offered, the preferred one first (RFC 8446 §4.2.1); `legacy_version` if that is all.
    pub fn versions(&self) -> Vec<u16> {
        match self.extension(SUPPORTED_VERSIONS) {
            None => vec![self.version],
            Some(bytes) => whole(bytes, Bytes::vector_u8).and_then(numbers).unwrap_or_default(),
        }
    }

    /// The groups for the key exchange, the preferred one first (RFC 8446 §4.2.7).
    pub fn groups(&self) -> Vec<u16> {
        self.list(SUPPORTED_GROUPS)
    }

    /// The signature algorithms for handshakes, the preferred one first (RFC 8446 §4.2.3).
    pub fn signature_algorithms(&self) -> Vec<u16> {
        self.list(SIGNATURE_ALGORITHMS)
    }

    /// The formats of points on curves (RFC 8422 §5.1.2).
    pub fn point_formats(&self) -> &[u8] {
        let formats = self.extension(POINT_FORMATS);
        formats.and_then(|bytes| whole(bytes, Bytes::vector_u8)).unwrap_or_default()
    }

    /// The groups that it has sent a share for (RFC 8446 §4.2.8).
    pub fn key_share_groups(&self) -> Vec<u16> {
        let Some(bytes) = self.extension(KEY_SHARE) else { return Vec::new() };
        let mut shares = Bytes::new(whole(bytes, Bytes::vector_u16).unwrap_or_default());
        let mut groups = Vec::new();
        while let (Some(group), Some(_)) = (shares.u16(), shares.vector_u16()) {
            groups.push(group);
        }
        groups
    }

    /// The algorithms by which it can have certificates compressed (RFC 8879 §3).
    pub fn certificate_compressions(&self) -> Vec<u16> {
        let algorithms = self.extension(COMPRESS_CERTIFICATE);
        let algorithms = algorithms.and_then(|bytes| whole(bytes, Bytes::vector_u8));
        algorithms.and_then(numbers).unwrap_or_default()
    }

    fn list(&self, kind: u16) -> Vec<u16> {
        let list = self.extension(kind).and_then(|bytes| whole(bytes, Bytes::vector_u16));
        list.and_then(numbers).unwrap_or_default()
    }
}

impl ServerHello {
    /// Reads the body of a ServerHello: the message without its type and length.
    pub fn parse(body: &[u8]) -> Result<Self, HelloError> {
        let mut fields = Bytes::new(body);
        let hello = Self::fields(&mut fields).ok_or(HelloError::Lengths)?;
        let extensions = extensions(fields)?;
        Ok(Self { extensions, ..hello })
    }

    fn fields(fields: &mut Bytes<'_>) -> Option<Self> {
        let (version, random) = (fields.u16()?, fields.array()?);
        let session_id = fields.vector_u8().filter(|id| id.len() <= SESSION_ID_MAX)?.to_vec();
        let (suite, compression) = (fields.u16()?, fields.u8()?);
        Some(Self { version, random, session_id, suite, compression, extensions: Vec::new() })
    }

    /// What the first extension of this kind says.
    pub fn extension(&self, kind: u16) -> Option<&[u8]> {
        extension(&self.extensions, kind)
    }

    /// Whether it asks the client to begin anew with another key share (RFC 8446 §4.1.3).
    pub fn is_retry(&self) -> bool {
        self.random == RETRY_RANDOM
    }

    /// The version that the server chose (RFC 8446 §4.2.1).
    pub fn negotiated(&self) -> u16 {
        let chosen = self.extension(SUPPORTED_VERSIONS);
        chosen.and_then(|bytes| whole(bytes, Bytes::u16)).unwrap_or(self.version)
    }

    /// The group of the server's key share (RFC 8446 §4.2.8), or the one that a HelloRetryRequest asks for.
    pub fn key_share_group(&self) -> Option<u16> {
        Bytes::new(self.extension(KEY_SHARE)?).u16()
    }

    /// Whether it goes on from an earlier session (RFC 8446 §4.2.11).
    pub fn resumes(&self) -> bool {
        self.extension(PRE_SHARED_KEY).is_some()
    }

    /// The application protocol that the server chose, before TLS 1.3 (RFC 7301 §3.1), as it stands.
    pub fn alpn(&self) -> Option<&[u8]> {
        chosen_protocol(self.extension(ALPN)?)
    }
}

/// The one protocol in the server's extension (RFC 7301 §3.1).
pub(crate) fn chosen_protocol(bytes: &[u8]) -> Option<&[u8]> {
    match protocols(bytes)?[..] {
        [protocol] => Some(protocol),
        _ => None,
    }
}

/// What the first extension of a kind says.
pub(crate) fn extension(extensions: &[Extension], kind: u16) -> Option<&[u8]> {
    extensions.iter().find(|extension| extension.kind == kind).map(|found| &found.bytes[..])
}

/// Extensions to the end of a message: none at all, or a vector of them that ends with it (RFC 5246 §7.4.1.2).
pub(crate) fn extensions(mut fields: Bytes<'_>) -> Result<Vec<Extension>, HelloError> {
    if fields.is_empty() {
        return Ok(Vec::new());
    }
    let list = fields.vector_u16().filter(|_| fields.is_empty()).ok_or(HelloError::Lengths)?;
    let mut list = Bytes::new(list);
    let mut extensions: Vec<Extension> = Vec::new();
    while !list.is_empty() {
        let read = list.u16().zip(list.vector_u16());
        let (kind, bytes) = read.ok_or(HelloError::Lengths)?;
        // At most 16,384 of them; those that a client sends are twenty.
        if extensions.len() < EXTENSIONS_SEARCHED
            && extensions.iter().any(|known| known.kind == kind)
        {
            return Err(HelloError::Twice(kind));
        }
        extensions.push(Extension { kind, bytes: bytes.to_vec() });
    }
    Ok(extensions)
}

fn protocols(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut list = Bytes::new(whole(bytes, Bytes::vector_u16)?);
    let mut protocols = Vec::new();
    while !list.is_empty() {
        protocols.push(list.vector_u8()?);
    }
    Some(protocols)
}

/// What is read, if it is all that there is.
fn whole<'a, T>(bytes: &'a [u8], read: impl Fn(&mut Bytes<'a>) -> Option<T>) -> Option<T> {
    let mut bytes = Bytes::new(bytes);
    read(&mut bytes).filter(|_| bytes.is_empty())
}

/// RFC 8446 §4.1.2.
const SESSION_ID_MAX: usize = 32;

/// Two of a kind are looked for among so many: to compare each with all would take long for those that are made for it.
const EXTENSIONS_SEARCHED: usize = 256;

/// SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// `server_name`.
pub const SERVER_NAME: u16 = 0;
/// `status_request`.
pub const STATUS_REQUEST: u16 = 5;
/// `supported_groups`.
pub const SUPPORTED_GROUPS: u16 = 10;
/// `ec_point_formats`.
pub const POINT_FORMATS: u16 = 11;
/// `signature_algorithms`.
pub const SIGNATURE_ALGORITHMS: u16 = 13;
/// `application_layer_protocol_negotiation`.
pub const ALPN: u16 = 16;
/// `signed_certificate_timestamp`.
pub const SCT: u16 = 18;
/// `compress_certificate`.
pub const COMPRESS_CERTIFICATE: u16 = 27;
/// `pre_shared_key`.
pub const PRE_SHARED_KEY: u16 = 41;
/// `supported_versions`.
pub const SUPPORTED_VERSIONS: u16 = 43;
/// `key_share`.
pub const KEY_SHARE: u16 = 51;

#[cfg(test)]
mod tests;
