//! Any bytes as a certificate (first byte even) or a TBSCertificate, held against guards of every kind.
#![no_main]

use std::sync::LazyLock;

use countersign_ct::certificate::{Kind, walk};
use countersign_ct::watchlist::{Guard, Watchlist};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, der)) = bytes.split_first() else { return };
    let kind = if kind % 2 == 0 { Kind::Certificate } else { Kind::Tbs };
    GUARDS.matches(&walk(der, kind));
});

static GUARDS: LazyLock<Watchlist> = LazyLock::new(|| {
    let guards = ["a.example", ".b.example", "192.0.2.1", "2001:db8::1", "."];
    let guards = guards.map(|text| Guard::parse(text).expect("a guard"));
    Watchlist::new(guards.to_vec()).expect("few guards")
});
