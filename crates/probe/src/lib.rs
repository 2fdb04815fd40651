//! Looks at a service as its clients do, and brings back what was served, with its proof.
//!
//! ```text
//!  Target ──> net::dial ──> bytes, all of them taped
//!                 │  protocol: what is said before TLS
//!                 │  stack: rustls, OpenSSL; or relay and client: a program that people use
//!                 └──> tls::Handshake ──> judge::probe::Observation
//! ```

pub mod cage;
pub mod client;
pub mod inbox;
pub mod login;
pub mod preamble;
pub mod process;
pub mod relay;
pub mod stack;
pub mod xml;
pub mod xmpp;
