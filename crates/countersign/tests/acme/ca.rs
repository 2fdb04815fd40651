//! A CA that speaks ACME, its DNS, and a mail server: Debian's, as processes of their own that end with the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::programs::{Ended, free_ports, listens, started};

/// Pebble, and the name server that sends it to 127.0.0.1 for every name.
pub(crate) struct Ca {
    folder: PathBuf,
    pub(crate) directory_port: u16,
    /// Where Pebble looks for answers to HTTP-01.
    pub(crate) http_port: u16,
    _processes: [Ended; 2],
}

/// A mail server that keeps what it gets.
pub(crate) struct Mailbox {
    pub(crate) port: u16,
    folder: PathBuf,
    _process: Ended,
}

impl Ca {
    pub(crate) async fn start(folder: PathBuf) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
            ])
            .args([
                "-keyout",
                "key.pem",
                "-out",
                "cert.pem",
                "-days",
                "30",
                "-subj",
                "/CN=localhost",
            ])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let [directory_port, management, http_port, tls_port, dns, dns_management] = free_ports();
        let config = format!(
            r#"{{"pebble": {{"listenAddress": "127.0.0.1:{directory_port}", "managementListenAddress": "127.0.0.1:{management}",
               "certificate": "cert.pem", "privateKey": "key.pem", "httpPort": {http_port}, "tlsPort": {tls_port}}}}}"#
        );
        fs::write(folder.join("pebble.json"), config).unwrap();
        let mut names = Command::new("pebble-challtestsrv");
        names.args([
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
            "-http01",
            "",
            "-https01",
            "",
        ]);
        names.args(["-tlsalpn01", "", "-dns01", &format!("127.0.0.1:{dns}")]);
        names.args(["-management", &format!("127.0.0.1:{dns_management}")]);
        let names = started(names, &folder);
        listens(dns_management).await;
        let mut pebble = Command::new("pebble");
        pebble.args(["-config", "pebble.json", "-dnsserver", &format!("127.0.0.1:{dns}")]);
        pebble.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "0");
        let pebble = started(pebble, &folder);
        listens(directory_port).await;
        Self { folder, directory_port, http_port, _processes: [pebble, names] }
    }

    /// Where it takes orders, on loopback.
    pub(crate) fn directory_port(&self) -> u16 {
        self.directory_port
    }

    /// Has certbot order over HTTP, with an account and all else in `folder`. What it says of the account.
    pub(crate) fn certbot(&self, folder: &Path, name: &str) -> String {
        let run = |arguments: &[&str]| {
            let mut certbot = Command::new("certbot");
            certbot.args(arguments).args(["--non-interactive", "--server", &self.url()]);
            for (flag, below) in
                [("--config-dir", ""), ("--work-dir", "work"), ("--logs-dir", "logs")]
            {
                certbot.arg(flag).arg(folder.join(below));
            }
            let ended = certbot.env("REQUESTS_CA_BUNDLE", self.certificate()).output().unwrap();
            assert!(ended.status.success(), "{ended:?}");
            String::from_utf8(ended.stdout).unwrap()
        };
        let port = self.http_port.to_string();
        let listen = ["--http-01-address", "127.0.0.1", "--http-01-port", &port];
        let order =
            ["certonly", "--standalone", "--agree-tos", "-m", "ct@xmpp.example", "-d", name];
        run(&[&order[..], &listen[..]].concat());
        run(&["show_account"])
    }

    /// Has dehydrated register an account, which it keeps in `folder`.
    pub(crate) fn dehydrated(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        let config = folder.join("config");
        let lines = [
            format!("CA={}", self.url()),
            format!("BASEDIR={}", folder.display()),
            format!("CURL_OPTS=\"--cacert {}\"", self.certificate().display()),
        ];
        fs::write(&config, lines.join("\n")).unwrap();
        let mut dehydrated = Command::new("dehydrated");
        dehydrated.args(["--register", "--accept-terms", "--config"]).arg(config);
        let ended = dehydrated.stdin(Stdio::null()).output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
    }

    /// Its directory, by a name that is in its certificate.
    fn url(&self) -> String {
        format!("https://localhost:{}/dir", self.directory_port)
    }

    /// Its own certificate, and that of the mail server, as a file.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("cert.pem")
    }

    /// Has lego order with the account in `folder`. The certificate and its issuer.
    pub(crate) fn order(&self, folder: &Path, what: &[&str]) -> Vec<Vec<u8>> {
        self.lego(folder, what, &["run"]);
        chain(folder)
    }

    /// Has lego renew, with a new key.
    pub(crate) fn renew(&self, folder: &Path, name: &str) -> Vec<Vec<u8>> {
        self.lego(folder, &["--domains", name], &["renew", "--days", "10000", "--no-random-sleep"]);
        chain(folder)
    }

    fn lego(&self, folder: &Path, what: &[&str], command: &[&str]) {
        let server = format!("https://127.0.0.1:{}/dir", self.directory_port);
        let port = format!("127.0.0.1:{}", self.http_port);
        let ended = Command::new("lego")
            .args(["--accept-tos", "--email", "ct@xmpp.example", "--server", &server])
            .args(["--http", "--http.port", &port, "--path"])
            .arg(folder)
            .args(what)
            .args(command)
            .env("LEGO_CA_CERTIFICATES", self.certificate())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }

    /// A mail server with TLS from the first byte.
    pub(crate) async fn mailbox(&self, folder: &Path) -> Mailbox {
        let [port] = free_ports();
        let mut server = Command::new("aiosmtpd");
        server.args(["-n", "-l", &format!("127.0.0.1:{port}"), "--smtpscert"]);
        server.arg(self.certificate()).arg("--smtpskey").arg(self.folder.join("key.pem"));
        server.args(["-c", "aiosmtpd.handlers.Mailbox"]).arg(folder);
        let process = started(server, &self.folder);
        listens(port).await;
        Mailbox { port, folder: folder.to_owned(), _process: process }
    }
}

impl Mailbox {
    /// All that came.
    pub(crate) fn read(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.folder.join("new")) else { return Vec::new() };
        let text = |file: PathBuf| {
            let mail = fs::read_to_string(file).unwrap();
            // Soft line breaks and the two characters that matter here (RFC 2045 §6.7).
            mail.replace("=\n", "").replace("=3D", "=")
        };
        files.map(|file| text(file.unwrap().path())).collect()
    }
}

/// The certificate that lego keeps in this folder, and what is above it.
fn chain(folder: &Path) -> Vec<Vec<u8>> {
    let mut files = fs::read_dir(folder.join("certificates")).unwrap();
    let is_chain = |path: &PathBuf| {
        let name = path.to_string_lossy();
        name.ends_with(".crt") && !name.ends_with(".issuer.crt")
    };
    let file = files.find_map(|file| Some(file.unwrap().path()).filter(is_chain)).unwrap();
    let text = fs::read_to_string(file).unwrap();
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let der = |block: &str| {
        let body = block.split("-----END").next().unwrap();
        BASE64_STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap()
    };
    blocks.map(der).collect()
}
