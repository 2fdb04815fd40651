//! What the monitor is told, from what the configuration says.

use std::sync::Arc;
use std::time::Duration;

use countersign_ct::watchlist::Watchlist;
use countersign_judge::policy::HOLD_DEFAULT;
use countersign_monitor::judging::Judging;
use countersign_monitor::probing::Who;
use countersign_monitor::sink::{Exec, Secret, Sink, Smtp, Webhook};
use countersign_monitor::{Delegations, Probing, directories};
use countersign_net::dns::{self, Dns};
use countersign_net::mail::{Login, MailServer, Mailbox, Security};
use countersign_net::pace::Rates;
use countersign_net::{Clock, Net, Target};
use countersign_probe::stack::{OpenSsl, Stack};
use countersign_tls::profile::Profile;
use jiff::{SignedDuration, Timestamp};

use crate::config::{self, Settings, Way, secret};
use crate::failure::Failure;
use crate::way_out;

/// What to watch, and how.
pub(crate) fn watching(
    settings: &Settings,
    since: Option<Timestamp>,
    delegations: Delegations,
    probing: Probing,
) -> countersign_monitor::Settings {
    let start = u32::try_from(settings.watch.requests_per_second)
        .map(f64::from)
        .expect("the configuration allows a few thousand");
    let rates = Rates { start, max: Rates::default().max.max(start) };
    countersign_monitor::Settings {
        watchlist: Watchlist::new(settings.guards.clone()).expect("the configuration was checked"),
        lists: settings.sources.clone(),
        own_logs: settings.own_logs(),
        list_refresh: settings.refresh,
        poll: settings.watch.poll,
        jobs_per_log: settings.watch.jobs_per_log,
        rates,
        vantage: settings.watch.vantage.clone(),
        since: since.or(settings.since),
        unreachable_after: settings.watch.unreachable_after,
        judging: judging(settings),
        delegations,
        probing,
    }
}

/// Which zones to watch, and from where.
pub(crate) fn delegations(settings: &Settings, net: &Net) -> anyhow::Result<Delegations> {
    let zones: Vec<_> = settings.zones.iter().map(config::Zone::watched).collect();
    let mut begin = dns::Settings::default();
    if let Some(path) = &settings.hints {
        begin.hints = way_out::hints(path)?;
    }
    let mut ways: Vec<countersign_monitor::Way> = Vec::new();
    for vantage in zones.iter().flat_map(|zone| &zone.vantages) {
        if ways.iter().all(|way| way.vantage != *vantage) {
            let dns = Dns::new(net, vantage, begin.clone(), Clock::system())?;
            ways.push(countersign_monitor::Way::new(vantage, dns));
        }
    }
    Ok(Delegations { zones, ways, walk: way_out::walk_settings(settings.anchors.as_deref())? })
}

/// Which domains to probe, from where, and as whom. To be called where tokio runs.
pub(crate) fn probing(settings: &Settings, net: &Net) -> anyhow::Result<Probing> {
    let domains = settings.probes.iter().map(|probe| {
        let account = probe.account_file.as_deref().map(crate::probe::account).transpose()?;
        Ok(probe.probed(account))
    });
    let domains = domains.collect::<anyhow::Result<Vec<_>>>()?;
    let mut speakers: Vec<Who> = Vec::new();
    let mut openssl: Option<Arc<Stack>> = None;
    for client in settings.probes.iter().flat_map(|probe| &probe.clients) {
        if speakers.iter().any(|who| who.profile.name == *client) {
            continue;
        }
        let profile = Profile::built_in(client).expect("the configuration was checked");
        let stack = match (client.as_str(), &openssl) {
            ("rustls", _) => Arc::new(Stack::Rustls),
            (_, Some(stack)) => Arc::clone(stack),
            (_, None) => {
                let path = OpenSsl::find().map_err(|error| {
                    Failure::new(format!("nobody can look like {client}: {error}")).hint(
                        "install countersign-probe-openssl beside this program, or set clients = [\"rustls\"]",
                    )
                })?;
                Arc::clone(openssl.insert(Arc::new(Stack::OpenSsl(OpenSsl::start(&path)?))))
            }
        };
        speakers.push(Who { stack, profile });
    }
    let mut begin = dns::Settings::default();
    if let Some(path) = &settings.hints {
        begin.hints = way_out::hints(path)?;
    }
    let dns = Dns::new(net, &settings.watch.vantage, begin, Clock::system())?;
    let own_roots = match &settings.extra_roots {
        Some(path) => way_out::extra_roots(path)?,
        None => Vec::new(),
    };
    Ok(Probing {
        domains,
        speakers,
        ways: vec![countersign_monitor::Way::new(&settings.watch.vantage, dns)],
        walk: way_out::walk_settings(settings.anchors.as_deref())?,
        own_roots,
        public_roots: Vec::new(),
    })
}

/// What is expected.
pub(crate) fn judging(settings: &Settings) -> Judging {
    let config = &settings.judging;
    let directories = config.directories.iter().map(|directory| directories::Directory {
        path: directory.path.clone(),
        scope: directory.scope.clone(),
        kind: directory.kind,
    });
    Judging {
        policies: config.policies.clone(),
        third_parties: config.third_parties.iter().map(config::ThirdParty::rule).collect(),
        hold: SignedDuration::try_from(config.hold).unwrap_or(HOLD_DEFAULT),
        directories: directories.collect(),
        heartbeat: settings.delivery.heartbeat,
        ..Judging::default()
    }
}

/// To whom reports are brought. A mail to several people is a sink for each: what one of their servers refuses must
/// not hold up the others.
pub(crate) fn sinks(settings: &Settings) -> Result<Vec<Sink>, Failure> {
    let mut sinks = Vec::new();
    for config::Sink { name, way } in &settings.delivery.sinks {
        match way {
            Way::Exec { command, timeout } => sinks.push(Sink::Exec(Exec {
                name: name.clone(),
                program: command.first().expect("a command was asked for").into(),
                arguments: command[1..].to_vec(),
                deadline: *timeout,
                grace: GRACE,
            })),
            Way::Webhook { url, secret_file, vantage } => {
                // The mode is looked at here, and each time.
                secret::read(secret_file)?;
                let secret = Secret::read(secret_file).map_err(|why| {
                    Failure::new(format!("cannot use {}: {why}", secret_file.display()))
                })?;
                let target = Target::parse(url).map_err(|why| {
                    Failure::new(format!("the sink {name} has no usable URL: {why}"))
                })?;
                let (name, vantage) = (name.clone(), vantage.clone());
                sinks.push(Sink::Webhook(Webhook {
                    name,
                    target,
                    vantage,
                    secret,
                    deadline: WEBHOOK_DEADLINE,
                }));
            }
            Way::Smtp(smtp) => {
                let server = server(smtp)?;
                let mailbox = |text: &String| {
                    text.parse::<Mailbox>()
                        .map_err(|why| Failure::new(format!("{text:?} is no mailbox: {why}")))
                };
                let from = mailbox(&smtp.from)?;
                for to in &smtp.to {
                    let name = match smtp.to.len() {
                        1 => name.clone(),
                        _ => format!("{name}-{to}"),
                    };
                    let (server, from, to) = (server.clone(), from.clone(), mailbox(to)?);
                    sinks.push(Sink::Smtp(Smtp {
                        name,
                        server,
                        from,
                        to,
                        deadline: SMTP_DEADLINE,
                    }));
                }
            }
        }
    }
    Ok(sinks)
}

fn server(smtp: &config::Smtp) -> Result<MailServer, Failure> {
    let login = match &smtp.login {
        None => None,
        Some(login) => {
            let password = secret::read(&login.password_file)?;
            let login = Login::new(login.user.clone(), password);
            Some(login.ok_or_else(|| {
                Failure::new("the user of a mail server, or its password, is empty")
            })?)
        }
    };
    Ok(MailServer {
        host: smtp.server.host.clone(),
        port: smtp.server.port,
        security: match smtp.server.security {
            config::Security::Tls => Security::Tls,
            config::Security::StartTls => Security::StartTls,
            config::Security::Plain => Security::Loopback,
        },
        login,
    })
}

/// What a hook has between being asked to end and being ended.
const GRACE: Duration = Duration::from_secs(2);
/// Receivers answer in less, or take the message and do the work later.
const WEBHOOK_DEADLINE: Duration = Duration::from_secs(15);
/// Mail servers look things up before they answer.
const SMTP_DEADLINE: Duration = Duration::from_secs(60);
