//! Foreign text made harmless for a terminal, a mail, a page, and for its reader.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// The text with every character that steers a terminal, hides, or turns the direction of reading shown as
/// `\u{202e}`. Line ends too: what comes out is one line. Twice is as good as once.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) {
            write!(shown, "{}", c.escape_unicode()).expect("a String takes all that is written");
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// The text made plain, and cut where it has more characters than that; `…` stands for the rest.
pub fn bounded(text: &str, characters_max: usize) -> Cow<'_, str> {
    let cut = text.char_indices().nth(characters_max).map(|(at, _)| at);
    let Some(cut) = cut else { return within(plain(text), characters_max) };
    // What is cut off is not even looked at: it may be megabytes.
    let mut shown = plain(&text[..cut]).into_owned();
    shown.push(CUT);
    within(Cow::Owned(shown), characters_max)
}

/// Escaped, a text can be ten times as long.
fn within(shown: Cow<'_, str>, characters_max: usize) -> Cow<'_, str> {
    match shown.char_indices().nth(characters_max) {
        None => shown,
        Some(_) => {
            let kept = shown.chars().take(characters_max.saturating_sub(1));
            Cow::Owned(kept.chain([CUT]).collect())
        }
    }
}

/// Stands for what is left out.
const CUT: char = '…';

/// How much of a name is shown. No host name has more (RFC 1035 §2.3.4).
pub const NAME_CHARACTERS_MAX: usize = 253;

/// Whether a character does something other than to stand in its place.
pub fn steers(c: char) -> bool {
    c.is_control()
        // Spaces that are not the space, line and paragraph separators: two names that look the same.
        || (c.is_whitespace() && c != ' ')
        || matches!(c,
            // Marks, embeddings, overrides and isolates (Unicode Standard Annex 9 §2), with which a name can be
            // made to read backwards.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Nothing to see: soft hyphen, fillers, zero-width characters, annotations, tags, selectors of
            // variants, the empty Braille pattern, controls of musical, shorthand and hieroglyphic notation.
            | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Octets as lower-case hexadecimal.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(2 * octets.len()), |mut hex, octet| {
        write!(hex, "{octet:02x}").expect("a String takes all that is written");
        hex
    })
}

/// A name in a sentence.
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            // See [`crate::observation::Observation::names`].
            return f.write_str("names that could not be read");
        }
        f.write_str(&bounded(self.0, NAME_CHARACTERS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str) {
        assert_eq!(plain(text), shown);
    }

    #[track_caller]
    fn check_bounded(text: &str, characters_max: usize, shown: &str) {
        assert_eq!(bounded(text, characters_max), shown);
    }

    #[test]
    fn ordinary_text_stays() {
        check("xmpp.example", "xmpp.example");
        check("Zürich 東京", "Zürich 東京");
        check("", "");
    }

    #[test]
    fn what_steers_is_shown() {
        check("a\u{1b}[2Jb", r"a\u{1b}[2Jb");
        check("a\u{9b}2J", r"a\u{9b}2J");
        check("two\r\nlines\0", r"two\u{d}\u{a}lines\u{0}");
        check("gro.elpmaxe\u{202e}", r"gro.elpmaxe\u{202e}");
        check("ex\u{200b}ample", r"ex\u{200b}ample");
        check("ex\u{fe0f}ample\u{e0100}", r"ex\u{fe0f}ample\u{e0100}");
        check("a\u{a0}b\u{3000}c\u{2028}d", r"a\u{a0}b\u{3000}c\u{2028}d");
    }

    #[test]
    fn long_text_is_cut() {
        check_bounded("example", 7, "example");
        check_bounded("example", 6, "examp…");
        check_bounded("\0\0", 8, r"\u{0}\u…");
        check_bounded("東京都", 2, "東…");
        check_bounded("x", 0, "…");
    }

    proptest! {
        #[test]
        fn nothing_shown_steers(text: String) {
            prop_assert!(!plain(&text).contains(steers));
        }

        #[test]
        fn what_is_plain_stays_so(text: String) {
            let once = plain(&text).into_owned();
            prop_assert_eq!(plain(&once), once.as_str());
        }

        #[test]
        fn what_is_bounded_is_plain_and_short(text: String, characters_max in 1_usize..64) {
            let once = bounded(&text, characters_max).into_owned();
            prop_assert!(!once.contains(steers) && once.chars().count() <= characters_max);
            prop_assert_eq!(bounded(&once, characters_max), once.as_str());
        }
    }
}
