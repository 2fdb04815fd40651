//! Flags of the commands about what was not expected, and about who is told.

use clap::{Args as Flags, Subcommand};

/// Flags of `incidents`.
#[derive(Debug, Flags)]
pub(crate) struct IncidentsArgs {
    /// Also those that are closed
    #[arg(long)]
    pub(crate) all: bool,
    /// List at most this many, the newest ones
    #[arg(long, value_name = "N", default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

/// Flags of `show`.
#[derive(Debug, Flags)]
pub(crate) struct ShowArgs {
    /// The number of an incident, or at least 8 digits of what `incidents` shows of a pending certificate
    #[arg(value_name = "ID|HEX")]
    pub(crate) which: String,
}

/// Flags of `acknowledge`.
#[derive(Debug, Flags)]
pub(crate) struct AcknowledgeArgs {
    /// The number of the incident
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
    /// What is known of it, for whoever looks next
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) note: String,
}

/// Flags of `replay`.
#[derive(Debug, Flags)]
pub(crate) struct ReplayArgs {
    /// Decide so from now on: open and close incidents
    #[arg(long)]
    pub(crate) apply: bool,
}

/// Flags of `sinks`.
#[derive(Debug, Flags)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SinksArgs {
    #[command(subcommand)]
    pub(crate) command: Option<SinksCommand>,
}

/// `sinks …`.
#[derive(Debug, Subcommand)]
pub(crate) enum SinksCommand {
    /// Send one message of test through every sink, now
    ///
    /// Exits with 2 if a sink failed.
    Test {
        /// Only through this sink
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}
