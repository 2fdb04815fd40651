//! A hello of either side: what stands in its extensions is read as far as it can be.
#![no_main]

use countersign_tls::fingerprint;
use countersign_tls::{ClientHello, ServerHello};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(client) = ClientHello::parse(bytes) {
        assert!(fingerprint::ja4(&client).is_ascii() && fingerprint::ja3_text(&client).is_ascii());
        client.key_share_groups();
        client.certificate_compressions();
        client.server_name();
    }
    if let Ok(server) = ServerHello::parse(bytes) {
        server.negotiated();
        server.key_share_group();
        server.alpn();
    }
});
