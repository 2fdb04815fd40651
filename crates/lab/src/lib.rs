//! A small Internet on loopback: a CA, CT logs, Mallory.
pub mod authority;
pub mod big_log;
pub mod certificates;
pub mod log;
