//! The lab's usual tree behind doors on loopback, and a directory to run the command in.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use countersign_lab::dns::{Responder, Tree};
use countersign_lab::log::Group;
use countersign_net::Clock;
use tempfile::TempDir;

pub(crate) struct Internet {
    pub(crate) responder: Responder,
    dir: TempDir,
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The one object that it printed.
    pub(crate) fn row(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).expect(&self.stdout)
    }
}

impl Internet {
    pub(crate) async fn start() -> Self {
        Self::grown(|_| {}).await
    }

    /// With zones of one's own.
    pub(crate) async fn grown(grow: impl FnOnce(&mut Tree)) -> Self {
        let mut tree = Tree::new(Clock::system().now());
        grow(&mut tree);
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("root.hints"), tree.hints()).unwrap();
        fs::write(dir.path().join("anchors"), tree.trust_anchor()).unwrap();
        Self { responder: tree.start().await.unwrap(), dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a command that asks the lab's servers.
    pub(crate) fn run(&self, arguments: &str) -> Outcome {
        self.run_with("unused", "", &format!("{arguments} --hints root.hints"))
    }

    /// The same with a file of its own, and its own hints.
    pub(crate) fn run_with(&self, file: &str, text: &str, arguments: &str) -> Outcome {
        fs::write(self.path(file), text).unwrap();
        let mut command = self.command(arguments);
        command.args(["--anchors", "anchors"]);
        for (server, door) in self.responder.table(Group::A) {
            command.args(["--redirect", &format!("{server}={door}")]);
        }
        outcome(command)
    }

    /// Runs a command that asks nobody.
    pub(crate) fn run_alone(&self, arguments: &str) -> Outcome {
        outcome(self.command(arguments))
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(arguments.split_whitespace()).current_dir(self.dir.path());
        command.env_remove("RUST_LOG").env_remove("XDG_CONFIG_HOME").env("HOME", "/home/nobody");
        command
    }
}

fn outcome(mut command: Command) -> Outcome {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome {
        status: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}
