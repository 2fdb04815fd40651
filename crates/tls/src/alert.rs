//! Alerts (RFC 8446 §6): how one side tells the other why it ends the connection.

use std::fmt;

use crate::names;

/// Who sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// One alert that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Who sent it.
    pub from: Side,
    /// 1 for a warning, 2 for a fatal one. In TLS 1.3 it means nothing.
    pub level: u8,
    /// What happened, by its number.
    pub description: u8,
}

impl Alert {
    /// `close_notify`: an orderly end.
    pub const CLOSE_NOTIFY: u8 = 0;

    /// Whether nothing but an end can follow.
    pub fn ends(&self) -> bool {
        self.level == FATAL || self.description == Self::CLOSE_NOTIFY
    }

    /// Reads what a record of the type alert carries. None unless it is exactly one.
    pub(crate) fn read(from: Side, payload: &[u8]) -> Option<Self> {
        match *payload {
            [level @ 1..=2, description] => Some(Self { from, level, description }),
            _ => None,
        }
    }
}

/// RFC 8446 §6.
const FATAL: u8 = 2;

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} sent the alert {}", self.from, names::alert(self.description))
    }
}
