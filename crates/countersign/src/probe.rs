//! `countersign probe`: looks at a service once, from each vantage and as each client that is asked for.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use countersign_judge::material::{self, Registration};
use countersign_judge::probe::compare::{Sighted, disagreements};
use countersign_judge::probe::dane::TlsaView;
use countersign_judge::probe::expected::{CtView, Expected, Keys, Known, Logs, Roots};
use countersign_judge::probe::finding::{ProbeFinding, is_told};
use countersign_judge::probe::judging::{Judged, Sight, judge};
use countersign_judge::probe::observation::Observation;
use countersign_judge::probe::{Opening, Protocol};
use countersign_net::roots::public_roots;
use countersign_net::{Clock, Dns, Route, Vantage};
use countersign_probe::engine::{Prober, Target};
use countersign_probe::locate::{self, LocateError, Place};
use countersign_sct::SignedList;
use countersign_sct::enforcer::Ladder;
use jiff::SignedDuration;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use tokio::runtime;
use tracing::warn;

use crate::ExitStatus;
use crate::args::{Global, ProbeArgs};
use crate::config::{self, DIRECT, Settings};
use crate::failure::Failure;
use crate::hash;
use crate::print::{Form, Printer};
use crate::progress::Progress;
use crate::way_out;

mod elsewhere;
mod row;
mod who;

pub(crate) use who::account;

use row::{FindingRow, ProbeRow};

/// Looks, judges, and tells.
pub(crate) fn run(
    args: &ProbeArgs,
    global: &Global,
    printer: &mut Printer,
    progress: &Progress,
) -> anyhow::Result<ExitStatus> {
    if args.list_clients {
        return who::list(printer);
    }
    let settings = config::settings_if_any(global)?;
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match args.serve {
            Some(_) => elsewhere::serving(args, settings.as_ref(), printer).await,
            None => look(args, settings.as_ref(), printer, progress).await,
        }
    })
}

async fn look(
    args: &ProbeArgs,
    settings: Option<&Settings>,
    printer: &mut Printer,
    progress: &Progress,
) -> anyhow::Result<ExitStatus> {
    let vantages = vantages(args, settings)?;
    let net = way_out::probes(&vantages)?;
    let clock = Clock::system();
    let dns = if args.no_dns { None } else { Some(way_out::probe_dns(args, settings)?) };
    let places = places(args, dns.as_ref(), &clock).await?;
    let who = who::chosen(&args.client)?;
    let account = args.account.as_deref().map(account).transpose()?;
    if account.is_some() && !who.iter().any(who::Who::logs_in) {
        let hint = "--client rustls does; others may be given beside it";
        return Err(Failure::new("none of these clients can log in").hint(hint).into());
    }
    let pins = args.expect.iter().map(|text| pin(text)).collect::<Result<Vec<_>, _>>()?.concat();
    let registered = match pins.is_empty() {
        true => settings.map(registered).transpose()?.flatten(),
        false => None,
    };
    let own = args.roots.as_deref().map(way_out::extra_roots).transpose()?.unwrap_or_default();
    let own = own_roots(&own, args.roots.as_deref())?;
    let list = SignedList::built_in();
    let prober = Prober::new(net, clock.clone());

    let remote = elsewhere::remote(args)?;

    // What one could not look at keeps nobody from telling what the others saw.
    let mut unseen: Vec<anyhow::Error> = Vec::new();
    let mut seen: Vec<(Observation, Judged)> = Vec::new();
    for place in &places {
        let tlsa = match &dns {
            Some((dns, walk)) => locate::tlsa(dns, walk, &clock, place).await,
            None => TlsaView::NotAsked,
        };
        let mut observations = Vec::new();
        for vantage in &vantages {
            for who in &who {
                let target = Target {
                    service: place.service.clone(),
                    host: place.host.clone(),
                    vantage: vantage.name.clone(),
                    isolation: None,
                    family: family(args),
                };
                let doing = format!("looking at {} as {who} from {}", place.host, vantage.name);
                let _spinner = progress.spinner(&doing);
                match who.look(&prober, &target, account.as_ref()).await {
                    Ok(looked) => observations.push(looked.observation),
                    Err(error) => unseen.push(error),
                }
            }
        }
        if let Some(remote) = &remote {
            let client = who.first().map(ToString::to_string).unwrap_or_default();
            let host = remote.key.name();
            let _spinner = progress.spinner(&format!("{host} looks at {} as {client}", place.host));
            let asked = elsewhere::asked(&prober.net, &clock, remote, place, &client, args);
            match asked.await {
                Ok(observation) => observations.push(observation),
                Err(error) => unseen.push(error),
            }
        }
        for observation in observations {
            let now = clock.now();
            let expected = Expected {
                keys: match &registered {
                    Some(expectation) => Keys::Rules(expectation),
                    None if pins.is_empty() => Keys::Unknown,
                    None => Keys::Pinned(&pins),
                },
                roots: Roots { public: public_roots(), own: &own },
                logs: Some(Logs {
                    list: &list.logs,
                    rung: Ladder::of(list.issued, list.expires, now.max(list.issued)).rung(),
                }),
                plus: false,
                tlsa: tlsa.clone(),
                ct: CtView::NotWatched,
                caa: None,
            };
            let judged = judge(&observation, &expected, &Known::default(), now);
            if let Some(directory) = &args.save {
                save(directory, &observation)?;
            }
            seen.push((observation, judged));
        }
    }
    let told = tell(&seen, printer)?;
    let Some(last) = unseen.pop() else { return Ok(told) };
    if told == ExitStatus::Findings {
        unseen.push(last);
        unseen.iter().for_each(|error| warn!("{error:#}"));
        return Ok(told);
    }
    unseen.iter().for_each(|error| warn!("{error:#}"));
    Err(last)
}

/// Prints what was seen, and how it ends.
fn tell(seen: &[(Observation, Judged)], printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let sighted: Vec<_> = seen.iter().filter_map(|(seen, judged)| sighted(seen, judged)).collect();
    let between = disagreements(&sighted);
    let all: Vec<ProbeFinding> =
        seen.iter().flat_map(|(_, judged)| &judged.findings).chain(&between).cloned().collect();
    for (observation, judged) in seen {
        ProbeRow::new(observation, judged, &all).print(printer)?;
    }
    for finding in &between {
        let row = FindingRow::new(finding, &all);
        match printer.form() {
            Form::Json => printer.object(&row)?,
            Form::Human => row.print(printer)?,
        }
    }
    // A key that somebody may still register is not fine yet.
    let is_open = |(_, judged): &(Observation, Judged)| {
        matches!(judged.sight, Sight::Blind { .. } | Sight::Pending { .. })
    };
    Ok(match () {
        () if is_told(&all) => ExitStatus::Findings,
        () if seen.iter().any(is_open) => ExitStatus::CouldNotLook,
        () => ExitStatus::Expected,
    })
}

fn sighted(observation: &Observation, judged: &Judged) -> Option<Sighted> {
    Some(Sighted {
        at: observation.at,
        service: observation.service.clone(),
        host: observation.host.clone(),
        stratum: observation.stratum.clone(),
        key: observation.leaf()?.spki_sha256?,
        verdict: judged.key.clone()?,
    })
}

fn family(args: &ProbeArgs) -> Option<countersign_net::Family> {
    match (args.ipv4, args.ipv6) {
        (true, _) => Some(countersign_net::Family::V4),
        (_, true) => Some(countersign_net::Family::V6),
        (false, false) => None,
    }
}

/// The vantages that are asked for: those of the configuration, and two that are always there.
fn vantages(args: &ProbeArgs, settings: Option<&Settings>) -> Result<Vec<Vantage>, Failure> {
    let mut known = settings.map(|settings| settings.vantages.clone()).unwrap_or_default();
    let built_in =
        [(DIRECT, Route::Direct), ("tor", Route::Tor { address: TOR.to_owned(), control: None })];
    for (name, route) in built_in {
        if known.iter().all(|vantage| vantage.name != name) {
            known.push(Vantage { name: name.to_owned(), route });
        }
    }
    let wanted = if args.via.is_empty() { vec![DIRECT.to_owned()] } else { args.via.clone() };
    let mut seen = HashSet::new();
    let wanted = wanted.iter().filter(|name| seen.insert(name.as_str()));
    let find = |name: &String| {
        let found = known.iter().find(|vantage| vantage.name == *name).cloned();
        found.ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|vantage| vantage.name.as_str()).collect();
            Failure::new(format!("there is no vantage {name:?}")).hint(format!(
                "there are {}; [[vantage]] in the configuration adds others",
                names.join(", ")
            ))
        })
    };
    wanted.map(find).collect()
}

/// Where Debian's tor listens.
const TOR: &str = "127.0.0.1:9050";

/// What is looked at.
async fn places(
    args: &ProbeArgs,
    dns: Option<&(Dns, countersign_dns::walk::Settings)>,
    clock: &Clock,
) -> anyhow::Result<Vec<Place>> {
    let text = args.name.as_deref().unwrap_or_default();
    let (domain, port) = split(text)?;
    let opening = match (args.direct, args.starttls) {
        (true, _) => Some(Opening::Direct),
        (_, true) => Some(Opening::StartTls),
        (false, false) => None,
    };
    let usual = port.and_then(Protocol::of_port);
    let services: Vec<(Protocol, Opening)> = match (args.protocol, usual) {
        (Some(protocol), _) => {
            let usual = usual.filter(|(usual, _)| *usual == protocol).map(|(_, opening)| opening);
            let default = if protocol.has_starttls() { Opening::StartTls } else { Opening::Direct };
            vec![(protocol, opening.or(usual).unwrap_or(default))]
        }
        (None, Some((protocol, usual))) => vec![(protocol, opening.unwrap_or(usual))],
        (None, None) if port.is_some() => {
            let what = format!("what is spoken at port {} is not known", port.unwrap_or_default());
            return Err(Failure::new(what).hint("--protocol says it").into());
        }
        (None, None) => Vec::new(),
    };
    if let Some((protocol, Opening::StartTls)) = services
        .iter()
        .find(|(protocol, opening)| *opening == Opening::StartTls && !protocol.has_starttls())
    {
        return Err(Failure::new(format!("{protocol} has no STARTTLS")).into());
    }
    let place = |protocol: Protocol, opening: Opening, port: u16, host: String| Place {
        service: countersign_judge::probe::Service {
            domain: domain.clone(),
            protocol,
            opening,
            port,
        },
        host,
        is_secure: false,
    };
    let host = args.host.clone();
    if host.is_some() || port.is_some() || dns.is_none() {
        let host = host.unwrap_or_else(|| domain.clone());
        let services =
            if services.is_empty() { vec![(Protocol::Http, Opening::Direct)] } else { services };
        let places = services.into_iter().map(|(protocol, opening)| {
            let port = port.or_else(|| protocol.port(opening));
            let port = port.ok_or_else(|| {
                Failure::new(format!("{protocol} has no port of its own"))
                    .hint("give it: NAME:PORT")
            })?;
            Ok(place(protocol, opening, port, host.clone()))
        });
        return Ok(places.collect::<Result<_, Failure>>()?);
    }
    let (dns, walk) = dns.context("DNS was asked for")?;
    if services.is_empty() {
        return everything(dns, walk, clock, &domain).await;
    }
    let mut places = Vec::new();
    for (protocol, opening) in services {
        let found = locate::locate(dns, walk, clock, (&domain, protocol, opening)).await;
        places.extend(found.map_err(not_located)?);
    }
    Ok(places)
}

/// The ways into XMPP that the domain names; the web if it names none.
async fn everything(
    dns: &Dns,
    walk: &countersign_dns::walk::Settings,
    clock: &Clock,
    domain: &str,
) -> anyhow::Result<Vec<Place>> {
    let mut places = Vec::new();
    for opening in [Opening::StartTls, Opening::Direct] {
        match locate::named(dns, walk, clock, (domain, Protocol::Xmpp, opening)).await {
            Ok(named) => places.extend(named),
            Err(LocateError::NoService { .. }) => {}
            Err(error) => return Err(not_located(error).into()),
        }
    }
    if places.is_empty() {
        let web = locate::locate(dns, walk, clock, (domain, Protocol::Http, Opening::Direct)).await;
        places = web.map_err(not_located)?;
    }
    Ok(places)
}

fn not_located(error: LocateError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error {
        LocateError::Dns { .. } => {
            failure.hint("--host HOST connects to one without asking DNS; --no-dns asks nothing")
        }
        LocateError::Domain(_) | LocateError::NoService { .. } => failure,
    }
}

fn split(text: &str) -> Result<(String, Option<u16>), Failure> {
    let (domain, port) = match text.rsplit_once(':') {
        Some((domain, port)) if !domain.contains(':') => {
            let port = port.parse().ok().filter(|port| *port != 0);
            let port =
                port.ok_or_else(|| Failure::new(format!("{text:?} has no port behind the colon")))?;
            (domain, Some(port))
        }
        _ => (text, None),
    };
    if domain.is_empty() {
        return Err(Failure::new(format!("{text:?} names no domain")));
    }
    Ok((domain.trim_end_matches('.').to_ascii_lowercase(), port))
}

/// The keys that a flag names.
fn pin(text: &str) -> Result<Vec<[u8; 32]>, Failure> {
    if let Some(key) = hash::whole(text) {
        return Ok(vec![key]);
    }
    let path = Path::new(text);
    let bytes = crate::material::bytes(path, material::FILE_BYTES_MAX)?;
    let keys: Vec<_> = material::read(&bytes)
        .found
        .iter()
        .map(|found| match found {
            Registration::Key { spki_sha256, .. }
            | Registration::Request { spki_sha256, .. }
            | Registration::Certificate { spki_sha256, .. } => *spki_sha256,
        })
        .collect();
    if keys.is_empty() {
        let what = format!("there is no key, request or certificate in {text}");
        return Err(Failure::new(what)
            .hint("--expect takes a SHA-256 in hexadecimal, or a file with one of these"));
    }
    Ok(keys)
}

/// What the state has registered; nothing where there is no state, or nothing in it.
fn registered(settings: &Settings) -> anyhow::Result<Option<countersign_judge::Expectation>> {
    use countersign_store::{Store, StoreError};
    let reader = match Store::open_reader(&settings.state_dir) {
        Ok(reader) => reader,
        Err(StoreError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let (_, rules) = reader.rules()?;
    // Who looks once waits for nobody: nothing keeps when a key was first seen.
    let mut judging = crate::plan::judging(settings);
    judging.hold = SignedDuration::ZERO;
    judging.policies.iter_mut().for_each(|policy| policy.hold = SignedDuration::ZERO);
    let expectation = countersign_monitor::judging::expectation(&judging, rules);
    Ok((!expectation.rules().is_empty()).then_some(expectation))
}

fn own_roots<'a>(
    roots: &'a [CertificateDer<'static>],
    path: Option<&Path>,
) -> anyhow::Result<Vec<TrustAnchor<'a>>> {
    let anchors = roots.iter().map(|root| countersign_judge::probe::trust::anchor(root));
    let anchors: Option<Vec<_>> = anchors.collect();
    let path = path.map(|path| path.display().to_string()).unwrap_or_default();
    anchors.with_context(|| format!("a certificate in {path} can be no root"))
}

/// Writes what proves a handshake.
fn save(directory: &Path, observation: &Observation) -> anyhow::Result<()> {
    let Some(exhibit) = observation.served().and_then(|served| served.exhibit.as_ref()) else {
        return Ok(());
    };
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let stratum = &observation.stratum;
    let name = format!(
        "{}-{}-{}-{}-{}.handshake",
        observation.service.domain,
        stratum.port,
        stratum.vantage,
        stratum.client,
        observation.at.as_millisecond(),
    );
    let path = directory.join(name.replace(['/', '\\'], "_"));
    fs::write(&path, exhibit).with_context(|| format!("cannot write {}", path.display()))
}
