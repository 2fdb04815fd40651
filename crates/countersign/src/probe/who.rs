//! Who looks: a stack that looks like a client, or a client.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use countersign_probe::account::LogIn;
use countersign_probe::client::{self, Client, Tools};
use countersign_probe::engine::{Looked, ProbeError, Prober, Speaker, Target};
use countersign_probe::login::Account;
use countersign_probe::stack::{OpenSsl, Stack};
use countersign_tls::profile::{BUILT_IN, Profile};
use serde::Serialize;

use crate::ExitStatus;
use crate::config::secret;
use crate::failure::Failure;
use crate::print::{Form, Printer, cell};

/// Somebody who looks.
pub(super) enum Who {
    /// A stack of ours.
    Stack { stack: Arc<Stack>, profile: Box<Profile> },
    /// A program.
    Client { client: Client, tools: Arc<Tools> },
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stack { profile, .. } => f.write_str(&profile.name),
            Self::Client { client, .. } => write!(f, "{client}"),
        }
    }
}

impl Who {
    /// Whether it can say to what a login is bound.
    pub(super) fn logs_in(&self) -> bool {
        matches!(self, Self::Stack { stack, .. } if matches!(**stack, Stack::Rustls))
    }

    /// Looks once.
    pub(super) async fn look(
        &self,
        prober: &Prober,
        target: &Target,
        account: Option<&Account>,
    ) -> anyhow::Result<Looked> {
        let looked = match self {
            Self::Stack { stack, profile } => {
                // A nonce serves one login.
                let log_in = account.cloned().map(log_in).transpose()?;
                let log_in = log_in.as_ref();
                prober.look(target, Speaker { stack, profile, log_in }).await
            }
            Self::Client { client, tools } => {
                let nobody =
                    client::Account { user: "nobody".to_owned(), password: "nothing".to_owned() };
                prober.look_by(target, *client, tools, &nobody, None).await
            }
        };
        looked.map_err(failed)
    }
}

fn failed(error: ProbeError) -> anyhow::Error {
    let hint = match &error {
        ProbeError::Dial { source, .. } => source.hint().map(str::to_owned),
        ProbeError::Client(why) => why.hint(),
        _ => None,
    };
    let error = anyhow::Error::from(error);
    match hint {
        Some(hint) => Failure::new(format!("{error:#}")).hint(hint).into(),
        None => error,
    }
}

/// Those that are named; without names the OpenSSL of this machine, as most clients of XMPP and mail have it, or rustls
/// where its helper is not installed.
pub(super) fn chosen(names: &[String]) -> anyhow::Result<Vec<Who>> {
    let mut openssl = None;
    let mut tools = None;
    if names.is_empty() {
        let usual = if OpenSsl::find().is_ok() { DEFAULT } else { RUSTLS };
        return Ok(vec![who(usual, &mut openssl, &mut tools)?]);
    }
    names.iter().map(|name| who(name, &mut openssl, &mut tools)).collect()
}

fn who(
    name: &str,
    openssl: &mut Option<Arc<Stack>>,
    tools: &mut Option<Arc<Tools>>,
) -> anyhow::Result<Who> {
    if let Some(profile) = Profile::built_in(name) {
        let profile = Box::new(profile);
        if name == RUSTLS {
            return Ok(Who::Stack { stack: Arc::new(Stack::Rustls), profile });
        }
        let stack = match openssl {
            Some(stack) => Arc::clone(stack),
            None => {
                let path = OpenSsl::find().map_err(|error| {
                    Failure::new(error.to_string())
                        .hint("cargo build -p countersign-probe-openssl builds it")
                })?;
                let stack = Arc::new(Stack::OpenSsl(OpenSsl::start(&path)?));
                Arc::clone(openssl.insert(stack))
            }
        };
        return Ok(Who::Stack { stack, profile });
    }
    let client: Client = name.parse().map_err(|_| {
        Failure::new(format!("there is no client {name:?}"))
            .hint("`countersign probe --list-clients` says which there are")
    })?;
    client.found().map_err(|missing| {
        Failure::new(missing.to_string()).hint(format!("the package {} has it", missing.package))
    })?;
    let tools = match tools {
        Some(tools) => Arc::clone(tools),
        None => {
            let found =
                Tools::find().map_err(|error| Failure::new(error.to_string()).hint(error.hint))?;
            Arc::clone(tools.insert(Arc::new(found)))
        }
    };
    Ok(Who::Client { client, tools })
}

const RUSTLS: &str = "rustls";
const DEFAULT: &str = "openssl-connector";

/// Who there is, and what each lacks.
pub(super) fn list(printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    #[derive(Serialize)]
    struct Row {
        r#type: &'static str,
        name: String,
        kind: &'static str,
        missing: Option<String>,
    }
    let openssl = OpenSsl::find().err().map(|error| error.to_string());
    let stacks = BUILT_IN.iter().map(|(name, _)| Row {
        r#type: "client",
        name: (*name).to_owned(),
        kind: "stack",
        missing: if *name == RUSTLS { None } else { openssl.clone() },
    });
    let tools = Tools::find().err().map(|error| error.to_string());
    let clients = Client::ALL.iter().map(|client| Row {
        r#type: "client",
        name: client.to_string(),
        kind: "program",
        missing: client.found().err().map(|missing| missing.to_string()).or_else(|| tools.clone()),
    });
    let rows: Vec<_> = stacks.chain(clients).collect();
    match printer.form() {
        Form::Json => rows.iter().try_for_each(|row| printer.object(row))?,
        Form::Human => {
            let cells = rows.iter().map(|row| {
                let there = row.missing.as_deref().unwrap_or("ready");
                vec![cell(&row.name), cell(row.kind), cell(there)]
            });
            printer.table(&["CLIENT", "KIND", "HERE"], cells.collect())?;
        }
    }
    Ok(ExitStatus::Expected)
}

/// The account in a file: its address in the first line, its password in the second.
pub(crate) fn account(path: &Path) -> anyhow::Result<Account> {
    let text = secret::read(path)?;
    let mut lines = text.lines();
    let (Some(address), Some(password)) = (lines.next(), lines.next()) else {
        let what = format!("{} has no two lines", path.display());
        return Err(Failure::new(what).hint("the address comes first, then the password").into());
    };
    let user = address.split_once('@').map_or(address, |(user, _)| user);
    Account::new(user, password)
        .with_context(|| format!("cannot use the account in {}", path.display()))
}

/// A login of that account.
fn log_in(account: Account) -> anyhow::Result<LogIn> {
    let mut nonce = [0; 18];
    aws_lc_rs::rand::fill(&mut nonce).context("this machine has no random bytes")?;
    Ok(LogIn { account, nonce })
}
