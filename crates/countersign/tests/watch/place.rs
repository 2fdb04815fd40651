//! A directory in which watches run, and the processes that run there.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_lab::log::Protocol;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A directory with a configuration.
pub(crate) struct Place {
    dir: TempDir,
    /// How many processes were started here.
    started: AtomicU32,
}

/// A log, as the configuration names it.
#[derive(Clone, Debug)]
pub(crate) struct Extra {
    pub(crate) description: String,
    pub(crate) url: String,
    pub(crate) spki: Vec<u8>,
    pub(crate) protocol: Protocol,
}

/// A process. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` if it was killed.
    pub(crate) status: Option<i32>,
    /// Whole lines. A last one without its end was cut off by a kill.
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// How far a log was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) downloaded: u64,
    pub(crate) verified: u64,
    pub(crate) head: u64,
}

impl Progress {
    /// All of a log of this size, and proved.
    pub(crate) fn all(size: u64) -> Self {
        Self { downloaded: size, verified: size, head: size }
    }
}

impl Place {
    /// Guards these names in these logs, from their first entries on.
    pub(crate) fn new(guards: &[&str], logs: &[Extra]) -> Self {
        Self::polling("1s", guards, logs)
    }

    /// As [`Place::new`], where a log that was read is asked so often for its head.
    pub(crate) fn polling(poll: &str, guards: &[&str], logs: &[Extra]) -> Self {
        let mut config = format!(
            "guard = {guards:?}\ncontact = \"ct@xmpp.example\"\nsince = \"2000-01-01\"\n\
             [log-lists]\nsources = []\n\
             [watch]\nrequests-per-second = 10000\npoll = \"{poll}\"\n"
        );
        for log in logs {
            let url = match log.protocol {
                Protocol::Rfc6962 => "url",
                Protocol::StaticCt => "monitoring-url",
            };
            config += &format!(
                "[[extra-log]]\ndescription = {:?}\nkey = {:?}\n{url} = {:?}\n",
                log.description,
                BASE64_STANDARD.encode(&log.spki),
                log.url
            );
        }
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("countersign.toml"), config).unwrap();
        Self { dir, started: AtomicU32::new(0) }
    }

    /// Adds to the configuration.
    pub(crate) fn configure(&self, tables: &str) {
        let path = self.path("countersign.toml");
        let config = fs::read_to_string(&path).unwrap();
        fs::write(path, config + tables).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a command until it ends.
    pub(crate) async fn run(&self, arguments: &str) -> Ended {
        self.start(arguments).ended().await
    }

    /// Starts a command.
    pub(crate) fn start(&self, arguments: &str) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(arguments.split_whitespace());
        self.spawn(command)
    }

    /// Starts a command in a shell that first does something else.
    pub(crate) fn start_after(&self, preparation: &str, arguments: &str) -> Process {
        let mut command = Command::new("sh");
        let countersign = env!("CARGO_BIN_EXE_countersign");
        command.args(["-c", &format!("{preparation}\nexec '{countersign}' {arguments}")]);
        self.spawn(command)
    }

    /// The output goes to files: they take any amount, and what is in them outlives the process.
    fn spawn(&self, mut command: Command) -> Process {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let stdout = self.path(&format!("{number}.out"));
        let stderr = self.path(&format!("{number}.err"));
        command.current_dir(self.dir.path()).env("HOME", "/home/nobody").kill_on_drop(true);
        for name in ["XDG_CONFIG_HOME", "RUST_LOG", "http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(File::create(&stdout).unwrap());
        command.stderr(File::create(&stderr).unwrap());
        Process { child: command.spawn().unwrap(), stdout, stderr }
    }

    /// How far the log of this description was read. `None` as long as there is no such log.
    pub(crate) async fn progress(&self, description: &str) -> Option<Progress> {
        let rows = self.run("status --json").await.rows();
        let log = rows.into_iter().find(|row| row["log"] == description)?;
        let number = |name: &str| log[name].as_u64();
        Some(Progress {
            downloaded: number("downloaded")?,
            verified: number("verified")?,
            head: number("head")?,
        })
    }

    /// Where the guarded names were seen in the log of this description. None is there twice.
    pub(crate) async fn seen(&self, description: &str) -> BTreeSet<u64> {
        let rows = self.run("sightings --json --limit 1000000").await.rows();
        let rows = rows.iter().filter(|row| row["log"] == description);
        let indices: Vec<u64> = rows.map(|row| row["index"].as_u64().unwrap()).collect();
        let distinct: BTreeSet<u64> = indices.iter().copied().collect();
        assert_eq!(distinct.len(), indices.len(), "{description}: sightings are there twice");
        distinct
    }
}

impl Ended {
    /// What it printed with `--json`.
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

impl Process {
    /// What it leaves behind, once it has ended by itself.
    pub(crate) async fn ended(mut self) -> Ended {
        let waited = timeout(HANG, self.child.wait()).await;
        let stderr = self.stderr();
        let status = waited.unwrap_or_else(|_| panic!("it does not end: {stderr}")).unwrap();
        Ended { status: status.code(), stdout: self.stdout(), stderr }
    }

    /// Lets it run for so long and kills it.
    pub(crate) async fn killed_after(mut self, time: Duration) -> Ended {
        let status = match timeout(time, self.child.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_) => {
                self.child.start_kill().unwrap();
                self.child.wait().await.unwrap()
            }
        };
        Ended { status: status.code(), stdout: self.stdout(), stderr: self.stderr() }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stopped(self) -> Ended {
        let pid = Pid::from_raw(self.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.ended().await
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The id of a process that runs.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// What it has written on standard error.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    fn stdout(&self) -> String {
        let mut text = fs::read_to_string(&self.stdout).unwrap();
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        text
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waited = timeout(HANG, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert!(waited.await.is_ok(), "in vain: {what}");
}

/// A process that takes longer hangs. Most take less than a second.
const HANG: Duration = Duration::from_secs(180);
