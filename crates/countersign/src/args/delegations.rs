//! Flags of `delegations`.

use clap::{Args as Flags, Subcommand};

/// Flags of `delegations`.
#[derive(Debug, Flags)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DelegationsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<DelegationsCommand>,
}

/// `delegations …`.
#[derive(Debug, Subcommand)]
pub(crate) enum DelegationsCommand {
    /// Expect of a zone what was seen of it last
    ///
    /// Shows it first. What is declared in the configuration stays as it is declared. The incident about the zone is
    /// closed with the next look, unless something is still wrong.
    Accept {
        /// The zone
        #[arg(value_name = "ZONE")]
        zone: String,
    },
}
