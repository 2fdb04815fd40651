//! `Time` (RFC 5280 §4.1.2.5), with the liberties that X.680 and careless CAs take: no seconds, fractions,
//! offsets, no zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The time, to the second. None where it cannot be read.
pub(super) fn timestamp(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let mut digits = Digits { rest: text };
    let year = match tag {
        // RFC 5280 §4.1.2.5.1: 50 is 1950, 49 is 2049.
        UTC_TIME => match digits.pair()? {
            year @ 50.. => 1900 + i16::from(year),
            year => 2000 + i16::from(year),
        },
        GENERALIZED_TIME => i16::from(digits.pair()?) * 100 + i16::from(digits.pair()?),
        _ => return None,
    };
    let (month, day, hour) = (digits.pair()?, digits.pair()?, digits.pair()?);
    let minute = digits.pair().unwrap_or(0);
    let second = digits.pair().unwrap_or(0);
    let date_time = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let offset = offset(without_fraction(digits.rest))?;
    // The end of the year 9999 stands for "no end" (RFC 5280 §4.1.2.5) and is a few hours past what fits.
    Some(offset.to_timestamp(date_time).unwrap_or(Timestamp::MAX))
}

fn without_fraction(rest: &[u8]) -> &[u8] {
    match rest {
        [b'.' | b',', fraction @ ..] => {
            let digits = fraction.iter().take_while(|octet| octet.is_ascii_digit()).count();
            &fraction[digits..]
        }
        _ => rest,
    }
}

/// `Z`, nothing, or a sign, hours and perhaps minutes.
fn offset(zone: &[u8]) -> Option<Offset> {
    let (sign, rest) = match zone {
        [] | [b'Z' | b'z'] => return Some(Offset::UTC),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let mut digits = Digits { rest };
    let (hours, minutes) = (digits.pair()?, digits.pair().unwrap_or(0));
    let seconds = (i32::from(hours) * 60 + i32::from(minutes)) * 60;
    digits.rest.is_empty().then(|| Offset::from_seconds(sign * seconds).ok())?
}

/// Reads decimal numbers of two digits.
struct Digits<'a> {
    rest: &'a [u8],
}

impl Digits<'_> {
    fn pair(&mut self) -> Option<i8> {
        let (&[tens, units], rest) = self.rest.split_first_chunk()?;
        if !tens.is_ascii_digit() || !units.is_ascii_digit() {
            return None;
        }
        self.rest = rest;
        i8::try_from((tens - b'0') * 10 + (units - b'0')).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tag: u8, text: &str, expected: Option<&str>) {
        let expected = expected.map(|text| text.parse().expect("a timestamp"));
        assert_eq!(timestamp(tag, text.as_bytes()), expected, "{text}");
    }

    #[test] // RFC 5280 §4.1.2.5
    fn times_as_they_should_be() {
        check(UTC_TIME, "491231235959Z", Some("2049-12-31T23:59:59Z"));
        check(UTC_TIME, "500101000000Z", Some("1950-01-01T00:00:00Z"));
        check(GENERALIZED_TIME, "20500101000000Z", Some("2050-01-01T00:00:00Z"));
        check(GENERALIZED_TIME, "99991231235959Z", Some("9999-12-30T22:00:00.999999999Z"));
    }

    #[test] // X.680 §46, §47
    fn times_as_they_also_come() {
        check(UTC_TIME, "2602030405Z", Some("2026-02-03T04:05:00Z"));
        check(UTC_TIME, "260203040506", Some("2026-02-03T04:05:06Z"));
        check(UTC_TIME, "260203040506+0130", Some("2026-02-03T02:35:06Z"));
        check(GENERALIZED_TIME, "20260203040506.789Z", Some("2026-02-03T04:05:06Z"));
        check(GENERALIZED_TIME, "2026020304", Some("2026-02-03T04:00:00Z"));
        check(GENERALIZED_TIME, "202602030405-05", Some("2026-02-03T09:05:00Z"));
    }

    #[test]
    fn times_that_are_none() {
        check(UTC_TIME, "260231000000Z", None);
        check(UTC_TIME, "260203040506+99999", None);
        check(UTC_TIME, "2602030405O6Z", None);
        check(UTC_TIME, "", None);
        check(0x0c, "260203040506Z", None);
    }
}
