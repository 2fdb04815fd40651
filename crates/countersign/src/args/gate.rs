//! Flags of `gate`.

use std::path::PathBuf;

use clap::{Args as Flags, Subcommand};

/// Flags of `gate`.
#[derive(Debug, Flags)]
pub(crate) struct GateArgs {
    #[command(subcommand)]
    pub(crate) command: Option<GateCommand>,
}

/// `gate …`.
#[derive(Debug, Subcommand)]
pub(crate) enum GateCommand {
    /// Say `ok`, or the first thing that is wrong with the configuration
    CheckConfig,
    /// Show archived decisions, or verify the archive
    #[command(subcommand)]
    Archive(ArchiveCommand),
}

/// `gate archive …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// Show decisions, with what was looked up for them
    ///
    /// Reads the archive as it is; a gate may be writing to it. Exits with 1 if there is no such decision.
    Show {
        /// The number of a decision
        #[arg(value_name = "ID", required_unless_present = "name", conflicts_with = "name")]
        id: Option<u64>,
        /// All decisions about this name
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        archive: ArchiveArgs,
    },
    /// Judge every decision once more: the chain of records, every proof as of its time, and what comes out
    ///
    /// Asks nobody. Exits with 1 if something does not hold. The hash that is printed is that of the last record:
    /// kept elsewhere, it shows later that no records were cut off the end.
    Verify {
        /// A hash that an earlier `verify`, or the last record that somebody keeps, had; it has to be in the chain
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
        #[command(flatten)]
        archive: ArchiveArgs,
    },
}

/// Which archive.
#[derive(Debug, Flags)]
pub(crate) struct ArchiveArgs {
    /// The archive in this directory, in the place of the configuration's
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Trust the keys in this file, DS or DNSKEY records, in the place of the configuration's or the root's
    #[arg(long, value_name = "FILE")]
    pub(crate) anchors: Option<PathBuf>,
}
