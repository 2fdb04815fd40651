//! Entries of a log, 256 in a file (c2sp.org/tlog-tiles, "Log entries"): each with its length before it, in two
//! bytes, the higher first.

/// The longest entry that a bundle can hold, in bytes.
pub const ENTRY_BYTES_MAX: usize = 0xffff;

/// Why bytes are not so many entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryBundleError {
    /// It ends within an entry, or before it has as many as it should.
    #[error("the entries are cut off after the first {0}")]
    Truncated(usize),
    /// Something follows the last entry that it should have.
    #[error("something follows the last of the {0} entries")]
    Trailing(usize),
}

/// Reads `width` entries, no byte less or more.
pub fn parse(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, EntryBundleError> {
    let (mut entries, mut rest) = (Vec::new(), bytes);
    for _ in 0..width {
        let cut_off = EntryBundleError::Truncated(entries.len());
        let (length, after) = rest.split_first_chunk().ok_or(cut_off)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, after) = after.split_at_checked(length).ok_or(cut_off)?;
        entries.push(entry);
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(EntryBundleError::Trailing(entries.len())) }
}

/// Adds an entry to a bundle. `None` if it is longer than [`ENTRY_BYTES_MAX`].
#[must_use]
pub fn push(bundle: &[u8], entry: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(entry.len()).ok()?;
    Some([bundle, &length.to_be_bytes(), entry].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bundle_has_as_many_entries_as_it_should() {
        let bundle = b"\x00\x03one\x00\x00\x00\x05three";
        assert_eq!(parse(bundle, 3), Ok(vec![&b"one"[..], b"", b"three"]));
        assert_eq!(parse(bundle, 2), Err(EntryBundleError::Trailing(2)));
        assert_eq!(parse(bundle, 4), Err(EntryBundleError::Truncated(3)));
        assert_eq!(parse(&bundle[..13], 3), Err(EntryBundleError::Truncated(2)));
        assert_eq!(parse(b"", 0), Ok(Vec::new()));
        assert_eq!(push(b"", &[0; ENTRY_BYTES_MAX + 1]), None);
        assert!(push(b"", &[0; ENTRY_BYTES_MAX]).is_some());
    }

    proptest! {
        #[test]
        fn push_then_parse_is_the_identity(entries: Vec<Vec<u8>>) {
            let bundle = entries.iter().try_fold(Vec::new(), |bundle, entry| push(&bundle, entry));
            let (bundle, width) = (bundle.unwrap(), u16::try_from(entries.len()).unwrap());
            let borrowed: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(parse(&bundle, width), Ok(borrowed));
        }
    }
}
