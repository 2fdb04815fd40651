//! A list of logs as browsers publish it; merged with itself it says nothing new of any log.
#![no_main]

use countersign_sct::LogList;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(list) = LogList::parse(bytes) {
        let twice = LogList::union(vec![list.clone(), list.clone()]);
        assert_eq!(twice.logs, LogList::union(vec![list]).logs);
    }
});
