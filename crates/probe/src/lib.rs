//! Looks at a service as its clients do, and brings back what was served, with its proof.
//!
//! ```text
//!  Target ──> net::dial ──> bytes, all of them taped
//!                 │  protocol: what is said before TLS
//!                 │  stack: rustls, OpenSSL; or relay and client: a program that people use
//!                 └──> tls::Handshake ──> judge::probe::Observation
//! ```

pub mod account;
pub mod cage;
pub mod client;
pub mod engine;
pub mod exits;
pub mod inbox;
pub mod locate;
pub mod login;
pub mod preamble;
pub mod process;
pub mod profile;
pub mod relay;
pub mod remote;
pub mod stack;
pub mod taped;
pub mod xml;
pub mod xmpp;
