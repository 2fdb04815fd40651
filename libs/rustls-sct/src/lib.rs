//! Demands certificate transparency of TLS servers, for clients that use rustls.
//!
//! Rustls checks that a certificate was issued by a CA that is trusted. Whoever fools or coerces one of those CAs
//! gets a certificate that passes. With [`SctVerifier`] in its place, a certificate of a public CA must also have
//! been promised to public logs, where its owner can see it: one without that promise is refused.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use countersign_rustls_sct::{Enforcer, client_config, settings};
//! use rustls::RootCertStore;
//!
//! # fn roots() -> RootCertStore { RootCertStore::empty() }
//! # fn main() -> Result<(), countersign_rustls_sct::BuildError> {
//! let enforcer = Arc::new(Enforcer::built_in(settings())); // one for the whole program
//! let config = client_config(roots(), enforcer)?; // for tokio-rustls, reqwest, ureq, …
//! # let _ = config;
//! # Ok(())
//! # }
//! ```
//!
//! A refusal arrives as an error of rustls, inside whatever the library in between makes of it. [`refusal`] finds
//! it there, and it is one sentence for people:
//!
//! ```
//! fn explain(error: &(dyn std::error::Error + 'static)) -> String {
//!     match countersign_rustls_sct::refusal(error) {
//!         Some(refused) => refused.to_string(),
//!         None => error.to_string(),
//!     }
//! }
//! # assert_eq!(explain(&std::io::Error::other("no route")), "no route");
//! ```
//!
//! # Limitations
//!
//! Only SCTs that are embedded in the certificate are seen: rustls does not ask for the others. A connection that
//! is resumed is not verified again, by rustls' own design; it was when it was new.

mod builder;
mod refused;
mod verifier;

pub use builder::{BuildError, Builder, client_config, settings};
pub use countersign_sct::{Decision, Enforcer};
pub use refused::{Refused, refusal};
pub use verifier::SctVerifier;
