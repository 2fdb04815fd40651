//! Connections to the servers: clear text by the machine that is tested, then TLS by rustls.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use countersign_judge::probe::{Opening, Protocol, Service};
use countersign_probe::login::{self, Login, Outcome};
use countersign_probe::preamble::{Early, Next, Preamble};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::programs::Place;

/// A connection inside TLS.
pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// The only version that is offered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tls {
    V12,
    V13,
}

/// A server that says nothing for so long is broken.
const DEADLINE: Duration = Duration::from_secs(20);

/// Up to TLS and through its handshake; what was offered before.
pub(crate) fn starttls(
    protocol: Protocol,
    port: u16,
    place: &Place,
) -> Result<(Vec<String>, Stream), Early> {
    starttls_of(protocol, port, place, Tls::V13)
}

/// The same with one version of TLS.
pub(crate) fn starttls_of(
    protocol: Protocol,
    port: u16,
    place: &Place,
    tls: Tls,
) -> Result<(Vec<String>, Stream), Early> {
    connect(protocol, Opening::StartTls, port, place, tls)
}

/// TLS from the first byte.
pub(crate) fn direct(protocol: Protocol, port: u16, place: &Place) {
    connect(protocol, Opening::Direct, port, place, Tls::V13).unwrap();
}

fn connect(
    protocol: Protocol,
    opening: Opening,
    port: u16,
    place: &Place,
    tls: Tls,
) -> Result<(Vec<String>, Stream), Early> {
    let service = Service { domain: "a.example".to_owned(), protocol, opening, port };
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut preamble = Preamble::named(&service, Some("b.example"));
    loop {
        match preamble.next() {
            Next::Send(words) => stream.write_all(&words).unwrap(),
            Next::Receive => {}
            Next::StartTls => break,
            Next::Over(early) => return Err(early),
        }
        let mut heard = [0; 4096];
        match stream.read(&mut heard) {
            Ok(0) => preamble.end(),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => preamble.end(),
            Ok(count) => preamble.feed(&heard[..count]),
            Err(error) => panic!("{protocol}: {error}"),
        }
    }
    let stream = shake_hands(stream, tls);
    let served = stream.conn.peer_certificates().unwrap();
    assert_eq!(served, [place.certificate()], "TLS is that of the server");
    Ok((preamble.offered().to_vec(), stream))
}

fn shake_hands(tcp: TcpStream, tls: Tls) -> Stream {
    let version = match tls {
        Tls::V12 => &rustls::version::TLS12,
        Tls::V13 => &rustls::version::TLS13,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    let name = ServerName::try_from("a.example").unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), tcp);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).unwrap();
    }
    stream
}

/// Has a login run to its end.
pub(crate) fn log_in(login: &mut Login, stream: &mut Stream) -> Outcome {
    loop {
        match login.next() {
            login::Next::Send(words) => stream.write_all(&words).unwrap(),
            login::Next::Receive => {}
            login::Next::Over { outcome, farewell } => {
                let _it_may_be_gone = stream.write_all(farewell);
                return outcome;
            }
        }
        let mut heard = [0; 4096];
        match stream.read(&mut heard) {
            Ok(0) => login.end(),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => login.end(),
            Ok(count) => login.feed(&heard[..count]),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Takes any certificate: who it is from is looked at afterwards.
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
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
