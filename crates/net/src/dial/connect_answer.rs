//! What an HTTP proxy answers to CONNECT.

/// The answer has a status line and a handful of fields.
pub(super) const HEADER_BYTES_MAX: usize = 8 << 10;

/// The status in the header of an answer of HTTP/1 (RFC 9112 §4). `None`: it is none.
pub(super) fn status(header: &[u8]) -> Option<u16> {
    let line = header.split(|byte| *byte == b'\r').next()?;
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let [b'0' | b'1', b' ', digits @ ..] = rest else { return None };
    let (digits, reason) = digits.split_at_checked(3)?;
    let ends = matches!(reason.first(), None | Some(b' '));
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let [a, b, c] = digits else { return None };
    let status = digit(a)? * 100 + digit(b)? * 10 + digit(c)?;
    (ends && (100..=599).contains(&status)).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // RFC 9112 §4.
    fn a_status_line_says_how_it_went() {
        for (line, expected) in [
            ("HTTP/1.1 200 Connection established\r\n\r\n", Some(200)),
            ("HTTP/1.0 200\r\n\r\n", Some(200)),
            ("HTTP/1.1 403 Forbidden\r\nX: y\r\n\r\n", Some(403)),
            ("HTTP/1.1 2000 \r\n\r\n", None),
            ("HTTP/1.1  200 OK\r\n\r\n", None),
            ("HTTP/2 200\r\n\r\n", None),
            ("HTTP/1.1 +20\r\n\r\n", None),
            ("HTTP/1.1 999\r\n\r\n", None),
            ("220 mail.example ESMTP\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(status(line.as_bytes()), expected, "{line:?}");
        }
    }
}
