//! How many probes a second the engine makes, 1,000 at once, with rustls and by way of the helper, whole: dialed, taped,
//! opened, proved, held against the profile, and made into evidence. Over the same handshakes by a bare client of
//! tokio-rustls, in the same run and against the same server, which is a process of its own on the same cores.
//! `cargo bench -p countersign-probe-openssl`.
//!
//! Expected before it was measured: 300 a second on two cores, and less than 200 MiB together.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_judge::probe::{Opening, Outcome, Protocol, Service};
use countersign_net::{Clock, Net, Roots, Route, Settings, Vantage};
use countersign_probe::engine::{Prober, Speaker, Target};
use countersign_probe::stack::{HELPER, OpenSsl, Stack};
use countersign_tls::handshake::Shown;
use countersign_tls::profile::Profile;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Probes of each kind in a round, all under way at once.
const AT_ONCE: usize = 1000;
const ROUNDS: usize = 5;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match std::env::args().nth(1).as_deref() {
        Some(SERVE) => runtime.block_on(serve()),
        _ => runtime.block_on(measure()),
    }
}

/// This program as the server.
const SERVE: &str = "serve";

async fn measure() {
    let server = Server::start();
    let rustls = Arc::new(Prepared::new(Stack::Rustls, "rustls", server.port));
    let openssl = OpenSsl::start(env!("CARGO_BIN_EXE_countersign-probe-openssl").as_ref());
    let openssl = Stack::OpenSsl(openssl.expect("it was built"));
    let openssl = Arc::new(Prepared::new(openssl, "openssl-connector", server.port));
    let bare = TlsConnector::from(Arc::new(bare(&server.certificate)));
    let (mut floor, mut by_rustls, mut by_openssl) = (Vec::new(), Vec::new(), Vec::new());
    // In turns, so that whatever else the machine does hits all.
    for _ in 0..ROUNDS {
        floor.push(timed(|| shake(bare.clone(), server.port)).await);
        by_rustls.push(timed(|| look(Arc::clone(&rustls))).await);
        by_openssl.push(timed(|| look(Arc::clone(&openssl))).await);
    }
    let floor = median(floor);
    println!("{:<20} {:>8.0}/s", "tokio-rustls alone", rate(floor));
    for (name, took) in [("rustls", median(by_rustls)), ("OpenSSL, by helper", median(by_openssl))]
    {
        let times = took.as_secs_f64() / floor.as_secs_f64();
        println!(
            "{name:<20} {:>8.0}/s   {times:.2} times that; expected at least 300/s",
            rate(took)
        );
    }
    let (own, helper) = (peak_mib("self"), peak_mib(&helper_number()));
    println!("at most {own} MiB here, and {helper} MiB in the helper; expected less than 200 MiB");
}

fn rate(took: Duration) -> f64 {
    f64::from(u32::try_from(AT_ONCE).expect("a thousand")) / took.as_secs_f64()
}

async fn timed<F>(one: impl Fn() -> F) -> Duration
where
    F: Future<Output = ()> + Send + 'static,
{
    let start = Instant::now();
    let mut all = JoinSet::new();
    for _ in 0..AT_ONCE {
        all.spawn(one());
    }
    while let Some(ended) = all.join_next().await {
        ended.expect("each succeeds");
    }
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// What all probes of a kind share.
struct Prepared {
    prober: Prober,
    stack: Stack,
    profile: Profile,
    target: Target,
}

impl Prepared {
    fn new(stack: Stack, profile: &str, port: u16) -> Self {
        let net = Net::new(Settings {
            contact: "ops@a.example".to_owned(),
            roots: Roots::Public,
            vantages: vec![Vantage { name: "here".to_owned(), route: Route::Direct }],
            redirects: None,
        });
        let service = Service {
            domain: "a.example".to_owned(),
            protocol: Protocol::Plain,
            opening: Opening::Direct,
            port,
        };
        let target = Target {
            service,
            host: "127.0.0.1".to_owned(),
            vantage: "here".to_owned(),
            isolation: None,
            family: None,
        };
        let profile = Profile::built_in(profile).expect("it is built in");
        let prober = Prober::new(net.expect("one vantage"), Clock::system());
        Self { prober, stack, profile, target }
    }
}

async fn look(prepared: Arc<Prepared>) {
    let Prepared { prober, stack, profile, target } = &*prepared;
    let speaker = Speaker { stack, profile, log_in: None };
    let looked = prober.look(target, speaker).await.expect("nothing of ours fails");
    let Outcome::Tls(served) = looked.observation.outcome else {
        panic!("{:?}", looked.observation.outcome)
    };
    assert!(matches!(served.handshake.chain, Shown::Proved { .. }), "{:?}", served.handshake);
}

async fn shake(bare: TlsConnector, port: u16) {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the server listens");
    let name = ServerName::try_from("a.example").expect("it is a name");
    drop(bare.connect(name, stream).await.expect("it finishes"));
}

fn bare(certificate: &[u8]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.to_vec().into()).expect("it is a certificate");
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.resumption = Resumption::disabled();
    config
}

struct Server {
    child: Child,
    port: u16,
    certificate: Vec<u8>,
}

impl Server {
    fn start() -> Self {
        let own = std::env::current_exe().expect("this program");
        let mut child = Command::new(own)
            .arg(SERVE)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts a second time");
        let output = child.stdout.take().expect("it was asked for");
        let mut lines = BufReader::new(output).lines().map(|line| line.expect("it is text"));
        let port = lines.next().expect("the port").parse().expect("a number");
        let certificate = lines.next().expect("the certificate");
        let certificate = fs::read(certificate).expect("it was written");
        Self { child, port, certificate }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn serve() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["a.example".to_owned()]).expect("it can be made");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("certificate");
    fs::write(&file, cert.der()).expect("it can be written");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("it is PKCS #8");
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(vec![cert.der().clone()], key).expect("they fit");
    config.send_tls13_tickets = 0;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    println!("{}\n{}", listener.local_addr().expect("it listens").port(), file.display());
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("it accepts");
        let acceptor = acceptor.clone();
        connections.spawn(async move { drop(acceptor.accept(stream).await) });
        while connections.try_join_next().is_some() {}
    }
}

/// The most memory that a process ever had.
fn peak_mib(process: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it is running");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")).expect("Linux says so");
    peak.trim().parse::<usize>().expect("a number") >> 10
}

/// The helper is a child of this process.
fn helper_number() -> String {
    let own = std::process::id();
    let children = fs::read_dir("/proc").expect("Linux has it").filter_map(|entry| {
        let entry = entry.ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let is_ours = status.lines().any(|line| line == format!("PPid:\t{own}"));
        let is_helper = status
            .lines()
            .any(|line| line.strip_prefix("Name:\t").is_some_and(|name| HELPER.starts_with(name)));
        (is_ours && is_helper).then(|| entry.file_name().to_string_lossy().into_owned())
    });
    children.last().expect("it is running")
}
