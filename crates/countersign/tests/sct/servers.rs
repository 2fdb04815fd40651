//! Servers that serve a case: Prosody, and the HTTPS server of OpenSSL, on loopback, as processes that end with the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use countersign_lab::sct_cases::SctCase;

use crate::programs::{Ended, folders, free_ports, listens, started};

/// Prosody for the domain `localhost`, with the account `alice@localhost`.
pub(crate) struct Prosody {
    /// Where it takes clients, on 127.0.0.1, and offers STARTTLS.
    pub(crate) port: u16,
    folder: PathBuf,
    _process: Ended,
}

/// The password of `alice@localhost`.
pub(crate) const PASSWORD: &str = "a password of alice";

impl Prosody {
    /// Starts one that serves this case, with its files below `folder`.
    pub(crate) async fn start(folder: &Path, case: &SctCase) -> Self {
        Self::start_with(folder, case, "c2s_require_encryption = true").await
    }

    /// Starts one that lets clients log in with their password in plain text, too.
    pub(crate) async fn start_lenient(folder: &Path, case: &SctCase) -> Self {
        let lenient = "c2s_require_encryption = false\nallow_unencrypted_plain_auth = true";
        Self::start_with(folder, case, lenient).await
    }

    async fn start_with(folder: &Path, case: &SctCase, encryption: &str) -> Self {
        let [port] = free_ports();
        let folder = folder.join(format!("prosody-{}-{port}", case.name));
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
{encryption}
c2s_ports = {{ {port} }}
interfaces = {{ "127.0.0.1" }}
ssl = {{ certificate = "{chain}", key = "{key}" }}
VirtualHost "localhost"
"#,
            pid = path("pid"),
            data = path("data"),
            log = path("log"),
            chain = case.chain.display(),
            key = case.key.display(),
        );
        fs::write(folder.join("prosody.cfg.lua"), config).unwrap();
        let registered = Command::new("prosodyctl")
            .args(["--config", "prosody.cfg.lua", "--root"])
            .args(["register", "alice", "localhost", PASSWORD])
            .env("PATH", folders())
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(registered.status.success(), "{registered:?}");
        let mut command = Command::new("prosody");
        command.args(["--config", "prosody.cfg.lua", "-F"]);
        let _process = started(command, &folder);
        listens(port).await;
        Self { port, folder, _process }
    }

    /// What it has written down so far: who logged in, among other things.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// `openssl s_server -WWW`: HTTPS, and the file `page` with the word `served`.
pub(crate) struct Web {
    /// On 127.0.0.1.
    pub(crate) port: u16,
    _process: Ended,
}

impl Web {
    /// Starts one that serves this case, with its files below `folder`.
    pub(crate) async fn start(folder: &Path, case: &SctCase) -> Self {
        let [port] = free_ports();
        let folder = folder.join(format!("web-{}-{port}", case.name));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("page"), "served\n").unwrap();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-WWW", "-accept", &format!("127.0.0.1:{port}")]);
        command.arg("-cert").arg(&case.chain).arg("-key").arg(&case.key);
        command.arg("-cert_chain").arg(&case.chain);
        let _process = started(command, &folder);
        listens(port).await;
        Self { port, _process }
    }

    /// The address of the page.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/page", self.port)
    }
}

/// What `openssl s_client` shows of a server, with this root in its trust store.
pub(crate) fn s_client(port: u16, starttls: &str, root: &Path) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]);
    command.args(["-servername", "localhost"]).arg("-CAfile").arg(root).stdin(Stdio::null());
    if !starttls.is_empty() {
        command.args(["-starttls", starttls, "-xmpphost", "localhost"]);
    }
    let output = command.output().unwrap();
    let [shown, said] = [output.stdout, output.stderr];
    format!("{}{}", String::from_utf8_lossy(&shown), String::from_utf8_lossy(&said))
}
