//! Programs of others with the library preloaded: those with OpenSSL write their secrets down, the others notice nothing.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

/// The library, built once: nothing depends on it, so nothing else has built it.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let folder = test.ancestors().nth(3).unwrap();
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--locked", "--offline", "--package", "countersign-keylog-preload"]);
        command.arg("--target-dir").arg(folder).current_dir(env!("CARGO_MANIFEST_DIR"));
        let built = command.output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        folder.join("debug/libcountersign_keylog_preload.so").canonicalize().unwrap()
    })
}

/// `openssl s_server`, which answers a request for a page with its state.
struct Server {
    port: u16,
    process: Child,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let path = |name: &str| folder.join(name);
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        command.args(["-nodes", "-subj", "/CN=localhost"]);
        command.arg("-keyout").arg(path("key.pem")).arg("-out").arg(path("chain.pem"));
        assert!(command.output().unwrap().status.success());
        let mut command = Command::new("openssl");
        command.args(["s_server", "-www", "-accept", "127.0.0.1:0"]);
        command.arg("-cert").arg(path("chain.pem")).arg("-key").arg(path("key.pem"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        // It says which port it was given.
        let said = BufReader::new(process.stdout.take().unwrap());
        let port = said.lines().find_map(|line| {
            line.unwrap().strip_prefix("ACCEPT 127.0.0.1:").and_then(|port| port.parse().ok())
        });
        Self { port: port.unwrap(), process }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn run(command: &mut Command, log: Option<&Path>) -> Output {
    command.env("LD_PRELOAD", library()).env_remove("SSLKEYLOGFILE").stdin(Stdio::null());
    if let Some(log) = log {
        command.env("SSLKEYLOGFILE", log);
    }
    command.output().unwrap()
}

fn s_client(server: &Server) -> Command {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{}", server.port)]);
    command
}

/// Five secrets are written down for each connection of TLS 1.3.
fn check(log: &Path, connections: usize) {
    let text = fs::read_to_string(log).unwrap();
    assert_eq!(text.lines().count(), 5 * connections, "{text}");
    let server = text.lines().filter(|line| line.starts_with("SERVER_HANDSHAKE_TRAFFIC_SECRET "));
    assert_eq!(server.count(), connections, "{text}");
    assert_eq!(fs::metadata(log).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn programs_with_openssl_write_their_secrets_down() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let log = folder.path().join("keys");
    // Linked with libssl.
    assert!(run(&mut s_client(&server), Some(&log)).status.success());
    check(&log, 1);
    // A plugin, which has a libssl that nobody else sees.
    let script = format!(
        "use Net::SSLeay; my ($page, $answer) = Net::SSLeay::get_https('127.0.0.1', {}, '/'); exit($answer !~ /200/)",
        server.port
    );
    let ended = run(Command::new("perl").args(["-e", &script]), Some(&log));
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    check(&log, 2);
}

#[test]
fn nobody_else_notices() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let log = folder.path().join("keys");
    // Nobody wants a log; it cannot be written; there is no OpenSSL.
    assert!(run(&mut s_client(&server), None).status.success());
    assert!(run(&mut s_client(&server), Some(&folder.path().join("no/where"))).status.success());
    let said = run(Command::new("echo").arg("here"), Some(&log));
    assert_eq!((&*said.stdout, &*said.stderr), (&b"here\n"[..], &b""[..]));
    assert!(!log.exists());
}
