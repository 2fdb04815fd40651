//! A small Internet on loopback: a CA, CT logs, a signed DNS, Mallory, and the scenes.

pub mod acme;
pub mod authority;
pub mod big_log;
pub mod certificates;
pub mod dns;
pub mod estate;
pub mod exit;
pub mod identity;
pub mod log;
pub mod mallory;
pub mod network;
mod port;
mod receiver;
pub mod scene;
pub mod sct_cases;
mod taped;
pub mod web;
mod world;
pub mod xmpp;
