//! What a program keeps of its account, and of a renewal: anything. A URL that is read from it can stand in a CAA record.
#![no_main]

use countersign_judge::acme_account::{AccountUrl, Client, read, renewal};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for client in Client::ALL {
        if let Ok(account) = read(client, bytes) {
            let url = account.url.as_str();
            assert!(url.bytes().all(|octet| octet.is_ascii_graphic() && !b";\"\\".contains(&octet)));
            assert_eq!(AccountUrl::parse(url), Ok(account.url.clone()));
        }
        renewal::read(client, bytes);
    }
});
