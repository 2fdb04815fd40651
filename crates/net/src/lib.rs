//! Every outbound byte: vantages, connections, fetching, posting and relaying over HTTP, DNS, mail, pace, the clock.
//!
//! The only crate that connects out and the only one that reads the system's clock. What a server may
//! cost us is bounded here: bytes, time, names.

pub mod clock;
pub mod dial;
pub mod dns;
pub mod fetch;
pub mod gzip;
pub mod mail;
pub mod net;
pub mod pace;
pub mod page_size;
pub mod post;
pub mod relay;
pub mod roots;
mod socks;
pub mod tor;
pub mod vantage;

pub use clock::{Clock, Participant};
pub use dial::{Dial, DialError, Dialed, Family, Stream};
pub use dns::Dns;
pub use fetch::{FetchError, Get, Gzip, Reply};
pub use mail::{Mail, MailError, MailServer, Mailbox};
pub use net::{Connection, Net, Redirects, Roots, Settings};
pub use post::{Post, Posted, Target};
pub use relay::{Ask, Relay, Relayed};
pub use tor::{Control, ControlLogin, TorControl, TorError, TorExit};
pub use vantage::{Route, Vantage};

#[cfg(test)]
mod tests;
