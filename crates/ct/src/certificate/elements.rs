//! Elements where they are not DER: indefinite lengths, lengths that run past the end, strings in segments
//! (X.690 §8.1.3.6, §8.6.4, §8.23). OpenSSL and others still accept the first and the last.

use std::borrow::Cow;

use countersign_sct::der::{Malformed, Reader};

/// One element, as far as it can be delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// The identifier octet.
    pub(super) tag: u8,
    /// Its contents octets. What there is, where they are cut off.
    pub(super) contents: &'a [u8],
    /// Header and contents, and the end-of-contents octets if the length is indefinite.
    pub(super) whole: &'a [u8],
    /// Whether `whole` is an element with a definite length, all of it there.
    pub(super) whole_is_exact: bool,
    /// Written as DER demands, but for the contents.
    pub(super) canonical: bool,
}

/// Reads the next element. One that is cut off takes all that is left. None, and nothing read, where not even a
/// header can be made out.
#[inline(always)]
pub(super) fn next<'a>(reader: &mut Reader<'a>) -> Option<Element<'a>> {
    #[cfg(test)]
    work::count();
    let bytes = reader.rest();
    // Most elements have two octets of header. To read them here, inlined, nearly halves the time of a walk.
    if let [tag, length @ 0..=0x7f, after @ ..] = bytes
        && tag & HIGH_TAG != HIGH_TAG
        && let Some((contents, rest)) = after.split_at_checked(usize::from(*length))
    {
        *reader = Reader::new(rest);
        let whole = &bytes[..2 + contents.len()];
        return Some(Element { tag: *tag, contents, whole, whole_is_exact: true, canonical: true });
    }
    next_of_any_form(reader)
}

fn next_of_any_form<'a>(reader: &mut Reader<'a>) -> Option<Element<'a>> {
    let bytes = reader.rest();
    let failure = match reader.element() {
        Ok(element) => {
            return Some(Element {
                tag: element.tag.octet,
                contents: element.contents,
                whole: element.whole,
                whole_is_exact: true,
                canonical: element.canonical,
            });
        }
        Err(failure) => failure,
    };
    let header = header_length(bytes)?;
    let after = bytes.get(header..)?;
    let (contents, rest) = match failure {
        Malformed::Contents => (after, [].as_slice()),
        Malformed::Indefinite => until_end_of_contents(after),
        Malformed::Header | Malformed::TooLarge => return None,
    };
    *reader = Reader::new(rest);
    let whole = &bytes[..bytes.len() - rest.len()];
    Some(Element { tag: bytes[0], contents, whole, whole_is_exact: false, canonical: false })
}

/// How many octets tag and length take (X.690 §8.1.2, §8.1.3).
fn header_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    if bytes.first()? & HIGH_TAG == HIGH_TAG {
        at += bytes[at..].iter().position(|octet| octet & 0x80 == 0)? + 1;
    }
    let length = *bytes.get(at)?;
    Some(at + 1 + if length > 0x80 { usize::from(length & 0x7f) } else { 0 })
}

/// Splits at the end-of-contents octets that belong to an indefinite length just read, and drops them. Without
/// them all is contents.
fn until_end_of_contents(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut reader = Reader::new(bytes);
    let mut open: usize = 1;
    loop {
        #[cfg(test)]
        work::count();
        let rest = reader.rest();
        if let Some(after) = rest.strip_prefix(&[0, 0]) {
            open -= 1;
            if open == 0 {
                return (&bytes[..bytes.len() - rest.len()], after);
            }
            reader = Reader::new(after);
            continue;
        }
        match reader.element() {
            Ok(_) => {}
            Err(Malformed::Indefinite) => {
                let header = header_length(rest).expect("the length was read");
                reader = Reader::new(&rest[header..]);
                open += 1;
            }
            Err(_) => return (bytes, &[]),
        }
    }
}

/// The octets of a string that may come in segments, which may come in segments.
pub(super) fn joined<'a>(element: &Element<'a>) -> Cow<'a, [u8]> {
    if element.tag & CONSTRUCTED == 0 {
        return Cow::Borrowed(element.contents);
    }
    let mut octets = Vec::new();
    join(element.contents, SEGMENT_DEPTH_MAX, &mut octets);
    Cow::Owned(octets)
}

fn join(contents: &[u8], depth: usize, octets: &mut Vec<u8>) {
    let mut reader = Reader::new(contents);
    while let Some(segment) = next(&mut reader) {
        if segment.tag & CONSTRUCTED != 0 && depth > 0 {
            join(segment.contents, depth - 1, octets);
        } else {
            octets.extend_from_slice(segment.contents);
        }
    }
    octets.extend_from_slice(reader.rest());
}

/// The low five bits of an identifier octet; all ones announce the high-tag-number form (X.690 §8.1.2.4).
const HIGH_TAG: u8 = 0x1f;

/// The bit of the identifier octet that says that the contents are elements (X.690 §8.1.2.5).
pub(super) const CONSTRUCTED: u8 = 0x20;

/// How deep segments nest; OpenSSL gives up at five. Deeper ones are taken as they are.
const SEGMENT_DEPTH_MAX: usize = 8;

/// Counts the headers read, for the tests that hold the work to the length of the input.
#[cfg(test)]
pub(super) mod work {
    use std::cell::Cell;

    thread_local! {
        static HEADERS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn count() {
        HEADERS.set(HEADERS.get() + 1);
    }

    /// What was read since the last call.
    pub(crate) fn taken() -> usize {
        HEADERS.take()
    }
}
