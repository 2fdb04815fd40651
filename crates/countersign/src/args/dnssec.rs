//! Flags of `dnssec`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args as Flags, Subcommand};
use countersign_dns::{Name, Rtype};

use crate::when::When;

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
    /// Look a record up, from the root down, and write what proves the answer into a file
    ///
    /// Whoever has the file can verify it at any later time without asking anybody (docs/dnssec-proof.md). It also
    /// proves that there is no such record, and that a zone is not signed. Exits with 1 if the answer is bogus, with 2
    /// if that could not be told; then there is no proof, and no file.
    Prove(ProveArgs),
    /// Verify such a file, without network, configuration or state
    ///
    /// Exits with 1 if it proves nothing.
    Verify(VerifyArgs),
}

/// Flags of `dnssec check`.
#[derive(Debug, Flags)]
pub(crate) struct CheckArgs {
    /// A zone, or any name in it
    #[arg(value_name = "NAME")]
    pub(crate) name: Name,
    #[command(flatten)]
    pub(crate) way: WayArgs,
    /// Compare with what this resolver says, by address and port
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) upstream: Option<SocketAddr>,
}

/// Flags of `dnssec prove`.
#[derive(Debug, Flags)]
pub(crate) struct ProveArgs {
    /// Of which name
    #[arg(value_name = "NAME")]
    pub(crate) name: Name,
    /// Which type: CAA, TLSA, DS, …
    #[arg(value_name = "TYPE")]
    pub(crate) rtype: Rtype,
    /// Write the proof to this file; it must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Write an authentication chain (RFC 9102) to this file as well, if the records are there and secure
    #[arg(long, value_name = "FILE")]
    pub(crate) chain: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) way: WayArgs,
}

/// Flags of `dnssec verify`.
#[derive(Debug, Flags)]
pub(crate) struct VerifyArgs {
    /// The proof
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Verify it as of this time, not of that when it was made: 2026-11-01, 2026-11-01T12:00:00Z, or how long ago (7d)
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<When>,
    /// Trust the keys in this file, DS or DNSKEY records, in the place of the root's
    #[arg(long, value_name = "FILE")]
    pub(crate) anchors: Option<PathBuf>,
}

/// From where, and where to.
#[derive(Debug, Flags)]
pub(crate) struct WayArgs {
    /// Ask servers at IPv4 addresses only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// Ask servers at IPv6 addresses only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Ask from this vantage of the configuration, in the place of the one that the watch uses
    #[arg(long, value_name = "NAME")]
    pub(crate) vantage: Option<String>,
    /// Trust the keys in this file, DS or DNSKEY records, in the place of the root's
    #[arg(long, value_name = "FILE")]
    pub(crate) anchors: Option<PathBuf>,
    /// Begin at the servers in this file, in the place of the root's
    #[arg(long, value_name = "FILE")]
    pub(crate) hints: Option<PathBuf>,
    /// For tests: the server with this address is at that address and port on loopback. Nobody else is asked then
    #[arg(long, value_name = "ADDRESS=ADDRESS:PORT", value_parser = redirect)]
    pub(crate) redirect: Vec<(IpAddr, SocketAddr)>,
}

pub(crate) fn redirect(text: &str) -> Result<(IpAddr, SocketAddr), String> {
    let (from, to) = text.split_once('=').ok_or("there is no \"=\" in it")?;
    let from = from.parse().map_err(|why| format!("{from:?}: {why}"))?;
    let to: SocketAddr = to.parse().map_err(|why| format!("{to:?}: {why}"))?;
    if to.ip().is_loopback() { Ok((from, to)) } else { Err(format!("{to} is not on loopback")) }
}
