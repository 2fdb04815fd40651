//! What is expected: `[judge]`, `[[expect]]`, `[[third-party]]`, `[[directory]]`, `[[host]]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::Period;

/// `[judge]`: how certificates are judged that name a guarded service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::config) struct Judge {
    /// A certificate that nobody is known to have asked for is pending for so long before it becomes an incident,
    /// unless it contradicts an `[[expect]]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) hold: Option<Spanned<Period>>,
}

/// `[[expect]]`: what a certificate for these names must be like. One that is not, and that is not for a key of
/// ours, is an incident at once. All that name a name count for it, and of their holds the shortest.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::config) struct Expect {
    /// For which names, written as in `guard`; needed. `"*.example.org"` is that wildcard.
    pub(in crate::config) names: Spanned<Vec<Spanned<String>>>,
    /// The certification authorities that may issue: the SHA-256 of each one's public key, in hexadecimal.
    /// Without it any may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) issuer_keys: Option<Spanned<Vec<Spanned<String>>>>,
    /// Whether there are wildcards among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) wildcards: Option<Wildcards>,
    /// The longest validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) validity_max: Option<Spanned<Period>>,
    /// As in `[judge]`, for these names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) hold: Option<Spanned<Period>>,
}

/// Whether there are wildcards among the certificates for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Wildcards {
    Expected,
    NotExpected,
}

/// `[[third-party]]`: somebody who has certificates of his own for these names, such as a CDN. Nobody can tell his
/// keys from an attacker's who uses the same authority, so what is let through by it counts as weak, and is
/// summed up.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::config) struct ThirdParty {
    /// What it is called in what we print.
    pub(in crate::config) name: Spanned<String>,
    /// For which names, written as in `guard`; needed. `"*.example.org"` is that wildcard.
    pub(in crate::config) names: Spanned<Vec<Spanned<String>>>,
    /// The authorities that it uses, as in `[[expect]]`; needed.
    pub(in crate::config) issuer_keys: Spanned<Vec<Spanned<String>>>,
    /// The longest validity; needed.
    pub(in crate::config) validity_max: Spanned<Period>,
}

/// `[[directory]]`: where a program on this machine keeps its keys and certificates. What is in it is ours.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::config) struct Directory {
    /// The program; `pem` for any other.
    pub(in crate::config) kind: DirectoryKind,
    /// Where it is, if not where the program has it; relative to this file. Needed for `lego` and `pem`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) path: Option<Spanned<PathBuf>>,
    /// What its keys and certificates are believed for, written as in `guard`. Without it all that is guarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) names: Option<Spanned<Vec<Spanned<String>>>>,
}

/// The programs whose directories are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum DirectoryKind {
    Certbot,
    Caddy,
    #[serde(rename = "acme.sh")]
    AcmeSh,
    Lego,
    Dehydrated,
    Prosody,
    Pem,
}

/// `[[host]]`: another machine that says, in signed statements, which keys it has asked certificates for.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::config) struct Host {
    /// What it is called in its statements.
    pub(in crate::config) name: Spanned<String>,
    /// Its key, as `countersign statement new` printed it (c2sp.org/signed-note, "Verifier keys").
    pub(in crate::config) key: Spanned<String>,
    /// What it is believed for, written as in `guard`; needed. A host that was broken into can authorize nothing
    /// else.
    pub(in crate::config) names: Spanned<Vec<Spanned<String>>>,
}
