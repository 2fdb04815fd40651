//! A mail as text (RFC 5322): printable ASCII lines of at most 76 characters, whatever it says. So no server
//! needs an extension to carry it, and no header can end early.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::Mail;

/// Header and body, each line ended by CRLF.
pub(super) fn message(mail: &Mail<'_>, now: Timestamp) -> String {
    let (from, to, id) = (mail.from, mail.to, message_id(mail.id));
    // RFC 5322 §3.3 has no years before 1900; a clock that shows one has not been set yet.
    let date = DateTimePrinter::new()
        .timestamp_to_string(&now.max(Timestamp::UNIX_EPOCH))
        .expect("the years from 1970 to 9999 can be printed");
    let (subject, domain) = (unstructured(mail.subject), &from.domain);
    // RFC 3834 §5: nobody's holiday greeting is wanted back.
    let mut text = format!(
        "Date: {date}\r\nFrom: Countersign <{from}>\r\nTo: <{to}>\r\nMessage-ID: <{id}@{domain}>\r\n\
         Subject: {subject}\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    );
    quoted_printable(mail.text, &mut text);
    text
}

/// The left side of a Message-ID (RFC 5322 §3.6.4). A hash has only characters that may stand there.
fn message_id(id: &str) -> String {
    /// As many bytes as make a collision by chance impossible.
    const BYTES: usize = 16;
    let mut text = "countersign.".to_owned();
    for byte in &digest(&SHA256, id.as_bytes()).as_ref()[..BYTES] {
        write!(text, "{byte:02x}").expect("a String takes all");
    }
    text
}

/// How many bytes of text a line with an encoded word may carry: 52 of base64, 12 around them, and the first
/// line has `Subject: ` in front. RFC 2047 §2 allows 75 for a word and 76 for the line.
const WORD_BYTES_MAX: usize = 39;

/// How long an unencoded subject may be: with `Subject: ` it still fits the line of RFC 5322 §2.1.1.
const PLAIN_BYTES_MAX: usize = 67;

/// The value of a header that takes any text: as it is, or in encoded words (RFC 2047). Control characters,
/// which could only mislead, come out as U+FFFD.
fn unstructured(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && text.len() <= PLAIN_BYTES_MAX
        && !text.contains("=?");
    if is_plain {
        return text.to_owned();
    }
    let shown = |char: char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char };
    let mut words = vec![String::new()];
    for char in text.chars().map(shown) {
        let last = words.last_mut().expect("there is a first word");
        // RFC 2047 §5: a character is not split between two words.
        if last.len() + char.len_utf8() > WORD_BYTES_MAX {
            words.push(char.to_string());
        } else {
            last.push(char);
        }
    }
    let encoded = |word: &String| {
        format!("=?utf-8?B?{}?=", base64_simd::STANDARD.encode_to_string(word.as_bytes()))
    };
    // RFC 2047 §6.2: the space between two words is not part of the text.
    words.iter().map(encoded).collect::<Vec<_>>().join("\r\n ")
}

/// How long a line may be with the `=` that ends it softly (RFC 2045 §6.7, rule 5).
const LINE_CHARS_MAX: usize = 76;

/// Appends a text in the quoted-printable encoding (RFC 2045 §6.7).
fn quoted_printable(text: &str, to: &mut String) {
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line).as_bytes();
        let mut column = 0;
        for (index, byte) in line.iter().enumerate() {
            // Rule 3: white space at the end of a line gets lost on the way.
            let is_kept = matches!(byte, b' ' | b'\t') && index + 1 < line.len();
            let is_literal = is_kept || (byte.is_ascii_graphic() && *byte != b'=');
            let width = if is_literal { 1 } else { 3 };
            if column + width > LINE_CHARS_MAX - 1 {
                to.push_str("=\r\n");
                column = 0;
            }
            if is_literal {
                to.push(char::from(*byte));
            } else {
                write!(to, "={byte:02X}").expect("a String takes all");
            }
            column += width;
        }
        to.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(text: &str) -> String {
        let mut encoded = String::new();
        quoted_printable(text, &mut encoded);
        encoded
    }

    #[test]
    fn text_is_quoted_where_it_must_be() {
        let check = |text: &str, expected: &str| assert_eq!(quoted(text), expected);
        check("", "\r\n");
        check("a\nb\n", "a\r\nb\r\n");
        check("a\r\n\r\n.\r\n", "a\r\n\r\n.\r\n");
        check("1 = 1 \n", "1 =3D 1=20\r\n");
        check("a\rb\u{1b}\0ü", "a=0Db=1B=00=C3=BC\r\n");
        check(&"x".repeat(76), &format!("{}=\r\nx\r\n", "x".repeat(75)));
    }

    #[test]
    fn a_subject_is_one_value() {
        let check = |text: &str, expected: &str| assert_eq!(unstructured(text), expected);
        check("an unexpected certificate", "an unexpected certificate");
        check("x\r\nBcc: all@example.org", "=?utf-8?B?eO+/ve+/vUJjYzogYWxsQGV4YW1wbGUub3Jn?=");
        check("=?utf-8?B?eA==?=", "=?utf-8?B?PT91dGYtOD9CP2VBPT0/PQ==?=");
        let long = unstructured(&"ü".repeat(60));
        assert_eq!(long.split("\r\n ").count(), 4, "{long}");
    }

    /// Undoes [`quoted_printable`], by RFC 2045.
    fn unquoted(encoded: &str) -> Vec<u8> {
        let (mut bytes, mut rest) = (Vec::new(), encoded.replace("=\r\n", "").into_bytes());
        rest.reverse();
        while let Some(byte) = rest.pop() {
            if byte != b'=' {
                bytes.push(byte);
                continue;
            }
            let digits = [rest.pop().unwrap(), rest.pop().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        }
        bytes
    }

    proptest! {
        #[test]
        fn any_text_is_carried_in_short_ascii_lines(text in "\\PC*|[ =.\t\n\u{0}\u{1b}ü]*|.{0,400}") {
            let text = text.replace('\r', "");
            let encoded = quoted(&text);
            for line in encoded.split("\r\n") {
                prop_assert!(line.len() <= LINE_CHARS_MAX);
                prop_assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')));
                prop_assert!(!line.ends_with([' ', '\t']));
            }
            let back = String::from_utf8(unquoted(&encoded)).unwrap();
            let expected = text.strip_suffix('\n').unwrap_or(&text).replace('\n', "\r\n");
            prop_assert_eq!(back, format!("{}\r\n", expected));
        }

        #[test]
        fn any_subject_is_one_header(text in any::<String>()) {
            let value = unstructured(&text);
            let lines: Vec<_> = value.split("\r\n").collect();
            for line in &lines {
                prop_assert!(line.len() <= LINE_CHARS_MAX - "Subject: ".len());
                prop_assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            }
            prop_assert!(lines[1..].iter().all(|line| line.starts_with(" =?")));
        }
    }
}
