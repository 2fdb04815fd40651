//! For CAs: may this certificate be issued? Decided by CAA, as somebody who asks DNS by himself and keeps what proves
//! the answer.
//!
//! ```text
//!   ACME client ──> proxy ──> acme::Book: who asks, for which names, validated how ──┐
//!   a CA's own software, step-ca ──> api ─────────────────────────────────────────────┼──> decide ──> archive ──> answer
//!   another gate, elsewhere ──> api ──────────────────────────────────────────────────┘
//! ```

pub mod acme;
