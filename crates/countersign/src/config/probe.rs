//! What is probed: `[[probe]]`.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use countersign_judge::probe::schedule::Pace;
use countersign_judge::probe::{Family, Opening, Protocol, Service, Stratum};
use countersign_monitor::probing::{Asked, ProbedDomain};
use countersign_net::Vantage;
use countersign_probe::login::Account;
use countersign_tls::profile::BUILT_IN;
use jiff::SignedDuration;

use super::file::File;
use super::period::Period;
use super::settings::{Settings, period, seconds, unplaced, vantage_of};
use super::spec::probe as spec;
use crate::failure::Failure;
use crate::hash;
use crate::print::hex;

/// A domain that is probed.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) domain: String,
    services: Vec<Asked>,
    vantages: Vec<String>,
    pub(crate) clients: Vec<String>,
    every: Duration,
    keys: Vec<[u8; 32]>,
    plus: bool,
    pub(crate) account_file: Option<PathBuf>,
}

/// Checks what the file says.
pub(super) fn probes(
    specs: &[spec::Probe],
    vantages: &[Vantage],
    vantage: &str,
    file: &File,
) -> Result<Vec<Probe>, Failure> {
    if specs.len() > PROBES_MAX {
        return Err(file.failure(format!("more than {PROBES_MAX} domains to probe")));
    }
    let (mut probes, mut seen) = (Vec::new(), HashSet::new());
    for spec in specs {
        let probe = Probe::new(spec, vantages, vantage, file)?;
        if !seen.insert(probe.domain.clone()) {
            return Err(file.failure_at(&spec.domain, format!("{} is probed twice", probe.domain)));
        }
        probes.push(probe);
    }
    Ok(probes)
}

impl Probe {
    fn new(
        spec: &spec::Probe,
        all_vantages: &[Vantage],
        vantage: &str,
        file: &File,
    ) -> Result<Self, Failure> {
        let services = spec.services.iter().map(|text| file.checked(text, service));
        let services: Vec<_> = services.collect::<Result<_, _>>()?;
        if services.is_empty() {
            let hint = "services = [\"xmpp\", \"xmpp/direct\"], for example";
            return Err(file.failure_at(&spec.domain, "nothing is looked at").hint(hint));
        }
        let vantages = match &spec.vantages {
            None => vec![vantage.to_owned()],
            Some(names) => names
                .iter()
                .map(|name| vantage_of(name, all_vantages, file))
                .collect::<Result<_, _>>()?,
        };
        let clients = match &spec.clients {
            None => vec![CLIENT.to_owned()],
            Some(names) => {
                names.iter().map(|name| file.checked(name, client)).collect::<Result<_, _>>()?
            }
        };
        if vantages.is_empty() || clients.is_empty() {
            let hint = "leave `vantages` or `clients` out for what is usual";
            return Err(file.failure_at(&spec.domain, "nobody looks at it").hint(hint));
        }
        if spec.account_file.is_some() && !clients.iter().any(|client| client == "rustls") {
            let why = "none of its clients can log in with `account-file`";
            return Err(file.failure_at(&spec.domain, why).hint("add \"rustls\" to `clients`"));
        }
        let keys = spec.keys.iter().map(|text| {
            let not = |text: &str| format!("{text:?} is no SHA-256 in hexadecimal");
            file.checked(text, |text| hash::whole(text).ok_or_else(|| not(text)))
        });
        Ok(Self {
            domain: file.checked(&spec.domain, domain)?,
            services,
            vantages,
            clients,
            every: period(&spec.every, EVERY, &EVERY_RANGE, file)?,
            keys: keys.collect::<Result<_, _>>()?,
            plus: spec.channel_binding.unwrap_or(false),
            account_file: spec.account_file.as_deref().map(|path| file.path(path)),
        })
    }

    /// As the monitor takes it.
    pub(crate) fn probed(&self, account: Option<Account>) -> ProbedDomain {
        let mean = SignedDuration::try_from(self.every).expect("the configuration allows an hour");
        ProbedDomain {
            domain: self.domain.clone(),
            services: self.services.clone(),
            vantages: self.vantages.clone(),
            clients: self.clients.clone(),
            pace: Pace::new(mean, PER_HOUR_MAX).expect("the configuration was checked"),
            pins: self.keys.clone(),
            plus: self.plus,
            account,
        }
    }

    /// The kinds of probes that it asks for, as far as that can be said without asking DNS: where records lead to other
    /// ports, these are found when they are probed.
    pub(crate) fn wanted(&self, settings: &Settings) -> Vec<(Service, Stratum)> {
        let mut wanted = Vec::new();
        for asked in &self.services {
            let Some(port) = asked.port.or_else(|| asked.protocol.port(asked.opening)) else {
                continue;
            };
            let (domain, protocol, opening) = (self.domain.clone(), asked.protocol, asked.opening);
            let service = Service { domain, protocol, opening, port };
            for vantage in &self.vantages {
                let route = settings.vantages.iter().find(|known| known.name == *vantage);
                let is_onion = asked.host.as_ref().is_some_and(|host| host.ends_with(".onion"));
                let families = match route.map(|known| known.route.is_proxy()) {
                    _ if is_onion => vec![Family::Onion],
                    Some(true) => vec![Family::Unknown],
                    // Many hosts have no IPv6 address; where one has, it shows.
                    Some(false) | None => vec![Family::V4],
                };
                for (family, client) in families
                    .into_iter()
                    .flat_map(|family| self.clients.iter().map(move |client| (family, client)))
                {
                    let (vantage, client) = (vantage.clone(), client.clone());
                    wanted.push((service.clone(), Stratum { vantage, client, port, family }));
                }
            }
        }
        wanted
    }

    /// What the file would say.
    pub(super) fn spec(&self) -> spec::Probe {
        let all = |texts: &[String]| Some(texts.iter().cloned().map(unplaced).collect());
        spec::Probe {
            domain: unplaced(self.domain.clone()),
            services: self.services.iter().map(|asked| unplaced(service_text(asked))).collect(),
            vantages: all(&self.vantages),
            clients: all(&self.clients),
            every: Some(unplaced(Period(self.every))),
            keys: self.keys.iter().map(|key| unplaced(hex(key))).collect(),
            account_file: self.account_file.clone(),
            channel_binding: Some(self.plus),
        }
    }
}

fn domain(text: &str) -> Result<String, String> {
    let name: countersign_dns::Name =
        text.parse().map_err(|_| format!("{text:?} is no domain name"))?;
    if name.is_root() {
        return Err("the root has no services".to_owned());
    }
    Ok(name.to_string().trim_end_matches('.').to_ascii_lowercase())
}

/// `PROTOCOL[/direct|/starttls][:PORT][@HOST]`.
fn service(text: &str) -> Result<Asked, String> {
    let (rest, host) = match text.split_once('@') {
        Some((rest, host)) if !host.is_empty() => (rest, Some(host.to_owned())),
        Some(_) => return Err(format!("{text:?} has no host behind the @")),
        None => (text, None),
    };
    let (rest, port) = match rest.split_once(':') {
        Some((rest, port)) => {
            let port = port.parse().ok().filter(|port: &u16| *port != 0);
            (rest, Some(port.ok_or_else(|| format!("{text:?} has no port behind the colon"))?))
        }
        None => (rest, None),
    };
    let (protocol, opening) = match rest.split_once('/') {
        Some((protocol, "direct")) => (protocol, Some(Opening::Direct)),
        Some((protocol, "starttls")) => (protocol, Some(Opening::StartTls)),
        Some(_) => return Err(format!("{text:?}: TLS begins /direct or by /starttls")),
        None => (rest, None),
    };
    let protocol: Protocol = protocol.parse().map_err(|_| {
        let known: Vec<_> = Protocol::ALL.iter().map(|protocol| protocol.as_str()).collect();
        format!("{protocol:?} is no protocol that is known here: {}", known.join(", "))
    })?;
    let usual = if protocol.has_starttls() { Opening::StartTls } else { Opening::Direct };
    let opening = opening.unwrap_or(usual);
    if opening == Opening::StartTls && !protocol.has_starttls() {
        return Err(format!("{protocol} has no STARTTLS"));
    }
    if port.is_none() && protocol.port(opening).is_none() {
        return Err(format!("{text:?} needs a port, as in \"{protocol}:443\""));
    }
    Ok(Asked { protocol, opening, port, host })
}

fn service_text(asked: &Asked) -> String {
    let Asked { protocol, opening, port, host } = asked;
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let host = host.as_ref().map(|host| format!("@{host}")).unwrap_or_default();
    format!("{protocol}/{}{port}{host}", opening.as_str())
}

fn client(text: &str) -> Result<String, String> {
    if BUILT_IN.iter().any(|(name, _)| *name == text) {
        return Ok(text.to_owned());
    }
    let known: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    Err(format!("{text:?} is no stack that can probe often; there are {}", known.join(", ")))
}

/// What most clients of XMPP and mail on Debian look like.
const CLIENT: &str = "openssl-connector";
/// At this mean an interception of a tenth of the connections, half of whose probes are recognised, is met after some
/// three hours.
const EVERY: Duration = Duration::from_secs(10 * 60);
const EVERY_RANGE: RangeInclusive<Period> = seconds(2 * 60, 60 * 60);
/// With bursts. A burst over forty strata fits.
const PER_HOUR_MAX: u16 = 120;
/// Each has a task that waits most of the time.
const PROBES_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let read = service(text);
        assert_eq!(read.as_ref().ok().map(service_text).as_deref(), expected, "{read:?}");
        if let Ok(asked) = read {
            assert_eq!(service(&service_text(&asked)).as_ref(), Ok(&asked));
        }
    }

    #[test]
    fn a_service_is_a_protocol_and_what_dns_does_not_say() {
        check("xmpp", Some("xmpp/starttls"));
        check("xmpp/direct", Some("xmpp/direct"));
        check("https", Some("https/direct"));
        check("imap/direct:993@mail.example", Some("imap/direct:993@mail.example"));
        check("tls:4433", Some("tls/direct:4433"));
        check("tls/direct:4433", Some("tls/direct:4433"));
        check("tls", None);
        check("https/starttls", None);
        check("xmpp/later", None);
        check("xmpp:0", None);
        check("xmpp@", None);
        check("gopher", None);
    }
}
