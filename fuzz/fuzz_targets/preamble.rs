//! What is heard before TLS, in each protocol: it ends within its limits, and the same way however it is cut.
#![no_main]

// The modules alone: the rest of the crate would bring clients and sockets to be built with counters.
#[allow(dead_code, unused_imports, unreachable_pub, reason = "not all of it is fed here")]
#[path = "../../crates/probe/src"]
mod probe {
    pub mod inbox;
    pub mod preamble;
    pub mod xml;
    pub mod xmpp;
}

use countersign_judge::probe::{Opening, Protocol, Service};
use probe::preamble::{Early, Next, Preamble};
use probe::{inbox, xml, xmpp};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(([protocol, piece], heard)) = bytes.split_first_chunk() else { return };
    let protocol = Protocol::ALL[usize::from(*protocol) % Protocol::ALL.len()];
    let (domain, opening) = ("a.example".to_owned(), Opening::StartTls);
    let service = Service { domain, protocol, opening, port: 1 };
    let (mut whole, mut pieces) = (Preamble::new(&service), Preamble::new(&service));
    whole.feed(heard);
    heard.chunks(usize::from(*piece) + 1).for_each(|bytes| pieces.feed(bytes));
    assert_eq!(whole.offered(), pieces.offered());
    match (whole.next(), pieces.next()) {
        (Next::Send(_), Next::Send(_) | Next::Receive) => {}
        (whole, pieces) => assert_eq!(whole, pieces),
    }
    if let Next::Over(Early::InjectedAfterStartTls { said } | Early::NotThisProtocol { said }) =
        whole.next()
    {
        assert!((1..=inbox::SAID_BYTES_MAX).contains(&said.bytes().len()));
    }
    whole.end();
    assert!(matches!(whole.next(), Next::Over(_) | Next::StartTls));
});
