//! Every outbound byte: vantages, fetching over HTTP, pace, the clock.
//!
//! The only crate that connects out and the only one that reads the system's clock. What a server may
//! cost us is bounded here: bytes, time, names.

pub mod clock;
pub mod fetch;
pub mod gzip;
pub mod net;
pub mod pace;
pub mod page_size;
pub mod vantage;

pub use clock::{Clock, Participant};
pub use fetch::{FetchError, Get, Gzip, Reply};
pub use net::{Connection, Net, Redirects, Roots, Settings};
pub use vantage::{Route, Vantage};
