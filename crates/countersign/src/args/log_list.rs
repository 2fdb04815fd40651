//! Flags of `log-list`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as Flags, Subcommand};

use crate::when::When;

/// `log-list …`.
#[derive(Debug, Subcommand)]
pub(crate) enum LogListCommand {
    /// Show the union of the configured lists as they are now: its logs, and which are followed
    ///
    /// A log is followed if some list has it as qualified, usable or read-only, or for monitoring only,
    /// until all certificates that it takes have expired. Of the others it is said why they are not.
    Show,
    /// Show what changed from the lists that were last followed to the lists as they are now
    Diff,
    /// Make a list for clients out of the lists of root programmes and others (docs/log-list.md)
    ///
    /// Says of each log whether it is in, and why not. Exits with 1 if a log of the last list is no longer in: a person
    /// should look at that before anybody signs.
    Build(ListBuildArgs),
    /// Make a key that signs lists, or the heads of a log
    ///
    /// Prints the public half, which names it in a set of keys.
    Keygen {
        /// The name of the key: a domain, and a path if it has several; for a log its origin
        #[arg(value_name = "NAME")]
        name: String,
        /// Write the secret half to this file, which must not be there
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Make the first set of keys, or the one that comes after another
    Keys(ListKeysArgs),
    /// Add a signature to a list, or to a set of keys
    ///
    /// Prints what is signed, each suspension, and each difference from what was signed last: look at them.
    Sign(ListSignArgs),
    /// Say who signed a list, what is in it, and how old it is
    ///
    /// Exits with 1 if too few keys have signed, if the proof does not hold, or if the list is older than 70 days.
    Verify(ListVerifyArgs),
    /// Publish a signed list in a folder: append it to the folder's log, and write the proof beside it
    ///
    /// Doing it again does nothing more, and mends what was stopped half way.
    Publish(ListPublishArgs),
    /// Serve such a folder over HTTP, until it is stopped
    ///
    /// Any other web server that serves the files as they are will do as well.
    Serve {
        /// The folder
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// Where to listen; with port 0 a free one, which is printed
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8470")]
        listen: SocketAddr,
    },
    /// Get the newest list, if it is newer and signed, and put it in the place of the one that there is
    ///
    /// Exits with 1, and leaves everything as it is, if what is offered is older, or another list of the same version,
    /// or lacks signatures or its proof, or is issued after today. If there is no list yet, so it does if what is
    /// offered is older than the built-in list, or than 35 days. Exits with 1 as well, but takes what is newer than the
    /// list here, if that is so old that the server seems to be held back. Exits with 2 if nothing could be had.
    Update(ListUpdateArgs),
}

/// Flags of `log-list build`.
#[derive(Debug, Flags)]
pub(crate) struct ListBuildArgs {
    /// A list of logs (JSON, version 3): mozilla=programme:known-logs.json
    ///
    /// A root programme decides which logs it trusts; an observer only knows logs, as a monitor does, or who runs one.
    #[arg(long = "source", value_name = "NAME=KIND:FILE", required = true)]
    pub(crate) sources: Vec<ListSource>,
    /// The list before, signed or not: its version is counted up
    #[arg(long, value_name = "FILE")]
    pub(crate) last: Option<PathBuf>,
    /// When the list is made, if that is not now; at most a day ahead
    #[arg(long, value_name = "TIME")]
    pub(crate) issued: Option<When>,
    /// Suspend enforcement somewhere: "way python until 2026-12-05T00:00:00Z why", for at most 14 days
    #[arg(long = "suspend", value_name = "SUSPENSION")]
    pub(crate) suspensions: Vec<String>,
    /// Write the list, without signatures, to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// A source: what it is called, what its word is worth, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListSource {
    pub(crate) name: String,
    pub(crate) is_programme: bool,
    pub(crate) file: PathBuf,
}

impl FromStr for ListSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.split_once('=').and_then(|(name, rest)| Some((name, rest.split_once(':')?)));
        let (name, is_programme, file) = match parts {
            Some((name, ("programme", file))) if !name.is_empty() => (name, true, file),
            Some((name, ("observer", file))) if !name.is_empty() => (name, false, file),
            _ => return Err("write \"NAME=programme:FILE\" or \"NAME=observer:FILE\"".to_owned()),
        };
        Ok(Self { name: name.to_owned(), is_programme, file: file.into() })
    }
}

/// Flags of `log-list keys`.
#[derive(Debug, Flags)]
pub(crate) struct ListKeysArgs {
    /// The public half of a key, as keygen prints it
    #[arg(long = "key", value_name = "KEY", required = true)]
    pub(crate) keys: Vec<String>,
    /// How many of them must sign
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) threshold: usize,
    /// The keys that are in force; their version is counted up
    #[arg(long, value_name = "FILE")]
    pub(crate) last: Option<PathBuf>,
    /// Write the keys to this file, which must not be there
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// Flags of `log-list sign`.
#[derive(Debug, Flags)]
pub(crate) struct ListSignArgs {
    /// The list or the keys, with signatures or without
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The secret half of a key, from keygen
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// What was signed last; say what differs, and refuse to sign what is not newer
    #[arg(long, value_name = "FILE", required_unless_present = "first")]
    pub(crate) last: Option<PathBuf>,
    /// Nothing was signed before; a list is then compared with the built-in one
    #[arg(long, conflicts_with = "last")]
    pub(crate) first: bool,
}

/// Flags of `log-list verify`.
#[derive(Debug, Flags)]
pub(crate) struct ListVerifyArgs {
    /// The signed list
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The keys, of which enough must have signed
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: PathBuf,
    /// The proof that the list is in a log
    #[arg(long, value_name = "FILE", requires = "log")]
    pub(crate) proof: Option<PathBuf>,
    /// The public key of the log
    #[arg(long, value_name = "KEY", requires = "proof")]
    pub(crate) log: Option<String>,
}

/// Flags of `log-list publish`.
#[derive(Debug, Flags)]
pub(crate) struct ListPublishArgs {
    /// The folder, which is made if it is not there
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The signed list
    #[arg(long, value_name = "FILE")]
    pub(crate) list: PathBuf,
    /// The keys that it needs; without this those in the folder
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// The secret half of the log's key, from keygen
    #[arg(long, value_name = "FILE")]
    pub(crate) log_key: PathBuf,
}

/// Flags of `log-list update`.
#[derive(Debug, Flags)]
pub(crate) struct ListUpdateArgs {
    /// Where it is: a URL, or a folder
    #[arg(long, value_name = "URL|DIR")]
    pub(crate) from: String,
    /// Where the list goes
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// The keys that are believed; newer ones, which these have signed, are written here
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: PathBuf,
    /// Demand the proof that the list is in the log with this public key, and keep it beside the list
    #[arg(long, value_name = "KEY")]
    pub(crate) log: Option<String>,
    /// Ask from this vantage of the configuration, such as Tor
    #[arg(long, value_name = "NAME")]
    pub(crate) vantage: Option<String>,
}
