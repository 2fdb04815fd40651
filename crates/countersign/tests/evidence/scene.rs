//! Two logs, certificates that nobody asked for, and a watch that has seen them and fetched the proofs.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use countersign_lab::authority::{Authority, Request, SubjectKey};
use countersign_lab::log::{LogServer, Protocol, Settings, log_list_json};
use countersign_net::Clock;
use countersign_store::incident::{IncidentFilter, Which};
use countersign_store::{Reader, Store};
use tempfile::TempDir;

pub(crate) struct Scene {
    dir: TempDir,
}

/// A description as an attacker would like to see it.
const HOSTILE: &str = "beta <script>alert(1)</script> \u{202e}";

impl Scene {
    /// The first incident is about a certificate whose precertificate is in both logs, with itself in the first. The
    /// second is about one without SCTs that is in the second log only.
    pub(crate) async fn play() -> Self {
        let scene = Self { dir: tempfile::tempdir().unwrap() };
        let authority = Authority::new("Test", 7);
        let mut logs = Vec::new();
        for (protocol, description) in [(Protocol::Rfc6962, "alpha"), (Protocol::StaticCt, HOSTILE)]
        {
            let roots = vec![authority.root().to_vec()];
            let settings =
                Settings { roots, ..Settings::plain(description, protocol, Clock::system()) };
            logs.push(LogServer::start(settings).await.unwrap());
        }
        let logs: Vec<_> = logs.iter().collect();
        fs::write(scene.path("logs.json"), log_list_json(&logs, Clock::system().now())).unwrap();
        fs::write(scene.path("countersign.toml"), CONFIG).unwrap();
        let key = SubjectKey::generate();
        let request = |name: &str| Request {
            names: vec![name.to_owned()],
            key: &key,
            not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
            not_after: "2027-01-01T00:00:00Z".parse().unwrap(),
            rewrite: None,
        };
        for number in 0..5 {
            let stranger = request(&format!("stranger{number}.example"));
            authority.issue_logged(&stranger, &logs).unwrap();
        }
        let issued = authority.issue_logged(&request("www.xmpp.example"), &logs).unwrap();
        let chain = |certificate: &[u8]| {
            [certificate.to_vec()].into_iter().chain(authority.issuers()).collect::<Vec<_>>()
        };
        logs[0].add_chain(&chain(&issued.certificate)).unwrap();
        for log in &logs {
            log.publish();
        }
        scene.watch(1, 3).await;
        let unlogged = authority.issue_unlogged(&request("*.xmpp.example")).unwrap();
        logs[1].add_chain(&chain(&unlogged.certificate)).unwrap();
        logs[1].publish();
        scene.watch(2, 4).await;
        scene
    }

    /// Watches until there are so many incidents, and so many entries proved.
    async fn watch(&self, incidents: usize, proofs: usize) {
        let mut watch = self.command("watch").stdout(Stdio::null()).spawn().unwrap();
        let seen = async {
            while !self.has(incidents, proofs) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let seen = tokio::time::timeout(Duration::from_secs(20), seen).await;
        watch.kill().unwrap();
        watch.wait().unwrap();
        seen.unwrap_or_else(|_| {
            panic!(
                "{:?} {:?} {:?}",
                self.run("status"),
                self.run("incidents"),
                self.run("troubles")
            )
        });
    }

    fn has(&self, incidents: usize, proofs: usize) -> bool {
        let Ok(reader) = Store::open_reader(&self.path("countersign-state")) else { return false };
        let filter = IncidentFilter { after: None, which: Which::All, limit: 10 };
        let Ok(found) = reader.incidents(&filter) else { return false };
        let sightings = found.iter().flat_map(|incident| &incident.sightings);
        let proved = sightings.filter(|id| matches!(reader.proof(**id), Ok(Some(_)))).count();
        found.len() == incidents && proved == proofs
    }

    /// The list that was followed names no log any more.
    pub(crate) fn forget_logs(&self) {
        let store = Store::open(&self.path("countersign-state")).unwrap();
        let (list, now) = (br#"{"operators": []}"#, Clock::system().now());
        store.keep_log_list("file", list, now).unwrap();
        let _: &Reader = store.reader();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(arguments.split_whitespace()).current_dir(self.dir.path());
        command.env_remove("RUST_LOG").env("HOME", "/home/nobody");
        command
    }

    /// Status, standard output and standard error of a command.
    pub(crate) fn run(&self, arguments: &str) -> (Option<i32>, String, String) {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

const CONFIG: &str = r#"guard = [".xmpp.example"]
contact = "ct@xmpp.example"
since = "2000-01-01"

[log-lists]
sources = [{ name = "file", file = "logs.json" }]

[watch]
requests-per-second = 1000
poll = "1s"

[judge]
hold = "0s"

[heartbeat]
every = "never"
"#;
