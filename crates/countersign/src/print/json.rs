//! One JSON object a line, safe to look at in a terminal.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::plain::steers;

/// The value as compact JSON with a line end. JSON itself leaves all above U+001F unescaped
/// (RFC 8259 §7); here the characters that steer a terminal are escaped too, which changes
/// nothing for a parser.
pub(super) fn line(value: &impl Serialize) -> String {
    let mut bytes = Vec::with_capacity(256);
    let mut serializer = Serializer::with_formatter(&mut bytes, Harmless);
    value.serialize(&mut serializer).expect("rows have text keys, and a Vec takes all bytes");
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(steers) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let c = from.chars().next().expect("`find` found one");
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = from.get(c.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_comes_back_and_none_steers(text in any::<String>()) {
            let printed = line(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&printed).expect("JSON"), text);
            prop_assert!(!printed.trim_end_matches('\n').contains(steers));
        }
    }
}
