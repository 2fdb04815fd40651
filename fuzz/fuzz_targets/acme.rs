//! What clients and CAs of ACME say: requests, what certificates are asked for, and answers. Whatever is read of it is
//! bounded and plain.
#![no_main]

// The module alone: the rest of the gate would bring servers and clients to be built with counters.
#[allow(dead_code, unused_imports, unreachable_pub, reason = "not all of it is fed here")]
#[path = "../../crates/gate/src"]
mod gate {
    pub mod acme;
}

use gate::acme::{self, Answer, Asked, Book, Jws, Kind, Names, Signature, Strangers};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(jws) = Jws::parse(bytes) {
        assert!(jws.payload.len() < acme::BODY_BYTES_MAX);
    }
    for names in [Names::of_csr(bytes), Names::of_certificate(bytes)].into_iter().flatten() {
        assert!((1..=acme::NAMES_MAX).contains(&names.0.len()));
        let is_plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(names.0.iter().all(is_plain));
    }
    // An answer to each kind of request is learned from or refused.
    let directory =
        br#"{"newNonce":"https://a/n","newAccount":"https://a/a","newOrder":"https://a/o",
        "revokeCert":"https://a/r","keyChange":"https://a/k"}"#;
    let book = Book::new("https://a/dir", directory, Strangers::Refuse);
    let mut book = book.expect("this is a directory");
    let link = String::from_utf8_lossy(bytes);
    for kind in KINDS {
        let url = "https://a/1".to_owned();
        let account = Some("https://a/2".to_owned());
        let signature = Signature::Verified;
        let asked = Asked { kind, url, account, signature, nonce: None, key: None, issue: None };
        let answer =
            Answer { status: 200, location: Some("https://a/3"), links: &[&link], body: bytes };
        let _refused = book.learn(&asked, &answer);
    }
});

const KINDS: [Kind; 9] = [
    Kind::Directory,
    Kind::Account,
    Kind::Orders,
    Kind::NewOrder,
    Kind::Order,
    Kind::Finalize,
    Kind::Authorization,
    Kind::Challenge,
    Kind::Certificate,
];
