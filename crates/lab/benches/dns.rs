//! Cold resolutions with proof against Unbound's, and how much memory a thousand zones take that are checked at once.
//!
//! `cargo bench -p countersign-lab --bench dns`, as root: three of Debian's Knot servers have a root, `test.`, and a
//! thousand zones below it on addresses of their own on loopback, at port 53, since Unbound asks there. Expected before
//! it was measured: as fast as Unbound, which asks for keys ahead of need and keeps no proof; 60 MiB.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench ends where its world is not as it made it")]

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use countersign_dns::proof::Proof;
use countersign_dns::{Anchors, Hints, Name, Query, Rtype, Security, walk, zone_text};
use countersign_judge::ZoneReport;
use countersign_lab::dns::{Algorithm, Delegation, Denial, DsDigest, Signing, Zone};
use countersign_monitor::survey::{self, survey};
use countersign_net::{Clock, Dns, Net, Redirects, Roots, Route, Settings, Vantage, dns};
use tempfile::TempDir;
use tokio::task::JoinSet;

const ZONES: usize = 1000;
const ROUNDS: usize = 60;
const SERVERS: [&str; 3] = ["127.53.0.1", "127.53.0.2", "127.53.0.3"];
const UNBOUND: &str = "127.53.0.9";
const RATIO_MAX: f64 = 1.5;
const MEMORY_MAX_KIB: u64 = 100 * 1024;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--check") {
        return check_all(Path::new(&arguments[at + 1]));
    }
    let missing =
        ["knotd", "unbound", "unbound-control"].into_iter().find(|name| which(name).is_none());
    if missing.is_some() || !is_root() {
        println!("skipped: needs root, knotd, unbound and unbound-control");
        return;
    }
    let world = World::start();
    cold(&world);
    memory(&world);
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The servers. They end with it.
struct World {
    dir: TempDir,
    children: Vec<Child>,
}

impl Drop for World {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _gone_already = child.kill();
            let _waited = child.wait();
        }
    }
}

fn zone_name(number: usize) -> String {
    format!("z{number}.test")
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

impl World {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now = Clock::system().now();
        let signing =
            |seed: &str| Signing::new(Algorithm::EcdsaP256Sha256, seed, Denial::Nsec, now);
        let leaf = signing("leaf");
        let mut test = Zone::parse("test", &format!("@ NS ns\nns A {}", SERVERS[1])).unwrap();
        let folder = |at: usize| dir.path().join(at.to_string());
        (0..3).for_each(|at| fs::create_dir(folder(at)).unwrap());
        let mut configs = [const { String::new() }; 3];
        let mut serve = |at: usize, zone: &Zone| {
            let file = folder(at).join(format!("{}zone", zone.apex()));
            fs::write(&file, zone.to_string()).unwrap();
            configs[at] +=
                &format!(" - domain: \"{}\"\n   file: {}\n", zone.apex(), file.display());
        };
        for number in 0..ZONES {
            let apex = zone_name(number);
            let text = format!(
                "@ NS ns\n@ CAA 0 issue \"ca.example\"\nns A {}\nwww A 192.0.2.1",
                SERVERS[2]
            );
            serve(2, &Zone::parse(&apex, &text).unwrap().sign(&leaf));
            test.delegate(&delegation(&apex, &leaf, SERVERS[2]));
        }
        let test_signing = signing("test");
        serve(1, &test.sign(&test_signing));
        let mut root = Zone::parse(".", &format!("@ NS ns.\nns A {}", SERVERS[0])).unwrap();
        root.delegate(&delegation("test", &test_signing, SERVERS[1]));
        let root_signing = signing("root");
        serve(0, &root.sign(&root_signing));
        let ds = root_signing.ksks[0].ds(&Name::root(), DsDigest::Sha256);
        let ds = zone_text::presentation(Rtype::DS, &ds);
        fs::write(dir.path().join("anchors"), format!(". DS {ds}\n")).unwrap();
        fs::write(dir.path().join("hints"), format!(". NS ns.\nns. A {}\n", SERVERS[0])).unwrap();
        let mut world = Self { children: Vec::new(), dir };
        for (at, zones) in configs.iter().enumerate() {
            world.knot(at, zones);
        }
        world.unbound();
        for server in SERVERS {
            world.wait_for(server);
        }
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&mut self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(which(program).unwrap());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.children.push(command.spawn().unwrap());
    }

    fn knot(&mut self, at: usize, zones: &str) {
        let folder = self.path(&at.to_string());
        let folder = folder.display();
        let config = format!(
            "server:\n  rundir: {folder}\n  listen: {}@53\n  udp-workers: 1\n  tcp-workers: 1\n\
             \x20 background-workers: 1\ndatabase:\n  storage: {folder}\n  journal-db-max-size: 20M\n\
             template:\n - id: default\n   storage: {folder}\n   journal-content: none\n\
             \x20  zonefile-load: whole\n   zonefile-sync: -1\nzone:\n{zones}",
            SERVERS[at]
        );
        let file = self.path(&format!("knot{at}.conf"));
        fs::write(&file, config).unwrap();
        self.run("knotd", &["-c", file.to_str().unwrap()]);
    }

    fn unbound(&mut self) {
        let dir = self.dir.path().display();
        let config = format!(
            "server:\n interface: {UNBOUND}\n port: 53\n do-ip6: no\n do-daemonize: no\n use-syslog: no\n\
             \x20username: \"\"\n chroot: \"\"\n directory: \"{dir}\"\n pidfile: \"{dir}/unbound.pid\"\n\
             \x20num-threads: 1\n do-not-query-localhost: no\n root-hints: \"{dir}/hints\"\n\
             \x20trust-anchor-file: \"{dir}/anchors\"\n local-zone: \"test.\" nodefault\n\
             \x20module-config: \"validator iterator\"\n\
             remote-control:\n control-enable: yes\n control-use-cert: no\n control-interface: {dir}/control\n"
        );
        let file = self.path("unbound.conf");
        fs::write(&file, config).unwrap();
        self.run("unbound", &["-c", file.to_str().unwrap()]);
    }

    /// Unbound knows nothing any more.
    fn forget(&self) {
        let config = self.path("unbound.conf");
        for command in ["reload", "status"] {
            let told = Command::new(which("unbound-control").unwrap())
                .arg("-c")
                .arg(&config)
                .arg(command)
                .output();
            assert!(told.unwrap().status.success());
        }
    }

    fn dns(&self) -> Dns {
        dns_of(self.dir.path())
    }

    fn wait_for(&self, server: &str) {
        let runtime = runtime();
        let query = Query { name: name("test"), rtype: Rtype::DS };
        let until = Instant::now() + Duration::from_secs(60);
        let mut is_up = false;
        while !is_up {
            assert!(Instant::now() < until, "{server} does not answer");
            let asked = runtime.block_on(self.dns().exchange(server.parse().unwrap(), &query));
            is_up = asked.is_ok();
        }
    }
}

fn delegation(child: &str, signing: &Signing, server: &str) -> Delegation {
    let ds = vec![signing.ksks[0].ds(&name(child), DsDigest::Sha256)];
    let servers = vec![(name(&format!("ns.{child}")), vec![server.parse().unwrap()])];
    Delegation { child: name(child), servers, ds }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

fn dns_of(dir: &Path) -> Dns {
    let door = |server: &str| -> (IpAddr, SocketAddr) {
        let address: IpAddr = server.parse().unwrap();
        (address, SocketAddr::new(address, 53))
    };
    let net = Net::new(Settings {
        contact: "lab@example.org".to_owned(),
        roots: Roots::Public,
        redirects: Some(Redirects::with_servers([], SERVERS.map(door))),
        vantages: vec![Vantage { name: "direct".to_owned(), route: Route::Direct }],
    });
    let hints = Hints::from_zone_text(&fs::read_to_string(dir.join("hints")).unwrap()).unwrap();
    let chosen = dns::Settings { hints, ..dns::Settings::default() };
    Dns::new(&net.unwrap(), "direct", chosen, Clock::system()).unwrap()
}

fn walk_settings(dir: &Path) -> walk::Settings {
    let text = fs::read_to_string(dir.join("anchors")).unwrap();
    let anchors = zone_text::records(&text, &Name::root()).unwrap();
    let anchors = Anchors::of_records(&anchors).unwrap();
    walk::Settings { anchors, ..walk::Settings::default() }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Our walk with its proof and Unbound's resolution in turn, each with nothing known before.
fn cold(world: &World) {
    let (runtime, settings) = (runtime(), walk_settings(world.dir.path()));
    let unbound: SocketAddr = format!("{UNBOUND}:53").parse().unwrap();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let query = Query { name: name(&zone_name(round)), rtype: Rtype::CAA };
        let (dns, now) = (world.dns(), Clock::system().now());
        let started = Instant::now();
        let walked =
            runtime.block_on(dns.walk(query.clone(), &settings, now, &mut BTreeMap::new()));
        let proof = Proof::of(&query, &walked, &settings, now).expect("it is secure");
        let bytes = proof.to_bytes();
        ours.push(started.elapsed().as_secs_f64());
        assert_eq!((walked.security, bytes.is_empty()), (Security::Secure, false));

        world.forget();
        let started = Instant::now();
        let answer = runtime.block_on(dns.ask_upstream(unbound, &query)).unwrap().message;
        theirs.push(started.elapsed().as_secs_f64());
        assert!(answer.flags.authentic && !answer.answer.is_empty(), "Unbound has not verified it");
    }
    let (ours_ms, theirs_ms) = (median(ours) * 1e3, median(theirs) * 1e3);
    let ratio = ours_ms / theirs_ms;
    let met = if ratio <= RATIO_MAX { "met" } else { "MISSED" };
    println!(
        "cold resolution of {ROUNDS} zones, median: ours with proof {ours_ms:.2} ms, Unbound {theirs_ms:.2} ms, \
         {ratio:.2}x  <= {RATIO_MAX} {met}"
    );
}

/// A process of its own checks all zones at once.
fn memory(world: &World) {
    let child = Command::new(std::env::current_exe().unwrap())
        .arg("--check")
        .arg(world.dir.path())
        .output()
        .unwrap();
    let told = String::from_utf8(child.stdout).unwrap();
    let peak_kib: u64 = told.trim().parse().unwrap_or_else(|_| {
        panic!("{told}{}", String::from_utf8_lossy(&child.stderr));
    });
    let met = if peak_kib <= MEMORY_MAX_KIB { "met" } else { "MISSED" };
    println!("{ZONES} zones checked at once: peak {} MiB  <= 100 MiB {met}", peak_kib / 1024);
}

/// Surveys all zones, and prints the peak of memory in KiB.
fn check_all(dir: &Path) {
    let (dns, walk) = (dns_of(dir), walk_settings(dir));
    runtime().block_on(async {
        let mut surveys = JoinSet::new();
        for number in 0..ZONES {
            let dns = dns.clone();
            let settings = survey::Settings { walk: walk.clone(), ..survey::Settings::default() };
            surveys.spawn(async move {
                let clock = Clock::system();
                let zone = name(&zone_name(number));
                let view = survey(&dns, &zone, &settings, &clock, |_, _| ()).await;
                ZoneReport::of(&view.unwrap())
            });
        }
        while let Some(report) = surveys.join_next().await {
            let report = report.unwrap();
            assert_eq!(report.security, Some(Security::Secure), "{:?}", report.findings);
        }
    });
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("{}", line.trim().trim_end_matches(" kB"));
}
