//! The header of the only HTTP request that is answered: `POST /look` with a body of known length (RFC 9112).

/// The header of a request that is answered has a handful of fields; proxies on the way add some.
pub const HEAD_BYTES_MAX: usize = 8 << 10;

/// Why a header is not answered with what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It cannot be read.
    Malformed,
    /// There is nothing at this path.
    NotFound,
    /// The path takes POST only.
    Method,
    /// A body needs its length (RFC 9110 §8.6); none comes in chunks.
    Length,
    /// More than a request needs.
    TooLarge,
}

impl Refused {
    /// The status line's end.
    pub fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::Method => "405 Method Not Allowed",
            Self::Length => "411 Length Required",
            Self::TooLarge => "413 Content Too Large",
        }
    }
}

/// Reads a header up to and with its empty line; gives the length of the body, at most `body_max`.
pub fn body_length(head: &[u8], body_max: usize) -> Result<usize, Refused> {
    let text = str::from_utf8(head).map_err(|_| Refused::Malformed)?;
    let text = text.strip_suffix("\r\n\r\n").ok_or(Refused::Malformed)?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(path), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refused::Malformed);
    };
    let mut length = None;
    for line in lines {
        // RFC 9112 §5: no folding, no blank before the colon.
        let (name, value) = line.split_once(':').ok_or(Refused::Malformed)?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refused::Malformed);
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Refused::Length);
        }
        if name.eq_ignore_ascii_case("content-length") {
            let digits = value.trim_matches([' ', '\t']);
            let fits = (1..=9).contains(&digits.len());
            if length.is_some() || !fits || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Refused::Malformed);
            }
            length = digits.parse::<usize>().ok();
        }
    }
    if path != "/look" {
        return Err(Refused::NotFound);
    }
    if method != "POST" {
        return Err(Refused::Method);
    }
    let length = length.ok_or(Refused::Length)?;
    if length > body_max { Err(Refused::TooLarge) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_is_answered() {
        let head = |first: &str, rest: &str| format!("{first}\r\nHost: a\r\n{rest}\r\n");
        let post = "POST /look HTTP/1.1";
        for (text, expected) in [
            (head(post, "Content-Length: 17\r\n"), Ok(17)),
            (head(post, "content-length:100\r\nX-Forwarded-For: b\r\n"), Ok(100)),
            (head(post, "Content-Length: 101\r\n"), Err(Refused::TooLarge)),
            (head(post, ""), Err(Refused::Length)),
            (head(post, "Transfer-Encoding: chunked\r\n"), Err(Refused::Length)),
            (head(post, "Content-Length: 1\r\nContent-Length: 1\r\n"), Err(Refused::Malformed)),
            (head(post, "Content-Length: +1\r\n"), Err(Refused::Malformed)),
            (head(post, "Content-Length: 1, 1\r\n"), Err(Refused::Malformed)),
            (head(post, "Content-Length : 1\r\n"), Err(Refused::Malformed)),
            (head(post, " folded\r\n"), Err(Refused::Malformed)),
            (head("GET /look HTTP/1.1", "Content-Length: 1\r\n"), Err(Refused::Method)),
            (head("POST / HTTP/1.1", "Content-Length: 1\r\n"), Err(Refused::NotFound)),
            (head("POST /look HTTP/2", ""), Err(Refused::Malformed)),
            (head("POST /look  HTTP/1.1", ""), Err(Refused::Malformed)),
            (String::new(), Err(Refused::Malformed)),
            ("POST /look HTTP/1.1\r\n".to_owned(), Err(Refused::Malformed)),
        ] {
            assert_eq!(body_length(text.as_bytes(), 100), expected, "{text:?}");
        }
    }
}
