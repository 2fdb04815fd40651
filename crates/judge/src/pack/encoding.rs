//! Bytes as text: hexadecimal, base64, PEM (RFC 7468), and text made safe for a page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Lower case, two digits a byte, as `sha256sum` prints.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The 32 bytes that 64 lower-case digits stand for.
pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    (hex(&bytes) == text).then_some(bytes)
}

/// Standard base64 with padding, as lists of logs have it.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// What [`base64`] wrote.
pub(super) fn unbase64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// What [`base64`] wrote of a hash or a key.
pub(super) fn unbase64_32(text: &str) -> Option<[u8; 32]> {
    unbase64(text)?.try_into().ok()
}

/// One PEM block, for `openssl`.
pub(super) fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let encoded = base64(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(PEM_LINE) {
        text += str::from_utf8(line).expect("base64 is ASCII");
        text.push('\n');
    }
    text += &format!("-----END {label}-----\n");
    text.into_bytes()
}

/// The bytes of one block that [`pem`] wrote.
pub(super) fn unpem(label: &str, text: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(text).ok()?;
    let body = text
        .strip_prefix(&format!("-----BEGIN {label}-----\n"))?
        .strip_suffix(&format!("-----END {label}-----\n"))?;
    let der = unbase64(&body.replace('\n', ""))?;
    (pem(label, &der) == text.as_bytes()).then_some(der)
}

/// Characters a line (RFC 7468 §2).
const PEM_LINE: usize = 64;

/// Text for HTML, in an element or in a quoted attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes: Vec<u8>, hash: [u8; 32]) {
            prop_assert_eq!(unpem("CERTIFICATE", &pem("CERTIFICATE", &bytes)), Some(bytes));
            prop_assert_eq!(unhex(&hex(&hash)), Some(hash));
            prop_assert_eq!(unbase64_32(&base64(&hash)), Some(hash));
        }

        #[test]
        fn any_text_is_judged(text: String) {
            if let Some(hash) = unhex(&text) {
                prop_assert_eq!(hex(&hash), text.as_str());
            }
            if let Some(der) = unpem("CERTIFICATE", text.as_bytes()) {
                prop_assert_eq!(pem("CERTIFICATE", &der), text.as_bytes());
            }
            prop_assert!(!escaped(&text).contains(['<', '>', '"', '\'']));
        }
    }
}
