//! Flags of `dnssec`.

use clap::{Args as Flags, Subcommand};
use countersign_dns::Name;

/// `dnssec …`.
#[derive(Debug, Subcommand)]
pub(crate) enum DnssecCommand {
    /// Look at a zone through all its servers and those of its parent, and say what is wrong with it
    ///
    /// Shows the chain of trust with all keys, DS records and how long signatures hold; how names are denied; what CDS
    /// and CDNSKEY ask the parent for; whether all servers say the same; and who seems to hold the keys: proved-online,
    /// consistent-with-keyless or unknown. That a key is offline cannot be seen from outside.
    ///
    /// Needs no configuration. Exits with 1 if there is a warning or worse, with 2 if something could not be looked at.
    Check(CheckArgs),
}

/// Flags of `dnssec check`.
#[derive(Debug, Flags)]
pub(crate) struct CheckArgs {
    /// A zone, or any name in it
    #[arg(value_name = "NAME")]
    pub(crate) name: Name,
    /// Ask servers at IPv4 addresses only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// Ask servers at IPv6 addresses only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
}
