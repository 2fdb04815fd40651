//! The TLS stacks that a probe shakes hands with: ours, and those that people's clients are built on.
//!
//! A stack says hello and completes the handshake with whoever answers, whatever certificate comes: who that was is read
//! from the bytes that passed, by our own code, with the lines of the key log that the stack gives up.

mod openssl;
pub mod rustls;

use countersign_tls::profile::Profile;

pub use openssl::{HELPER, OpenSsl};

/// One of them.
#[derive(Debug)]
pub enum Stack {
    /// rustls, in this process. No client that people use looks like it.
    Rustls,
    /// The OpenSSL of this machine, in a process of its own.
    OpenSsl(OpenSsl),
}

/// What is said first.
#[derive(Clone, Debug)]
pub struct Hello {
    /// The name that is asked for (server_name, RFC 6066 §3), if any.
    pub server_name: Option<String>,
    /// The application protocols that are offered (RFC 7301), the preferred one first.
    pub alpn: Vec<String>,
    /// Which client it is to look like.
    pub profile: Profile,
}

/// How a handshake ended, whoever's doing that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The lines that open what was recorded, in the format of NSS, without line ends.
    pub key_log: Vec<String>,
    /// How it ended.
    pub end: Ended,
}

/// How a handshake ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Both sides finished.
    Done {
        /// The version on the wire: 0x0304 is TLS 1.3.
        version: u16,
        /// The cipher suite, as registered.
        suite: u16,
        /// The application protocol that was agreed upon.
        alpn: Option<String>,
    },
    /// The peer ended it, or sent what the stack does not take: in the stack's words.
    PeerFailed(String),
}

/// Why a handshake could not be tried. What a peer did is never in here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StackError {
    /// The bytes could not be carried.
    #[error("the connection broke")]
    Stream(#[source] std::io::Error),
    /// No helper can be started.
    #[error("cannot start {}", .path.display())]
    Start {
        /// The executable.
        path: std::path::PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The helper died, or said what it must not; it is started anew for the next handshake.
    #[error("the helper that has OpenSSL ended: {why}")]
    Helper {
        /// What became of it.
        why: String,
    },
    /// The helper has more handshakes under way than it may have.
    #[error("the helper that has OpenSSL has {max} handshakes under way, and takes no more")]
    Busy {
        /// How many it may have.
        max: usize,
    },
    /// The stack cannot say hello like this.
    #[error("this stack does not look like {profile}")]
    Profile {
        /// The name of the profile.
        profile: String,
    },
    /// The helper cannot say such a hello.
    #[error("the helper that has OpenSSL cannot begin: {why}")]
    Refused {
        /// In its words.
        why: String,
    },
    /// The helper is nowhere.
    #[error(
        "there is no {HELPER} beside this program, nor in {}; `cargo build --release -p {HELPER}` builds it",
        openssl::PLACES.join(" or ")
    )]
    NoHelper,
}
