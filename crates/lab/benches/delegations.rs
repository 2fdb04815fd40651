//! What a watch of a thousand delegations costs: each zone at six servers of its own and two of its parent.
//!
//! `cargo bench -p countersign-lab --bench delegations`. The servers are another process, so that only the watcher is
//! measured. A round is one look at each zone, as the watch does it, the store included. Expected before it was
//! measured: some 60 questions a zone at 100 µs, and ten signatures: 10 s a round, of 600 s between two: 1.7 % of a core. What was is in docs/bench.md.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench ends where its world is not as it made it")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_ct::watchlist::{Guard, Watchlist};
use countersign_dns::{Anchors, Hints, Name, walk, zone_text};
use countersign_judge::delegation::Expected;
use countersign_lab::dns::{
    Algorithm, Delegation, Denial, DsDigest, Key, Responder, Role, Signing, Zone,
};
use countersign_lab::log::Group;
use countersign_monitor::judging::Judging;
use countersign_monitor::{
    Chance, Delegations, Extent, Hooks, Outlet, Settings, WatchedZone, Way, World, watch,
};
use countersign_net::pace::Rates;
use countersign_net::{Clock, Dns, Net, Redirects, Roots, Route, Vantage, dns};
use countersign_store::Store;
use countersign_store::report::Report;
use tokio_util::sync::CancellationToken;

const ZONES: usize = 1000;
const ROOT: &str = "198.41.0.4";
const REGISTRY: [&str; 2] = ["192.0.2.1", "192.0.2.2"];
const HOSTS: [&str; 6] =
    ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4", "203.0.113.5", "203.0.113.6"];
const EVERY: Duration = Duration::from_secs(600);
/// A twentieth of a core.
const SHARE_MAX: f64 = 0.05;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match std::env::args().any(|argument| argument == "--serve") {
        true => runtime.block_on(serve()),
        false => runtime.block_on(measure()),
    }
}

fn zone_name(number: usize) -> Name {
    format!("zone{number}.test").parse().unwrap()
}

/// Serves everything until standard input ends. Says where, and what to trust.
async fn serve() {
    let now = Clock::system().now();
    let signing = |seed: &str| Signing::new(Algorithm::EcdsaP256Sha256, seed, Denial::Nsec, now);
    let ds = |zone: &Name, signing: &Signing| vec![signing.ksks[0].ds(zone, DsDigest::Sha256)];
    let address = |text: &&str| text.parse::<IpAddr>().unwrap();
    let mut registry =
        Zone::parse("test", "@ NS a.nic\n@ NS b.nic\na.nic A 192.0.2.1\nb.nic A 192.0.2.2")
            .unwrap();
    let mut hosted = Vec::new();
    let servers: Vec<_> = (0..HOSTS.len()).map(|at| format!("ns{at}.host.test")).collect();
    let mut host = String::new();
    for (at, address) in HOSTS.iter().enumerate() {
        host.push_str(&format!("@ NS ns{at}\nns{at} A {address}\n"));
    }
    let add = |zone: &str, text: &str, registry: &mut Zone, hosted: &mut Vec<Arc<Zone>>| {
        let (name, signing): (Name, _) = (zone.parse().unwrap(), signing(zone));
        hosted.push(Arc::new(Zone::parse(zone, text).unwrap().sign(&signing)));
        let glue = |server: &String, at: usize| {
            let own: Vec<IpAddr> =
                if zone == "host.test" { vec![address(&HOSTS[at])] } else { Vec::new() };
            (server.parse().unwrap(), own)
        };
        let servers = servers.iter().enumerate().map(|(at, server)| glue(server, at)).collect();
        let ds = ds(&name, &signing);
        registry.delegate(&Delegation { child: name, servers, ds });
    };
    add("host.test", &host, &mut registry, &mut hosted);
    let ns: String = servers.iter().map(|server| format!("@ NS {server}.\n")).collect();
    let text = format!("{ns}@ CAA 0 issue \"ca.example\"\n");
    for number in 0..ZONES {
        add(zone_name(number).to_string().trim_end_matches('.'), &text, &mut registry, &mut hosted);
    }
    let registry_signing = signing("test");
    let mut root = Zone::parse(".", &format!("@ NS a.root\na.root A {ROOT}")).unwrap();
    let test: Name = "test".parse().unwrap();
    root.delegate(&Delegation {
        child: test.clone(),
        servers: vec![
            ("a.nic.test".parse().unwrap(), vec![address(&REGISTRY[0])]),
            ("b.nic.test".parse().unwrap(), vec![address(&REGISTRY[1])]),
        ],
        ds: ds(&test, &registry_signing),
    });
    let root_signing = Signing {
        ksks: vec![Key::new(Algorithm::RsaSha256, Role::Ksk, "root")],
        zsks: vec![Key::new(Algorithm::RsaSha256, Role::Zsk, "root")],
        ..signing("root")
    };
    let (root, registry) =
        (Arc::new(root.sign(&root_signing)), Arc::new(registry.sign(&registry_signing)));
    let mut all: BTreeMap<IpAddr, Vec<Arc<Zone>>> = BTreeMap::new();
    all.insert(address(&ROOT), vec![root]);
    all.extend(REGISTRY.iter().map(|server| (address(server), vec![Arc::clone(&registry)])));
    all.extend(HOSTS.iter().map(|server| (address(server), hosted.clone())));
    let responder = Responder::start(all).await.unwrap();
    for (server, real) in responder.table(Group::A) {
        println!("server {server} {real}");
    }
    let anchor = root_signing.ksks[0].ds(&Name::root(), DsDigest::Sha256);
    let digits: String = anchor[4..].iter().map(|octet| format!("{octet:02x}")).collect();
    let tag = u16::from_be_bytes([anchor[0], anchor[1]]);
    println!("anchor . IN DS {tag} {} {} {digits}", anchor[2], anchor[3]);
    println!("ready");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()))
        .await
        .unwrap()
        .unwrap();
}

async fn measure() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("--serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut table, mut anchor) = (BTreeMap::<IpAddr, SocketAddr>::new(), String::new());
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        match line.split_once(' ') {
            Some(("server", places)) => {
                let (server, real) = places.split_once(' ').unwrap();
                table.insert(server.parse().unwrap(), real.parse().unwrap());
            }
            Some(("anchor", record)) => anchor = format!("{record}\n"),
            _ => break,
        }
    }
    let way = way(&table);
    let anchors =
        Anchors::of_records(&zone_text::records(&anchor, &Name::root()).unwrap()).unwrap();
    let walk = walk::Settings { anchors, ..walk::Settings::default() };
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(folder.path()).unwrap());
    for round in ["first", "second", "third"] {
        let (began, cpu) = (Instant::now(), cpu());
        look_at_all(&store, &way, &walk).await;
        let used = self::cpu() - cpu;
        let share = used.as_secs_f64() / EVERY.as_secs_f64();
        println!(
            "{round} round: {:.1} s of CPU in {:.0} s, {:.1} ms a zone: {:.2} % of a core at one look in {} s",
            used.as_secs_f64(),
            began.elapsed().as_secs_f64(),
            used.as_secs_f64() * 1e3 / f64::from(u32::try_from(ZONES).unwrap()),
            share * 100.0,
            EVERY.as_secs()
        );
        let zones = store.reader().zones().unwrap();
        let blind = zones.iter().filter(|zone| zone.blind.is_some()).count();
        assert_eq!((zones.len(), blind), (ZONES, 0), "{:?}", zones[0]);
        assert!(zones.iter().all(|zone| zone.looked_at.is_some() && zone.incident.is_none()));
        assert!(round == "first" || share < SHARE_MAX, "it costs too much");
    }
    println!(
        "resident at most: {} MiB; state: {} MiB",
        peak_kib() / 1024,
        size(folder.path()) >> 20
    );
    drop(child.stdin.take());
    child.wait().unwrap();
}

fn way(table: &BTreeMap<IpAddr, SocketAddr>) -> Way {
    let net = Net::new(countersign_net::Settings {
        contact: "ops@example.org".to_owned(),
        roots: Roots::Public,
        redirects: Some(Redirects::with_servers([], table.clone())),
        vantages: vec![Vantage { name: "direct".to_owned(), route: Route::Direct }],
    });
    let hints = format!(". 3600 IN NS a.root.\na.root. 3600 IN A {ROOT}\n");
    let hints = Hints::from_zone_text(&hints).unwrap();
    let settings = dns::Settings { hints, ..dns::Settings::default() };
    Way::new("direct", Dns::new(&net.unwrap(), "direct", settings, Clock::system()).unwrap())
}

/// One round of the watch.
async fn look_at_all(store: &Arc<Store>, way: &Way, walk: &walk::Settings) {
    let zone = |number| WatchedZone {
        expected: Expected::nothing(zone_name(number)),
        learn: true,
        topics: WatchedZone::topics_of(&zone_name(number)),
        every: EVERY,
        vantages: vec!["direct".to_owned()],
        resolvers: Vec::new(),
    };
    let delegations = Delegations {
        zones: (0..ZONES).map(zone).collect(),
        ways: vec![way.clone()],
        walk: walk.clone(),
    };
    let settings = Settings {
        watchlist: Watchlist::new(vec![Guard::parse("guarded.example").unwrap()]).unwrap(),
        lists: Vec::new(),
        own_logs: Vec::new(),
        list_refresh: EVERY,
        poll: EVERY,
        jobs_per_log: 1,
        rates: Rates::default(),
        vantage: "direct".to_owned(),
        since: None,
        unreachable_after: EVERY,
        judging: Judging::default(),
        delegations,
        probing: countersign_monitor::Probing::default(),
    };
    let world = World {
        net: Net::new(countersign_net::Settings {
            contact: "ops@example.org".to_owned(),
            roots: Roots::Public,
            redirects: Some(Redirects::new([])),
            vantages: vec![Vantage { name: "direct".to_owned(), route: Route::Direct }],
        })
        .unwrap(),
        store: Arc::clone(store),
        clock: Clock::system(),
        chance: Chance::seeded(7),
    };
    let hooks = Hooks { outlet: Box::new(Silent), sinks: Vec::new(), progress: Arc::new(|_| ()) };
    watch(settings, world, hooks, Extent::Once, CancellationToken::new()).await.unwrap();
}

struct Silent;

impl Outlet for Silent {
    fn write(&mut self, _report: &Report) -> std::io::Result<()> {
        Ok(())
    }
}

/// The user and system time of this process, from proc(5).
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    Duration::from_millis((ticks(11) + ticks(12)) * TICK_MS)
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn size(folder: &std::path::Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

/// `sysconf(_SC_CLK_TCK)` is 100 on every Linux that people use.
const TICK_MS: u64 = 10;
