//! Flags of `enforce`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args as Flags;

/// Flags of `enforce`.
#[derive(Debug, Flags)]
pub(crate) struct EnforceArgs {
    /// Go by this signed list of logs, if it is newer than the one that is built in
    #[arg(long, value_name = "FILE", requires = "list_keys")]
    pub(crate) list: Option<PathBuf>,
    /// The keys that must have signed the list
    #[arg(long, value_name = "FILE", requires = "list")]
    pub(crate) list_keys: Option<PathBuf>,
    /// Take these roots for public ones too: a file with certificates in PEM, or a folder of .crt and .pem files
    ///
    /// They are added to those that are built in and to those of /usr/share/ca-certificates/mozilla.
    #[arg(long, value_name = "PATH")]
    pub(crate) public_roots: Option<PathBuf>,
    /// Refuse even when the list of logs is older than 180 days: for those to whom an interception is worse than
    /// no connection
    #[arg(long)]
    pub(crate) high_risk: bool,
    /// Remember in this file from one start to the next how late it is at least, and which hosts had certificates
    /// of public CAs
    ///
    /// Without it that is $XDG_STATE_HOME/countersign/sct-memory (~/.local/state if that is not set).
    #[arg(long, value_name = "FILE")]
    pub(crate) memory: Option<PathBuf>,
    /// Only say what would be covered, and start nothing
    ///
    /// Exits with 0 if the program uses OpenSSL or GnuTLS, with 1 if that shows only when it runs, with 2 if it
    /// cannot be covered.
    #[arg(long)]
    pub(crate) check: bool,
    /// The program, and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}
