//! Flags of the commands that say which certificates are expected.

use std::path::PathBuf;

use clap::{Args as Flags, Subcommand};
use jiff::Timestamp;

use crate::when;

/// Flags of `authorize`.
#[derive(Debug, Flags)]
pub(crate) struct AuthorizeArgs {
    #[command(flatten)]
    pub(crate) material: MaterialArgs,
    /// What a host of the configuration has signed: see `statement sign`
    #[arg(long, value_name = "FILE", group = "material", help_heading = MATERIAL,
        conflicts_with_all = ["names", "until"])]
    pub(crate) statement: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) terms: TermsArgs,
    /// Why, for people
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) note: String,
}

/// What is known by its key, or by itself. `-` as a file is standard input.
#[derive(Debug, Flags)]
#[command(next_help_heading = MATERIAL)]
#[group(id = "material", required = true, multiple = false)]
pub(crate) struct MaterialArgs {
    /// A certificate request, for its key and the names in it
    #[arg(long, value_name = "FILE")]
    pub(crate) csr: Option<PathBuf>,
    /// A private or public key
    #[arg(long, value_name = "FILE", requires = "names")]
    pub(crate) key: Option<PathBuf>,
    /// A certificate, for itself and the names in it
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// The SHA-256 of a SubjectPublicKeyInfo in hexadecimal, or a file with a public key
    #[arg(long, value_name = "HEX|FILE", requires = "names")]
    pub(crate) spki: Option<String>,
}

/// For which names, and how long.
#[derive(Debug, Flags)]
#[command(next_help_heading = None)]
pub(crate) struct TermsArgs {
    /// A name that certificates for it may have, written as in `guard`, or a wildcard
    ///
    /// Without it the names in the request or certificate; a key has none of its own.
    #[arg(long = "name", id = "names", value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// For certificates that are seen first by then: 2027-03-01 or 2027-03-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = when::point)]
    pub(crate) until: Option<Timestamp>,
}

/// Flags of `authorizations`.
#[derive(Debug, Flags)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AuthorizationsArgs {
    /// Also those that ended or were revoked
    #[arg(long)]
    pub(crate) all: bool,
    #[command(subcommand)]
    pub(crate) command: Option<AuthorizationsCommand>,
}

/// `authorizations …`.
#[derive(Debug, Subcommand)]
pub(crate) enum AuthorizationsCommand {
    /// End an authorization
    ///
    /// What is judged from now on is judged without it. Only `authorize` brings back what was revoked, not a
    /// directory and not a host.
    Revoke {
        /// The number that `authorize` printed
        #[arg(value_name = "ID")]
        id: u64,
    },
}

/// `statement …`.
#[derive(Debug, Subcommand)]
pub(crate) enum StatementCommand {
    /// Make a key for this host, and print what the watching host must know of it
    New {
        /// What this host is called in its statements
        #[arg(long, value_name = "HOST")]
        name: String,
        /// Write the key to this file, which must not be there
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign that this host is about to order certificates for a key
    ///
    /// Prints the statement. Send it to the watching host, and there to `countersign authorize --statement -`,
    /// before the order.
    Sign(SignArgs),
}

/// Flags of `statement sign`.
#[derive(Debug, Flags)]
pub(crate) struct SignArgs {
    /// The key that `statement new` made
    #[arg(long, value_name = "FILE")]
    pub(crate) host_key: PathBuf,
    #[command(flatten)]
    pub(crate) material: MaterialArgs,
    #[command(flatten)]
    pub(crate) terms: TermsArgs,
    /// Where the number of the last statement is kept; beside the key if not told otherwise
    #[arg(long, value_name = "FILE")]
    pub(crate) sequence_file: Option<PathBuf>,
}

const MATERIAL: &str = "What is expected (one of these; - is standard input)";
