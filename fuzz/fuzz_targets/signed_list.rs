//! Signed lists of logs, their notes and their keys: what was read is written again byte for byte, and a client takes
//! no list that its keys have not signed.
#![no_main]

use countersign_sct::signed_list::{ListKey, ListKeys, Note, SignedList};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(Note::parse(note.to_text().as_bytes()).as_ref(), Ok(&note));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(list) = SignedList::parse(text) {
        assert_eq!(list.to_text(), text);
    }
    if let Ok(keys) = ListKeys::parse(text) {
        assert_eq!(keys.to_text(), text);
    }
    let key = |name: &str| ListKey::new(name, [0; 32]).expect("a name");
    let keys = ListKeys::new(1, 2, vec![key("one"), key("two")]);
    assert!(keys.is_err(), "one key under two names");
});
