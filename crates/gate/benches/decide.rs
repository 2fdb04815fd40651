//! Decisions a second over HTTP with all of it known; what one costs beside the signatures that prove it; and one with
//! nothing known, beside Debian's delv.
//!
//! `cargo bench -p countersign-gate`. Expected before it was measured: 2,000 a second on two cores, those of the clients
//! included, 99 of 100 within 5 ms where the disk takes 99 of 100 writes within 2 (what it takes is measured as well;
//! `TMPDIR=/dev/shm` measures without); judging a record again in 1.2 times what its
//! signatures take; a cold decision within 50 ms of delv. For the last it needs `unbound` and `delv`.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench ends where its world is not as it made it")]

// Not all that it has is needed here.
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../tests/gate/place.rs"]
mod place;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use countersign_caa::{Demand, Name};
use countersign_dns::algorithm::Algorithms;
use countersign_gate::api::{Api, router};
use countersign_gate::archive::read_proof;
use countersign_gate::rejudge::rejudge;
use countersign_gate::serve::Door;
use countersign_gate::{Corroborators, Gate};
use countersign_lab::log::Group;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use place::{ACCOUNT, World, application};

const NAMES: usize = 100;
const RATE: u32 = 2000;
const P99_MAX_MS: f64 = 5.0;
const SECONDS: u64 = 5;
const COLD_ROUNDS: usize = 40;
const COLD_BEHIND_MAX_MS: f64 = 50.0;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut world = runtime.block_on(World::new());
    let records: String = (0..NAMES)
        .map(|at| format!("n{at} CAA 0 issue \"ca.example; accounturi={ACCOUNT}\"\n"))
        .collect();
    world.tree.change("shop.example", |zone, _| zone.add(&records).unwrap());
    world.responder.publish(Group::A, &world.tree.zone("shop.example"));
    let gate = world.gate("warm", Demand::Secure, Corroborators::none());
    disk(&world);
    warm(&runtime, &gate);
    again(&runtime, &world, &gate);
    cold(&runtime, &world);
}

fn name(at: usize) -> String {
    format!("n{}.shop.example", at % NAMES)
}

fn percentile(times: &mut [f64], part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    #[expect(clippy::as_conversions, reason = "a place in a list")]
    let at = (times.len() as f64 * part) as usize;
    times[at.min(times.len() - 1)]
}

/// What the disk takes for one write, since each decision waits for one.
fn disk(world: &World) {
    let path = world.dir.path().join("disk");
    let mut file = fs::File::create(path).unwrap();
    let mut times = Vec::new();
    for _ in 0..200 {
        let started = Instant::now();
        std::io::Write::write_all(&mut file, &[b'x'; 1000]).unwrap();
        file.sync_data().unwrap();
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    println!("the disk takes a kilobyte in {p50:.2} ms, 99 of 100 in {p99:.2} ms");
}

/// Clients with a connection each ask as fast as they are answered, and then as often as is demanded.
fn warm(runtime: &Runtime, gate: &Gate) {
    let api = Api {
        gate: gate.clone(),
        issuers: vec![Name::parse("ca.example").unwrap()],
        token: None,
        corroboration_tokens: Vec::new(),
        step_ca: None,
    };
    runtime.block_on(async {
        let door = Door::open((Ipv4Addr::LOCALHOST, 0).into(), None).await.unwrap();
        let (address, stop) = (door.address().unwrap(), CancellationToken::new());
        let mut served = JoinSet::new();
        served.spawn(door.serve(router(api), stop.clone()));
        load(address, 1, Some(100), NAMES * 2).await;
        for clients in [1, 8, 32, 64] {
            let started = Instant::now();
            let mut times = load(address, clients, None, 0).await;
            let (count, took) = (times.len(), started.elapsed().as_secs_f64());
            #[expect(clippy::as_conversions, reason = "a number to print")]
            let rate = count as f64 / took;
            let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
            println!("{clients:>3} clients as fast as they can: {rate:>6.0} decisions/s, p50 {p50:.2} ms, p99 {p99:.2} ms");
        }
        let mut times = load(address, 40, Some(RATE), 0).await;
        let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
        let met = if p99 <= P99_MAX_MS { "met" } else { "MISSED" };
        println!(
            " 40 clients, {RATE}/s together: p50 {p50:.2} ms, p99 {p99:.2} ms  <= {P99_MAX_MS} {met}"
        );
        stop.cancel();
        served.join_next().await;
    });
}

/// How long each answer took, in milliseconds, counted from when it was due: for so long, or so many by each.
async fn load(address: SocketAddr, clients: usize, rate: Option<u32>, count: usize) -> Vec<f64> {
    let mut tasks = JoinSet::new();
    for client in 0..clients {
        tasks.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut times = Vec::new();
            let started = Instant::now();
            let apart =
                rate.map(|rate| Duration::from_secs(1) * u32::try_from(clients).unwrap() / rate);
            let mut due = started + apart.unwrap_or_default() * u32::try_from(client).unwrap() / 40;
            let is_over = |at: usize| match count {
                0 => started.elapsed() > Duration::from_secs(SECONDS),
                count => at >= count,
            };
            for at in 0.. {
                if is_over(at) {
                    break;
                }
                let began = match apart {
                    None => Instant::now(),
                    Some(apart) => {
                        // From when it was due, if the answer before came too late for that; the timer's own
                        // millisecond is nobody's.
                        let is_late = due < Instant::now();
                        let began = due;
                        tokio::time::sleep_until(due.into()).await;
                        due += apart;
                        if is_late { began } else { Instant::now() }
                    }
                };
                ask(&mut stream, &name(client * 7 + at)).await;
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
            times
        });
    }
    tasks.join_all().await.concat()
}

async fn ask(stream: &mut TcpStream, name: &str) {
    let body = format!(
        "{{\"names\":[{{\"name\":\"{name}\",\"method\":\"dns-01\"}}],\"account\":\"{ACCOUNT}\"}}"
    );
    let request = format!(
        "POST /v1/decide HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::with_capacity(4096);
    loop {
        let read = stream.read_buf(&mut answer).await.unwrap();
        assert!(read > 0, "the gate hung up");
        let text = std::str::from_utf8(&answer).unwrap();
        let Some((header, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = header.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            assert!(
                header.starts_with("HTTP/1.1 200") && body.contains("\"verdict\":\"allow\""),
                "{text}"
            );
            return;
        }
    }
}

/// A record judged once more from its proofs, beside the signatures in them.
fn again(runtime: &Runtime, world: &World, gate: &Gate) {
    let asked = application(&["n1.shop.example"], ACCOUNT, "dns-01");
    let decided = runtime.block_on(gate.decide(asked)).unwrap();
    let (walks, folder) = (world.walks(), world.dir.path().join("warm"));
    let hash = decided.record.proofs()[0];
    let bytes = read_proof(&folder, hash).unwrap();
    let proof = countersign_dns::proof::Proof::parse(&bytes).unwrap();
    assert_eq!(walks.algorithms, Algorithms::Current);
    let rounds = 500;
    let time = |work: &dyn Fn()| {
        let started = Instant::now();
        (0..rounds).for_each(|_| work());
        started.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
    };
    let whole = time(&|| rejudge(&decided.record, &walks, &|_| Some(bytes.clone())).unwrap());
    let walk = time(&|| drop(proof.verify(&walks, None).unwrap()));
    println!(
        "a record judged once more: {whole:.0} µs, of which its proof with {} signatures {walk:.0} µs, {} bytes",
        proof.links().len(),
        bytes.len()
    );
}

/// A process that ends with this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _waited = self.0.wait();
    }
}

fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A gate that knows nothing, and delv by way of an Unbound that keeps nothing, over the same servers.
fn cold(runtime: &Runtime, world: &World) {
    let (Some(unbound), Some(delv)) = (which("unbound"), which("delv")) else {
        println!("cold: skipped, it needs unbound and delv");
        return;
    };
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let folder = world.dir.path();
    let table = world.responder.table(Group::A);
    let stubs: String = world
        .tree
        .apexes()
        .map(|apex| {
            let door = table[&world.tree.addresses(&apex.to_string())[0]];
            format!("stub-zone:\n name: \"{apex}\"\n stub-addr: {}@{}\n", door.ip(), door.port())
        })
        .collect();
    fs::write(folder.join("root.ds"), world.tree.trust_anchor()).unwrap();
    let config = format!(
        "server:\n interface: 127.0.0.1@{port}\n do-daemonize: no\n use-syslog: no\n chroot: \"\"\n username: \"\"\n\
         \x20pidfile: \"\"\n do-not-query-localhost: no\n cache-max-ttl: 0\n cache-max-negative-ttl: 0\n\
         \x20trust-anchor-file: \"{0}/root.ds\"\n local-zone: \"test.\" nodefault\n local-zone: \"example.\" nodefault\n\
         remote-control:\n control-enable: no\n{stubs}",
        folder.display()
    );
    fs::write(folder.join("unbound.conf"), config).unwrap();
    let mut command = Command::new(unbound);
    command.args(["-d", "-c"]).arg(folder.join("unbound.conf"));
    let _resolver = Ended(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let keys: String = world
        .tree
        .trust_anchor()
        .lines()
        .map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let (tag, algorithm, kind, digest) = (fields[3], fields[4], fields[5], fields[6]);
            format!("trust-anchors {{ . static-ds {tag} {algorithm} {kind} \"{digest}\"; }};\n")
        })
        .collect();
    fs::write(folder.join("delv.keys"), keys).unwrap();
    let ask = |name: &str| {
        let mut command = Command::new(&delv);
        command.args(["@127.0.0.1", "-p", &port.to_string(), "-a"]).arg(folder.join("delv.keys"));
        command.args(["+root=.", "+cdflag", "CAA", name]);
        let started = Instant::now();
        let said = command.output().unwrap();
        (started.elapsed().as_secs_f64() * 1e3, String::from_utf8(said.stdout).unwrap())
    };
    let waiting = Instant::now();
    while !ask("n0.shop.example").1.contains("fully validated") {
        assert!(waiting.elapsed() < Duration::from_secs(20), "{}", ask("n0.shop.example").1);
        std::thread::sleep(Duration::from_millis(50));
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..COLD_ROUNDS {
        let gate = world.gate(&format!("cold-{round}"), Demand::Secure, Corroborators::none());
        let asked = application(&[&name(round)], ACCOUNT, "dns-01");
        let started = Instant::now();
        let decided = runtime.block_on(gate.decide(asked)).unwrap();
        ours.push(started.elapsed().as_secs_f64() * 1e3);
        assert_eq!(decided.record.verdict, "allow");
        let (took, said) = ask(&name(round));
        assert!(said.contains("fully validated"), "{said}");
        theirs.push(took);
    }
    let (ours, theirs) = (percentile(&mut ours, 0.5), percentile(&mut theirs, 0.5));
    let met = if ours <= theirs + COLD_BEHIND_MAX_MS { "met" } else { "MISSED" };
    println!(
        "cold, median of {COLD_ROUNDS}: a decision with proof and archive {ours:.1} ms, delv {theirs:.1} ms  \
         <= {COLD_BEHIND_MAX_MS} behind {met}"
    );
}
