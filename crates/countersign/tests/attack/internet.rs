//! A small Internet: hosts that are network namespaces, joined by two networks.
//!
//! ```text
//!  root .53   registry .54   ca .10   watch .30           198.51.100.0/24
//!    └───────────┴─────┬────────┴────────┘
//!                 hoster .2                               the router of the hosting provider, where Mallory sits
//!               ┌──────┴──────┐
//!           victim .10     zone .53                       203.0.113.0/24
//! ```

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use countersign_net::Clock;
use tempfile::TempDir;

use crate::programs::{Ended, folders};

pub(crate) const ROOT: &str = "198.51.100.53";
pub(crate) const REGISTRY: &str = "198.51.100.54";
pub(crate) const CA: &str = "198.51.100.10";
pub(crate) const HOSTER: &str = "198.51.100.2";
pub(crate) const VICTIM: &str = "203.0.113.10";
/// Where the zone of the victim is served.
pub(crate) const ZONE: &str = "203.0.113.53";

pub(crate) struct Internet {
    folder: TempDir,
    began_ms: i64,
    /// The servers that run, with their names.
    servers: Vec<(String, Ended)>,
}

impl Internet {
    /// Only [inside](crate::enclosure).
    pub(crate) fn new() -> Self {
        // `ip netns` keeps its handles in /run, which only root of the whole machine may write.
        done(Command::new("mount").args(["-t", "tmpfs", "tmpfs", "/run"]));
        for host in ["internet", "hoster", "root", "registry", "ca", "watch", "victim", "zone"] {
            // The watch is where the test itself is.
            match host {
                "watch" => ip(&format!("netns attach watch {}", std::process::id())),
                _ => ip(&format!("netns add {host}")),
            }
            ip(&format!("-n {host} link set lo up"));
        }
        network("internet", "198.51.100.1");
        for (host, address) in
            [("root", ROOT), ("registry", REGISTRY), ("ca", CA), ("watch", "198.51.100.30")]
        {
            join("internet", "198.51.100.1", host, address);
        }
        join("internet", "198.51.100.1", "hoster", HOSTER);
        network("hoster", "203.0.113.1");
        join("hoster", "203.0.113.1", "victim", VICTIM);
        join("hoster", "203.0.113.1", "zone", ZONE);
        ip(&format!("-n internet route add 203.0.113.0/24 via {HOSTER}"));
        let began_ms = Clock::system().now().as_millisecond();
        Self { folder: tempfile::tempdir().unwrap(), began_ms, servers: Vec::new() }
    }

    /// A place for files. All hosts share the disk.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Starts a server. What it says is kept, for the case that something goes wrong.
    pub(crate) fn start(&mut self, name: &str, mut server: Command) {
        let log = File::create(self.log(name)).unwrap();
        server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.servers.push((name.to_owned(), Ended(server.spawn().unwrap())));
    }

    /// Tells how far the attack is.
    pub(crate) fn say(&self, what: &str) {
        let ms = Clock::system().now().as_millisecond() - self.began_ms;
        eprintln!("{:>3}.{} s  {what}", ms / 1000, ms % 1000 / 100);
    }

    fn log(&self, server: &str) -> PathBuf {
        self.folder.path().join(server).with_extension("log")
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for (server, _) in &self.servers {
            let said = fs::read_to_string(self.log(server)).unwrap_or_default();
            let lines: Vec<&str> = said.lines().collect();
            let last = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
            eprintln!("-- {server}\n{}", last.join("\n"));
        }
    }
}

/// How much of what a server said is shown where something went wrong.
const LINES_SHOWN: usize = 30;

/// A program on a host.
pub(crate) fn on(host: &str, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{host}")).arg(program).env("PATH", folders());
    command
}

/// Runs a program until it ends. What it printed.
pub(crate) fn done(command: &mut Command) -> String {
    let ended = command.env("PATH", folders()).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{command:?}: {}: {stderr}", ended.status);
    String::from_utf8(ended.stdout).unwrap()
}

/// Makes this host the router of a network, at this address.
fn network(router: &str, address: &str) {
    ip(&format!("-n {router} link add net type bridge"));
    ip(&format!("-n {router} addr add {address}/24 dev net"));
    ip(&format!("-n {router} link set net up"));
    done(on(router, "sh").args(["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]));
}

/// Joins a host to the network of this router.
fn join(router: &str, gateway: &str, host: &str, address: &str) {
    ip(&format!("link add to-{host} netns {router} type veth peer name eth0 netns {host}"));
    ip(&format!("-n {router} link set to-{host} master net up"));
    ip(&format!("-n {host} addr add {address}/24 dev eth0"));
    ip(&format!("-n {host} link set eth0 up"));
    ip(&format!("-n {host} route add default via {gateway}"));
}

fn ip(arguments: &str) {
    done(Command::new("ip").args(arguments.split_whitespace()));
}
