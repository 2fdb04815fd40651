//! SHA-256 hashes as people write them: hexadecimal, whole or the beginning.

/// All 64 digits, in either case.
pub(crate) fn whole(text: &str) -> Option<[u8; 32]> {
    beginning(text)?.try_into().ok()
}

/// Some digits, two a byte, in either case.
pub(crate) fn beginning(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || pairs.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::print::hex;

    #[test]
    fn what_is_no_hash_is_refused() {
        let short = "00".repeat(31);
        for text in ["", &short, &"00".repeat(33), &format!("{short}0g"), &format!("{short}+1")] {
            assert_eq!(whole(text), None, "{text}");
        }
        assert_eq!((beginning("abc"), beginning("ÄÄ")), (None, None));
    }

    proptest! {
        #[test]
        fn printing_and_parsing_agree(hash: [u8; 32]) {
            prop_assert_eq!(whole(&hex(&hash)), Some(hash));
            prop_assert_eq!(whole(&hex(&hash).to_uppercase()), Some(hash));
        }
    }
}
