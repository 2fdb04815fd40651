//! Servers on loopback, with a certificate of their own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate for `a.example`, and its key.
pub(crate) struct Authority {
    certificate: Vec<u8>,
    key: Vec<u8>,
    files: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["a.example".to_owned()]).expect("it can be made");
        let files = tempfile::tempdir().expect("a folder");
        let pem = format!("{}{}", cert.pem(), signing_key.serialize_pem());
        std::fs::write(files.path().join("pem"), pem).expect("it can be written");
        Self { certificate: cert.der().to_vec(), key: signing_key.serialize_der(), files }
    }

    pub(crate) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let certificate = CertificateDer::from(self.certificate.clone());
        let key = PrivateKeyDer::try_from(self.key.clone()).expect("it is PKCS #8");
        let config = ServerConfig::builder().with_no_client_auth();
        let mut config = config.with_single_cert(vec![certificate], key).expect("they fit");
        // They would be for a client that has gone.
        config.send_tls13_tickets = 0;
        TlsAcceptor::from(Arc::new(config))
    }
}

/// `openssl s_server`; it ends with this.
pub(crate) struct SServer {
    child: Child,
    port: u16,
}

impl SServer {
    pub(crate) fn start(authority: &Authority, flags: &[&str]) -> Self {
        let pem = authority.files.path().join("pem");
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-alpn", "h2"]).args(flags);
        command.arg("-cert").arg(&pem).arg("-key").arg(&pem);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is installed");
        let output = BufReader::new(child.stdout.take().expect("it was asked for"));
        let mut lines = output.lines().map(|line| line.expect("it is text"));
        let port = lines.find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.parse().ok());
        // What it says later is read, so that it never waits for that.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port: port.expect("it says where it listens") }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens")
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
