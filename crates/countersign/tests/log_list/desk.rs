//! A desk at which lists are made, signed, published and fetched: a folder, and the command.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign_judge::statement::HostKey;
use countersign_sct::signed_list::{Note, Signature};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Desk {
    dir: TempDir,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) rows: Vec<Value>,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The last row.
    #[track_caller]
    pub(crate) fn row(&self) -> &Value {
        self.rows.last().unwrap_or_else(|| panic!("nothing: {}", self.stderr))
    }

    /// Fails unless it ended so.
    #[track_caller]
    pub(crate) fn ended(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

/// A server in a process of its own. It ends with this.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _waited = self.child.wait();
    }
}

impl Server {
    /// Asks it to stop; its exit status.
    pub(crate) fn stopped(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        // It ends after five seconds at the latest.
        self.child.wait().unwrap().code()
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = self.for_people(arguments);
        command.arg("--json");
        command
    }

    /// What people are told by `log-list …`.
    pub(crate) fn said(&self, arguments: &str) -> String {
        let output = self.for_people(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn for_people(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.arg("log-list").args(arguments.split_whitespace());
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command.env_remove("RUST_LOG");
        command
    }

    /// Runs `log-list …`.
    pub(crate) fn run(&self, arguments: &str) -> Outcome {
        let output = self.command(arguments).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        Outcome {
            status: output.status.code().expect("it ended by itself"),
            rows: stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Makes a key; the public half.
    pub(crate) fn key(&self, name: &str) -> String {
        let row = self.run(&format!("keygen {name} --out {name}.key")).ended(0).row().clone();
        let mode = fs::metadata(self.path(&format!("{name}.key"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        row["key"].as_str().unwrap().to_owned()
    }

    /// Builds a list out of the real ones, issued so many days ago.
    pub(crate) fn build(&self, out: &str, days_ago: u32, last: Option<&str>) {
        let last = last.map_or(String::new(), |last| format!("--last {last}"));
        let sources = sources().expect("the caller looked");
        self.run(&format!("build {sources} --issued {days_ago}d {last} --out {out}")).ended(0);
    }

    /// Signs what comes after another, or after nothing.
    pub(crate) fn sign(&self, file: &str, last: Option<&str>, keys: &[&str]) {
        let last = last.map_or("--first".to_owned(), |last| format!("--last {last}"));
        for key in keys {
            self.run(&format!("sign {last} --key {key}.key {file}")).ended(0);
        }
    }

    /// Signs a text as it is, as keyholders would with a tool that does not look.
    pub(crate) fn sign_anything(&self, file: &str, keys: &[&str]) {
        let text = self.read(file);
        let signatures = keys.iter().map(|key| {
            let key: HostKey = self.read(&format!("{key}.key")).trim_end().parse().unwrap();
            let signed = key.signer().sign(&text);
            let name = signed.name.to_string();
            Signature { name, key_id: signed.key_id, signature: signed.signature }
        });
        let signatures = signatures.collect();
        self.write(file, &Note { text: text.clone(), signatures }.to_text());
    }

    /// Serves a folder.
    pub(crate) fn serve(&self, folder: &str) -> Server {
        let mut command = self.command(&format!("serve {folder} --listen 127.0.0.1:0"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let mut server = Server { child, url: String::new() };
        let (sender, receiver) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut line = String::new();
            let _read = BufReader::new(out).read_line(&mut line);
            let _gone = sender.send(line);
        });
        let line = receiver.recv_timeout(Duration::from_secs(60)).expect("it listens");
        reader.join().unwrap();
        let row: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&row["type"], &row["door"]), (&"listening".into(), &"list".into()));
        server.url = format!("http://{}", row["address"].as_str().unwrap());
        server
    }
}

/// The flags that name the real lists; `None` without them, which CI does not accept.
pub(crate) fn sources() -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/loglists");
    if !folder.is_dir() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "no {}", folder.display());
        eprintln!("skipped: no {}", folder.display());
        return None;
    }
    let folder = folder.canonicalize().unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    Some(format!(
        "--source Mozilla=programme:{} --source Apple=programme:{} --source crt.sh=observer:{}",
        file("mozilla-known-logs-2026-08.json"),
        file("apple-current-2026-08.json"),
        file("crtsh-all-2026-08.json"),
    ))
}
