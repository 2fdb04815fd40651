//! `countersign watch` as a process of its own, against logs on loopback: what it sees, and what it does when it is
//! killed, when a log fails, when the disk is full.
//!
//! Nothing here depends on how fast the machine is: every wait ends with what is waited for, and a deadline that
//! only a hang can reach.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod disk;
mod faults;
mod idle;
mod kill;
mod logs;
mod place;
mod probed;
mod real;
mod told;
