//! A client that people use, and that is looked at as it passes: what it says is its own, what came is read by our code.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use countersign_judge::probe::observation::Served;
use countersign_judge::probe::{Family, Observation, Outcome, Service, Stratum};
use countersign_tls::{Handshake, KeyLog, Recording};
use jiff::Timestamp;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio_rustls::TlsConnector;

use super::street::{DIRECT, HERE};
use crate::estate::GUARDED;
use crate::identity::provider;
use crate::mallory::Anybody;
use crate::port::connect_from;
use crate::taped::{Reel, Taped};

/// The client.
pub(super) struct Passer {
    config: Arc<ClientConfig>,
    lines: Arc<Lines>,
}

impl Passer {
    /// One that speaks TLS 1.3 only, which no probe of ours does.
    pub(super) fn new() -> Self {
        let (lines, provider) = (Arc::new(Lines::default()), provider(&[]));
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .expect("the provider speaks TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"xmpp-client".to_vec()];
        config.key_log = Arc::<Lines>::clone(&lines);
        Self { config: Arc::new(config), lines }
    }

    /// What it says first, in its records.
    pub(super) async fn hello(&self) -> anyhow::Result<Vec<u8>> {
        let (near, mut far) = duplex(PIPE_BYTES);
        let mut said = vec![0; PIPE_BYTES];
        let count = tokio::select! {
            count = far.read(&mut said) => count?,
            _ = self.connector().connect(name(), near) => 0,
        };
        said.truncate(count);
        Ok(said)
    }

    /// Connects as it does for its user, and is looked at.
    pub(super) async fn pass(
        &self,
        to: SocketAddr,
        service: Service,
        at: Timestamp,
    ) -> anyhow::Result<Observation> {
        let reel = Reel::default();
        let stream = Taped::new(connect_from(HERE, to).await?, reel.clone());
        let mut tls = self.connector().connect(name(), stream).await.context("no handshake")?;
        tls.shutdown().await?;
        // The tape is a server's: it calls sent what it read.
        let Recording { sent, received } = reel.recording();
        let recording = Recording { sent: received, received: sent };
        let mut key_log = KeyLog::default();
        self.lines.0.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|line| {
            key_log.push(line.as_bytes());
        });
        let handshake = Handshake::of(&recording, &key_log);
        let stratum = Stratum {
            vantage: DIRECT.to_owned(),
            client: "people's client".to_owned(),
            port: service.port,
            family: Family::V4,
        };
        let served =
            Served { handshake, offered: Vec::new(), login: None, oracle: None, exhibit: None };
        let outcome = Outcome::Tls(Box::new(served));
        let (host, peer) = (service.domain.clone(), Some(to));
        Ok(Observation { at, service, stratum, host, peer, outcome })
    }

    fn connector(&self) -> TlsConnector {
        TlsConnector::from(Arc::clone(&self.config))
    }
}

/// A key log, in the format of NSS.
#[derive(Debug, Default)]
struct Lines(Mutex<Vec<String>>);

impl rustls::KeyLog for Lines {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex =
            |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        let line = format!("{label} {} {}", hex(client_random), hex(secret));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

fn name() -> ServerName<'static> {
    ServerName::try_from(GUARDED).expect("a host name")
}

/// More than a hello.
const PIPE_BYTES: usize = 16 * 1024;
