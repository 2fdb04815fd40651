//! Peers for the tests of several modules: servers that say anything, and authorities that certify anybody.

pub(crate) mod authority;
pub(crate) mod proxies;
pub(crate) mod server;
