//! What the verifier accepts and refuses: by path, against rustls' own, and in handshakes.

mod handshake;
mod paths;
mod pki;
mod stock;
