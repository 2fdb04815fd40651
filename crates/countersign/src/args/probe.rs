//! Flags of `probe`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args as Flags;
use countersign_judge::probe::Protocol;

use super::redirect;

/// Flags of `probe`.
#[derive(Debug, Flags)]
pub(crate) struct ProbeArgs {
    /// The domain, and the port if it is not that of the protocol: xmpp.example, mail.example:465
    #[arg(value_name = "NAME[:PORT]", required_unless_present_any = ["list_clients", "serve"])]
    pub(crate) name: Option<String>,
    /// What is spoken there: xmpp, xmpp-server, smtp, submission, imap, pop3, https, irc, ldap, postgresql, tls
    ///
    /// Without it, what is usually behind the port; without a port, both ways into XMPP that the domain's SRV records
    /// name, or else https.
    #[arg(long, value_name = "PROTOCOL", value_parser = protocol)]
    pub(crate) protocol: Option<Protocol>,
    /// TLS begins with the first byte
    #[arg(long, conflicts_with = "starttls")]
    pub(crate) direct: bool,
    /// TLS begins after both sides agreed on it in clear text
    #[arg(long)]
    pub(crate) starttls: bool,
    /// Connect to this host, whatever DNS says: a name, an address, an onion service
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Look from this vantage of the configuration, from several if it is given more than once
    ///
    /// `direct` and `tor` (a system tor at 127.0.0.1:9050) are there without a configuration.
    #[arg(long, value_name = "VANTAGE")]
    pub(crate) via: Vec<String>,
    /// Look like this client, like several if it is given more than once; --list-clients names them
    #[arg(long, value_name = "CLIENT")]
    pub(crate) client: Vec<String>,
    /// Say which clients there are, and what each needs
    #[arg(long)]
    pub(crate) list_clients: bool,
    /// The key that should serve: SHA-256 of the SubjectPublicKeyInfo in hexadecimal, or a file with the key or a
    /// certificate for it; several may. Without it, what the state has registered
    #[arg(long, value_name = "KEY")]
    pub(crate) expect: Vec<String>,
    /// Clients trust the CAs in this PEM file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) roots: Option<PathBuf>,
    /// Log in to XMPP with the address in the first line of this file and the password in the second
    ///
    /// Only with SCRAM and channel binding, so that a login succeeds only if nobody is in the middle.
    #[arg(long, value_name = "FILE")]
    pub(crate) account: Option<PathBuf>,
    /// Write what proves each handshake into this directory, one file each, for `countersign evidence verify`
    #[arg(long, value_name = "DIR")]
    pub(crate) save: Option<PathBuf>,
    /// Look for other hosts: listen here, as 192.0.2.1:8480, and look at the names of --allow for whoever knows the token
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        requires = "host_key",
        requires = "token",
        requires = "allow",
        conflicts_with = "name"
    )]
    pub(crate) serve: Option<SocketAddr>,
    /// Sign with the key in this file, which `countersign statement new` makes
    #[arg(long, value_name = "FILE")]
    pub(crate) host_key: Option<PathBuf>,
    /// Look at this name for others, and at all below it if it begins with a dot; several may be allowed
    #[arg(long, value_name = "NAME")]
    pub(crate) allow: Vec<String>,
    /// What both hosts know, in a file; at least 32 characters
    #[arg(long, value_name = "FILE")]
    pub(crate) token: Option<PathBuf>,
    /// Have another host look as well: the URL that its `probe --serve` prints
    #[arg(long, value_name = "URL", requires = "ask_key", requires = "token")]
    pub(crate) ask: Option<String>,
    /// The key of that host, which its `probe --serve` prints
    #[arg(long, value_name = "KEY")]
    pub(crate) ask_key: Option<String>,
    /// Connect to IPv4 addresses only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// Connect to IPv6 addresses only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Do not ask DNS for SRV, MX and TLSA records
    #[arg(long)]
    pub(crate) no_dns: bool,
    /// Trust the keys in this file, DS or DNSKEY records, in the place of the root's
    #[arg(long, value_name = "FILE")]
    pub(crate) anchors: Option<PathBuf>,
    /// Begin at the servers in this file, in the place of the root's
    #[arg(long, value_name = "FILE")]
    pub(crate) hints: Option<PathBuf>,
    /// For tests: the DNS server with this address is at that address and port on loopback. Nobody else is asked then
    #[arg(long, value_name = "ADDRESS=ADDRESS:PORT", value_parser = redirect)]
    pub(crate) redirect: Vec<(IpAddr, SocketAddr)>,
}

fn protocol(text: &str) -> Result<Protocol, String> {
    text.parse().map_err(|_| {
        let known: Vec<_> = Protocol::ALL.iter().map(|protocol| protocol.as_str()).collect();
        format!("known are {}", known.join(", "))
    })
}
