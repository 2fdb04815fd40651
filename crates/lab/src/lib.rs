//! A small Internet on loopback: a CA, CT logs, a signed DNS, Mallory, and the scenes.

pub mod authority;
pub mod big_log;
pub mod certificates;
pub mod dns;
pub mod log;
mod receiver;
pub mod scene;
mod world;
