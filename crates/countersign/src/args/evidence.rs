//! Flags of `evidence`.

use std::path::PathBuf;

use clap::{Args as Flags, Subcommand};

/// Flags of `evidence`.
#[derive(Debug, Flags)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct EvidenceArgs {
    #[command(subcommand)]
    pub(crate) command: Option<EvidenceCommand>,
    /// The number of the incident
    #[arg(value_name = "ID", required = true)]
    pub(crate) id: Option<u64>,
    /// Write to this file, a tar archive; it must not be there yet
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) out: Option<PathBuf>,
}

/// `evidence …`.
#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// Verify a pack, with no network, configuration or state, and unpacking nothing
    ///
    /// Exits with 1 if something in it is not so, with 2 if all else is so but something could not be told.
    Verify {
        /// The pack
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// A list of logs (JSON, version 3): whether the logs of the pack are logs that anybody trusts
        #[arg(long, value_name = "FILE")]
        log_list: Option<PathBuf>,
    },
}
