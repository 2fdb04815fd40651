//! Octets as hexadecimal digits, in lower case.

use std::fmt::Write as _;

pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a text takes all that is written");
    }
    text
}

/// `None` if these are no pairs of digits. Capitals are no digits here: one value has one text.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_one_text() {
        assert_eq!(encode(&[0, 0xa5, 255]), "00a5ff");
        assert_eq!(decode("00a5ff"), Some(vec![0, 0xa5, 255]));
        for text in ["0", "0g", "0A", " 0", "é"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
