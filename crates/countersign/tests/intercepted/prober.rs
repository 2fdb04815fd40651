//! Who looks: `countersign probe`, at a host that somebody has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::internet::{Internet, ROOT, VICTIM, done, on};
use crate::keys::Keys;
use crate::knot::Knot;
use crate::programs::skipped;
use crate::prosody::DOMAIN;

pub(crate) struct Prober {
    home: PathBuf,
    expected: PathBuf,
    root: PathBuf,
    /// The kinds of probes that this machine has the means for.
    pub(crate) clients: Vec<&'static str>,
}

/// What commands have seen.
#[derive(Debug)]
pub(crate) struct Looked {
    /// The greatest.
    status: Option<i32>,
    rows: Vec<Value>,
    /// What they said beside.
    said: String,
}

impl Prober {
    /// The names of the victim's host and ports are in a signed zone, of which the prober knows the key.
    pub(crate) async fn new(internet: &mut Internet, keys: &Keys) -> Self {
        let home = internet.folder("prober");
        let records = format!(
            "{DOMAIN}. A {VICTIM}\n\
             _xmpp-client._tcp.{DOMAIN}. SRV 0 0 5222 {DOMAIN}.\n\
             _xmpps-client._tcp.{DOMAIN}. SRV 0 0 5223 {DOMAIN}.\n"
        );
        let zone = Knot::start(internet, "root", ROOT, ".", "ns", &records);
        zone.serves().await;
        fs::write(home.join("root.ds"), format!(". DS {}\n", zone.ds())).unwrap();
        fs::write(home.join("root.hints"), format!(". 3600000 NS ns.\nns. 3600000 A {ROOT}\n"))
            .unwrap();
        // Addresses are looked up by the system, which has no resolver here.
        fs::write(home.join("hosts"), format!("127.0.0.1 localhost\n{VICTIM} {DOMAIN}\n")).unwrap();
        done(Command::new("mount").arg("--bind").arg(home.join("hosts")).arg("/etc/hosts"));
        let (expected, root) = (keys.chain.clone(), keys.root.clone());
        let mut prober = Self { home, expected, root, clients: Vec::new() };
        let missing = prober.missing();
        prober.clients = CLIENTS.into_iter().filter(|client| missing[*client].is_none()).collect();
        for client in CLIENTS {
            if let Some(what) = &missing[client] {
                skipped(&format!("as {client}: {what}"));
            }
        }
        prober
    }

    /// Looks at a port as each of these clients, from this host, at once: some ask their user what to do, and wait.
    pub(crate) fn look(&self, host: &str, port: u16, clients: &[&str]) -> Looked {
        Looked::of(clients.iter().map(|client| {
            let mut probe = self.probe(host);
            probe.arg(format!("{DOMAIN}:{port}")).args(["--client", client]);
            probe.args(["--no-dns", "--host", VICTIM, "--expect"]).arg(&self.expected);
            probe
        }))
    }

    /// Looks at all ports that the zone names, and expects nothing.
    pub(crate) fn look_around(&self, host: &str, client: &str) -> Looked {
        let mut probe = self.probe(host);
        probe.args([DOMAIN, "--client", client]);
        probe.arg("--anchors").arg(self.home.join("root.ds"));
        probe.arg("--hints").arg(self.home.join("root.hints"));
        Looked::of([probe])
    }

    fn probe(&self, host: &str) -> Command {
        let mut probe = on(host, env!("CARGO_BIN_EXE_countersign"));
        probe.args(["probe", "--json", "--roots"]).arg(&self.root);
        probe.env("HOME", &self.home).env_remove("XDG_CONFIG_HOME").current_dir(&self.home);
        probe
    }

    /// What each client lacks on this machine.
    fn missing(&self) -> BTreeMap<String, Option<String>> {
        let mut list = self.probe("watch");
        list.arg("--list-clients");
        let looked = Looked::of([list]);
        let each = looked.rows.iter().map(|row| {
            let missing = row["missing"].as_str().map(str::to_owned);
            (row["name"].as_str().unwrap().to_owned(), missing)
        });
        each.collect()
    }
}

impl Looked {
    fn of(probes: impl IntoIterator<Item = Command>) -> Self {
        let mut looked = Self { status: Some(0), rows: Vec::new(), said: String::new() };
        let started = probes.into_iter().map(|mut probe| {
            probe.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            probe.spawn().unwrap()
        });
        let started: Vec<_> = started.collect();
        for probe in started {
            let ended = probe.wait_with_output().unwrap();
            // What is worst counts; that somebody killed it, first.
            looked.status =
                looked.status.zip(ended.status.code()).map(|(one, other)| one.max(other));
            looked.said += &String::from_utf8(ended.stderr).unwrap();
            let lines = String::from_utf8(ended.stdout).unwrap();
            looked.rows.extend(lines.lines().map(|line| serde_json::from_str(line).expect(line)));
        }
        looked
    }

    /// All saw what they expected.
    #[track_caller]
    pub(crate) fn is_as_expected(&self, clients: &[&str]) {
        assert_eq!(self.clients("as-expected"), clients.iter().copied().collect(), "{self:#?}");
        assert_eq!(self.status, Some(0), "{self:#?}");
    }

    /// These, and no others, met somebody with another key, and can prove it.
    #[track_caller]
    pub(crate) fn is_found_by(&self, clients: &BTreeSet<&str>, spki_sha256: &str) {
        assert_eq!(self.clients("found"), *clients, "{self:#?}");
        for row in self.probes().filter(|row| row["sight"] == "found") {
            let handshake = &row["handshake"];
            assert_eq!(handshake["spki_sha256"], spki_sha256, "{self:#?}");
            assert_eq!(handshake["proved"], true, "{self:#?}");
            let kinds = kinds(&row["findings"]);
            assert!(kinds.iter().any(|kind| kind.starts_with("foreign-")), "{self:#?}");
        }
        assert_eq!(self.status, Some(if clients.is_empty() { 0 } else { 1 }), "{self:#?}");
    }

    /// There is a finding of this kind between probes.
    #[track_caller]
    pub(crate) fn disagrees(&self, kind: &str) {
        let between = self.rows.iter().filter(|row| row["type"] == "probe-finding");
        let kinds: Vec<&Value> = between.map(|row| &row["kind"]).collect();
        assert!(kinds.iter().any(|found| *found == kind), "{self:#?}");
        assert_eq!(self.status, Some(1), "{self:#?}");
    }

    /// A text about the handshake of each client.
    pub(crate) fn each(&self, text: &str) -> BTreeMap<&str, &str> {
        let each = self.probes().map(|row| (row["client"].as_str().unwrap(), said(row, text)));
        each.collect()
    }

    fn clients(&self, sight: &str) -> BTreeSet<&str> {
        let rows = self.probes().filter(|row| row["sight"] == sight);
        rows.map(|row| row["client"].as_str().unwrap()).collect()
    }

    fn probes(&self) -> impl Iterator<Item = &Value> {
        self.rows.iter().filter(|row| row["type"] == "probe")
    }
}

/// Builds the library with which clients write a key log, beside `countersign`: nothing depends on it, so that nothing
/// else has built it. What else clients need are programs of the workspace, which its tests have built.
pub(crate) fn build_key_log() {
    let target = Path::new(env!("CARGO_BIN_EXE_countersign")).ancestors().nth(2).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--offline", "-p", "countersign-keylog-preload"]);
    done(cargo.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR")));
}

fn said<'a>(row: &'a Value, text: &str) -> &'a str {
    row["handshake"][text].as_str().unwrap_or_else(|| panic!("{row:#}"))
}

fn kinds(findings: &Value) -> BTreeSet<&str> {
    findings.as_array().unwrap().iter().map(|finding| finding["kind"].as_str().unwrap()).collect()
}

/// A stack of each kind in and beside the process, and clients by way of the relay: OpenSSL, GnuTLS, Python's, and a
/// program with a terminal.
const CLIENTS: [&str; 6] =
    ["rustls", "openssl-connector", "s_client", "gnutls-cli", "slixmpp", "profanity"];
