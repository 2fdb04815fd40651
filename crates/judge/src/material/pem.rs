//! PEM blocks out of a text (RFC 7468), whatever stands around them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Block, Unread, Wiped};

/// A block: what it says it is, and its DER.
pub(super) struct Pem {
    pub(super) label: String,
    pub(super) contents: Wiped,
}

/// The blocks of a text, and why one could not be read. Text between them is stepped over (RFC 7468 §2, §5.2).
pub(super) fn blocks(bytes: &[u8]) -> impl Iterator<Item = Result<Pem, Unread>> {
    let mut lines = bytes.split(|&octet| octet == b'\n').peekable();
    std::iter::from_fn(move || {
        let label = lines.find_map(|line| boundary(line, "-----BEGIN "))?;
        let mut base64 = Wiped::with_capacity(bytes.len());
        let mut headers = Headers::None;
        loop {
            // A block that begins ends the one before it, which has lost its end.
            let begins = |line: &&[u8]| boundary(line, "-----BEGIN ").is_some();
            let Some(line) = lines.next_if(|line| !begins(line)) else {
                return Some(Err(Unread::CutOff(Block::Pem(label))));
            };
            if let Some(end) = boundary(line, "-----END ") {
                return Some(if end == label {
                    decode(label, &base64, &headers)
                } else {
                    Err(Unread::CutOff(Block::Pem(label)))
                });
            }
            // Headers as in RFC 1421 §4.6: they come first, and a colon is not base64.
            if line.contains(&b':') {
                let encrypted = line.windows(9).any(|word| word == b"ENCRYPTED");
                if encrypted {
                    headers = Headers::Encrypted;
                }
            } else {
                base64.extend(line.iter().copied().filter(|octet| !octet.is_ascii_whitespace()));
            }
        }
    })
}

/// What the headers of a block say of it.
enum Headers {
    None,
    Encrypted,
}

fn decode(label: String, base64: &Wiped, headers: &Headers) -> Result<Pem, Unread> {
    if matches!(headers, Headers::Encrypted) {
        return Err(Unread::Encrypted(Block::Pem(label)));
    }
    match STANDARD.decode(&**base64) {
        Ok(contents) => Ok(Pem { label, contents: Wiped::new(contents) }),
        Err(_) => Err(Unread::NotBase64(Block::Pem(label))),
    }
}

/// The label, if the line is a boundary of this kind.
fn boundary(line: &[u8], kind: &str) -> Option<String> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line); // An editor's byte order mark.
    let label = line.trim_ascii().strip_prefix(kind.as_bytes())?.strip_suffix(b"-----")?;
    if label.len() > LABEL_OCTETS_MAX {
        return None;
    }
    let label = str::from_utf8(label).ok()?;
    let fits = |c: char| c.is_ascii_graphic() || c == ' ';
    label.chars().all(fits).then(|| label.to_owned())
}

/// The longest label in use, `NEW CERTIFICATE REQUEST`, has a third of it.
const LABEL_OCTETS_MAX: usize = 64;
