//! What the demand for SCTs costs a handshake: TLS 1.3, a P-256 certificate with two SCTs and an intermediate, client
//! and server in one thread and in memory.
//!
//! Expected: with a cached verdict less than 1 % more than rustls alone; without, no more than 1.1 times what two
//! signatures cost by themselves.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

#[path = "../tests/verify/pki.rs"]
#[expect(dead_code, reason = "shared with the tests, which need more of it")]
mod pki;

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_rustls_sct::{Enforcer, SctVerifier};
use countersign_sct::{SignedEntry, issuer_key_hash, parse_list, precert_tbs, spki_of, verify_sct};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use rustls_pki_types::{ServerName, UnixTime};

use pki::{Ca, HOST, Leaf, Logs, NOW, store, unix};

/// Handshakes of each kind. They take turns, so that whatever else the machine does hits all alike.
const ROUNDS: usize = 4_000;
/// The first ones warm caches and clocks up.
const WARM_UP: usize = 200;

#[expect(clippy::print_stdout, reason = "a bench prints")]
fn main() {
    let (logs, root) = (Logs::new(), Ca::root("public"));
    let ca = Ca::below(&root, "intermediate");
    let leaf = ca.issue(&logs.both());
    let server = server(&leaf, &ca);
    let stock =
        WebPkiServerVerifier::builder_with_provider(store(&[&root]), Arc::new(default_provider()));
    let stock = client(stock.build().expect("it has roots"));
    let shared = logs.enforcer(&[&root]);
    let cached = client(verifier(&root, &shared));
    let mut times: [Vec<Duration>; 4] = Default::default();
    for round in 0..WARM_UP + ROUNDS {
        let fresh = logs.enforcer(&[&root]);
        let uncached = client(verifier(&root, &fresh));
        let found = [
            shake(&stock, &server),
            shake(&cached, &server),
            shake(&uncached, &server),
            signatures(&leaf, &ca, &fresh),
        ];
        if round >= WARM_UP {
            times.iter_mut().zip(found).for_each(|(times, time)| times.push(time));
        }
    }
    let [stock, cached, uncached, signatures] = times.map(median_us);
    let percent = |time: f64| (time / stock - 1.0) * 100.0;
    println!("rustls alone          {stock:7.1} µs");
    println!("SCTs, verdict cached  {cached:7.1} µs  {:+.1} %", percent(cached));
    println!("SCTs, not cached      {uncached:7.1} µs  {:+.1} %", percent(uncached));
    println!("two signatures alone  {signatures:7.1} µs");
    println!("added, in those       {:7.2} times", (uncached - stock) / signatures);
}

/// From the first byte to the last.
fn shake(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Duration {
    let host = ServerName::try_from(HOST).expect("a name");
    let start = Instant::now();
    let mut client = ClientConnection::new(Arc::clone(client), host).expect("a client");
    let mut server = ServerConnection::new(Arc::clone(server)).expect("a server");
    let mut bytes = Vec::with_capacity(4_096);
    while client.is_handshaking() || server.is_handshaking() {
        bytes.clear();
        while client.wants_write() {
            client.write_tls(&mut bytes).expect("memory");
        }
        server.read_tls(&mut &bytes[..]).expect("memory");
        server.process_new_packets().expect("the client is right");
        bytes.clear();
        while server.wants_write() {
            server.write_tls(&mut bytes).expect("memory");
        }
        client.read_tls(&mut &bytes[..]).expect("memory");
        client.process_new_packets().expect("the certificate is good");
    }
    start.elapsed()
}

/// What nobody can do without: to verify both SCTs.
fn signatures(leaf: &Leaf, ca: &Ca, enforcer: &Enforcer) -> Duration {
    let list = enforcer.list();
    let tbs = precert_tbs(&leaf.certificate).expect("we made it");
    let issuer_key_hash = issuer_key_hash(spki_of(&ca.certificate).expect("we made it"));
    let entry = SignedEntry::Precert { issuer_key_hash, tbs: &tbs };
    let scts = countersign_sct::embedded_list(&leaf.certificate).expect("we made it");
    let scts = parse_list(scts.expect("it has SCTs")).expect("a list");
    let start = Instant::now();
    for sct in scts.iter().flatten() {
        let log = list.logs.log(&sct.log_id).expect("a log of the list");
        verify_sct(sct, &entry, &log.key).expect("the log has signed");
    }
    start.elapsed()
}

fn median_us(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn verifier(root: &Ca, enforcer: &Arc<Enforcer>) -> Arc<SctVerifier> {
    pki::verifier(&[root], Arc::clone(enforcer))
}

/// A client that never resumes: each of its handshakes has a certificate in it.
fn client(verifier: Arc<dyn ServerCertVerifier>) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .expect("the provider knows it")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    config.time_provider = Arc::new(Fixed);
    Arc::new(config)
}

fn server(leaf: &Leaf, ca: &Ca) -> Arc<ServerConfig> {
    let chain = vec![leaf.certificate.clone(), ca.certificate.clone()];
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .expect("the provider knows it")
        .with_no_client_auth()
        .with_single_cert(chain, leaf.private_key())
        .expect("the key is that of the certificate");
    config.send_tls13_tickets = 0;
    Arc::new(config)
}

#[derive(Debug)]
struct Fixed;

impl TimeProvider for Fixed {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix(NOW))
    }
}
