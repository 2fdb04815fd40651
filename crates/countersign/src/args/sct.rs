//! Flags of `sct`.

use std::path::PathBuf;

use clap::{Args as Flags, Subcommand};

use crate::when::When;

/// `sct …`.
#[derive(Debug, Subcommand)]
pub(crate) enum SctCommand {
    /// Say of each SCT in a certificate what it is worth, and what browsers and clients that demand SCTs make of it
    ///
    /// Exits with 1 if the certificate would be refused by the rule of this project, with 2 if it cannot be read.
    Explain(SctExplainArgs),
}

/// Flags of `sct explain`.
#[derive(Debug, Flags)]
pub(crate) struct SctExplainArgs {
    /// The certificate and then the one that issued it, in PEM, as servers have them in `fullchain.pem`
    #[arg(value_name = "CHAIN")]
    pub(crate) chain: PathBuf,
    /// Go by this signed list of logs instead of the one that is built in
    #[arg(long, value_name = "FILE", requires = "list_keys")]
    pub(crate) list: Option<PathBuf>,
    /// The keys of those who sign the list
    #[arg(long, value_name = "FILE", requires = "list")]
    pub(crate) list_keys: Option<PathBuf>,
    /// As of this time: 2026-11-01, 2026-11-01T12:00:00Z, or how long ago, such as 30d
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<When>,
}
