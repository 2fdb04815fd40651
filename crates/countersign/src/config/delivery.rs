//! Who is told, and how: `[heartbeat]` and `[[sink]]`.

use std::collections::HashSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_net::Vantage;
use toml::Spanned;

use super::address::{host_and_port, is_loopback, mailbox, secure_url};
use super::file::File;
use super::period::Period;
use super::secret;
use super::settings::{period, seconds, unplaced, vantage_of};
use super::spec::delivery::SinkKind;
use super::spec::{self, Spec};
use crate::failure::Failure;

/// Where reports go besides standard output, and how often the word that all is well.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// `None`: never.
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) sinks: Vec<Sink>,
}

/// One place where reports go.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    pub(crate) name: String,
    pub(crate) way: Way,
}

/// How a sink is told.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// A program is run.
    Exec { command: Vec<String>, timeout: Duration },
    /// A request is posted.
    Webhook { url: String, secret_file: PathBuf, vantage: String },
    /// A mail is sent.
    Smtp(Smtp),
}

/// A mail server, and what is written on the envelope.
#[derive(Clone, Debug)]
pub(crate) struct Smtp {
    pub(crate) server: MailServer,
    pub(crate) login: Option<Login>,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) vantage: String,
}

/// Who logs in to a mail server.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password_file: PathBuf,
}

/// A mail server, and how nobody on the way reads along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailServer {
    pub(crate) security: Security,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// How nobody on the way reads along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// TLS from the first byte (RFC 8314 §3.3).
    Tls,
    /// TLS by STARTTLS, or nothing is sent (RFC 3207).
    StartTls,
    /// There is no way: the server is on this machine.
    Plain,
}

impl Delivery {
    /// Checks what the file says. `vantage` is the one of `[watch]`.
    pub(super) fn new(
        spec: &Spec,
        vantages: &[Vantage],
        vantage: &str,
        file: &File,
    ) -> Result<Self, Failure> {
        let heartbeat = match &spec.heartbeat.every {
            None => Some(HEARTBEAT),
            Some(every) if every.get_ref() == NEVER => None,
            Some(every) => Some(heartbeat(every, file)?),
        };
        let (mut sinks, mut seen) = (Vec::with_capacity(spec.sink.len()), HashSet::new());
        for spec in &spec.sink {
            let name = spec.name.get_ref();
            if name.is_empty() || !seen.insert(name) {
                let why = format!("a sink needs a name of its own, not {name:?}");
                return Err(file.failure_at(&spec.name, why));
            }
            let vantage = match &spec.vantage {
                Some(vantage) => vantage_of(vantage, vantages, file)?,
                None => vantage.to_owned(),
            };
            sinks.push(Sink { name: name.clone(), way: way(spec, vantage, file)? });
        }
        Ok(Self { heartbeat, sinks })
    }

    /// The tables that would say all of this.
    pub(super) fn write_into(&self, spec: &mut Spec) {
        let every = self.heartbeat.map_or(NEVER.to_owned(), |every| Period(every).to_string());
        spec.heartbeat = spec::Heartbeat { every: Some(unplaced(every)) };
        spec.sink = self.sinks.iter().map(Sink::spec).collect();
    }

    /// Reads every secret, to see that it can be.
    pub(super) fn check_secrets(&self) -> Result<(), Failure> {
        self.sinks.iter().filter_map(Sink::secret_file).try_for_each(|path| {
            secret::read(path)?;
            Ok(())
        })
    }

    /// What is allowed, and not wise.
    pub(super) fn warnings(&self) -> Vec<String> {
        match self.heartbeat {
            Some(_) => Vec::new(),
            None => vec![
                "there is no heartbeat: if the watch dies, or its alerts are kept back, nobody will notice"
                    .to_owned(),
            ],
        }
    }
}

impl Sink {
    fn secret_file(&self) -> Option<&Path> {
        match &self.way {
            Way::Exec { .. } => None,
            Way::Webhook { secret_file, .. } => Some(secret_file),
            Way::Smtp(smtp) => smtp.login.as_ref().map(|login| login.password_file.as_path()),
        }
    }

    fn spec(&self) -> spec::Sink {
        let text = |text: &String| Some(unplaced(text.clone()));
        let path = |path: &PathBuf| Some(unplaced(path.clone()));
        match &self.way {
            Way::Exec { command, timeout } => spec::Sink {
                command: Some(unplaced(command.clone())),
                timeout: Some(unplaced(Period(*timeout))),
                ..bare(&self.name, SinkKind::Exec)
            },
            Way::Webhook { url, secret_file, vantage } => spec::Sink {
                url: text(url),
                secret_file: path(secret_file),
                vantage: text(vantage),
                ..bare(&self.name, SinkKind::Webhook)
            },
            Way::Smtp(smtp) => spec::Sink {
                server: Some(unplaced(smtp.server.to_string())),
                user: smtp.login.as_ref().and_then(|login| text(&login.user)),
                password_file: smtp.login.as_ref().and_then(|login| path(&login.password_file)),
                from: text(&smtp.from),
                to: Some(unplaced(smtp.to.iter().cloned().map(unplaced).collect())),
                vantage: text(&smtp.vantage),
                ..bare(&self.name, SinkKind::Smtp)
            },
        }
    }
}

/// A sink with nothing that depends on its kind.
fn bare(name: &str, kind: SinkKind) -> spec::Sink {
    spec::Sink {
        name: unplaced(name.to_owned()),
        kind,
        command: None,
        timeout: None,
        url: None,
        secret_file: None,
        server: None,
        user: None,
        password_file: None,
        from: None,
        to: None,
        vantage: None,
    }
}

fn heartbeat(every: &Spanned<String>, file: &File) -> Result<Duration, Failure> {
    let Period(every) = file.checked(every, |text| {
        let period: Period = text.parse().map_err(|why| format!("{why}, or \"never\""))?;
        if HEARTBEAT_RANGE.contains(&period) {
            return Ok(period);
        }
        let (from, to) = (HEARTBEAT_RANGE.start(), HEARTBEAT_RANGE.end());
        Err(format!("{period} is neither from {from} to {to} nor \"never\""))
    })?;
    Ok(every)
}

fn way(spec: &spec::Sink, vantage: String, file: &File) -> Result<Way, Failure> {
    refuse_others(spec, file)?;
    let name = spec.name.get_ref();
    let needs = |key: &str| file.failure_at(&spec.name, format!("the sink {name:?} needs `{key}`"));
    match spec.kind {
        SinkKind::Exec => {
            let command = spec.command.as_ref().ok_or_else(|| needs("command"))?;
            let program = command.get_ref().first();
            if !program.is_some_and(|program| Path::new(program).is_absolute()) {
                let why = "`command` does not begin with the whole path of a program";
                let hint = "as in command = [\"/usr/local/bin/alert\", \"--now\"]";
                return Err(file.failure_at(command, why).hint(hint));
            }
            let timeout = period(&spec.timeout, TIMEOUT, &TIMEOUT_RANGE, file)?;
            Ok(Way::Exec { command: command.get_ref().clone(), timeout })
        }
        SinkKind::Webhook => {
            let url = spec.url.as_ref().ok_or_else(|| needs("url"))?;
            let secret_file = spec.secret_file.as_ref().ok_or_else(|| {
                needs("secret-file").hint("`openssl rand -base64 -out FILE 32; chmod 600 FILE` makes one; the receiver tells by it that a report is ours")
            })?;
            let url = file.checked(url, secure_url)?;
            let secret_file = file.path(secret_file.get_ref());
            Ok(Way::Webhook { url, secret_file, vantage })
        }
        SinkKind::Smtp => {
            let server = spec.server.as_ref().ok_or_else(|| needs("server"))?;
            let from = spec.from.as_ref().ok_or_else(|| needs("from"))?;
            let to = spec.to.as_ref().filter(|to| !to.get_ref().is_empty());
            let to = to.ok_or_else(|| needs("to"))?.get_ref();
            Ok(Way::Smtp(Smtp {
                server: file
                    .checked(server, MailServer::parse)
                    .map_err(|failure| failure.hint("as in \"smtps://mail.example:465\""))?,
                login: login(spec, file)?,
                from: file.checked(from, mailbox)?,
                to: to.iter().map(|to| file.checked(to, mailbox)).collect::<Result<_, _>>()?,
                vantage,
            }))
        }
    }
}

/// A key that means nothing for a sink of this kind was meant for something.
fn refuse_others(spec: &spec::Sink, file: &File) -> Result<(), Failure> {
    let (exec, webhook, smtp) = match spec.kind {
        SinkKind::Exec => (true, false, false),
        SinkKind::Webhook => (false, true, false),
        SinkKind::Smtp => (false, false, true),
    };
    let place = |key: &'static str, kinds, known: bool, span: Option<std::ops::Range<usize>>| {
        let other = span.filter(|_| !known);
        other.map(|span| {
            file.failure_at(&Spanned::new(span, ()), format!("only {kinds} knows `{key}`"))
        })
    };
    fn span<T>(value: &Option<Spanned<T>>) -> Option<std::ops::Range<usize>> {
        value.as_ref().map(Spanned::span)
    }
    let others = [
        place("command", "`exec`", exec, span(&spec.command)),
        place("timeout", "`exec`", exec, span(&spec.timeout)),
        place("url", "`webhook`", webhook, span(&spec.url)),
        place("secret-file", "`webhook`", webhook, span(&spec.secret_file)),
        place("server", "`smtp`", smtp, span(&spec.server)),
        place("user", "`smtp`", smtp, span(&spec.user)),
        place("password-file", "`smtp`", smtp, span(&spec.password_file)),
        place("from", "`smtp`", smtp, span(&spec.from)),
        place("to", "`smtp`", smtp, span(&spec.to)),
        place("vantage", "a sink in the network", webhook || smtp, span(&spec.vantage)),
    ];
    others.into_iter().flatten().next().map_or(Ok(()), Err)
}

fn login(spec: &spec::Sink, file: &File) -> Result<Option<Login>, Failure> {
    match (&spec.user, &spec.password_file) {
        (None, None) => Ok(None),
        (Some(user), Some(path)) => Ok(Some(Login {
            user: user.get_ref().clone(),
            password_file: file.path(path.get_ref()),
        })),
        (Some(user), None) => Err(file.failure_at(user, "a `user` needs a `password-file`")),
        (None, Some(path)) => Err(file.failure_at(path, "a `password-file` needs a `user`")),
    }
}

impl MailServer {
    fn parse(text: &str) -> Result<Self, String> {
        let refused = || format!("{text:?} is not the URL of a mail server");
        let (scheme, authority) = text.split_once("://").ok_or_else(refused)?;
        let authority = host_and_port(authority.trim_end_matches('/')).map_err(|_| refused())?;
        let (host, port) = authority.rsplit_once(':').ok_or_else(refused)?;
        let security = match scheme {
            "smtps" => Security::Tls,
            "smtp" if is_loopback(host) => Security::Plain,
            "smtp" => Security::StartTls,
            _ => return Err(refused()),
        };
        let port = port.parse().map_err(|_| refused())?;
        Ok(Self { security, host: host.to_owned(), port })
    }
}

impl fmt::Display for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.security {
            Security::Tls => "smtps",
            Security::StartTls | Security::Plain => "smtp",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

const NEVER: &str = "never";
/// Who is told every morning that all is well notices the morning without it.
const HEARTBEAT: Duration = Duration::from_secs(24 * 60 * 60);
const HEARTBEAT_RANGE: RangeInclusive<Period> = seconds(60, 7 * 86_400);
/// A program that passes a message on needs seconds.
const TIMEOUT: Duration = Duration::from_secs(60);
const TIMEOUT_RANGE: RangeInclusive<Period> = seconds(1, 60 * 60);
