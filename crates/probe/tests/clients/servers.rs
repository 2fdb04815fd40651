//! Servers for clients: OpenSSL's, behind as much of a protocol as stands before TLS; and Prosody.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// The name of all of them.
pub(crate) const DOMAIN: &str = "service.test";

/// A certificate that nobody trusts, and its key.
pub(crate) struct Identity {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) der: Vec<u8>,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (certificate, key) = (path("chain.pem"), path("key.pem"));
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        command.args(["-nodes", "-days", "30", "-subj", &format!("/CN={DOMAIN}")]);
        command.args(["-addext", &format!("subjectAltName=DNS:{DOMAIN}")]);
        command.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
        assert!(command.stderr(Stdio::null()).status().unwrap().success());
        let mut command = Command::new("openssl");
        command.args(["x509", "-outform", "DER", "-in"]).arg(&certificate);
        let der = command.output().unwrap().stdout;
        Self { folder, certificate, key, der }
    }
}

/// What stands before TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    Nothing,
    /// What is said first; then, to each line or tag that begins so, the answer. After the last one, TLS begins.
    Lines(&'static str, &'static [(&'static str, &'static str)]),
    /// PostgreSQL's `SSLRequest`, the only one that is not text.
    SslRequest,
}

pub(crate) const SMTP: Front = Front::Lines(
    "220 service.test ESMTP\r\n",
    &[("EHLO", "250-service.test\r\n250 STARTTLS\r\n"), ("STARTTLS", "220 go ahead\r\n")],
);
pub(crate) const IMAP: Front = Front::Lines(
    "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n",
    &[
        ("A001 CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\r\nA001 OK done\r\n"),
        ("A002 STARTTLS", "A002 OK go ahead\r\n"),
    ],
);
pub(crate) const POP3: Front = Front::Lines(
    "+OK ready\r\n",
    &[("CAPA", "+OK\r\nSTLS\r\n.\r\n"), ("STLS", "+OK go ahead\r\n")],
);
pub(crate) const XMPP: Front = Front::Lines(
    "",
    &[
        (
            "<stream:stream",
            "<?xml version='1.0'?><stream:stream id='1' from='service.test' version='1.0' \
             xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'><stream:features>\
             <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>",
        ),
        ("<starttls", "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    ],
);

impl Front {
    /// Says what stands before TLS.
    async fn say(self, client: &mut TcpStream) -> io::Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::SslRequest => {
                let mut request = [0; 8];
                client.read_exact(&mut request).await?;
                assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
                client.write_all(b"S").await
            }
            Self::Lines(greeting, answers) => {
                client.write_all(greeting.as_bytes()).await?;
                for (asked, answer) in answers {
                    let end = if asked.starts_with('<') { b'>' } else { b'\n' };
                    loop {
                        let mut line = Vec::new();
                        while !line.ends_with(&[end]) {
                            line.push(client.read_u8().await?);
                        }
                        if String::from_utf8_lossy(&line).trim_start().starts_with(asked) {
                            break;
                        }
                    }
                    client.write_all(answer.as_bytes()).await?;
                }
                Ok(())
            }
        }
    }
}

/// `openssl s_server` behind a front.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    front: Front,
    listener: TcpListener,
    inner: SocketAddr,
    _process: Ended,
}

impl Server {
    pub(crate) async fn start(identity: &Identity, version: &str, front: Front) -> Self {
        let inner = free_address().await;
        let mut command = Command::new("openssl");
        command.args(["s_server", version, "-quiet", "-accept", &inner.to_string()]);
        command.arg("-cert").arg(&identity.certificate).arg("-key").arg(&identity.key);
        let process = started(command, identity.folder.path());
        listens(inner).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { address, front, listener, inner, _process: process }
    }

    /// Serves, until it is given up.
    pub(crate) async fn serve(&self) {
        loop {
            let (mut client, _) = self.listener.accept().await.unwrap();
            if self.front.say(&mut client).await.is_ok() {
                let mut inner = TcpStream::connect(self.inner).await.unwrap();
                let _ended = copy_bidirectional(&mut client, &mut inner).await;
            }
        }
    }
}

/// An XMPP server, with STARTTLS and with direct TLS.
pub(crate) struct Prosody {
    pub(crate) starttls: SocketAddr,
    pub(crate) direct: SocketAddr,
    _process: Ended,
}

impl Prosody {
    pub(crate) async fn start(identity: &Identity) -> Self {
        let (starttls, direct) = (free_address().await, free_address().await);
        let folder = identity.folder.path().join("prosody");
        fs::create_dir_all(folder.join("data")).unwrap();
        let path = |name: &str| folder.join(name).display().to_string();
        let config = format!(
            r#"run_as_root = true
daemonize = false
pidfile = "{pid}"
data_path = "{data}"
log = {{ debug = "{log}" }}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping", "posix" }}
modules_disabled = {{ "s2s" }}
authentication = "internal_hashed"
c2s_require_encryption = true
c2s_ports = {{ {starttls} }}
c2s_direct_tls_ports = {{ {direct} }}
interfaces = {{ "127.0.0.1" }}
ssl = {{ certificate = "{chain}", key = "{key}" }}
VirtualHost "{DOMAIN}"
"#,
            pid = path("pid"),
            data = path("data"),
            log = path("log"),
            starttls = starttls.port(),
            direct = direct.port(),
            chain = identity.certificate.display(),
            key = identity.key.display(),
        );
        fs::write(folder.join("prosody.cfg.lua"), config).unwrap();
        let mut command = Command::new("prosody");
        command.args(["--config", "prosody.cfg.lua", "-F"]);
        let process = started(command, &folder);
        listens(starttls).await;
        listens(direct).await;
        Self { starttls, direct, _process: process }
    }
}

/// A process that ends with this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        self.0.wait().unwrap();
    }
}

fn started(mut command: Command, folder: &Path) -> Ended {
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ended(command.spawn().unwrap())
}

async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn listens(address: SocketAddr) {
    let connected = async {
        while TcpStream::connect(address).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), connected).await.unwrap();
}
