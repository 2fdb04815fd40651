//! Who is told, and how: `[heartbeat]` and `[[sink]]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::Period;

/// `[heartbeat]`: the word that all is well, so that its absence is noticed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::config) struct Heartbeat {
    /// How often, or `"never"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) every: Option<Spanned<String>>,
}

/// `[[sink]]`: where reports go besides standard output. Which keys there are depends on `kind`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::config) struct Sink {
    /// What it is called in what we print.
    pub(in crate::config) name: Spanned<String>,
    /// How it is told.
    pub(in crate::config) kind: SinkKind,
    /// For `exec`: the program, by its whole path, and its arguments. No shell is between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) command: Option<Spanned<Vec<String>>>,
    /// For `exec`: it is ended after so long, and tried again later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) timeout: Option<Spanned<Period>>,
    /// For `webhook`: where each report is posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) url: Option<Spanned<String>>,
    /// For `webhook`: the file with the secret that each request is signed with (HMAC-SHA-256); relative to this
    /// file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) secret_file: Option<Spanned<PathBuf>>,
    /// For `smtp`: `"smtps://host:465"`, or `"smtp://host:587"`, which must offer STARTTLS. On this machine
    /// (`"smtp://127.0.0.1:25"`) it need not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) server: Option<Spanned<String>>,
    /// For `smtp`: the user to log in as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) user: Option<Spanned<String>>,
    /// For `smtp`: the file with the password; relative to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) password_file: Option<Spanned<PathBuf>>,
    /// For `smtp`: the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) from: Option<Spanned<String>>,
    /// For `smtp`: who gets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) to: Option<Spanned<Vec<Spanned<String>>>>,
    /// For `webhook` and `smtp`: the vantage that it is reached from. Without it the one of `[watch]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) vantage: Option<Spanned<String>>,
}

/// How a sink is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum SinkKind {
    Exec,
    Webhook,
    Smtp,
}
