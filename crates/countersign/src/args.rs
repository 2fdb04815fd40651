//! The command line as it is written. Each comment is the manual of its flag: `--help`, the
//! completions and the man pages are made from this file.

mod caa;
mod delegations;
mod dnssec;
mod enforce;
mod evidence;
mod gate;
mod incidents;
mod log_list;
mod probe;
mod registering;
mod sct;

use std::path::PathBuf;

use clap::{Args as Flags, Parser, Subcommand, ValueEnum};

use crate::when::When;

pub(crate) use caa::{
    CaaAuthoritiesArgs, CaaCommand, CaaExplainArgs, CaaImportArgs, CaaLintArgs, CaaPlanArgs,
};
pub(crate) use delegations::{DelegationsArgs, DelegationsCommand};
pub(crate) use dnssec::redirect;
pub(crate) use dnssec::{CheckArgs, DnssecCommand, ProveArgs, VerifyArgs, WayArgs};
pub(crate) use enforce::EnforceArgs;
pub(crate) use evidence::{EvidenceArgs, EvidenceCommand};
pub(crate) use gate::{ArchiveArgs, ArchiveCommand, GateArgs, GateCommand};
pub(crate) use incidents::{
    AcknowledgeArgs, IncidentsArgs, ReplayArgs, ShowArgs, SinksArgs, SinksCommand,
};
pub(crate) use log_list::{
    ListBuildArgs, ListKeysArgs, ListPublishArgs, ListSignArgs, ListSource, ListUpdateArgs,
    ListVerifyArgs, LogListCommand,
};
pub(crate) use probe::ProbeArgs;
pub(crate) use registering::{
    AuthorizationsArgs, AuthorizationsCommand, AuthorizeArgs, MaterialArgs, SignArgs,
    StatementCommand, TermsArgs,
};
pub(crate) use sct::{SctCommand, SctExplainArgs};

/// Watches Certificate Transparency for certificates that nobody here asked for
///
/// Countersign follows every public log, proves what each says, and tells of each certificate that
/// names a guarded service and was not expected. Start with `countersign init NAME` and
/// `countersign watch`.
///
/// Results go to standard output, events to standard error. The exit status is 0 if all is as
/// expected, 1 if there are findings, 2 if it could not look; 2 is never reported as 0.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Flags)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Read this configuration file
    ///
    /// Without it the first of ./countersign.toml, $XDG_CONFIG_HOME/countersign/countersign.toml
    /// (~/.config if that is not set) and /etc/countersign/countersign.toml is read.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Keep what was seen in this directory, whatever the configuration says
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Print one JSON object a line (docs/json.md)
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Colour what is printed: on a terminal unless NO_COLOR is set (auto), or not
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Write events on standard error as lines for people, or as one JSON object a line
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// Say more on standard error: once for events useful in a search, twice for all
    ///
    /// The environment variable RUST_LOG, if set, decides alone.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Say only errors on standard error, and show no progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a configuration file that guards these names
    Init(InitArgs),
    /// Follow every log, judge each certificate that names a guarded service, and tell
    ///
    /// Goes on until it is stopped. With --once it exits with 1 if it reported an incident or misbehaviour,
    /// with 2 if it could not look at all of it.
    Watch(WatchArgs),
    /// Say ahead that certificates for a key are ours
    ///
    /// Register a key before a certificate for it is ordered: logs show certificates within a minute. Works
    /// whether or not a watch runs, and takes no time, so it fits into the hooks of ACME clients.
    Authorize(AuthorizeArgs),
    /// List what is authorized, or revoke it
    Authorizations(AuthorizationsArgs),
    /// Say on another host, in signed statements, which keys are ours
    #[command(subcommand)]
    Statement(StatementCommand),
    /// List the certificates that nobody asked for, and those that are pending
    ///
    /// Exits with 1 if an incident is open and not acknowledged.
    Incidents(IncidentsArgs),
    /// Show what happened in an incident, why it is one, and what to do now
    Show(ShowArgs),
    /// Note that somebody looks after an incident
    Acknowledge(AcknowledgeArgs),
    /// Write all that shows an incident to others into one file, or verify such a file
    ///
    /// The file is a tar archive of public formats. README.html in it says what happened, and how to verify it
    /// with openssl, sha256sum and python3 alone.
    Evidence(EvidenceArgs),
    /// Judge again all that was seen, and say what would come out otherwise
    ///
    /// Nothing changes without --apply. Exits with 1 if a decision would differ.
    Replay(ReplayArgs),
    /// Show where reports go and how far they came, or test it
    ///
    /// Exits with 2 if a sink fails.
    Sinks(SinksArgs),
    /// Show for each log how far it has been read and proved
    ///
    /// A row says how many entries were searched and how many of them are proved to be in the log, how
    /// far that is behind the log in entries and time, and the exposure: what the log promised to take
    /// longer ago than this, since guarding began, has been seen.
    ///
    /// Exits with 1 if a log misbehaved or an incident is open, and nobody has acknowledged it, with 2 if some
    /// log was not verified for longer than `stale-after`, or never, if a sink fails, or if there is an open
    /// trouble that is about no single log.
    Status,
    /// List the certificates seen that name a guarded service, expected or not
    ///
    /// Exits with 1 if there are any.
    Sightings(SightingsArgs),
    /// List what went wrong with logs: what we could not do, and what they did
    ///
    /// Exits with 1 if something keeps us from seeing, or if there is proof that a log broke its rules and nobody has
    /// acknowledged it.
    Troubles(TroublesArgs),
    /// Show the logs that the lists name, and which are followed; or make a list for clients
    #[command(subcommand)]
    LogList(LogListCommand),
    /// Show what is expected of each watched zone, and what its servers and those of its parent show
    ///
    /// Exits with 1 if an incident about one is open and not acknowledged, with 2 if something of one could not be
    /// looked at, or never was.
    Delegations(DelegationsArgs),
    /// Check the DNSSEC of a zone
    #[command(subcommand)]
    Dnssec(DnssecCommand),
    /// Say in CAA records who may issue for a name
    #[command(subcommand)]
    Caa(CaaCommand),
    /// Look at the SCTs of a certificate
    #[command(subcommand)]
    Sct(SctCommand),
    /// Look at a service as its clients do, and say who answers
    ///
    /// Shakes hands from each vantage and as each client that is asked for, reads what was served from the bytes, and
    /// holds it against the keys that are registered or named, public roots, SCTs, TLSA records, and the other looks. Needs
    /// no configuration. Exits with 1 if something is wrong, with 2 if it could not look everywhere.
    Probe(ProbeArgs),
    /// Show how well each probed service is covered: by whom, from where, and what share could be intercepted unseen
    ///
    /// What was not probed is named, and is not fine. Exits with 1 if an incident about a domain is open and not
    /// acknowledged, with 2 if something is not seen or not probed.
    Probes,
    /// Start a program that then demands SCTs, though it was not written to (docs/sct-preload.md)
    ///
    /// A library is preloaded that stands before the verification of OpenSSL and of GnuTLS: a certificate of a public
    /// CA that is in no logs is refused, as browsers refuse it. Programs that cannot be covered are not started. Signals
    /// and the exit status are those of the program; 2 also stands for not started.
    Enforce(EnforceArgs),
    /// For CAs: decide by CAA before a certificate is issued, and keep each decision with its proof
    ///
    /// Stands before an ACME CA, and answers a CA's own software, step-ca and other gates over HTTP (docs/gate.md).
    /// Needs a configuration of its own, which --config names. Goes on until it is stopped.
    Gate(GateArgs),
    /// Play attacks and quiet days on a small Internet of our own, and show what is caught
    ///
    /// Needs no network, no root and no configuration. Exits with 0 only if every scene ended as it
    /// must.
    Lab(LabArgs),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Judge test cases of others, one JSON object a line
    #[command(subcommand)]
    Conformance(ConformanceCommand),
    /// Print completions for a shell
    ///
    /// For bash: countersign completions bash > ~/.local/share/bash-completion/completions/countersign
    Completions {
        /// The shell that is to complete
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write the pages of all commands
    Man {
        /// Write a page for each command into this directory
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

/// Flags of `init`.
#[derive(Debug, Flags)]
pub(crate) struct InitArgs {
    /// A name to guard with all below it, or an address
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Whom operators of logs may write to: an e-mail address or an https URL
    #[arg(long, value_name = "CONTACT")]
    pub(crate) contact: Option<String>,
    /// Write to this file
    #[arg(long, value_name = "FILE", default_value = "countersign.toml")]
    pub(crate) out: PathBuf,
    /// Replace the file if it is there already
    #[arg(long)]
    pub(crate) force: bool,
}

/// Flags of `watch`.
#[derive(Debug, Flags)]
pub(crate) struct WatchArgs {
    /// Read every log to its newest head, then end
    #[arg(long)]
    pub(crate) once: bool,
    /// Read what was logged from this point on, whatever the configuration says: 2026-11-01,
    /// 2026-11-01T12:00:00Z, or how long ago (7d)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<When>,
}

/// Flags of `lab`.
#[derive(Debug, Flags)]
pub(crate) struct LabArgs {
    /// Play these scenes; all without a name
    #[arg(value_name = "SCENE", conflicts_with = "list")]
    pub(crate) scenes: Vec<String>,
    /// Name the scenes
    #[arg(long)]
    pub(crate) list: bool,
}

/// Flags of `sightings`.
#[derive(Debug, Flags)]
pub(crate) struct SightingsArgs {
    /// Only certificates that match this guard, written as in the configuration
    #[arg(long, value_name = "NAME")]
    pub(crate) guard: Option<String>,
    /// Only what was seen since then: 2026-11-01, 2026-11-01T12:00:00Z, or how long ago (7d)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<When>,
    /// List at most this many, the newest ones
    #[arg(long, value_name = "N", default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

/// Flags of `troubles`.
#[derive(Debug, Flags)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct TroublesArgs {
    /// Also those that are over
    #[arg(long)]
    pub(crate) all: bool,
    #[command(subcommand)]
    pub(crate) command: Option<TroublesCommand>,
}

/// `troubles …`.
#[derive(Debug, Subcommand)]
pub(crate) enum TroublesCommand {
    /// Note that somebody knows of a trouble
    ///
    /// What a log did (nature `proof`) then no longer makes `troubles` and `status` exit with 1, until it does it
    /// again. What keeps us from seeing (nature `condition`) counts until it is over, acknowledged or not.
    Acknowledge {
        /// The number of the trouble
        #[arg(value_name = "ID")]
        id: u64,
        /// What is known of it, for whoever looks next
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        note: String,
    },
}

/// `config …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say `ok`, or the first thing that is wrong
    Check,
    /// Print all that is in force, defaults included, as a configuration file
    Show,
}

/// `conformance …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConformanceCommand {
    /// Read the names out of certificates, and match them
    ///
    /// Prints for each record: record, clean, names, spki_sha256, issuer_key_sha256, matches.
    X509 {
        /// Records of kind (u8: 0 certificate, 1 TBSCertificate), name (u16 length and bytes) and
        /// DER (u32 length and bytes), lengths big-endian
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// A name to look for, written as in the configuration's `guard`
        #[arg(long, value_name = "NAME")]
        watch: Vec<String>,
    },
    /// Judge the SCTs that certificates carry
    ///
    /// Prints for each certificate: sha256, scts (status, log, log_id, timestamp_ms).
    Sct {
        /// The certificates: one JSON object a line with sha256, issuer_sha256 and der (base64)
        #[arg(value_name = "CERTS")]
        certs: PathBuf,
        /// Their issuers: one JSON object a line with sha256 and der (base64)
        #[arg(value_name = "ISSUERS")]
        issuers: PathBuf,
        /// The list of logs (JSON, version 3)
        #[arg(value_name = "LOGLIST")]
        log_list: PathBuf,
    },
    /// Judge cases about CAA: values, sets of records, climbs, standing permissions, counts of perspectives
    ///
    /// Prints for each case: id, got, reason, expected, ok.
    Caa {
        /// The cases: a JSON array of objects with id, kind, expect, and what the kind takes
        #[arg(value_name = "CASES")]
        cases: PathBuf,
    },
    /// Judge recorded resolutions: validate what is asked in them, as of their time
    ///
    /// Prints for each answer that a file checks: file, step, expected, got, reason, ok. The format is that of
    /// Unbound's testbound and of deckard; trust anchors and the time are those of the file.
    Dnssec {
        /// The files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}
