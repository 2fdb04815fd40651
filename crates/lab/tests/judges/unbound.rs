//! Debian's Unbound, which is libunbound's validator behind a socket: a process of its own, led to the servers of the
//! lab, with the root's key and the time of the cases.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use countersign_dns::{Dnskey, Message, Name, Query};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::UdpSocket;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::verdict::{Judged, Verdict, asking};
use crate::world::now;

/// Unbound, until it is dropped.
pub(crate) struct Unbound {
    address: SocketAddr,
    _process: Child,
    /// Reads away what it says, so that it never waits for that.
    _events: JoinSet<()>,
    _folder: TempDir,
}

impl Unbound {
    /// Starts it. All of these zones are at this address. `None` if it is not on this machine.
    pub(crate) async fn start(zones: &[Name], servers: SocketAddr, anchor: &[u8]) -> Option<Self> {
        let program = present("unbound")?;
        let folder = tempfile::tempdir().unwrap();
        let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let path = folder.path().join("conf");
        std::fs::write(&path, configuration(zones, servers, anchor, port)).unwrap();
        let mut process = Command::new(program)
            .arg("-dd")
            .arg("-c")
            .arg(path)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let events = process.stderr.take().expect("it is piped");
        let mut events = BufReader::new(events).lines();
        let started = async {
            let mut said = String::new();
            while !said.contains("start of service") {
                let line = events.next_line().await.unwrap();
                said = line.unwrap_or_else(|| panic!("Unbound does not start: {said}"));
            }
        };
        tokio::time::timeout(DEADLINE, started).await.expect("Unbound starts");
        let mut reading = JoinSet::new();
        reading.spawn(async move { while let Ok(Some(_)) = events.next_line().await {} });
        let address = (Ipv4Addr::LOCALHOST, port).into();
        Some(Self { address, _process: process, _events: reading, _folder: folder })
    }

    /// Asks all of these at once.
    pub(crate) async fn judge(&self, queries: &[Query]) -> Vec<Judged> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        socket.connect(self.address).await.unwrap();
        for (id, query) in (0..).zip(queries) {
            socket.send(&query.to_wire(&asking(id))).await.unwrap();
        }
        let mut judged = BTreeMap::new();
        let mut answer = vec![0; 65_535];
        while judged.len() < queries.len() {
            let received = tokio::time::timeout(DEADLINE, socket.recv(&mut answer)).await;
            let missing = || (0..).zip(queries).find(|(id, _)| !judged.contains_key(id));
            let length = received.unwrap_or_else(|_| panic!("no answer to {:?}", missing()));
            let message = Message::parse(&answer[..length.unwrap()]).unwrap();
            judged.insert(message.id, verdict(&message));
        }
        judged.into_values().collect()
    }
}

/// AD says that it is secure, SERVFAIL that it is bogus or cannot be had (RFC 4035 §3.2.3, §5.5).
fn verdict(message: &Message) -> Judged {
    let errors = message.edns.iter().flat_map(|edns| &edns.errors);
    let why: Vec<_> = errors.map(|(code, text)| format!("error {code} {text}")).collect();
    let verdict = match (message.rcode, message.flags.authentic) {
        (SERVFAIL, _) => Verdict::Bogus,
        (_, true) => Verdict::Secure,
        (_, false) => Verdict::Insecure,
    };
    (verdict, format!("code {} {}", message.rcode, why.join(", ")))
}

/// The defaults of Unbound, except that it runs as whoever runs the test, reaches the servers of the lab, has their
/// time, draws no conclusions from other cases, and answers however long it took.
fn configuration(zones: &[Name], servers: SocketAddr, anchor: &[u8], port: u16) -> String {
    let key = Dnskey::from_rdata(anchor).expect("it is a key");
    let public = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &key.key);
    let (time, flags, algorithm) = (now().strftime("%Y%m%d%H%M%S"), key.flags, key.algorithm);
    let mut conf = format!(
        "server:\n interface: 127.0.0.1\n port: {port}\n username: \"\"\n chroot: \"\"\n \
         directory: \".\"\n pidfile: \"\"\n use-syslog: no\n do-ip6: no\n \
         do-not-query-localhost: no\n trust-anchor: \". DNSKEY {flags} 3 {algorithm} {public}\"\n \
         val-override-date: \"{time}\"\n val-bogus-ttl: 0\n aggressive-nsec: no\n \
         qname-minimisation: no\n discard-timeout: 60000\n ede: yes\n \
         edns-buffer-size: 4096\n max-udp-size: 4096\n\
         remote-control:\n control-enable: no\n"
    );
    for zone in zones {
        writeln!(
            conf,
            "stub-zone:\n name: \"{zone}\"\n stub-addr: {}@{}",
            servers.ip(),
            servers.port()
        )
        .unwrap();
    }
    conf
}

/// Where a program is. If it is nowhere, that is said; where it matters, it is an error. Daemons are in folders that
/// are not in everybody's `PATH`.
fn present(program: &str) -> Option<std::path::PathBuf> {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
    let found = places.find(|place| place.is_file());
    if found.is_none() {
        let matters = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!matters, "{program} must be there");
        eprintln!("skipped: there is no {program}");
    }
    found
}

/// Within this time everything happens on a machine that is not stuck.
const DEADLINE: Duration = Duration::from_secs(60);
/// RFC 1035 §4.1.1.
const SERVFAIL: u16 = 2;
