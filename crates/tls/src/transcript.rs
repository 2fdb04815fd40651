//! The hash by which both ends of a connection, and a sensor that only listens at one of them, can tell whether they saw
//! the same handshake. Nothing of it is encrypted, so it takes no key to compute.
//!
//! It is SHA-256 over these handshake messages, one after the other, each with its type and length as RFC 8446 §4 has
//! them, without the headers of records:
//!
//! ```text
//! TLS 1.3                        ClientHello ServerHello
//! TLS 1.3 with a retry           ClientHello HelloRetryRequest ClientHello ServerHello
//! TLS 1.2 with (EC)DHE           ClientHello ServerHello ServerKeyExchange
//! ```
//!
//! The shares for the key exchange are in it. When both ends have the same hash, both have the same shares, and nobody in
//! between knows the keys, whoever holds the key of the certificate. When they have not, somebody in between speaks TLS
//! with each of them.
//!
//! That needs a fresh key exchange. There is no hash for RSA without one, for TLS 1.3 with nothing but a secret from an
//! earlier session (`psk_ke`), and for sessions of TLS 1.2 that go on: the keys of these come from elsewhere. Nor is
//! there one before TLS 1.2, where no new software should be.

use aws_lc_rs::digest::{Context, SHA256};

use crate::hello::ServerHello;
use crate::message::Message;

/// Of all hellos of TLS 1.3, in order; the last one is `server`.
pub(crate) fn of_tls13(hellos: &[Message], server: &ServerHello) -> Option<[u8; 32]> {
    server.key_share_group().map(|_| sha256(hellos))
}

/// Of TLS 1.2: both hellos, and the ServerKeyExchange.
pub(crate) fn of_tls12(hellos: &[Message], server_key_exchange: &Message) -> [u8; 32] {
    sha256(hellos.iter().chain([server_key_exchange]))
}

fn sha256<'a>(messages: impl IntoIterator<Item = &'a Message>) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    messages.into_iter().for_each(|message| context.update(message.bytes()));
    context.finish().as_ref().try_into().expect("SHA-256 has 32 octets")
}
