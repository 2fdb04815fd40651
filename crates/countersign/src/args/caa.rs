//! Flags of `caa`.

use std::path::PathBuf;

use clap::{Args as Flags, Subcommand, ValueEnum};
use countersign_caa::{Identifier, Method, Name, Purpose};
use countersign_judge::acme_account::AccountUrl;
use countersign_judge::acme_account::renewal::Challenge;
use countersign_judge::caa_plan::ReportTo;
use countersign_judge::caa_plan::format::Format;

use super::WayArgs;

/// `caa …`.
#[derive(Debug, Subcommand)]
pub(crate) enum CaaCommand {
    /// Plan the records that let only your own ACME accounts order certificates for a name
    ///
    /// Reads the accounts of certbot, Caddy, acme.sh, lego and dehydrated on disk, and says of each record what it
    /// stops, what it leaves open, and whether its CA is known to heed it. Asks nobody, and changes nothing.
    ///
    /// Exits with 1 if something that is used now would no longer be renewed, with 2 if there is no plan or not
    /// everything could be read.
    Plan(CaaPlanArgs),
    /// Say what the CAA records of a name, or of a zone file, leave open to whom, and what to do about it
    ///
    /// Looks from the root down: at the name, at the names above it, at a fresh name below it, and at where validation
    /// looks, each with how secure it is. Of a file it looks at every name that a certificate could be for; what is
    /// signed cannot be seen there.
    ///
    /// Exits with 1 if there is a warning or worse, with 2 if something could not be looked at.
    Lint(CaaLintArgs),
    /// Say whether a CA may issue for a name, to an account, by a method, and which records at which name decide that
    ///
    /// Decides as a CA has to, from the root down and with every answer validated. Exits with 0 if it may, with 1 if it
    /// must not, with 2 if that could not be told; then it must not either.
    Explain(CaaExplainArgs),
    /// Read the CCADB's list of the names that CAs recognize in CAA records
    ///
    /// It is AllCAAIdentifiersReportCSVV2 on the CCADB's page of resources. What is kept of it adds to the table of CAs
    /// that is built in, for the commands after this one.
    Import(CaaImportArgs),
    /// List the CAs that are known: their names in CAA records, and whether they heed accounts
    Authorities(CaaAuthoritiesArgs),
}

/// Flags of `caa plan`.
#[derive(Debug, Flags)]
pub(crate) struct CaaPlanArgs {
    /// For which name, and all below it that has no records of its own
    #[arg(value_name = "NAME", value_parser = planned)]
    pub(crate) name: Name,
    /// Look for accounts in this directory of an ACME client, such as /etc/letsencrypt, and not in those of the
    /// configuration
    #[arg(long, value_name = "DIR")]
    pub(crate) accounts: Vec<PathBuf>,
    /// Let in this account too: its URL, as the ACME client shows it
    #[arg(long, value_name = "URL", value_parser = account)]
    pub(crate) account: Vec<AccountUrl>,
    /// Permit only this way of validation: http-01, dns-01, tls-alpn-01, dns-account-01 or dns-persist-01
    ///
    /// With dns-01 alone, diverted traffic proves nothing to a CA. Your client must then answer in the DNS.
    #[arg(long, value_name = "METHOD", value_delimiter = ',', value_parser = method)]
    pub(crate) method: Vec<Challenge>,
    /// Let the accounts have certificates with wildcards; nobody can without this
    #[arg(long)]
    pub(crate) wildcard: bool,
    /// Where CAs may report what they refused: mailto:SOMEBODY@HOST or an https:// URL
    #[arg(long, value_name = "URL", value_parser = report_to)]
    pub(crate) iodef: Option<ReportTo>,
    /// How long resolvers may keep the records, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = countersign_judge::caa_plan::TTL_S_DEFAULT,
        value_parser = clap::value_parser!(u32).range(60..=604_800))]
    pub(crate) ttl: u32,
    /// The CA with the ACME server at this host is called so in CAA records
    #[arg(long, value_name = "HOST=NAME", value_parser = issuer)]
    pub(crate) issuer: Vec<(String, Name)>,
    /// Give the accounts at the ACME server at this host no record
    #[arg(long, value_name = "HOST")]
    pub(crate) leave_out: Vec<String>,
    /// Print only the records, for this: zone, unknown, nsupdate, cloudflare, route53, desec, powerdns or hetzner
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    pub(crate) format: Option<Format>,
    /// The zone that the name is in, if it is not one itself
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) zone: Option<Name>,
    /// Read what `caa import` wrote from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) authorities: Option<PathBuf>,
}

/// Flags of `caa lint`.
#[derive(Debug, Flags)]
pub(crate) struct CaaLintArgs {
    /// A name, or a zone file
    #[arg(value_name = "NAME|FILE")]
    pub(crate) target: String,
    /// What the short names in the file are below
    #[arg(long, value_name = "NAME")]
    pub(crate) origin: Option<countersign_dns::Name>,
    /// Take the accounts in this directory of an ACME client for yours, and not those of the configuration
    #[arg(long, value_name = "DIR")]
    pub(crate) accounts: Vec<PathBuf>,
    /// Take this account for yours too: its URL
    #[arg(long, value_name = "URL", value_parser = account)]
    pub(crate) account: Vec<AccountUrl>,
    /// Read what `caa import` wrote from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) authorities: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) way: WayArgs,
}

/// Flags of `caa explain`.
#[derive(Debug, Flags)]
pub(crate) struct CaaExplainArgs {
    /// The name that the certificate is for; `*.` in front for a wildcard
    #[arg(value_name = "NAME", value_parser = identifier)]
    pub(crate) name: Identifier,
    /// A name by which the CA is known in CAA records, such as letsencrypt.org
    #[arg(long, value_name = "NAME", value_parser = name, required = true)]
    pub(crate) ca: Vec<Name>,
    /// The account that asks, or one above it: its URI
    #[arg(long, value_name = "URI")]
    pub(crate) account: Vec<String>,
    /// How the name is validated: dns-01, http-01, …
    #[arg(long, value_name = "METHOD", value_parser = label)]
    pub(crate) method: Option<Method>,
    /// What the certificate is for
    #[arg(long, value_name = "PURPOSE", value_enum, default_value_t = CaaPurpose::Tls)]
    pub(crate) purpose: CaaPurpose,
    /// Deny unless every answer is signed
    #[arg(long)]
    pub(crate) require_secure: bool,
    #[command(flatten)]
    pub(crate) way: WayArgs,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CaaPurpose {
    /// A TLS server
    Tls,
    /// A mail address
    Smime,
    /// A mark
    Mark,
}

impl From<CaaPurpose> for Purpose {
    fn from(purpose: CaaPurpose) -> Self {
        match purpose {
            CaaPurpose::Tls => Self::Tls,
            CaaPurpose::Smime => Self::Smime,
            CaaPurpose::Mark => Self::Mark,
        }
    }
}

fn identifier(text: &str) -> Result<Identifier, String> {
    Identifier::parse(text).map_err(|why| why.to_string())
}

fn label(text: &str) -> Result<Method, String> {
    Method::parse(text).map_err(|why| why.to_string())
}

/// Flags of `caa import`.
#[derive(Debug, Flags)]
pub(crate) struct CaaImportArgs {
    /// The report, CSV
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Write to this file, and not into the state directory
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Flags of `caa authorities`.
#[derive(Debug, Flags)]
pub(crate) struct CaaAuthoritiesArgs {
    /// Read what `caa import` wrote from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) authorities: Option<PathBuf>,
}

fn planned(text: &str) -> Result<Name, String> {
    if let Some(name) = text.strip_prefix("*.") {
        return Err(format!(
            "records for wildcards are at {name:?}: plan for that, with --wildcard"
        ));
    }
    name(text)
}

fn name(text: &str) -> Result<Name, String> {
    Name::parse(text).map_err(|why| why.to_string())
}

fn account(text: &str) -> Result<AccountUrl, String> {
    AccountUrl::parse(text).map_err(|why| why.to_string())
}

fn method(text: &str) -> Result<Challenge, String> {
    text.parse()
        .map_err(|why: countersign_judge::acme_account::renewal::UnknownChallenge| why.to_string())
}

fn report_to(text: &str) -> Result<ReportTo, String> {
    ReportTo::parse(text).map_err(|why| why.to_string())
}

fn format(text: &str) -> Result<Format, String> {
    text.parse().map_err(|why: countersign_judge::caa_plan::format::UnknownFormat| why.to_string())
}

fn issuer(text: &str) -> Result<(String, Name), String> {
    let (host, issuer) = text.split_once('=').ok_or("there is no \"=\" in it")?;
    Ok((host.to_owned(), name(issuer)?))
}
