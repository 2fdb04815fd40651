//! How each client is run: as its user would run it.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_judge::probe::{Opening, Protocol, Service};

use super::tools::{KEY_LOG_LIBRARY, Tools};
use super::{Account, Client, Look, dino};
use crate::cage::SHARED;

/// What is run, and with what.
pub(super) struct Recipe {
    /// The program and its arguments.
    pub(super) command: Vec<OsString>,
    /// Its variables.
    pub(super) variables: Vec<(&'static str, OsString)>,
    /// Files in the shared folder.
    files: Vec<(&'static str, String)>,
    /// The library for the key log is there as well.
    is_preloaded: bool,
}

/// The recipe for a look.
pub(super) fn recipe(look: &Look<'_>) -> Recipe {
    let Look { client, service, account, expected, .. } = *look;
    match client {
        Client::OpenSsl => openssl(service),
        Client::GnuTls => gnutls(service),
        Client::Curl => curl(service),
        Client::Swaks => swaks(service, account),
        Client::Slixmpp => slixmpp(service, account),
        Client::GoSendxmpp => go_sendxmpp(service, account, expected),
        Client::Profanity => profanity(service, account),
        Client::Dino => dino::recipe(service, account),
        Client::Psql => psql(service, account),
        Client::Chromium => chromium(service),
    }
}

fn openssl(service: &Service) -> Recipe {
    let Service { domain, port, .. } = service;
    let recipe = Recipe::of(&["openssl", "s_client"])
        .arguments(["-connect".to_owned(), format!("{domain}:{port}")])
        .arguments(["-servername", domain, "-keylogfile", &shared(KEY_LOG)]);
    if service.opening == Opening::Direct {
        return recipe;
    }
    let protocol = match service.protocol {
        Protocol::Xmpp => "xmpp",
        Protocol::XmppServer => "xmpp-server",
        Protocol::Smtp | Protocol::Submission => "smtp",
        Protocol::Imap => "imap",
        Protocol::Pop3 => "pop3",
        Protocol::Irc => "irc",
        Protocol::Ldap => "ldap",
        Protocol::Postgresql => "postgres",
        Protocol::Http | Protocol::Plain => return recipe,
    };
    // The name in EHLO and in the stream's `to`.
    recipe.arguments(["-starttls", protocol, "-name", domain])
}

fn gnutls(service: &Service) -> Recipe {
    let recipe = Recipe::of(&["gnutls-cli"]).arguments([format!("--port={}", service.port)]);
    let protocol = match service.protocol {
        _ if service.opening == Opening::Direct => None,
        Protocol::Xmpp => Some("xmpp"),
        Protocol::Smtp | Protocol::Submission => Some("smtp"),
        Protocol::Imap => Some("imap"),
        Protocol::Pop3 => Some("pop3"),
        Protocol::Ldap => Some("ldap"),
        Protocol::Postgresql => Some("postgres"),
        Protocol::XmppServer | Protocol::Irc | Protocol::Http | Protocol::Plain => None,
    };
    let recipe = recipe.arguments(protocol.map(|protocol| format!("--starttls-proto={protocol}")));
    recipe.arguments([&*service.domain]).with_key_log()
}

fn curl(service: &Service) -> Recipe {
    let scheme = match (service.protocol, service.opening) {
        (Protocol::Smtp | Protocol::Submission, Opening::StartTls) => "smtp",
        (Protocol::Smtp | Protocol::Submission, Opening::Direct) => "smtps",
        (Protocol::Imap, Opening::StartTls) => "imap",
        (Protocol::Imap, Opening::Direct) => "imaps",
        (Protocol::Pop3, Opening::StartTls) => "pop3",
        (Protocol::Pop3, Opening::Direct) => "pop3s",
        (
            Protocol::Http
            | Protocol::Xmpp
            | Protocol::XmppServer
            | Protocol::Irc
            | Protocol::Ldap
            | Protocol::Postgresql
            | Protocol::Plain,
            Opening::StartTls | Opening::Direct,
        ) => "https",
    };
    let url = format!("{scheme}://{}:{}/", service.domain, service.port);
    Recipe::of(&["curl", "--silent", "--show-error", "--ssl-reqd"]).arguments([url]).with_key_log()
}

fn swaks(service: &Service, account: &Account) -> Recipe {
    let Service { domain, port, .. } = service;
    let address = format!("{}@{domain}", account.user);
    let recipe = Recipe::of(&["swaks", "--server", domain, "--port"]).arguments([port.to_string()]);
    let recipe = recipe.arguments(["--from", &address, "--to", &address, "--quit-after", "RCPT"]);
    let tls = match service.opening {
        Opening::StartTls => "--tls",
        Opening::Direct => "--tls-on-connect",
    };
    recipe.arguments([tls, "--tls-sni", domain]).preloaded()
}

fn slixmpp(service: &Service, account: &Account) -> Recipe {
    let Service { domain, port, opening, .. } = service;
    Recipe::of(&[PYTHON])
        .arguments([shared("login.py"), shared("password")])
        .arguments([format!("{}@{domain}", account.user)])
        .arguments([domain, &port.to_string(), opening.as_str()])
        .file("login.py", include_str!("slixmpp.py"))
        .file("password", &account.password)
        .with_key_log()
}

fn go_sendxmpp(service: &Service, account: &Account, expected: Option<&[u8]>) -> Recipe {
    let Service { domain, port, .. } = service;
    let Account { user, password } = account;
    let settings = format!(
        "username: {user}@{domain}\njserver: {domain}:{port}\npassword: {password}\nresource: laptop\n"
    );
    let mut recipe = Recipe::of(&["go-sendxmpp", "--file"])
        .arguments([shared("sendxmpprc"), "--message".to_owned(), shared("message")])
        .file("sendxmpprc", &settings)
        .file("message", "hello\n");
    if service.opening == Opening::Direct {
        recipe = recipe.arguments(["--tls"]);
    }
    recipe = recipe.arguments([format!("{user}@{domain}")]);
    let Some(expected) = expected else { return recipe };
    // Go takes both: of the system's roots, none is left.
    recipe
        .file("expected.pem", &pem(expected))
        .variable("SSL_CERT_FILE", &shared("expected.pem"))
        .variable("SSL_CERT_DIR", &shared("none"))
}

fn profanity(service: &Service, account: &Account) -> Recipe {
    let Service { domain, port, opening, .. } = service;
    let Account { user, password } = account;
    let policy = match opening {
        Opening::StartTls => "force",
        Opening::Direct => "legacy",
    };
    let accounts = format!(
        "[mine]\nenabled=true\njid={user}@{domain}\npassword={password}\nserver={domain}\nport={port}\nresource=laptop\ntls.policy={policy}\n"
    );
    Recipe::of(&[
        "script",
        "--quiet",
        "--command",
        "stty rows 24 cols 80; profanity --account mine",
    ])
    .arguments(["/dev/null"])
    .file("data/profanity/accounts", &accounts)
    .variable("XDG_DATA_HOME", &shared("data"))
    .preloaded()
}

fn psql(service: &Service, account: &Account) -> Recipe {
    let Service { domain, port, .. } = service;
    let Account { user, password } = account;
    Recipe::of(&["psql", "--no-psqlrc", "--command=select 1"])
        .arguments([format!("host={domain} port={port} user={user} dbname={user} sslmode=require")])
        .variable("PGPASSWORD", password)
        .preloaded()
}

fn chromium(service: &Service) -> Recipe {
    // Its own sandbox wants rights that the cage has taken away.
    Recipe::of(&["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .arguments(["--user-data-dir=/run/home/chromium", "--dump-dom"])
        .arguments([format!("https://{}:{}/", service.domain, service.port)])
        .with_key_log()
}

impl Recipe {
    pub(super) fn of(command: &[&str]) -> Self {
        let command = command.iter().map(OsString::from).collect();
        Self { command, variables: Vec::new(), files: Vec::new(), is_preloaded: false }
    }

    pub(super) fn arguments(
        mut self,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        self.command.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub(super) fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    pub(super) fn file(mut self, path: &'static str, text: &str) -> Self {
        self.files.push((path, text.to_owned()));
        self
    }

    /// Its library for TLS heeds the variable.
    pub(super) fn with_key_log(self) -> Self {
        self.variable("SSLKEYLOGFILE", &shared(KEY_LOG))
    }

    /// Its library for TLS is made to.
    fn preloaded(self) -> Self {
        let library = shared(KEY_LOG_LIBRARY);
        Self { is_preloaded: true, ..self.with_key_log().variable("LD_PRELOAD", &library) }
    }

    /// Puts its files where the client will find them.
    pub(super) fn furnish(&self, folder: &Path, tools: &Tools) -> io::Result<()> {
        if self.is_preloaded {
            fs::copy(&tools.key_log, folder.join(KEY_LOG_LIBRARY))?;
        }
        for (path, text) in &self.files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("it is in the folder"))?;
            // Some refuse a password that others could read.
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            options.open(path)?.write_all(text.as_bytes())?;
        }
        Ok(())
    }
}

/// The path of a shared file, as the client sees it.
pub(super) fn shared(name: &str) -> String {
    format!("{SHARED}/{name}")
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// The file that clients write their secrets to.
pub(super) const KEY_LOG: &str = "keys";
/// That of the system, with the system's packages.
pub(super) const PYTHON: &str = "/usr/bin/python3";
