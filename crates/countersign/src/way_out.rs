//! The way out to the Internet that the settings ask for.

use std::path::Path;

use anyhow::Context as _;
use countersign_net::{Net, Roots};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error, PemObject as _};

use crate::config::Settings;
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
