//! Looking for others, and having others look: `probe --serve` and `probe --ask`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use countersign_judge::Scope;
use countersign_judge::probe::observation::Observation;
use countersign_judge::statement::HostKey;
use countersign_net::{Clock, Net, Target as Url};
use countersign_probe::engine::{Prober, Target};
use countersign_probe::locate::{Place, named};
use countersign_probe::remote::wire::Wanted;
use countersign_probe::remote::{
    Remote, Request, Saw, Settings as Serving, Sighting, Token, ask, serve,
};
use countersign_tls::profile::BUILT_IN;
use tokio::net::TcpListener;

use super::who::{self, Who};
use super::{family, vantages};
use crate::ExitStatus;
use crate::args::ProbeArgs;
use crate::config::{DIRECT, Settings, secret};
use crate::failure::Failure;
use crate::print::Printer;
use crate::way_out;

/// Looks for whoever knows the token, until this process is asked to end.
pub(super) async fn serving(
    args: &ProbeArgs,
    settings: Option<&Settings>,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let (Some(address), Some(path)) = (args.serve, &args.host_key) else {
        unreachable!("the flags need each other");
    };
    let key: HostKey = secret::read(path)?
        .parse()
        .map_err(|why| Failure::new(format!("cannot use {}: {why}", path.display())))?;
    let allowed = Scope::new(&args.allow).map_err(|error| {
        Failure::new(format!("{:?} is no name", error.item))
            .hint("--allow xmpp.example, --allow .example")
    })?;
    let clock = Clock::system();
    let net = way_out::probes(&vantages(args, settings)?)?;
    let dns = if args.no_dns { None } else { Some(way_out::probe_dns(args, settings)?) };
    let host = Arc::new(Host {
        prober: Prober::new(net, clock.clone()),
        who: stacks()?,
        dns,
        vantage: args.via.first().map_or(DIRECT, String::as_str).to_owned(),
    });
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen at {address}"))?;
    let (at, signer) = (listener.local_addr()?, key.signer());
    printer.line(format_args!(
        "looks for others at http://{at}/look, and signs as {}",
        signer.verifier_key()
    ))?;
    let serving = Serving { key: signer, token: token(args)?, allowed, clock };
    let look = move |request| {
        let host = Arc::clone(&host);
        async move { host.look(request).await }
    };
    serve(listener, serving, look, ended()).await.context("cannot take connections")?;
    Ok(ExitStatus::Expected)
}

/// Ends when this process is asked to.
async fn ended() {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    match (interrupt, terminate) {
        (Ok(mut interrupt), Ok(mut terminate)) => tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        },
        // Without signals only its end ends it.
        (Err(_), _) | (_, Err(_)) => std::future::pending().await,
    }
}

/// Somebody who looks for others.
struct Host {
    prober: Prober,
    who: Vec<Who>,
    dns: Option<(countersign_net::Dns, countersign_dns::walk::Settings)>,
    vantage: String,
}

impl Host {
    async fn look(&self, request: Request) -> Sighting {
        let nothing = |why: String| Sighting { peer: None, saw: Saw::Nothing(why) };
        let Some(who) = self.who.iter().find(|who| who.to_string() == request.client) else {
            return nothing(format!("there is no stack {:?} here", request.client));
        };
        let service = request.service;
        let asked = (service.domain.as_str(), service.protocol, service.opening);
        let clock = &self.prober.clock;
        let places: Vec<Place> = match &self.dns {
            Some((dns, walk)) => match named(dns, walk, clock, asked).await {
                Ok(places) => places,
                Err(why) => return nothing(why.to_string()),
            },
            None => Vec::new(),
        };
        let place = places.into_iter().find(|place| place.service.port == service.port);
        let target = Target {
            host: place.map_or_else(|| service.domain.clone(), |place| place.host),
            service,
            vantage: self.vantage.clone(),
            isolation: None,
            family: match request.family {
                Wanted::Any => None,
                Wanted::V4 => Some(countersign_net::Family::V4),
                Wanted::V6 => Some(countersign_net::Family::V6),
            },
        };
        match who.look(&self.prober, &target, None).await {
            Ok(looked) => Sighting::of(&looked.observation),
            Err(error) => nothing(format!("{error:#}")),
        }
    }
}

/// The stacks that are here.
fn stacks() -> anyhow::Result<Vec<Who>> {
    let names = BUILT_IN.iter().map(|(name, _)| (*name).to_owned());
    let names: Vec<_> = names.collect();
    match who::chosen(&names) {
        Ok(all) => Ok(all),
        // Without the helper there is one that needs none.
        Err(_) => who::chosen(&["rustls".to_owned()]),
    }
}

/// Another host, as the flags name it.
pub(super) fn remote(args: &ProbeArgs) -> anyhow::Result<Option<Remote>> {
    let (Some(url), Some(key)) = (&args.ask, &args.ask_key) else { return Ok(None) };
    let to = Url::parse(url).map_err(|why| Failure::new(format!("cannot ask {url}: {why}")))?;
    let key = key.parse().map_err(|_| {
        Failure::new("--ask-key is no key").hint("`countersign probe --serve` prints it")
    })?;
    Ok(Some(Remote {
        to,
        vantage: DIRECT.to_owned(),
        key,
        token: token(args)?,
        deadline: DEADLINE,
    }))
}

/// Has another host look.
pub(super) async fn asked(
    net: &Net,
    clock: &Clock,
    remote: &Remote,
    place: &Place,
    client: &str,
    args: &ProbeArgs,
) -> anyhow::Result<Observation> {
    let wanted = match family(args) {
        None => Wanted::Any,
        Some(countersign_net::Family::V4) => Wanted::V4,
        Some(countersign_net::Family::V6) => Wanted::V6,
    };
    let answer = ask(net, clock, remote, &place.service, client, wanted).await;
    let answer = answer.map_err(|error| {
        let failure = Failure::new(format!("{:#}", anyhow::Error::msg(chain(&error))));
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    Ok(answer.observation(&remote.key.name().to_string(), wanted)?)
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

fn token(args: &ProbeArgs) -> anyhow::Result<Token> {
    let path = args.token.as_deref().context("--token FILE is needed")?;
    let text = secret::read(path)?;
    Token::new(&text)
        .map_err(|why| Failure::new(format!("cannot use {}: {why}", path.display())).into())
}

/// As long as a probe may take, and the way there and back.
const DEADLINE: Duration = Duration::from_secs(100);
