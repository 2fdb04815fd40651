//! Pebble, a gate before it, the lab's DNS behind that, and lego with several accounts.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use countersign_lab::dns::{Algorithm, Denial, Responder, Signing, Tree};
use countersign_lab::log::Group;
use countersign_net::Clock;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task;

use crate::ca::Ca;
use crate::place::until;
use crate::programs::free_ports;

/// All of it but the gate.
pub(crate) struct Stand {
    dir: TempDir,
    ca: Ca,
    tree: Tree,
    pub(crate) responder: Responder,
    port: u16,
}

/// A gate. It ends with this.
pub(crate) struct Gate(Child);

impl Drop for Gate {
    fn drop(&mut self) {
        self.kill();
    }
}

const SHOP: &str =
    "@ CAA 0 issue \"ca.example\"\nopen CAA 0 issue \"ca.example\"\nclosed CAA 0 issue \";\"\n";

impl Stand {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now = Clock::system().now();
        let mut tree = Tree::new(now);
        let signing = Signing::new(Algorithm::EcdsaP256Sha256, "shop.example", Denial::Nsec, now);
        let server: IpAddr = [198, 51, 100, 20].into();
        tree.graft("shop.example", SHOP, Some(signing), &[server]).unwrap();
        let responder = tree.start().await.unwrap();
        let ca = Ca::start(dir.path().join("ca")).await;
        fs::write(dir.path().join("root.hints"), tree.hints()).unwrap();
        fs::write(dir.path().join("root.ds"), tree.trust_anchor()).unwrap();
        let [port] = free_ports();
        Self { dir, ca, tree, responder, port }
    }

    /// Adds these records to `shop.example`.
    pub(crate) fn publish(&mut self, records: &str) {
        self.tree.change("shop.example", |zone, _| zone.add(records).unwrap());
        self.responder.publish(Group::A, &self.tree.zone("shop.example"));
    }

    /// Starts a gate with these further lines about the proxy, and waits until it listens.
    pub(crate) async fn start(&self, acme: &str) -> Gate {
        let table = self.responder.table(Group::A);
        let redirect: Vec<_> = table.iter().map(|(from, to)| format!("\"{from}={to}\"")).collect();
        let (port, upstream) = (self.port, self.ca.directory_port);
        let certificate = self.ca.certificate();
        let key = certificate.with_file_name("key.pem");
        let config = format!(
            "archive = \"archive\"\nissuers = [\"ca.example\"]\nrequire-secure = true\nkeep-max = \"0s\"\n\
             [dns]\nhints = \"root.hints\"\nanchors = \"root.ds\"\nredirect = [{}]\n\
             [acme]\nlisten = \"127.0.0.1:{port}\"\ndirectory = \"https://127.0.0.1:{port}/dir\"\n\
             upstream = \"https://127.0.0.1:{upstream}/dir\"\nupstream-roots = {certificate:?}\n\
             certificate = {certificate:?}\nkey = {key:?}\n{acme}",
            redirect.join(", ")
        );
        fs::write(self.config(), config).unwrap();
        let checked = self.command(&["check-config"]).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let events = fs::File::create(self.dir.path().join("gate.err")).unwrap();
        let mut command = self.command(&[]);
        let mut child = command.stdout(Stdio::piped()).stderr(events).spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let gate = Gate(child);
        let line = task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(out).read_line(&mut line).map(|_| line)
        });
        let row: Value = serde_json::from_str(&line.await.unwrap().unwrap()).unwrap();
        assert_eq!((&row["type"], &row["door"]), (&"listening".into(), &"acme".into()));
        gate
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("gate.toml")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(["gate", "--json", "--config"]).arg(self.config()).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    /// Has lego order for these names with the account that somebody has; what it says if it does not get it.
    pub(crate) async fn order(&self, who: &str, names: &str) -> Result<(), String> {
        let mut lego = Command::new("lego");
        let server = format!("https://127.0.0.1:{}/dir", self.port);
        lego.args(["--accept-tos", "--server", &server, "--email", &format!("{who}@shop.example")]);
        lego.args(["--http", "--http.port", &format!("127.0.0.1:{}", self.ca.http_port), "--path"]);
        lego.arg(self.dir.path().join(who));
        lego.args(names.split(',').flat_map(|name| ["--domains", name]));
        lego.arg("run").env("LEGO_CA_CERTIFICATES", self.ca.certificate()).stdin(Stdio::null());
        let ended = task::spawn_blocking(move || lego.output()).await.unwrap().unwrap();
        if ended.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned())
    }

    /// The address of somebody's account.
    pub(crate) fn account(&self, who: &str) -> String {
        let accounts = self.dir.path().join(who).join("accounts");
        let server = fs::read_dir(accounts).unwrap().next().unwrap().unwrap().path();
        let file = server.join(format!("{who}@shop.example")).join("account.json");
        let account: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        account["registration"]["uri"].as_str().unwrap().to_owned()
    }

    pub(crate) fn forget_accounts(&self) {
        fs::remove_file(self.dir.path().join("archive/accounts.jsonl")).unwrap();
    }

    /// What is printed about the archive.
    pub(crate) fn archive(&self, arguments: &[&str]) -> Vec<Value> {
        let ended = self.command(&[&["archive"], arguments].concat()).output().unwrap();
        let out = String::from_utf8(ended.stdout).unwrap();
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What `archive verify` comes to.
    pub(crate) fn verified(&self) -> Value {
        let rows = self.archive(&["verify"]);
        rows.last().unwrap_or_else(|| panic!("nothing")).clone()
    }
}

impl Gate {
    /// As if the machine had lost its power.
    pub(crate) fn kill(&mut self) {
        let _gone_already = self.0.kill();
        let _ = self.0.wait();
    }

    /// Asks it to stop, and waits for that; its exit status.
    pub(crate) async fn stopped(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let mut status = None;
        until("the gate stops", async || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.and_then(|status| status.code())
    }
}
