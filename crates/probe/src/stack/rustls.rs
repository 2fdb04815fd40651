//! rustls, in this process, fed with the bytes of any stream.

use std::io::{self, Read as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, KeyLog, ProtocolVersion, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Ended, Finished, Hello, StackError};

/// A session that may go on after its handshake.
#[derive(Debug)]
pub struct Session {
    connection: ClientConnection,
}

/// Shakes hands over a stream, with whoever answers.
pub async fn handshake<S>(
    hello: &Hello,
    stream: &mut S,
) -> Result<(Finished, Option<Session>), StackError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let lines = Arc::new(Lines::default());
    let mut connection = connection(hello, Arc::clone(&lines))?;
    let end = match shake(&mut connection, stream).await {
        // The peer's doing; what was logged until then opens what was recorded.
        Err(StackError::Stream(why)) => Ended::PeerFailed(format!("the connection broke: {why}")),
        ended => ended?,
    };
    let finished = Finished { key_log: lines.take(), end };
    let is_done = matches!(finished.end, Ended::Done { .. });
    Ok((finished, is_done.then_some(Session { connection })))
}

async fn shake<S>(connection: &mut ClientConnection, stream: &mut S) -> Result<Ended, StackError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while connection.is_handshaking() {
        flush(connection, stream).await.map_err(StackError::Stream)?;
        if !connection.is_handshaking() {
            break;
        }
        match read(connection, stream).await {
            Ok(Heard::Something) => {}
            Ok(Heard::End) => {
                return Ok(Ended::PeerFailed("the peer closed the connection".to_owned()));
            }
            Err(Unheard::Stream(error)) => return Err(StackError::Stream(error)),
            Err(Unheard::Tls(why)) => {
                // An alert tells the peer why; whether it hears that changes nothing.
                let _ = flush(connection, stream).await;
                return Ok(Ended::PeerFailed(why.to_string()));
            }
        }
    }
    flush(connection, stream).await.map_err(StackError::Stream)?;
    let version = connection.protocol_version().map_or(0, u16::from);
    let suite = connection.negotiated_cipher_suite().map_or(0, |suite| u16::from(suite.suite()));
    let alpn = connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
    Ok(Ended::Done { version, suite, alpn })
}

impl Session {
    /// What both ends of this session, and nobody between two sessions, can compute (RFC 9266 §2). Before TLS 1.3 no
    /// context and an empty one differ (RFC 5705 §4), and servers use either: an honest one could be taken for another.
    pub fn exporter(&self) -> Option<[u8; 32]> {
        if self.connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            return None;
        }
        let label = b"EXPORTER-Channel-Binding";
        self.connection.export_keying_material([0; 32], label, None).ok()
    }

    /// The server's certificate, in DER.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.connection.peer_certificates()?.first().map(|certificate| certificate.as_ref())
    }

    /// Sends by TLS.
    pub async fn send<S>(&mut self, stream: &mut S, bytes: &[u8]) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.connection.writer().write_all(bytes)?;
        flush(&mut self.connection, stream).await
    }

    /// What comes next by TLS; nothing more if it is empty.
    pub async fn receive<S>(&mut self, stream: &mut S) -> io::Result<Vec<u8>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut plain = vec![0; READ_BYTES];
        loop {
            match self.connection.reader().read(&mut plain) {
                Ok(count) => {
                    plain.truncate(count);
                    return Ok(plain);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            match read(&mut self.connection, stream).await {
                Ok(Heard::Something) => flush(&mut self.connection, stream).await?,
                Ok(Heard::End) => return Ok(Vec::new()),
                Err(Unheard::Stream(error)) => return Err(error),
                Err(Unheard::Tls(error)) => return Err(io::Error::other(error)),
            }
        }
    }

    /// Says that nothing more comes.
    pub async fn close<S>(&mut self, stream: &mut S) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.connection.send_close_notify();
        flush(&mut self.connection, stream).await
    }
}

/// More than a TLS record holds.
const READ_BYTES: usize = 17 << 10;

enum Heard {
    Something,
    End,
}

enum Unheard {
    Stream(io::Error),
    Tls(rustls::Error),
}

async fn read<S>(connection: &mut ClientConnection, stream: &mut S) -> Result<Heard, Unheard>
where
    S: AsyncRead + Unpin,
{
    let mut bytes = vec![0; READ_BYTES];
    let count = stream.read(&mut bytes).await.map_err(Unheard::Stream)?;
    let mut rest = &bytes[..count];
    if rest.is_empty() {
        return Ok(Heard::End);
    }
    while !rest.is_empty() {
        // After close_notify nothing is taken any more (RFC 8446 §6.1), whatever comes.
        if connection.read_tls(&mut rest).map_err(Unheard::Stream)? == 0 {
            return Ok(Heard::End);
        }
        connection.process_new_packets().map_err(Unheard::Tls)?;
    }
    Ok(Heard::Something)
}

async fn flush<S>(connection: &mut ClientConnection, stream: &mut S) -> io::Result<()>
where
    S: AsyncWrite + Unpin,
{
    let mut bytes = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut bytes)?;
    }
    stream.write_all(&bytes).await?;
    stream.flush().await
}

fn connection(hello: &Hello, lines: Arc<Lines>) -> Result<ClientConnection, StackError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs has the suites of TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    config.alpn_protocols = hello.alpn.iter().map(|name| name.clone().into_bytes()).collect();
    config.key_log = lines;
    // A session that goes on shows no certificate. This configuration is for one connection, so there is none; but a
    // client that never asks for tickets looks like no other user of rustls.
    config.resumption = Resumption::in_memory_sessions(1);
    let name = match &hello.server_name {
        Some(name) => ServerName::try_from(name.clone()),
        None => {
            config.enable_sni = false;
            ServerName::try_from("nobody.invalid".to_owned())
        }
    };
    let unnamed = |_| StackError::Profile { profile: hello.profile.name.clone() };
    let name = name.map_err(unnamed)?;
    ClientConnection::new(Arc::new(config), name)
        .map_err(|_| StackError::Profile { profile: hello.profile.name.clone() })
}

/// Whoever answers is talked to: who that is, is read from the bytes.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

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
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The lines of a key log, as they come.
#[derive(Debug, Default)]
struct Lines(Mutex<Vec<String>>);

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl KeyLog for Lines {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex =
            |bytes: &[u8]| bytes.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        let line = format!("{label} {} {}", hex(client_random), hex(secret));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}
