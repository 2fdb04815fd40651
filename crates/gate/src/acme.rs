//! ACME (RFC 8555) as somebody between a client and a CA has to understand it: requests, signatures, what the CA's
//! answers show, and what may be passed on. Values in, values out.
//!
//! Nothing is believed of a client: which names an order has, whose account it is and how a name was validated is
//! learned from what the CA answers. Nothing is passed on that was not understood: neither an address that the CA never
//! named, nor a member of JSON that is not known here. Software in Go takes `CSR` for `csr`; a gate that ignored the one
//! would read another request than the CA.

mod answer;
mod book;
mod jws;
mod key;
mod nonces;
mod refusal;
mod request;
#[cfg(test)]
mod sample;
mod shelf;
mod x509;

pub use answer::{Answer, Directory};
pub use book::{Book, BookError, METHODS, Strangers};
pub use jws::{BODY_BYTES_MAX, Jws, JwsError, Signer};
pub use key::{Algorithm, Key, KeyError};
pub use nonces::Nonces;
pub use refusal::{Problem, Refusal};
pub use request::{Asked, Issue, Kind, Method, Named, Request, Signature};
pub use x509::{NAMES_MAX, Names, NamesError};
