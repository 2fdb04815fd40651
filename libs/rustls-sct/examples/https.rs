//! Fetches a page with reqwest: `https [--stock] URL`.

#[path = "shared/enforcement.rs"]
mod enforcement;

use std::process::ExitCode;

use countersign_rustls_sct::client_config;
use enforcement::{arguments, enforcer, exit, system_roots};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit(fetch().await)
}

async fn fetch() -> anyhow::Result<String> {
    let (stock, [url]) = arguments("https [--stock] URL")?;
    let builder = if stock {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.install_default().expect("it is the first");
        reqwest::Client::builder()
    } else {
        let mut tls = client_config(system_roots()?, enforcer()?)?;
        // Reqwest takes the configuration as it is, and offers no HTTP/2 unless it says so.
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        reqwest::Client::builder().tls_backend_preconfigured(tls)
    };
    let response = builder.build()?.get(&url).send().await?.error_for_status()?;
    Ok(response.text().await?.trim_end().to_owned())
}
