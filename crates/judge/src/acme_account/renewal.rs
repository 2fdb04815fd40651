//! How a program will prove at its next renewal that a name is its own: what its file for a certificate says.
//!
//! | program | file, below its directory | what tells |
//! |---|---|---|
//! | certbot | `renewal/NAME.conf` | `authenticator` and `pref_challs` of `[renewalparams]` |
//! | acme.sh | `NAME/NAME.conf`, `NAME_ecc/NAME.conf` | `Le_Webroot` |
//!
//! The others keep that in their configuration or on the command line, where it is not looked for.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::{Client, FILE_BYTES_MAX, assigned};

/// A way to prove control of a name to a CA, by its name in ACME (RFC 8555 §8, RFC 8737, and the drafts for the two
/// that are last).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Challenge {
    /// A file at the server, over HTTP.
    Http01,
    /// A record in the DNS.
    Dns01,
    /// A certificate at the server, in a TLS handshake.
    TlsAlpn01,
    /// A record in the DNS that only counts for one account.
    DnsAccount01,
    /// A record in the DNS that stays and names the account.
    DnsPersist01,
}

/// A text names no challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownChallenge;

impl std::error::Error for UnknownChallenge {}

impl fmt::Display for UnknownChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Challenge::ALL.iter().map(|challenge| challenge.as_str()).collect();
        write!(f, "a method is one of: {}", names.join(", "))
    }
}

impl Challenge {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Http01, Self::Dns01, Self::TlsAlpn01, Self::DnsAccount01, Self::DnsPersist01];

    /// Its label (RFC 8657 §4).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::DnsAccount01 => "dns-account-01",
            Self::DnsPersist01 => "dns-persist-01",
        }
    }

    /// Whether the answer is in the DNS, and not at the host that the name leads to. Only so can a wildcard be
    /// proved (RFC 8555 §7.1.3).
    pub fn is_in_dns(self) -> bool {
        match self {
            Self::Dns01 | Self::DnsAccount01 | Self::DnsPersist01 => true,
            Self::Http01 | Self::TlsAlpn01 => false,
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Challenge {
    type Err = UnknownChallenge;

    fn from_str(label: &str) -> Result<Self, UnknownChallenge> {
        Self::ALL.into_iter().find(|one| one.as_str() == label).ok_or(UnknownChallenge)
    }
}

/// Reads a file for a certificate: the ways that the program may use. Empty if that cannot be told.
pub fn read(client: Client, bytes: &[u8]) -> BTreeSet<Challenge> {
    let text = Some(bytes).filter(|bytes| bytes.len() <= FILE_BYTES_MAX);
    let Some(text) = text.and_then(|bytes| str::from_utf8(bytes).ok()) else {
        return BTreeSet::new();
    };
    match client {
        Client::Certbot => certbot(text),
        Client::AcmeSh => acme_sh(text),
        Client::Caddy | Client::Lego | Client::Dehydrated => BTreeSet::new(),
    }
}

fn certbot(text: &str) -> BTreeSet<Challenge> {
    let section = text.lines().skip_while(|line| line.trim() != "[renewalparams]").skip(1);
    // What follows in brackets is not about how.
    let section = section.take_while(|line| !line.trim_start().starts_with('['));
    let pairs: Vec<_> = section.filter_map(|line| line.split_once('=')).collect();
    let value =
        |key: &str| pairs.iter().find(|(name, _)| name.trim() == key).map(|(_, it)| it.trim());
    // A plugin of somebody else was named `certbot-dns-x:dns-x`, after its package, before 1.7.
    let plugin = value("authenticator").unwrap_or_default();
    let plugin = plugin.rsplit_once(':').map_or(plugin, |(_, name)| name);
    match plugin {
        "standalone" | "webroot" | "nginx" | "apache" => BTreeSet::from([Challenge::Http01]),
        "manual" => {
            let wanted = value("pref_challs").unwrap_or_default().split(',');
            wanted.filter_map(|label| label.trim().parse().ok()).collect()
        }
        _ if plugin.starts_with("dns-") => BTreeSet::from([Challenge::Dns01]),
        _ => BTreeSet::new(),
    }
}

/// A way for each name, or for all: `dns`, `dns_` and a provider, `alpn`, or where a web server has its files.
fn acme_sh(text: &str) -> BTreeSet<Challenge> {
    let ways = assigned(text, "Le_Webroot").flatten().unwrap_or_default();
    let challenge = |way: &str| match way {
        "" => None,
        "dns_persist" => Some(Challenge::DnsPersist01),
        "dns" => Some(Challenge::Dns01),
        "alpn" => Some(Challenge::TlsAlpn01),
        _ if way.starts_with("dns_") => Some(Challenge::Dns01),
        _ => Some(Challenge::Http01),
    };
    ways.split(',').filter_map(challenge).collect()
}
