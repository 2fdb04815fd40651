//! What the relay adds to a handshake: `openssl s_server` on loopback, and rustls as the client, with the relay and
//! without. Expected: less than 2 ms, since a handshake has four messages that wait for each other, and each is copied once.

#![expect(clippy::print_stdout, reason = "a bench says what it measured")]
#![expect(clippy::unwrap_used, reason = "a bench ends where its world is not as it made it")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time, and waits for its server")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_probe::relay::{Patience, relay};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, Stream};

const ROUNDS: usize = 400;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    command.args(["-nodes", "-subj", "/CN=localhost"]);
    command.arg("-keyout").arg(path("key.pem")).arg("-out").arg(path("chain.pem"));
    assert!(command.output().unwrap().status.success());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = free.local_addr().unwrap();
    drop(free);
    let mut command = Command::new("openssl");
    command.args(["s_server", "-www", "-no_ticket", "-accept", &server.to_string()]);
    command.arg("-cert").arg(path("chain.pem")).arg("-key").arg(path("key.pem"));
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    while TcpStream::connect(server).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let by_relay = listener.local_addr().unwrap();
    // One relay after the other, as in probes.
    let relaying = runtime.spawn(async move {
        let second = Duration::from_secs(1);
        let patience = Patience { deadline: second * 60, linger: second, quiet: second };
        loop {
            let dial = || tokio::net::TcpStream::connect(server);
            let relayed = relay(&listener, patience, dial, std::future::pending()).await;
            assert!(relayed.progress.is_through(), "{:?}", relayed.ended);
        }
    });

    // Alternating: whatever else happens on the machine happens to both.
    let mut config = ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .dangerous()
    .with_custom_certificate_verifier(Arc::new(Anybody))
    .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    let config = Arc::new(config);
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(handshake(server, &config));
        with.push(handshake(by_relay, &config));
    }
    relaying.abort();
    process.kill().unwrap();
    process.wait().unwrap();
    let (without, with) = (median(without), median(with));
    let added = with.saturating_sub(without);
    println!(
        "handshake: {without:?}; through the relay: {with:?}, {added:?} more (median of {ROUNDS})"
    );
    assert!(added < Duration::from_millis(2), "the relay may add 2 ms");
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

/// From the first packet to the end of the handshake; the page that follows closes the connection.
fn handshake(address: SocketAddr, config: &Arc<ClientConfig>) -> Duration {
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(config.clone(), name).unwrap();
    let began = Instant::now();
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut socket).unwrap();
    }
    let took = began.elapsed();
    let mut stream = Stream::new(&mut connection, &mut socket);
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let _cut_or_closed = stream.read_to_end(&mut Vec::new());
    took
}

/// Takes every certificate: the relay does not look at it.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
