//! The gzip format (RFC 1952): a whole body at once, into one buffer.

use flate2::{Decompress, FlushDecompress, Status};
use libdeflater::{Crc, Decompressor};
use memchr::memmem;

/// Why bytes are not one gzip body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GzipError {
    /// They end before the checksum of the last member.
    #[error("it ends early")]
    Truncated,
    /// A header, a block or a checksum is wrong.
    #[error("it is corrupt")]
    Corrupt,
    /// After a member comes something that is no member. RFC 1952 §2.2 allows members only, and
    /// ignoring the rest would hide what the server sent.
    #[error("other bytes follow it")]
    TrailingBytes,
    /// It inflates to more than it may.
    #[error("it inflates to more than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
}

/// Deflate cannot do better than 1032 to 1 (zlib's technical notes), so a claim of more is a lie.
const RATIO_MAX: usize = 1032;

/// The largest window, as base-2 logarithm (RFC 1951 §2); smaller ones decode under it too.
const WINDOW_BITS: u8 = 15;

/// A gzip member's header begins so (RFC 1952 §2.3.1).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Where a header has its flags, and the one that says that it has a checksum (RFC 1952 §2.3.1, FLG and FHCRC).
const FLAGS: usize = 3;
const HAS_HEADER_CHECKSUM: u8 = 1 << 1;

/// Inflates all members of `wire` (RFC 1952 §2.2: concatenated members are one body) and checks their
/// checksums and lengths. Never holds more than `bytes_max` + 1 bytes of content.
pub fn inflate(wire: &[u8], bytes_max: usize) -> Result<Vec<u8>, GzipError> {
    if let Some(body) = inflate_at_once(wire, bytes_max) {
        return Ok(body);
    }
    let mut body = Vec::with_capacity(claimed_size(wire).min(bytes_max));
    let mut rest = wire;
    loop {
        rest = inflate_member(rest, &mut body, bytes_max)?;
        if rest.is_empty() {
            return Ok(body);
        }
        if !rest.starts_with(&MAGIC) {
            return Err(GzipError::TrailingBytes);
        }
    }
}

/// Inflates what honest servers send: one member whose claim is true, with nothing after it. All else is `None`,
/// and is judged by [`inflate_member`]. Inflating is most of what reading a log costs; libdeflate takes a quarter
/// less time for it, since it gets all input and room for all output at once.
fn inflate_at_once(wire: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let size = claimed_size(wire);
    // libdeflate passes over the checksum of a header.
    if size > bytes_max || wire.get(FLAGS)? & HAS_HEADER_CHECKSUM != 0 {
        return None;
    }
    let mut body = vec![0; size];
    let inflated = Decompressor::new().gzip_decompress(wire, &mut body).ok()?;
    let mut checksum = Crc::new();
    checksum.update(&body);
    let length = u32::try_from(size).ok()?;
    let trailer = [checksum.sum().to_le_bytes(), length.to_le_bytes()].concat();
    // It does not tell where the member ended, only that the trailer (RFC 1952 §2.3.1) stood there. If that
    // stands nowhere but at the end of all, nothing followed.
    let ends = memmem::find(wire, &trailer)? + trailer.len();
    (inflated == size && ends == wire.len()).then_some(body)
}

/// Appends one member's content to `body` and returns what follows the member.
fn inflate_member<'a>(
    wire: &'a [u8],
    body: &mut Vec<u8>,
    bytes_max: usize,
) -> Result<&'a [u8], GzipError> {
    let mut inflater = Decompress::new_gzip(WINDOW_BITS);
    let mut rest = wire;
    loop {
        let (len_before, taken_before) = (body.len(), inflater.total_in());
        // `Finish`: all the input there is. With room for all the output it decodes in one go, straight
        // into `body` and without keeping a window.
        let status = inflater
            .decompress_vec(rest, body, FlushDecompress::Finish)
            .map_err(|_| GzipError::Corrupt)?;
        let taken = usize::try_from(inflater.total_in() - taken_before)
            .expect("it takes no more than the slice it was given");
        rest = &rest[taken..];
        if body.len() > bytes_max {
            return Err(GzipError::TooLarge { bytes_max });
        }
        if status == Status::StreamEnd {
            return Ok(rest);
        }
        let has_room = body.len() < body.capacity();
        let is_stuck = body.len() == len_before && taken == 0;
        if has_room && (rest.is_empty() || is_stuck) {
            return Err(GzipError::Truncated);
        }
        if !has_room {
            // One byte more than allowed, so that too large a body shows itself.
            let room_max = bytes_max.saturating_add(1) - body.len();
            body.reserve_exact(body.capacity().max(ROOM_MIN).min(room_max));
        }
    }
}

/// The least to make room for when a body turns out larger than it claimed, in bytes.
const ROOM_MIN: usize = 4096;

/// How large the last member says its content is, modulo 2^32 (RFC 1952 §2.3.1, ISIZE). It is but a
/// claim; it saves growing the buffer for every honest server.
fn claimed_size(wire: &[u8]) -> usize {
    let Some(claimed) = wire.last_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes)) else {
        return 0;
    };
    let size_max = wire.len().saturating_mul(RATIO_MAX);
    usize::try_from(claimed).unwrap_or(usize::MAX).min(size_max)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, GzBuilder};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn member(content: &[u8]) -> Vec<u8> {
        let mut writer = GzBuilder::new().filename("tile").write(Vec::new(), Compression::fast());
        writer.write_all(content).unwrap();
        writer.finish().unwrap()
    }

    fn check(wire: &[u8], bytes_max: usize, expected: Result<&[u8], GzipError>) {
        assert_eq!(inflate(wire, bytes_max).as_deref(), expected.as_ref().map(|content| *content));
    }

    #[test]
    fn one_member_up_to_the_limit() {
        check(&member(b"entries"), 7, Ok(b"entries"));
        check(&member(b"entries"), 6, Err(GzipError::TooLarge { bytes_max: 6 }));
        check(&member(b""), 0, Ok(b""));
        check(&member(b"e"), 0, Err(GzipError::TooLarge { bytes_max: 0 }));
    }

    #[test] // RFC 1952 §2.2
    fn all_members_together_up_to_the_limit() {
        let wire = [member(b"one "), member(b""), member(&[b'2'; 9000])].concat();
        let content = [b"one ".as_slice(), &[b'2'; 9000]].concat();
        check(&wire, 9004, Ok(&content));
        check(&wire, 9003, Err(GzipError::TooLarge { bytes_max: 9003 }));
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let wire = member(&vec![0; 5_000_000]);
        assert!(wire.len() < 50_000);
        check(&wire, 1_000_000, Err(GzipError::TooLarge { bytes_max: 1_000_000 }));
    }

    #[test]
    fn whatever_follows_is_no_part_of_it() {
        for rest in [b"\0".as_slice(), b"\x1f", b"{}", &[0; 512]] {
            check(&[&member(b"entries"), rest].concat(), 100, Err(GzipError::TrailingBytes));
        }
        check(&[&member(b"entries"), &MAGIC[..]].concat(), 100, Err(GzipError::Truncated));
        // Neither does the trailer, repeated, hide what is before it.
        let wire = member(b"entries");
        let hiding = [&wire[..], b"hidden", &wire[wire.len() - 8..]].concat();
        check(&hiding, 100, Err(GzipError::TrailingBytes));
        check(&[&wire[..], &wire[wire.len() - 8..]].concat(), 100, Err(GzipError::TrailingBytes));
    }

    #[test] // RFC 1952 §2.3.1
    fn a_wrong_checksum_of_the_header_is_noticed() {
        let mut wire = member(b"entries");
        let content = wire.split_off(b"\x1f\x8b.FTIMEXOtile\0".len());
        wire[FLAGS] |= HAS_HEADER_CHECKSUM;
        check(&[&wire[..], b"xx", &content].concat(), 100, Err(GzipError::Corrupt));
    }

    #[test]
    fn plain_bodies_are_inflated_at_once() {
        let wire = member(b"entries");
        assert_eq!(inflate_at_once(&wire, 7).as_deref(), Some(b"entries".as_slice()));
        assert_eq!(inflate_at_once(&wire, 6), None);
        assert_eq!(inflate_at_once(&[wire.clone(), wire].concat(), 100), None);
    }

    #[test]
    fn every_cut_is_noticed() {
        let wire = member(b"a body of some length, some length, some length");
        for len in 0..wire.len() {
            check(&wire[..len], 1000, Err(GzipError::Truncated));
        }
    }

    #[test]
    fn a_wrong_checksum_or_length_is_noticed() {
        let wire = member(&[7; 5000]);
        for place in 1..=8 {
            let mut wrong = wire.clone();
            let last = wrong.len();
            wrong[last - place] ^= 0x10;
            check(&wrong, 10_000, Err(GzipError::Corrupt));
        }
        check(b"no gzip at all", 100, Err(GzipError::Corrupt));
    }

    proptest! {
        #[test]
        fn inflates_what_was_deflated(contents in vec(vec(0_u8..4, 0..2000), 1..4)) {
            let wire: Vec<u8> = contents.iter().flat_map(|content| member(content)).collect();
            prop_assert_eq!(inflate(&wire, 1 << 20), Ok(contents.concat()));
        }

        #[test]
        fn any_bytes_end_within_the_limit(
            mut wire in vec(any::<u8>(), 0..300),
            content in vec(any::<u8>(), 0..300),
            flip in any::<(usize, u8)>(),
        ) {
            prop_assert!(inflate(&wire, 100).is_ok_and(|body| body.len() <= 100) || inflate(&wire, 100).is_err());
            wire = member(&content);
            let place = flip.0 % wire.len();
            wire[place] ^= flip.1;
            if let Ok(body) = inflate(&wire, 1000) {
                prop_assert_eq!(body, content);
            }
        }
    }
}
