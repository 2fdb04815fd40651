//! The configuration file as it is written: one struct a table, one field a key.
//!
//! A key's comment is its manual. Every key may be left out unless its comment says otherwise;
//! what then holds is in `settings.rs`, which also checks the values. A key that is not here
//! is refused.

pub(super) mod delivery;
pub(super) mod judging;
pub(super) mod probe;
pub(super) mod zone;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::period::Period;

pub(super) use delivery::{Heartbeat, Sink};
pub(super) use judging::{Directory, Expect, Host, Judge, ThirdParty};
pub(super) use probe::Probe;
pub(super) use zone::Zone;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Spec {
    /// Whom the operators of logs may write to about our requests: an e-mail address or an https
    /// URL, sent with each request. Nobody is asked for anything without it, since some operators let
    /// all clients that name nobody share one small allowance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) contact: Option<Spanned<String>>,
    /// Where all that was seen is kept; relative to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state_dir: Option<PathBuf>,
    /// What to guard; needed. `"example.org"` is that name alone, `".example.org"` the name and
    /// all below it, `"192.0.2.1"` and `"2001:db8::1"` are addresses, `"."` is everything.
    #[serde(default)]
    pub(super) guard: Vec<Spanned<String>>,
    /// Read what was logged from this point on, as `"2026-11-01"` or `"2026-11-01T12:00:00Z"`.
    /// Without it a log is read from where it stood when guarding began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) log_lists: LogLists,
    #[serde(default)]
    pub(super) watch: Watch,
    #[serde(default)]
    pub(super) judge: Judge,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) expect: Vec<Expect>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) third_party: Vec<ThirdParty>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) directory: Vec<Directory>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) host: Vec<Host>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) zone: Vec<Zone>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) probe: Vec<Probe>,
    #[serde(default)]
    pub(super) heartbeat: Heartbeat,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sink: Vec<Sink>,
    #[serde(default)]
    pub(super) dns: Dns,
    #[serde(default)]
    pub(super) tls: Tls,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) vantage: Vec<Vantage>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) extra_log: Vec<ExtraLog>,
}

/// `[log-lists]`: which logs there are.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LogLists {
    /// The lists (version 3) whose union is followed, each with a `name` and a `url` or a `file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sources: Option<Vec<Spanned<Source>>>,
    /// How often the lists are read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh: Option<Spanned<Period>>,
}

/// One list of logs.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Source {
    /// What it is called in what we print.
    pub(super) name: String,
    /// Where it is fetched from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// Or where it lies; relative to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<PathBuf>,
}

/// `[watch]`: how the logs are followed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Watch {
    /// How often a log that has been read to its end is asked for a new head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) poll: Option<Spanned<Period>>,
    /// The most requests under way at one log at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jobs_per_log: Option<Spanned<u64>>,
    /// How many requests a second a log gets before its own pace is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requests_per_second: Option<Spanned<u64>>,
    /// A log or a list that fails for so long is reported as trouble. One lost packet is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unreachable_after: Option<Spanned<Period>>,
    /// A log that could not be verified for so long counts as not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stale_after: Option<Spanned<Period>>,
    /// The vantage that logs and lists are fetched from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vantage: Option<Spanned<String>>,
}

/// `[dns]`: where looking up begins.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Dns {
    /// A zone file with the name servers to begin at, in the place of the root's; relative to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hints: Option<PathBuf>,
    /// A zone file with the keys to trust, DS or DNSKEY records, in the place of the root's, for names that are
    /// not of the public tree; relative to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) anchors: Option<PathBuf>,
}

/// `[tls]`: whom we believe when we connect.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Tls {
    /// A PEM file with certification authorities to trust besides the public ones, for private
    /// logs and labs; relative to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extra_roots: Option<PathBuf>,
}

/// `[[vantage]]`: from where we look, besides the built-in `direct`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Vantage {
    /// What it is called here and in what we print.
    pub(super) name: Spanned<String>,
    /// How connections are made.
    pub(super) kind: Kind,
    /// For `http-proxy` its URL (`"http://proxy.example:3128"`); for `socks5` and `tor` host and
    /// port (`"127.0.0.1:9050"`). Names are resolved at the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<Spanned<String>>,
    /// For `socks5`: a user name. Tor keeps connections under different names on different
    /// circuits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) isolation: Option<Spanned<String>>,
    /// For `tor`: host and port of its `ControlPort` (`"127.0.0.1:9051"`), by which it says which
    /// exit a connection took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) control: Option<Spanned<String>>,
    /// The cookie file that tor writes (`CookieAuthentication 1`); relative to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) control_cookie_file: Option<Spanned<PathBuf>>,
    /// Or a file with the password whose hash tor has; relative to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) control_password_file: Option<Spanned<PathBuf>>,
}

/// How connections are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Direct,
    HttpProxy,
    Socks5,
    Tor,
}

/// `[[extra-log]]`: a log that no list names, such as one's own.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ExtraLog {
    /// What it is called in what we print.
    pub(super) description: String,
    /// Its public key: base64 of the SubjectPublicKeyInfo, as in lists of logs.
    pub(super) key: Spanned<String>,
    /// Where it is read, if it speaks RFC 6962.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<Spanned<String>>,
    /// Or where it is read, if it serves tiles (static-ct-api).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) monitoring_url: Option<Spanned<String>>,
    /// For tiles: where the log takes certificates. Without `https://` that is the origin in its
    /// checkpoints, which is then held against them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) submission_url: Option<Spanned<String>>,
    /// Its maximum merge delay. Without it 24h for RFC 6962 and 1m for tiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mmd: Option<Spanned<Period>>,
}
