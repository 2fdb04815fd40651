//! What the recording of a connection shows of its TLS handshake, and what of it is proved.
//!
//! ```text
//!  TLS 1.3   ClientHello  ServerHello | EncryptedExtensions CertificateRequest? Certificate CertificateVerify Finished
//!                                     | opened with one secret of the client's key log
//!  TLS 1.2   ClientHello  ServerHello  Certificate CertificateStatus? ServerKeyExchange CertificateRequest? ServerHelloDone
//! ```
//!
//! In TLS 1.3 the server signs the hash of everything that was said so far (RFC 8446 §4.4.3), the client's random bytes
//! and the chain included. In TLS 1.2 it signs both random values and its share for the key exchange (RFC 5246 §7.4.3);
//! which of its certificates it sent along is covered by no signature of it.

use crate::alert::Alert;
use crate::flaw::{Flaw, Hidden, Unproved};
use crate::hello::{ClientHello, ServerHello};
use crate::key_log::KeyLog;
use crate::recording::Recording;

/// What a recording shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The first ClientHello.
    pub client: Option<ClientHello>,
    /// The ServerHello; the HelloRetryRequest if there is no other.
    pub server: Option<ServerHello>,
    /// Whether the server asked the client to begin anew (RFC 8446 §4.1.4).
    pub retried: bool,
    /// The version that the server chose.
    pub version: Option<u16>,
    /// The cipher suite that the server chose.
    pub suite: Option<u16>,
    /// The group of the server's share for the key exchange.
    pub group: Option<u16>,
    /// The application protocol that the server chose, with what is not printable ASCII escaped.
    pub alpn: Option<String>,
    /// The alerts that could be read, those of the server first.
    pub alerts: Vec<Alert>,
    /// The certificates, and whether the holder of the first one's key took part.
    pub chain: Shown,
    /// How many certificates were left out of the chain: those beyond [`CHAIN_MAX`](crate::CHAIN_MAX).
    pub left_out: usize,
    /// The OCSP response that the server stapled (RFC 6066 §8).
    pub ocsp: Option<Vec<u8>>,
    /// The list of SCTs that the server sent beside its certificate (RFC 6962 §3.3.1).
    pub scts: Option<Vec<u8>>,
    /// Whether the server asked for a certificate of the client.
    pub asks_for_certificate: bool,
    /// See [`crate::transcript`].
    pub hellos_sha256: Option<[u8; 32]>,
    /// How far it could be followed.
    pub end: End,
}

/// The certificates of a server, its own first, each in DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The holder of the key in the first certificate signed what includes the client's random bytes. In TLS 1.3 the
    /// whole chain was signed, and the server's Finished fits.
    Proved {
        /// The chain.
        chain: Vec<Vec<u8>>,
        /// The signature scheme.
        scheme: u16,
    },
    /// Somebody sent these certificates. Everybody can.
    Unproved {
        /// The chain.
        chain: Vec<Vec<u8>>,
        /// What is missing.
        why: Unproved,
    },
    /// The suite has no certificates: nobody has shown who they are.
    Anonymous,
    /// Both go on from a secret that they have, mostly that of an earlier session in which the certificate was shown.
    Resumed,
    /// There are certificates that could not be seen.
    Hidden {
        /// Why.
        why: Hidden,
    },
    /// It did not come to that.
    None,
}

impl Shown {
    /// The certificates, proved or not.
    pub fn certificates(&self) -> &[Vec<u8>] {
        match self {
            Self::Proved { chain, .. } | Self::Unproved { chain, .. } => chain,
            Self::Anonymous | Self::Resumed | Self::Hidden { .. } | Self::None => &[],
        }
    }
}

/// How far a handshake could be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The client never began.
    #[error("the client sent no ClientHello that can be read")]
    NoClientHello,
    /// The server did not answer in TLS.
    #[error("the server sent neither a ServerHello nor an alert that can be read")]
    NoServerHello,
    /// The server gave up: see [`Handshake::alerts`].
    #[error("the server ended the handshake with an alert")]
    Refused,
    /// The recording ends, or the server fell silent.
    #[error("the recording ends before the handshake does")]
    Cut,
    /// The rest is encrypted.
    #[error("{0}")]
    Sealed(Hidden),
    /// The server sent something else.
    #[error("the server sent {0}")]
    Broken(Flaw),
    /// To the server's Finished, in TLS 1.2 to its ServerHelloDone; what follows is the client's.
    #[error("the server's part of the handshake is whole")]
    Whole,
}

impl Handshake {
    /// Reads a recording. It never fails: see [`Handshake::end`].
    pub fn of(recording: &Recording, key_log: &KeyLog) -> Self {
        crate::reading::read(recording, key_log).shown
    }

    /// Nothing yet.
    pub(crate) fn nothing(end: End) -> Self {
        Self {
            client: None,
            server: None,
            retried: false,
            version: None,
            suite: None,
            group: None,
            alpn: None,
            alerts: Vec::new(),
            chain: Shown::None,
            left_out: 0,
            ocsp: None,
            scts: None,
            asks_for_certificate: false,
            hellos_sha256: None,
            end,
        }
    }
}
