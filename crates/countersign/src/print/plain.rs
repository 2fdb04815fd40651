//! Foreign text made harmless for a terminal and for its reader.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with every character that steers a terminal, hides, or turns the direction of reading
/// shown as `\u{202e}`. Twice is as good as once.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
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

/// Whether a character does something other than to stand in its place.
pub(super) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Marks, embeddings, overrides and isolates (Unicode Standard Annex 9 §2), with which
            // a name can be made to read backwards.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators.
            | '\u{2028}' | '\u{2029}'
            // Nothing to see: soft hyphen, fillers, zero-width characters, annotations, tags.
            | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200d}'
            | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str) {
        assert_eq!(plain(text), shown);
    }

    #[test]
    fn ordinary_text_stays() {
        check("xmpp.example", "xmpp.example");
        check("Zürich 東京", "Zürich 東京");
    }

    #[test]
    fn what_steers_is_shown() {
        check("a\u{1b}[2Jb", r"a\u{1b}[2Jb");
        check("a\u{9b}2J", r"a\u{9b}2J");
        check("two\nlines\0", r"two\u{a}lines\u{0}");
        check("gro.elpmaxe\u{202e}", r"gro.elpmaxe\u{202e}");
        check("ex\u{200b}ample", r"ex\u{200b}ample");
    }

    proptest! {
        #[test]
        fn nothing_shown_steers(text in any::<String>()) {
            prop_assert!(!plain(&text).contains(steers));
        }

        #[test]
        fn what_is_plain_stays_so(text in any::<String>()) {
            let once = plain(&text).into_owned();
            prop_assert_eq!(plain(&once), once.as_str());
        }
    }
}
