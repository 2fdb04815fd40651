//! The watch on logs of the lab, each real HTTP away, on a simulated clock.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod doubts;
mod issuers;
mod places;
mod watched;
