//! Reads numbers and vectors of the TLS presentation language (RFC 8446 §3) off the front of some bytes.

/// What has not been read. After a `None` nothing has been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[octet]| octet)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u24(&mut self) -> Option<usize> {
        let [high, middle, low] = self.array()?;
        let number = u32::from_be_bytes([0, high, middle, low]);
        Some(usize::try_from(number).expect("24 bits fit a usize"))
    }

    /// `opaque v<0..2^8-1>`.
    pub(crate) fn vector_u8(&mut self) -> Option<&'a [u8]> {
        self.vector(|ahead| ahead.u8().map(usize::from))
    }

    /// `opaque v<0..2^16-1>`.
    pub(crate) fn vector_u16(&mut self) -> Option<&'a [u8]> {
        self.vector(|ahead| ahead.u16().map(usize::from))
    }

    /// `opaque v<0..2^24-1>`.
    pub(crate) fn vector_u24(&mut self) -> Option<&'a [u8]> {
        self.vector(Self::u24)
    }

    fn vector(&mut self, length: impl Fn(&mut Self) -> Option<usize>) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let length = length(&mut ahead)?;
        let vector = ahead.take(length)?;
        *self = ahead;
        Some(vector)
    }
}

/// Numbers of two octets each; none where one octet is over.
pub(crate) fn numbers(bytes: &[u8]) -> Option<Vec<u16>> {
    let (pairs, over) = bytes.as_chunks();
    over.is_empty().then(|| pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
}
