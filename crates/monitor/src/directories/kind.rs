//! Where programs that order certificates keep their keys, and when.
//!
//! A key counts for a certificate from when it is registered, and the log shows the certificate before its
//! subscriber has it. So what matters is when a key comes to disk, relative to the order:
//!
//! | kind | before the order | only with the certificate |
//! |---|---|---|
//! | certbot | renewals with `--reuse-key`; `--csr`; before 2.3 all, in `keys` and `csr` | a new key (the default) |
//! | Caddy | renewals with `reuse_private_keys` | a new key (the default) |
//! | acme.sh | always: `.key` and `.csr` are written first, and renewals keep the key | |
//! | lego | renewals with `--reuse-key`; `--csr` | a new key |
//! | dehydrated | always: `privkey-TIME.pem` and `cert-TIME.csr` are written first; the next key with `PRIVATE_KEY_ROLLOVER` | |
//! | Prosody | what `prosodyctl cert request` makes | what `prosodyctl cert import` copies from another program |
//!
//! Where a key comes with the certificate, it comes seconds or minutes after the log entry. The hold bridges that
//! ([`countersign_judge::policy::HOLD_DEFAULT`]), and a last scan before an incident is opened; but who turns the
//! hold off has to let the program reuse its key, or register each key from a hook before the order.
//!
//! Keys of ACME accounts are kept in the same trees. No certificate has one, so they are passed over.

use std::fmt;
use std::str::FromStr;

/// Whose directory it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// certbot's configuration directory, or one below it.
    Certbot,
    /// Caddy's data directory.
    Caddy,
    /// The home of acme.sh.
    AcmeSh,
    /// What lego calls its path.
    Lego,
    /// The base directory of dehydrated.
    Dehydrated,
    /// Prosody's certificates.
    Prosody,
    /// Any other: everything that looks like a key, a request or a certificate by its name.
    Pem,
}

/// No kind has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownKind;

impl std::error::Error for UnknownKind {}

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        write!(f, "a directory is one of: {}", names.join(", "))
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Certbot,
        Self::Caddy,
        Self::AcmeSh,
        Self::Lego,
        Self::Dehydrated,
        Self::Prosody,
        Self::Pem,
    ];

    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certbot => "certbot",
            Self::Caddy => "caddy",
            Self::AcmeSh => "acme.sh",
            Self::Lego => "lego",
            Self::Dehydrated => "dehydrated",
            Self::Prosody => "prosody",
            Self::Pem => "pem",
        }
    }

    /// Where it is when nobody says otherwise: as Debian packages it. lego uses a
    /// directory below the one that it is run in.
    pub fn default_path(self) -> Option<&'static str> {
        match self {
            Self::Certbot => Some("/etc/letsencrypt"),
            Self::Caddy => Some("/var/lib/caddy/.local/share/caddy"),
            Self::Dehydrated => Some("/var/lib/dehydrated"),
            Self::Prosody => Some("/etc/prosody/certs"),
            // acme.sh writes to the home of whoever runs it, lego to where it is started.
            Self::AcmeSh | Self::Lego | Self::Pem => None,
        }
    }

    /// Whether a directory of this name holds nothing to register: keys of accounts, an internal CA, programs.
    pub(super) fn passes_over(self, directory: &str) -> bool {
        let names: &[&str] = match self {
            Self::Certbot => &["accounts", "renewal", "renewal-hooks"],
            Self::Caddy => &["acme", "locks", "ocsp", "pki"],
            Self::AcmeSh => &["ca", "deploy", "dnsapi", "notify"],
            Self::Lego => &["accounts"],
            Self::Dehydrated => &["accounts", "alpn-certs", "chains"],
            Self::Prosody | Self::Pem => &[],
        };
        names.contains(&directory)
    }

    /// Whether a file of this name may hold something to register. Files that say the same again, such as a
    /// certificate with its chain beside the certificate alone, are left out.
    pub(super) fn holds(self, file: &str) -> bool {
        let file = file.to_ascii_lowercase();
        let is = |endings: &[&str]| endings.iter().any(|ending| file.ends_with(ending));
        match self {
            Self::Certbot => {
                let starts = file.starts_with("privkey") || file.starts_with("cert");
                // `0000_key-certbot.pem`, `0000_csr-certbot.pem`.
                is(&[".pem"]) && (starts || is(&["-certbot.pem"]))
            }
            Self::Caddy => is(&[".key", ".crt"]),
            Self::AcmeSh => {
                is(&[".key", ".csr", ".cer"]) && !["ca.cer", "fullchain.cer"].contains(&&*file)
            }
            Self::Lego => is(&[".key", ".crt", ".pem"]) && !is(&[".issuer.crt"]),
            Self::Dehydrated => {
                let starts = file.starts_with("privkey") || file.starts_with("cert");
                starts && is(&[".pem", ".csr"])
            }
            Self::Prosody | Self::Pem => {
                is(&[".pem", ".key", ".crt", ".cer", ".csr", ".req", ".der"])
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or(UnknownKind)
    }
}
