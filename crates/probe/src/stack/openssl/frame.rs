//! What a helper and its owner say to each other over the helper's standard input and output. Both are built with this
//! file; it needs nothing but `std` and `thiserror`.
//!
//! ```text
//!  frame = u32 length of what follows | u32 connection | u8 kind | payload       numbers in network order
//!
//!  to the helper      1 Open       u16 lowest version | u16 highest version | u8 n, configuration
//!                                  | u8 n, server name | { u8 n, application protocol } to the end
//!                     2 FromPeer   bytes; none: the peer has closed the connection
//!                     3 Close
//!  from the helper    4 ToPeer     bytes
//!                     5 KeyLog     a line, without its end
//!                     6 Done       u16 version | u16 cipher suite | application protocol to the end
//!                     7 Failed     why
//!                     8 Refused    why
//! ```
//!
//! The owner opens a connection under a number that is not in use, and carries bytes until `Done`, `Failed` or `Refused`;
//! then, or after its own `Close`, the number is free. What is empty is not there: a server name, an application protocol. A
//! version of 0 is the helper's own choice.

/// What is said about one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Which: the owner's number for it.
    pub(crate) connection: u32,
    /// What.
    pub(crate) body: Body,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// Begin a handshake.
    Open(Open),
    /// The peer sent this; if it is empty, nothing more.
    FromPeer(Vec<u8>),
    /// Forget the connection.
    Close,
    /// Send this to the peer.
    ToPeer(Vec<u8>),
    /// A line of the key log.
    KeyLog(String),
    /// The handshake is complete.
    Done {
        /// The version on the wire.
        version: u16,
        /// The cipher suite, as registered.
        suite: u16,
        /// The application protocol that was agreed upon; empty if none.
        alpn: Vec<u8>,
    },
    /// The handshake cannot be completed, for what the peer sent.
    Failed(String),
    /// It cannot be begun like this, whoever the peer is.
    Refused(String),
}

/// How a handshake is begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Open {
    /// The lowest and the highest version, or 0.
    pub(crate) versions: (u16, u16),
    /// How the helper sets up its library, by name.
    pub(crate) configuration: String,
    /// The name that is asked for; empty if none.
    pub(crate) server_name: String,
    /// The application protocols that are offered.
    pub(crate) alpn: Vec<String>,
}

/// Why bytes are not frames. Who sent them is not to be talked with any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// A length that no frame has.
    #[error("a frame of {0} bytes")]
    Length(u32),
    /// A kind that there is not.
    #[error("a frame of the unknown kind {0}")]
    Kind(u8),
    /// The payload is not of its kind.
    #[error("a frame of the kind {0} with another payload")]
    Payload(u8),
}

/// The longest payload: several TLS records, and few enough bytes for thousands of connections to have one under way.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 64 << 10;
/// The connection and the kind.
const HEADER_BYTES: usize = 5;

impl Frame {
    /// Puts the frame behind what is to be sent.
    ///
    /// # Panics
    ///
    /// If a payload is too long, or a text of an [`Open`]: who makes frames keeps to the limits.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.connection.to_be_bytes());
        out.push(self.body.kind());
        self.body.write(out);
        let length = out.len() - start - 4;
        assert!(length <= HEADER_BYTES + PAYLOAD_BYTES_MAX, "frames keep to their limit");
        let length = u32::try_from(length).expect("the limit is below 2^32");
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
}

impl Body {
    fn kind(&self) -> u8 {
        match self {
            Self::Open(_) => 1,
            Self::FromPeer(_) => 2,
            Self::Close => 3,
            Self::ToPeer(_) => 4,
            Self::KeyLog(_) => 5,
            Self::Done { .. } => 6,
            Self::Failed(_) => 7,
            Self::Refused(_) => 8,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Open(open) => {
                out.extend_from_slice(&open.versions.0.to_be_bytes());
                out.extend_from_slice(&open.versions.1.to_be_bytes());
                for text in [&open.configuration, &open.server_name].into_iter().chain(&open.alpn) {
                    out.push(u8::try_from(text.len()).expect("names are shorter than 256 bytes"));
                    out.extend_from_slice(text.as_bytes());
                }
            }
            Self::FromPeer(bytes) | Self::ToPeer(bytes) => out.extend_from_slice(bytes),
            Self::Close => {}
            Self::KeyLog(text) | Self::Failed(text) | Self::Refused(text) => {
                out.extend_from_slice(text.as_bytes())
            }
            Self::Done { version, suite, alpn } => {
                out.extend_from_slice(&version.to_be_bytes());
                out.extend_from_slice(&suite.to_be_bytes());
                out.extend_from_slice(alpn);
            }
        }
    }

    fn parse(kind: u8, payload: &[u8]) -> Result<Self, FrameError> {
        let wrong = || FrameError::Payload(kind);
        let text = || String::from_utf8(payload.to_vec()).map_err(|_| wrong());
        match kind {
            1 => Open::parse(payload).map(Self::Open).ok_or_else(wrong),
            2 => Ok(Self::FromPeer(payload.to_vec())),
            3 if payload.is_empty() => Ok(Self::Close),
            3 => Err(wrong()),
            4 => Ok(Self::ToPeer(payload.to_vec())),
            5 => text().map(Self::KeyLog),
            6 => {
                let ([version, suite], alpn) = two_numbers(payload).ok_or_else(wrong)?;
                Ok(Self::Done { version, suite, alpn: alpn.to_vec() })
            }
            7 => text().map(Self::Failed),
            8 => text().map(Self::Refused),
            _ => Err(FrameError::Kind(kind)),
        }
    }
}

impl Open {
    fn parse(payload: &[u8]) -> Option<Self> {
        let ([lowest, highest], mut rest) = two_numbers(payload)?;
        let mut texts = Vec::new();
        while let Some((&length, after)) = rest.split_first() {
            let (text, after) = after.split_at_checked(usize::from(length))?;
            texts.push(String::from_utf8(text.to_vec()).ok()?);
            rest = after;
        }
        let mut texts = texts.into_iter();
        Some(Self {
            versions: (lowest, highest),
            configuration: texts.next()?,
            server_name: texts.next()?,
            alpn: texts.collect(),
        })
    }
}

fn two_numbers(payload: &[u8]) -> Option<([u16; 2], &[u8])> {
    let (four, rest) = payload.split_first_chunk::<4>()?;
    let [a, b, c, d] = *four;
    Some(([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])], rest))
}

/// Bytes as they come, and the frames that they make up.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    bytes: Vec<u8>,
    /// How many of them have been given out.
    taken: usize,
}

impl Frames {
    /// Takes bytes. They are kept until [`Frames::next`] has given them out, so it is to be asked until it has no more.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame.
    pub(crate) fn next(&mut self) -> Option<Result<Frame, FrameError>> {
        let pending = &self.bytes[self.taken..];
        let (length, rest) = pending.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length);
        let fits =
            |bytes: &usize| (HEADER_BYTES..=HEADER_BYTES + PAYLOAD_BYTES_MAX).contains(bytes);
        let Some(bytes) = usize::try_from(length).ok().filter(fits) else {
            return Some(Err(FrameError::Length(length)));
        };
        let frame = rest.get(..bytes)?;
        let (connection, frame) = frame.split_first_chunk::<4>()?;
        let (&kind, payload) = frame.split_first()?;
        let frame = Body::parse(kind, payload)
            .map(|body| Frame { connection: u32::from_be_bytes(*connection), body });
        self.taken += 4 + bytes;
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_in_whatever_pieces_it_comes() {
        let bodies = [
            Body::Open(Open {
                versions: (0x0303, 0x0304),
                configuration: "openssl-connector".to_owned(),
                server_name: String::new(),
                alpn: vec!["h2".to_owned(), "http/1.1".to_owned()],
            }),
            Body::FromPeer(vec![22; PAYLOAD_BYTES_MAX]),
            Body::Close,
            Body::ToPeer(Vec::new()),
            Body::KeyLog("CLIENT_RANDOM 00 11".to_owned()),
            Body::Done { version: 0x0304, suite: 0x1301, alpn: b"h2".to_vec() },
            Body::Failed("wrong version number".to_owned()),
            Body::Refused("no such configuration".to_owned()),
        ];
        let said: Vec<Frame> =
            (7..).zip(bodies).map(|(connection, body)| Frame { connection, body }).collect();
        let mut bytes = Vec::new();
        said.iter().for_each(|frame| frame.write(&mut bytes));
        for size in [1, 3, 4096, bytes.len()] {
            let (mut frames, mut heard) = (Frames::default(), Vec::new());
            for piece in bytes.chunks(size) {
                frames.push(piece);
                while let Some(frame) = frames.next() {
                    heard.push(frame.expect("it was written like this"));
                }
            }
            assert_eq!(heard, said, "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_frame_is_refused_before_it_is_waited_for() {
        let check = |bytes: &[u8], expected| {
            let mut frames = Frames::default();
            frames.push(bytes);
            assert_eq!(frames.next(), Some(Err(expected)));
        };
        check(&[0xff; 4], FrameError::Length(u32::MAX));
        check(&[0, 0, 0, 4], FrameError::Length(4));
        check(&[0, 0, 0, 5, 0, 0, 0, 1, 9], FrameError::Kind(9));
        check(&[0, 0, 0, 6, 0, 0, 0, 1, 3, 0], FrameError::Payload(3));
        check(&[0, 0, 0, 6, 0, 0, 0, 1, 5, 0xff], FrameError::Payload(5));
        // An Open whose second text is longer than the payload.
        check(&[0, 0, 0, 11, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 9], FrameError::Payload(1));
    }
}
