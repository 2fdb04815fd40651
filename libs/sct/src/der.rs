//! One DER element after another (X.690 §8.1), without copying and without opinions.
//!
//! Certificates in logs are hostile: some are BER, some lie about lengths. This reader takes what can be
//! taken, says whether it was written as DER demands, and leaves judgement to its callers: `libs/sct` refuses
//! what is not DER, the walker in `ct` reads on.

/// A tag: class, whether constructed, number (X.690 §8.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The identifier octet. In the high-tag-number form its low five bits are all ones.
    pub octet: u8,
    /// The tag number, also for the high-tag-number form.
    pub number: u32,
}

/// One element, borrowed from the bytes it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// What it is.
    pub tag: Tag,
    /// Its contents octets.
    pub contents: &'a [u8],
    /// Tag, length and contents.
    pub whole: &'a [u8],
    /// Written as DER demands: shortest tag and shortest length. The contents are not looked at.
    pub canonical: bool,
}

/// Why the next bytes are no element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end within the tag or the length.
    #[error("the header is cut off")]
    Header,
    /// The length runs past the end of the bytes.
    #[error("the contents are cut off")]
    Contents,
    /// The length is indefinite: BER, never DER (X.690 §10.1).
    #[error("the length is indefinite")]
    Indefinite,
    /// The tag number or the length does not fit 32 bits.
    #[error("the tag or the length is too large")]
    TooLarge,
}

/// Reads elements off the front of some bytes.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all is read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The identifier octet of the next element, without reading it.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Reads the next element. After an error nothing has been read: [`Reader::rest`] still starts at it.
    pub fn element(&mut self) -> Result<Element<'a>, Malformed> {
        let (tag, tag_canonical, after_tag) = tag(self.rest)?;
        let (length, length_canonical, after_length) = length(after_tag)?;
        let contents = after_length.get(..length).ok_or(Malformed::Contents)?;
        let (whole, rest) = self.rest.split_at(self.rest.len() - after_length.len() + length);
        self.rest = rest;
        Ok(Element { tag, contents, whole, canonical: tag_canonical && length_canonical })
    }

    /// Reads the next element if its identifier octet is `octet`.
    pub fn optional(&mut self, octet: u8) -> Result<Option<Element<'a>>, Malformed> {
        if self.peek() == Some(octet) { self.element().map(Some) } else { Ok(None) }
    }
}

/// Splits off the tag (X.690 §8.1.2).
fn tag(bytes: &[u8]) -> Result<(Tag, bool, &[u8]), Malformed> {
    let (&octet, mut rest) = bytes.split_first().ok_or(Malformed::Header)?;
    if octet & HIGH_TAG != HIGH_TAG {
        return Ok((Tag { octet, number: u32::from(octet & HIGH_TAG) }, true, rest));
    }
    let mut number: u32 = 0;
    let mut canonical = rest.first().is_some_and(|&first| first != 0x80);
    loop {
        let (&next, after) = rest.split_first().ok_or(Malformed::Header)?;
        rest = after;
        if number > u32::MAX >> 7 {
            return Err(Malformed::TooLarge);
        }
        number = number << 7 | u32::from(next & 0x7f);
        if next & 0x80 == 0 {
            canonical &= number >= u32::from(HIGH_TAG);
            return Ok((Tag { octet, number }, canonical, rest));
        }
    }
}

/// Splits off the length (X.690 §8.1.3).
fn length(bytes: &[u8]) -> Result<(usize, bool, &[u8]), Malformed> {
    let (&first, rest) = bytes.split_first().ok_or(Malformed::Header)?;
    if first < 0x80 {
        return Ok((usize::from(first), true, rest));
    }
    if first == 0x80 {
        return Err(Malformed::Indefinite);
    }
    let octets = usize::from(first & 0x7f);
    let (value, rest) = rest.split_at_checked(octets).ok_or(Malformed::Header)?;
    let zeros = value.iter().take_while(|&&octet| octet == 0).count();
    let significant = &value[zeros..];
    if significant.len() > 4 {
        return Err(Malformed::TooLarge);
    }
    let length =
        significant.iter().fold(0_usize, |length, &octet| length << 8 | usize::from(octet));
    Ok((length, zeros == 0 && length >= 0x80, rest))
}

/// The low five bits of an identifier octet; all ones announce the high-tag-number form.
const HIGH_TAG: u8 = 0x1f;

/// `INTEGER`.
pub const INTEGER: u8 = 0x02;
/// `BIT STRING`.
pub const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`.
pub const OCTET_STRING: u8 = 0x04;
/// `OBJECT IDENTIFIER`.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// `SEQUENCE` and `SEQUENCE OF`.
pub const SEQUENCE: u8 = 0x30;
/// `SET` and `SET OF`.
pub const SET: u8 = 0x31;
/// `BOOLEAN`.
pub const BOOLEAN: u8 = 0x01;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(bytes: &[u8], expected: Result<(u32, &[u8], bool), Malformed>) {
        let read = Reader::new(bytes).element();
        assert_eq!(read.map(|e| (e.tag.number, e.contents, e.canonical)), expected);
    }

    #[test] // X.690 §8.1.3.5, §10.1
    fn lengths_in_every_form() {
        check(&[4, 1, 9], Ok((4, &[9], true)));
        check(&[4, 0x81, 1, 9], Ok((4, &[9], false)));
        check(&[4, 0x82, 0, 1, 9], Ok((4, &[9], false)));
        check(&[4, 0x80, 0, 0], Err(Malformed::Indefinite));
        check(&[4, 2, 9], Err(Malformed::Contents));
        check(&[4, 0x85, 1, 0, 0, 0, 0], Err(Malformed::TooLarge));
        check(&[4, 0x85, 0, 0, 0, 0, 1, 9], Ok((4, &[9], false)));
        check(&[4], Err(Malformed::Header));
        check(&[], Err(Malformed::Header));
    }

    #[test] // X.690 §8.1.2.4
    fn high_tag_numbers() {
        check(&[0x1f, 0x1f, 1, 9], Ok((31, &[9], true)));
        check(&[0x1f, 0x05, 1, 9], Ok((5, &[9], false)));
        check(&[0x1f, 0x80, 0x05, 1, 9], Ok((5, &[9], false)));
        check(&[0x1f, 0x81, 0x00, 0], Ok((128, &[], true)));
        check(&[0x1f, 0x81], Err(Malformed::Header));
        check(&[0x1f, 0x9f, 0xff, 0xff, 0xff, 0x7f, 0], Err(Malformed::TooLarge));
    }

    proptest! {
        #[test]
        fn whole_elements_tile_the_input(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            let mut read = 0;
            while let Ok(element) = reader.element() {
                prop_assert!(element.whole.ends_with(element.contents));
                read += element.whole.len();
            }
            prop_assert_eq!(read + reader.rest().len(), bytes.len());
        }
    }
}
