//! The way out to the Internet that the settings ask for.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use countersign_dns::resolution::Families;
use countersign_dns::{Anchors, Hints, Name, walk, zone_text};
use countersign_net::dns::{self, Dns};
use countersign_net::{Clock, Net, Redirects, Roots, Route, Vantage};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error, PemObject as _};

use crate::args::{ProbeArgs, WayArgs};
use crate::config::{DIRECT, Settings};
use crate::failure::Failure;

/// Sets up all vantages. Fails without a contact: whoever asks logs for data says who asks.
pub(crate) fn net(settings: &Settings) -> anyhow::Result<Net> {
    let Some(contact) = &settings.contact else {
        return Err(Failure::new("`contact` is not set: log operators must be able to reach whoever asks")
            .hint("set contact = \"you@your.domain\" in the configuration file; it is sent with each request")
            .into());
    };
    let roots = match &settings.extra_roots {
        Some(path) => Roots::PublicAnd(extra_roots(path)?),
        None => Roots::Public,
    };
    Net::new(countersign_net::Settings {
        contact: contact.clone(),
        roots,
        redirects: None,
        vantages: settings.vantages.clone(),
    })
    .context("cannot set up the way out")
}

/// A way to ask DNS servers, and what to start from: from the vantage of the watch, or directly without a
/// configuration.
pub(crate) fn dns(
    settings: Option<&Settings>,
    way: &WayArgs,
) -> anyhow::Result<(Dns, walk::Settings)> {
    let direct = || vec![Vantage { name: DIRECT.to_owned(), route: Route::Direct }];
    let redirects = (!way.redirect.is_empty())
        .then(|| Redirects::with_servers([], way.redirect.iter().copied()));
    let net = Net::new(countersign_net::Settings {
        contact: UNUSED_CONTACT.to_owned(),
        roots: Roots::Public,
        redirects,
        vantages: settings.map_or_else(direct, |settings| settings.vantages.clone()),
    })
    .context("cannot set up the way out")?;
    let configured = settings.map_or(DIRECT, |settings| &settings.watch.vantage);
    let vantage = way.vantage.as_deref().unwrap_or(configured);
    let mut chosen = dns::Settings::default();
    chosen.limits.families = match (way.ipv4, way.ipv6) {
        (true, _) => Families::Ipv4,
        (_, true) => Families::Ipv6,
        (false, false) => Families::Both,
    };
    if let Some(path) = way.hints.as_deref().or_else(|| settings?.hints.as_deref()) {
        chosen.hints = hints(path)?;
    }
    let anchors = way.anchors.as_deref().or_else(|| settings?.anchors.as_deref());
    let walk = walk_settings(anchors)?;
    Ok((Dns::new(&net, vantage, chosen, Clock::system())?, walk))
}

/// A way out for probes, from these vantages. Probes carry no contact: they look like somebody's client.
pub(crate) fn probes(vantages: &[Vantage]) -> anyhow::Result<Net> {
    Net::new(countersign_net::Settings {
        contact: UNUSED_CONTACT.to_owned(),
        roots: Roots::Public,
        redirects: None,
        vantages: vantages.to_vec(),
    })
    .context("cannot set up the way out")
}

/// The same for looking up what is probed, directly.
pub(crate) fn probe_dns(
    args: &ProbeArgs,
    settings: Option<&Settings>,
) -> anyhow::Result<(Dns, walk::Settings)> {
    let way = WayArgs {
        ipv4: false,
        ipv6: false,
        vantage: None,
        anchors: args.anchors.clone(),
        hints: args.hints.clone(),
        redirect: args.redirect.clone(),
    };
    dns(settings, &way)
}

/// The servers at which looking up begins, as a zone file has them.
pub(crate) fn hints(path: &Path) -> Result<Hints, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::read(path, &error))?;
    Hints::from_zone_text(&text)
        .map_err(|why| Failure::new(format!("cannot use {}: {why}", path.display())))
}

/// What walks start from, with the trust anchors in this file if there is one.
pub(crate) fn walk_settings(anchors: Option<&Path>) -> Result<walk::Settings, Failure> {
    let Some(path) = anchors else { return Ok(walk::Settings::default()) };
    let text = fs::read_to_string(path).map_err(|error| Failure::read(path, &error))?;
    let refused = |why: String| Failure::new(format!("cannot use {}: {why}", path.display()));
    let sets = zone_text::records(&text, &Name::root()).map_err(|why| refused(why.to_string()))?;
    let anchors = Anchors::of_records(&sets)
        .filter(|anchors| !anchors.anchors().is_empty())
        .ok_or_else(|| refused("it has to hold DS or DNSKEY records, and no others".to_owned()))?;
    Ok(walk::Settings { anchors, ..walk::Settings::default() })
}

/// Questions to DNS servers carry no contact. Requests of the gate carry this one: they go to its own CA, and to gates
/// that know it by its token.
pub(crate) const UNUSED_CONTACT: &str = "https://countersign.invalid/";

/// The certificates in a PEM file, at least one.
pub(crate) fn extra_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let unread = |error: Error| match error {
        Error::Io(error) => Failure::read(path, &error),
        other => Failure::new(format!("cannot read {}: {other}", path.display())),
    };
    let roots: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(unread)?
        .collect::<Result<_, _>>()
        .map_err(unread)?;
    if roots.is_empty() {
        let what = format!("there is no certificate in {}", path.display());
        return Err(Failure::new(what).hint("it has to be a PEM file with certificates"));
    }
    Ok(roots)
}
