//! One connection by way of Mallory.

use std::io::{self, Cursor};
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{Acceptor, ClientHello};
use rustls::{ClientConfig, DigitallySignedStruct, Error, NamedGroup, SignatureScheme};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional, join,
};
use tokio::net::TcpStream;
use tokio_rustls::{LazyConfigAcceptor, TlsConnector};

use super::clear::Filter;
use super::{Strip, Terms, Upstream, Way, hello};
use crate::identity::{Versions, provider};

/// From the first byte to the last.
pub(super) async fn carry(
    way: &Way,
    mut client: TcpStream,
    mut server: TcpStream,
    from: IpAddr,
) -> io::Result<()> {
    if !way.wants(from) {
        way.let_pass(from);
        copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    let Some(begun) = until_tls(way, &mut client, &mut server).await? else {
        way.let_pass(from);
        return Ok(());
    };
    if !way.wants_hello(&begun) {
        way.let_pass(from);
        server.write_all(&begun).await?;
        copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    way.took_apart(from, &begun);
    read(way, &begun, client, server).await
}

/// Copies clear text until the client begins TLS: all of the records that hold its hello. `None` if it never does.
async fn until_tls(
    way: &Way,
    client: &mut TcpStream,
    server: &mut TcpStream,
) -> io::Result<Option<Vec<u8>>> {
    let strip = way.settings().strip;
    let mut filter = Filter::new(Strip { plus: false, ..strip });
    let (mut said, mut answered) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            count = client.read(&mut said) => match count? {
                0 => return Ok(None),
                count if hello::begins(&said[..count]) => {
                    return hello::gather(&said[..count], client).await.map(Some);
                }
                count => {
                    way.lock().heard(&said[..count]);
                    server.write_all(&said[..count]).await?;
                }
            },
            count = server.read(&mut answered) => match count? {
                0 => return Ok(None),
                count => client.write_all(&filter.pass(&answered[..count])).await?,
            },
        }
    }
}

/// Takes it apart.
async fn read(way: &Way, begun: &[u8], client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (reader, writer) = client.into_split();
    let client = join(Cursor::new(begun.to_vec()).chain(reader), writer);
    let started = LazyConfigAcceptor::new(Acceptor::default(), client).await?;
    let (config, name) = upstream(way, &started.client_hello());
    let server = TlsConnector::from(config).connect(name, server).await?;
    let settings = way.settings();
    let agreed = server.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let terms = Terms { alpn: agreed.into_iter().collect(), ..settings.terms.clone() };
    let client = started.into_stream(settings.identity.server(&terms)).await?;

    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let mut filter = Filter::new(Strip { starttls: false, ..settings.strip });
    let up = listen(way, &mut from_client, &mut to_server);
    let down = async {
        let mut buffer = [0; 4096];
        loop {
            let count = from_server.read(&mut buffer).await?;
            if count == 0 {
                return to_client.shutdown().await;
            }
            to_client.write_all(&filter.pass(&buffer[..count])).await?;
            to_client.flush().await?;
        }
    };
    tokio::try_join!(up, down).map(|_| ())
}

/// Copies what a client says in confidence, and remembers the beginning.
async fn listen<R, W>(way: &Way, from: &mut R, to: &mut W) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = [0; 4096];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        way.lock().heard(&buffer[..count]);
        to.write_all(&buffer[..count]).await?;
        to.flush().await?;
    }
}

/// How she connects to the server: for the name that the client asked for, with its application protocols.
fn upstream(way: &Way, hello: &ClientHello<'_>) -> (Arc<ClientConfig>, ServerName<'static>) {
    let (provider, versions) = match way.settings().upstream {
        Upstream::Own => (provider(&[]), Versions::Both),
        Upstream::Mimic => mimicked(hello),
    };
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions.supported())
        .expect("there are suites of these versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    let offered = hello.alpn().into_iter().flatten();
    config.alpn_protocols = offered.map(<[u8]>::to_vec).collect();
    let name = hello.server_name().and_then(|name| ServerName::try_from(name.to_owned()).ok());
    config.enable_sni = name.is_some();
    let name = name.or_else(|| ServerName::try_from("nobody.invalid").ok());
    (Arc::new(config), name.expect("a literal name"))
}

/// The client's suites and groups, those that rustls has, in the client's order.
fn mimicked(hello: &ClientHello<'_>) -> (Arc<CryptoProvider>, Versions) {
    let groups: Vec<NamedGroup> = hello.named_groups().unwrap_or_default().to_vec();
    let mut provider = CryptoProvider::clone(&provider(&groups));
    let known = rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
    let found = hello.cipher_suites().iter();
    let found = found.filter_map(|suite| known.iter().find(|known| known.suite() == *suite));
    let suites: Vec<_> = found.copied().collect();
    let has = |new: bool| suites.iter().any(|suite| suite.tls13().is_some() == new);
    let versions = match (has(false), has(true)) {
        (false, true) => Versions::New,
        (true, false) => Versions::Old,
        (true, true) | (false, false) => Versions::Both,
    };
    if !suites.is_empty() {
        provider.cipher_suites = suites;
    }
    (Arc::new(provider), versions)
}

/// Takes whatever certificate there is: she knows where her own cable leads.
#[derive(Debug)]
pub(crate) struct Anybody(pub(crate) Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
