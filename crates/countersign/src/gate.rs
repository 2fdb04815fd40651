//! `countersign gate`: decides by CAA for a CA, until it is stopped.

mod archive;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_caa::Profile;
use countersign_gate::api::step_ca::Secret;
use countersign_gate::api::{self, Token};
use countersign_gate::serve::{self, Door};
use countersign_gate::{Archive, Corroborators, Gate, Lookups, Other, Proxy, proxy};
use countersign_net::dns::{self, Dns};
use countersign_net::{Clock, Net, Redirects, Roots, Route, Target, Vantage};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::ExitStatus;
use crate::args::{GateArgs, GateCommand, Global};
use crate::config::gate::{Acme, Api, Settings, TlsFiles, settings};
use crate::config::{DIRECT, secret};
use crate::failure::Failure;
use crate::print::{Form, Printer};
use crate::way_out::{self, UNUSED_CONTACT};

/// Runs the gate, or what is asked about it.
pub(crate) fn run(
    args: &GateArgs,
    global: &Global,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let configured = || settings(global.config.as_deref());
    match &args.command {
        None => serve(&configured()?, printer),
        Some(GateCommand::CheckConfig) => check(&configured()?, printer),
        Some(GateCommand::Archive(command)) => archive::run(command, configured, printer),
    }
}

/// Reads all files that the configuration names, and says `ok`.
fn check(settings: &Settings, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    lookups(settings)?;
    corroborators(settings)?;
    if let Some(acme) = &settings.acme {
        tls(&acme.tls)?;
        upstream(acme)?;
    }
    if let Some(api) = &settings.api {
        api.tls.as_ref().map(tls).transpose()?;
        secrets(api)?;
    }
    match printer.form() {
        Form::Human => printer.line("ok")?,
        Form::Json => printer.object(&CheckRow { r#type: "gate-config", ok: true })?,
    }
    Ok(ExitStatus::Expected)
}

#[derive(Serialize)]
struct CheckRow {
    r#type: &'static str,
    ok: bool,
}

/// A door that is open, in JSON (docs/json.md).
#[derive(Serialize)]
struct ListeningRow {
    r#type: &'static str,
    door: &'static str,
    address: String,
}

fn serve(settings: &Settings, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let (lookups, corroborators) = (lookups(settings)?, corroborators(settings)?);
    let (archive, opened) = Archive::open(&settings.archive)?;
    if opened.cut_bytes > 0 {
        warn!("cut {} bytes off the archive, of a record that was not finished", opened.cut_bytes);
    }
    info!("{} decisions are in {}", opened.decisions, settings.archive.display());
    let profile = Profile { demand: settings.demand, ..Profile::default() };
    let gate = Gate::new(lookups, profile, archive.clone(), corroborators, Clock::system());
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let served = runtime.block_on(doors(settings, gate, printer));
    archive.close();
    served
}

/// Opens the doors and keeps them open until this process is asked to stop.
async fn doors(
    settings: &Settings,
    gate: Gate,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
    if let Some(acme) = &settings.acme {
        let settings = proxy::Settings {
            directory: acme.directory.clone(),
            upstream: acme.upstream.clone(),
            strangers: acme.strangers,
            issuers: settings.issuers.clone(),
            net: upstream(acme)?,
            vantage: DIRECT.to_owned(),
            accounts: settings.archive.join("accounts.jsonl"),
        };
        let proxy = Proxy::start(gate.clone(), settings).await.map_err(|error| {
            let hint = error.hint();
            let failure = Failure::new(format!("{:#}", anyhow::Error::from(error)));
            hint.map_or_else(
                || Failure::new(failure.to_string()),
                |hint| Failure::new(failure.to_string()).hint(hint),
            )
        })?;
        let door = open(acme.listen, Some(tls(&acme.tls)?)).await?;
        tell("acme", door.address()?, printer)?;
        tasks.spawn(door.serve(proxy.router(), stop.clone()));
    }
    if let Some(api) = &settings.api {
        let secrets = secrets(api)?;
        let shared = api::Api {
            gate,
            issuers: settings.issuers.clone(),
            token: secrets.token,
            corroboration_tokens: secrets.corroboration,
            step_ca: secrets.step_ca,
        };
        let door = open(api.listen, api.tls.as_ref().map(tls).transpose()?).await?;
        tell("api", door.address()?, printer)?;
        tasks.spawn(door.serve(api::router(shared), stop.clone()));
    }
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                None => return Ok(ExitStatus::Expected),
                Some(ended) => ended.context("a door panicked")?.context("a door broke")?,
            },
            _ = interrupt.recv() => stop.cancel(),
            _ = terminate.recv() => stop.cancel(),
        }
    }
}

async fn open(address: SocketAddr, tls: Option<Arc<ServerConfig>>) -> Result<Door, Failure> {
    Door::open(address, tls)
        .await
        .map_err(|error| Failure::new(format!("cannot listen at {address}: {error}")))
}

fn tell(door: &'static str, address: SocketAddr, printer: &mut Printer) -> anyhow::Result<()> {
    match printer.form() {
        Form::Human => printer.line(format_args!("{door} listens at {address}"))?,
        Form::Json => {
            let address = address.to_string();
            printer.object(&ListeningRow { r#type: "listening", door, address })?;
        }
    }
    Ok(())
}

/// Where CAA records are looked up.
fn lookups(settings: &Settings) -> anyhow::Result<Lookups> {
    let redirects = (!settings.redirect.is_empty())
        .then(|| Redirects::with_servers([], settings.redirect.iter().copied()));
    let net = net(Roots::Public, redirects)?;
    let mut chosen = dns::Settings::default();
    chosen.limits.families = settings.families;
    if let Some(path) = &settings.hints {
        chosen.hints = way_out::hints(path)?;
    }
    let walks = way_out::walk_settings(settings.anchors.as_deref())?;
    let dns = Dns::new(&net, DIRECT, chosen, Clock::system())?;
    Ok(Lookups::new(dns, walks, Clock::system(), settings.keep_max))
}

fn corroborators(settings: &Settings) -> anyhow::Result<Corroborators> {
    let mut others = Vec::new();
    for perspective in &settings.perspectives {
        let url = format!("{}/v1/corroborate", perspective.url.trim_end_matches('/'));
        others.push(Other {
            name: perspective.name.clone(),
            region: perspective.region,
            target: Target::parse(&url).map_err(|why| Failure::new(format!("{url:?}: {why}")))?,
            token: secret::read(&perspective.token_file)?,
        });
    }
    let roots = match &settings.extra_roots {
        Some(path) => Roots::PublicAnd(way_out::extra_roots(path)?),
        None => Roots::Public,
    };
    Ok(Corroborators::new(net(roots, None)?, DIRECT.to_owned(), others))
}

/// The way to the CA.
fn upstream(acme: &Acme) -> anyhow::Result<Net> {
    let roots = match &acme.upstream_roots {
        Some(path) => Roots::Only(way_out::extra_roots(path)?),
        None => Roots::Public,
    };
    net(roots, None)
}

fn net(roots: Roots, redirects: Option<Redirects>) -> anyhow::Result<Net> {
    let settings = countersign_net::Settings {
        // Those who are asked are one's own CA and gates.
        contact: UNUSED_CONTACT.to_owned(),
        roots,
        redirects,
        vantages: vec![Vantage { name: DIRECT.to_owned(), route: Route::Direct }],
    };
    Net::new(settings).context("cannot set up the way out")
}

/// What those have to show who ask over HTTP.
struct Secrets {
    token: Option<Token>,
    corroboration: Vec<Token>,
    step_ca: Option<Secret>,
}

fn secrets(api: &Api) -> Result<Secrets, Failure> {
    let token = |path: &Path| secret::read(path).map(|text| Token::new(&text));
    let others = api.corroboration_token_files.iter().map(|path| token(path));
    let step_ca = |path: &Path| {
        let text = secret::read(path)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| {
            Failure::new(format!("{} is not base64", path.display()))
                .hint("`step ca provisioner webhook add` prints the secret in base64")
        })?;
        Ok(Secret::new(&bytes))
    };
    Ok(Secrets {
        token: api.token_file.as_deref().map(token).transpose()?,
        corroboration: others.collect::<Result<_, _>>()?,
        step_ca: api.step_ca_secret_file.as_deref().map(step_ca).transpose()?,
    })
}

/// What a server shows itself with.
fn tls(files: &TlsFiles) -> anyhow::Result<Arc<ServerConfig>> {
    let TlsFiles { certificate, key } = files;
    let chain: Vec<CertificateDer<'static>> = way_out::extra_roots(certificate)?;
    let pem = fs::read(key).map_err(|error| Failure::read(key, &error))?;
    let key_der = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|why| Failure::new(format!("cannot read {}: {why}", key.display())))?;
    serve::tls(chain, key_der)
        .with_context(|| format!("cannot use {} with {}", certificate.display(), key.display()))
}
