//! A small Internet on loopback: a CA, CT logs, a signed DNS, Mallory, and the scenes.

pub mod acme;
pub mod authority;
pub mod big_log;
pub mod certificates;
pub mod dns;
pub mod estate;
pub mod log;
pub mod network;
mod receiver;
pub mod scene;
pub mod sct_cases;
pub mod web;
mod world;
