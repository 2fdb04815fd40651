//! Elements off any bytes, each of them opened in turn: they tile what they were read from.
#![no_main]

use countersign_sct::der::Reader;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut pending = vec![bytes];
    while let Some(inside) = pending.pop() {
        let mut reader = Reader::new(inside);
        let mut read = 0;
        while let Ok(element) = reader.element() {
            read += element.whole.len();
            pending.push(element.contents);
        }
        assert_eq!(read + reader.rest().len(), inside.len());
    }
});
