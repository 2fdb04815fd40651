//! What a server shows: a certificate, alone and as a chain, and the data of TLSA records. Each is read or not.
#![no_main]

use countersign_judge::probe::dane::{Tlsa, agrees};
use countersign_judge::probe::observation::Leaf;
use countersign_judge::probe::trust::{Trust, trust};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let leaf = Leaf::of(bytes);
    let cut = bytes.len() / 2;
    let chain = vec![bytes.to_vec(), bytes[..cut].to_vec()];
    let found = trust(&chain, "xmpp.example", &[], jiff::Timestamp::UNIX_EPOCH);
    assert!(matches!(found, Trust::NotRooted { .. }), "there are no roots");
    let record = Tlsa::of_rdata(bytes);
    assert_eq!(record.is_some(), bytes.len() >= 3);
    if let (Some(record), Some(_)) = (record, leaf.spki_sha256) {
        agrees(&[record], &chain);
    }
});
