//! What is probed: `[[probe]]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::Period;

/// `[[probe]]`: a domain whose services are looked at from outside, at times that nobody can foresee, as its clients do.
/// Whoever answers with a key that is not registered, and whatever else a client should not see, is an incident.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::config) struct Probe {
    /// Its name; needed.
    pub(in crate::config) domain: Spanned<String>,
    /// What is looked at; needed. Each is a protocol (`"xmpp"`, `"xmpp-server"`, `"smtp"`, `"submission"`, `"imap"`,
    /// `"pop3"`, `"https"`, `"irc"`, `"ldap"`, `"postgresql"`, `"tls"`), `"/direct"` behind it where TLS comes first,
    /// and `":PORT"` and `"@HOST"` where DNS does not say it: `"xmpp"`, `"xmpp/direct"`, `"imap/direct:993@mail.example"`.
    pub(in crate::config) services: Vec<Spanned<String>>,
    /// The vantages from which it is looked at. By default that of `[watch]`. Look through Tor as well: whoever intercepts
    /// may leave out those who seem to look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) vantages: Option<Vec<Spanned<String>>>,
    /// Whom it looks like: names of stacks, as `countersign probe --list-clients` gives them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) clients: Option<Vec<Spanned<String>>>,
    /// The mean time between two probes; the gaps are drawn at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) every: Option<Spanned<Period>>,
    /// The keys that may serve, as SHA-256 of their SubjectPublicKeyInfo in hexadecimal. Without it those that are
    /// registered for the domain, as for certificates in logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::config) keys: Vec<Spanned<String>>,
    /// A file with an address of the XMPP server's in its first line and the password in its second, relative to this
    /// file. Probes as `"rustls"` log in with it, bound to the channel: that succeeds only if nobody is in the middle. Make
    /// an account for it that is used for nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) account_file: Option<PathBuf>,
    /// Whether an XMPP server offers logins that are bound to the channel, so that their absence is an incident from the
    /// first probe on. Without it, once they were seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) channel_binding: Option<bool>,
}
