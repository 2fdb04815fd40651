//! For CAs: may this certificate be issued? Decided by CAA, as somebody who asks DNS by himself and keeps what proves
//! the answer.
//!
//! ```text
//!   ACME client ──> proxy ──> acme::Book: who asks, for which names, validated how ──┐
//!   a CA's own software, step-ca ──> api ─────────────────────────────────────────────┼──> decide ──> archive ──> answer
//!   another gate, elsewhere ──> api ──────────────────────────────────────────────────┘       │
//!                                                          lookup, and corroborate elsewhere <┘
//! ```
//!
//! Nothing is allowed because something failed: whoever cannot look, cannot archive or does not understand refuses.

pub mod acme;
pub mod api;
pub mod application;
pub mod archive;
pub mod corroborate;
pub mod decide;
mod hex;
pub mod lookup;
pub mod perspective;
pub mod proxy;
pub mod rejudge;
pub mod row;
pub mod serve;

pub use archive::Archive;
pub use corroborate::{Corroborators, Other};
pub use decide::{Decided, Gate};
pub use lookup::Lookups;
pub use proxy::Proxy;
