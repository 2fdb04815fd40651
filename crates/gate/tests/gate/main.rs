//! The gate over the lab's signed DNS: decisions with their proofs, the HTTP API, other perspectives, and the proxy
//! before a CA that a test plays.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod decide;
mod http;
mod perspectives;
mod place;
mod proxy;
