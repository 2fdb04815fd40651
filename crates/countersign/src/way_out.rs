//! The way out to the Internet that the settings ask for.

use std::path::Path;

use anyhow::Context as _;
use countersign_dns::resolution::Families;
use countersign_net::dns::{self, Dns};
use countersign_net::{Clock, Net, Roots, Route, Vantage};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error, PemObject as _};

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

/// A way to ask DNS servers: from the vantage of the watch, or directly without a configuration.
pub(crate) fn dns(settings: Option<&Settings>, families: Families) -> anyhow::Result<Dns> {
    let direct = || vec![Vantage { name: DIRECT.to_owned(), route: Route::Direct }];
    let net = Net::new(countersign_net::Settings {
        contact: UNUSED_CONTACT.to_owned(),
        roots: Roots::Public,
        redirects: None,
        vantages: settings.map_or_else(direct, |settings| settings.vantages.clone()),
    })
    .context("cannot set up the way out")?;
    let vantage = settings.map_or(DIRECT, |settings| &settings.watch.vantage);
    let mut chosen = dns::Settings::default();
    chosen.limits.families = families;
    Ok(Dns::new(&net, vantage, chosen, Clock::system())?)
}

/// Questions to DNS servers carry no contact; requests that would carry this one are not made.
const UNUSED_CONTACT: &str = "https://countersign.invalid/";

fn extra_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
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
        return Err(Failure::new(what).hint("extra-roots names a PEM file with certificates"));
    }
    Ok(roots)
}
