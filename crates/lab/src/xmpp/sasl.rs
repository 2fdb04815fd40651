//! What a server offers for logging in: mechanisms (RFC 6120 §6), types of channel binding (XEP-0440), and the hash
//! over both that nobody in the middle can replace (XEP-0474 0.5.0).

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// How a client shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mechanism {
    /// The password as it is (RFC 4616).
    Plain,
    /// RFC 5802.
    ScramSha1,
    /// RFC 5802, bound to the TLS connection.
    ScramSha1Plus,
    /// RFC 7677.
    ScramSha256,
    /// RFC 7677, bound to the TLS connection.
    ScramSha256Plus,
}

impl Mechanism {
    /// All of them, the best first.
    pub const ALL: [Self; 5] = [
        Self::ScramSha256Plus,
        Self::ScramSha1Plus,
        Self::ScramSha256,
        Self::ScramSha1,
        Self::Plain,
    ];

    /// As it is registered.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
        }
    }

    /// Whether it is bound to the TLS connection.
    pub fn is_plus(self) -> bool {
        match self {
            Self::ScramSha1Plus | Self::ScramSha256Plus => true,
            Self::Plain | Self::ScramSha1 | Self::ScramSha256 => false,
        }
    }

    /// The hash of SCRAM; `None` for what is none.
    pub(super) fn hash(self) -> Option<Hash> {
        match self {
            Self::Plain => None,
            Self::ScramSha1 | Self::ScramSha1Plus => Some(Hash::Sha1),
            Self::ScramSha256 | Self::ScramSha256Plus => Some(Hash::Sha256),
        }
    }

    /// By its name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }
}

/// What of the TLS connection a login is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Binding {
    /// Keys that only both ends have (RFC 9266).
    TlsExporter,
    /// The certificate (RFC 5929 §4), which who has its key can show as well.
    TlsServerEndPoint,
}

impl Binding {
    /// All of them, the best first.
    pub const ALL: [Self; 2] = [Self::TlsExporter, Self::TlsServerEndPoint];

    /// As it is registered.
    pub fn name(self) -> &'static str {
        match self {
            Self::TlsExporter => "tls-exporter",
            Self::TlsServerEndPoint => "tls-server-end-point",
        }
    }
}

/// What a server offers.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Mechanisms.
    pub mechanisms: Vec<Mechanism>,
    /// Types of channel binding.
    pub bindings: Vec<Binding>,
    /// Whether these types are announced (XEP-0440).
    pub announces: bool,
    /// Whether a login says a hash over what was offered (XEP-0474).
    pub protects: bool,
}

impl Default for Offer {
    /// Everything.
    fn default() -> Self {
        Self {
            mechanisms: Mechanism::ALL.to_vec(),
            bindings: Binding::ALL.to_vec(),
            announces: true,
            protects: true,
        }
    }
}

impl Offer {
    /// As it stands among the features of a stream.
    pub(super) fn features(&self) -> String {
        let mechanism = |m: &Mechanism| format!("<mechanism>{}</mechanism>", m.name());
        let mechanisms: String = self.mechanisms.iter().map(mechanism).collect();
        let binding = |b: &Binding| format!("<channel-binding type='{}'/>", b.name());
        let bindings: String = self.bindings.iter().map(binding).collect();
        let announced = format!(
            "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>{bindings}</sasl-channel-binding>"
        );
        format!(
            "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{mechanisms}</mechanisms>{}",
            if self.announces { &announced } else { "" }
        )
    }

    /// Whether a client that could bind its login finds that this server can as well (RFC 5802 §6, flag `y`).
    pub(super) fn binds(&self) -> bool {
        self.mechanisms.iter().any(|mechanism| mechanism.is_plus())
    }

    /// The value of attribute `h` (XEP-0474 §5.1), if there is to be one.
    pub(super) fn hash(&self, hash: Hash) -> Option<String> {
        let sorted = |mut names: Vec<&str>| {
            names.sort_unstable();
            names.join("\u{1e}")
        };
        let mut text = sorted(self.mechanisms.iter().map(|mechanism| mechanism.name()).collect());
        if self.announces {
            text.push('\u{1f}');
            text.push_str(&sorted(self.bindings.iter().map(|binding| binding.name()).collect()));
        }
        self.protects.then(|| BASE64_STANDARD.encode(hash.of(text.as_bytes())))
    }
}

/// A hash that SCRAM is used with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }

    pub(super) fn hmac(self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), bytes).as_ref().to_vec()
    }

    /// `Hi` of RFC 5802 §2.2.
    pub(super) fn stretched(self, password: &str, salt: &[u8]) -> Vec<u8> {
        let (algorithm, length) = match self {
            Self::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        };
        let mut stretched = vec![0; length];
        pbkdf2::derive(algorithm, ITERATIONS, salt, password.as_bytes(), &mut stretched);
        stretched
    }
}

/// The least that RFC 7677 §4 asks for.
pub(super) const ITERATIONS: std::num::NonZeroU32 =
    std::num::NonZeroU32::new(4096).expect("it is not zero");

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // The example of XEP-0474 §5.3.
    fn the_hash_is_that_of_the_example() {
        let offer = Offer {
            mechanisms: vec![Mechanism::ScramSha1, Mechanism::ScramSha1Plus],
            bindings: vec![Binding::TlsServerEndPoint, Binding::TlsExporter],
            announces: true,
            protects: true,
        };
        let hash = offer.hash(Hash::Sha1);
        assert_eq!(hash.as_deref(), Some("G6k/rBLDqgOhRRaCuuatSDFkJ08="));
        assert_eq!(Offer { protects: false, ..offer }.hash(Hash::Sha1), None);
    }
}
