//! A private Tor network, all of it on this machine: three authorities, three exits in networks of their own, an onion
//! service, and the tor by which we look.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use countersign_net::Clock;
use tempfile::TempDir;

use crate::programs::{Ended, folders};
use crate::servers::PORT;

/// Authorities, which are relays too.
const AUTHORITIES: [&str; 3] = ["198.18.1.1", "198.18.2.1", "198.18.3.1"];

/// Exits with their nicknames. No two have half of an address in common.
pub(crate) const EXITS: [(&str, &str); 3] =
    [("exit1", "198.51.100.1"), ("exit2", "192.0.2.1"), ("exit3", "203.0.113.1")];

/// Where the service is, and servers of others.
pub(crate) const SERVICE: &str = "198.19.0.10";
pub(crate) const CANARIES: [&str; 2] = ["198.19.0.20", "198.19.0.30"];

/// Where Mallory waits for what is diverted.
pub(crate) const MALLORY_PORT: u16 = 6666;

pub(crate) struct Network {
    folder: TempDir,
    began_ms: i64,
    fingerprints: Vec<String>,
    /// What runs. It ends with this.
    nodes: Vec<Ended>,
}

impl Network {
    /// Only [inside](crate::enclosure).
    pub(crate) fn new() -> Self {
        run(Command::new("ip").args(["link", "set", "lo", "up"]));
        let addresses = EXITS.iter().map(|(_, address)| address).chain(&AUTHORITIES);
        for address in addresses.chain([&SERVICE]).chain(&CANARIES) {
            run(Command::new("ip").args(["addr", "add", &format!("{address}/32"), "dev", "lo"]));
        }
        let began_ms = Clock::system().now().as_millisecond();
        let folder = tempfile::tempdir().unwrap();
        let mut network = Self { folder, began_ms, fingerprints: Vec::new(), nodes: Vec::new() };
        let authorities = network.authorities();
        for (index, address) in AUTHORITIES.into_iter().enumerate() {
            let own = format!(
                "Nickname auth{index}\nAddress {address}\nORPort {address}:5000\nDirPort {address}:7000\n\
                 OutboundBindAddress {address}\nSocksPort 0\nAuthoritativeDirectory 1\n\
                 V3AuthoritativeDirectory 1\nExitPolicy reject *:*\n"
            );
            network.start(&format!("auth{index}"), &own, &authorities);
        }
        for (nickname, address) in EXITS {
            let own = format!(
                "Nickname {nickname}\nAddress {address}\nORPort {address}:5000\n\
                 OutboundBindAddress {address}\nSocksPort 0\nExitRelay 1\nExitPolicyRejectPrivate 0\n\
                 ExitPolicy accept *:{PORT}, reject *:*\nServerDNSDetectHijacking 0\n"
            );
            network.start(nickname, &own, &authorities);
        }
        let service = network.folder("service");
        let own = format!(
            "SocksPort 0\nHiddenServiceDir {}\nHiddenServicePort {PORT} 127.0.0.1:{PORT}\n{NO_GUARDS}",
            service.display()
        );
        network.start("onion", &own, &authorities);
        let own = format!(
            "SocksPort 127.0.0.1:9050\nControlPort 127.0.0.1:9051\nCookieAuthentication 1\n\
             ConfluxEnabled 0\n{NO_GUARDS}"
        );
        network.start("client", &own, &authorities);
        for (nickname, _) in EXITS {
            let fingerprint = network.own_fingerprint(nickname);
            network.fingerprints.push(fingerprint);
        }
        network
    }

    /// Makes the authorities' keys, and the lines by which everybody knows them.
    fn authorities(&self) -> String {
        let makers: Vec<_> = AUTHORITIES
            .iter()
            .enumerate()
            .map(|(index, address)| {
                let keys = self.folder(&format!("auth{index}/keys"));
                let mut maker = Command::new("tor-gencert");
                maker.args(["--create-identity-key", "--passphrase-fd", "0", "-m", "12"]);
                maker.args(["-a", &format!("{address}:7000"), "-i", "authority_identity_key"]);
                maker.args(["-s", "authority_signing_key", "-c", "authority_certificate"]);
                maker.current_dir(&keys).env("PATH", folders()).stdin(Stdio::piped());
                maker.stdout(Stdio::null()).stderr(Stdio::null());
                let mut child = maker.spawn().unwrap();
                child.stdin.take().unwrap().write_all(b"lab\n").unwrap();
                child
            })
            .collect();
        for mut maker in makers {
            assert!(maker.wait().unwrap().success());
        }
        let mut lines = String::new();
        for (index, address) in AUTHORITIES.iter().enumerate() {
            let name = format!("auth{index}");
            let certificate = self.folder.path().join(&name).join("keys/authority_certificate");
            let certificate = fs::read_to_string(certificate).unwrap();
            let identity =
                certificate.lines().find_map(|line| line.strip_prefix("fingerprint ")).unwrap();
            let fingerprint = self.own_fingerprint(&name);
            lines += &format!(
                "DirAuthority {name} orport=5000 no-v2 v3ident={identity} {address}:7000 {fingerprint}\n"
            );
        }
        lines
    }

    /// The fingerprint of a node, whose keys are made if there are none.
    fn own_fingerprint(&self, name: &str) -> String {
        let data = self.folder(name);
        let none = "0".repeat(40);
        let own = format!(
            "TestingTorNetwork 1\nAssumeReachable 1\nDataDirectory {}\nNickname {name}\n\
             Address 198.18.1.1\nORPort 198.18.1.1:5000\nSocksPort 0\n\
             DirAuthority x orport=5000 no-v2 v3ident={none} 198.18.1.1:7000 {none}\n",
            data.display()
        );
        let known = data.join("fingerprint");
        if !known.is_file() {
            let settings = self.folder.path().join(format!("{name}.first"));
            fs::write(&settings, own).unwrap();
            let mut tor = Command::new("tor");
            tor.args(["--quiet", "--list-fingerprint", "-f"]).arg(settings);
            run(&mut tor);
        }
        let text = fs::read_to_string(known).unwrap();
        text.split_whitespace().nth(1).unwrap().to_owned()
    }

    fn start(&mut self, name: &str, own: &str, authorities: &str) {
        let data = self.folder(name);
        if name.starts_with("exit") {
            self.own_fingerprint(name);
        }
        let settings = self.folder.path().join(format!("{name}.torrc"));
        let text = format!("{COMMON}DataDirectory {}\n{own}{authorities}", data.display());
        fs::write(&settings, text).unwrap();
        let log = File::create(self.log(name)).unwrap();
        let mut tor = Command::new("tor");
        tor.arg("-f").arg(settings).env("PATH", folders()).stdin(Stdio::null());
        tor.stdout(log.try_clone().unwrap()).stderr(log);
        self.nodes.push(Ended(tor.spawn().unwrap()));
    }

    /// A place for files of one node only.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        run(Command::new("mkdir").args(["-p", "-m", "700"]).arg(&folder));
        // Of what lies in between, too.
        run(Command::new("chmod").args(["-R", "go-rwx"]).arg(self.folder.path()));
        folder
    }

    /// Whether the tor by which we look can build circuits, and exits are known.
    pub(crate) fn is_ready(&self) -> bool {
        fs::read_to_string(self.log("client")).unwrap().contains("Bootstrapped 100%")
    }

    pub(crate) fn cookie(&self) -> PathBuf {
        self.folder.path().join("client/control_auth_cookie")
    }

    pub(crate) fn fingerprint(&self, exit: usize) -> String {
        self.fingerprints[exit].clone()
    }

    pub(crate) fn onion(&self) -> String {
        let name = self.folder.path().join("service/hostname");
        fs::read_to_string(name).unwrap().trim().to_owned()
    }

    /// What this matches leads to Mallory from now on, and nothing else.
    pub(crate) fn divert(&self, what: &str) {
        let rules = format!(
            "table ip mallory\ndelete table ip mallory\ntable ip mallory {{ chain out {{ \
             type nat hook output priority -100; {what} tcp dport {PORT} redirect to :{MALLORY_PORT}; }}; }}"
        );
        run(Command::new("nft").arg(rules));
    }

    /// Tells how far the test is.
    pub(crate) fn say(&self, what: &str) {
        let ms = Clock::system().now().as_millisecond() - self.began_ms;
        eprintln!("{:>3}.{} s  {what}", ms / 1000, ms % 1000 / 100);
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join(name).with_extension("log")
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for name in ["auth0", "exit1", "onion", "client"] {
            let said = fs::read_to_string(self.log(name)).unwrap_or_default();
            let lines: Vec<&str> = said.lines().collect();
            let last = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
            eprintln!("-- {name}\n{}", last.join("\n"));
        }
    }
}

/// How much of what a node said is shown where something went wrong.
const LINES_SHOWN: usize = 25;

/// Runs a program until it ends.
pub(crate) fn run(command: &mut Command) {
    let ended = command.env("PATH", folders()).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{command:?}: {}: {stderr}", ended.status);
}

/// What all nodes have in common: a consensus every ten seconds, of which everybody is a part at once.
const COMMON: &str = "\
TestingTorNetwork 1
TestingV3AuthInitialVotingInterval 10
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
V3AuthVotingInterval 10
V3AuthVoteDelay 2
V3AuthDistDelay 2
TestingDirAuthVoteExit *
TestingDirAuthVoteGuard *
TestingDirAuthVoteHSDir *
TestingMinExitFlagThreshold 0
PathsNeededToBuildCircuits 0.67
AssumeReachable 1
ShutdownWaitLength 0
SafeLogging 0
ContactInfo lab
Log notice stdout
RunAsDaemon 0
";

/// In a network of six, guards that were chosen from its first consensus may never be others.
const NO_GUARDS: &str = "UseEntryGuards 0\nVanguardsLiteEnabled 0\n";
