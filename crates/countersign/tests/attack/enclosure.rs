//! Where the attack takes place: namespaces of its own, which the kernel clears away with everything in them.

use std::env;
use std::process::{Command, Stdio};

use crate::programs::{folders, skipped};

/// Tells the test that it is inside.
const INSIDE: &str = "COUNTERSIGN_ATTACK_INSIDE";

/// The whole attack takes less than two minutes on two busy cores. Whoever outlives this is killed.
const SECONDS_MAX: &str = "600";

/// Whether this process is inside, where it may do to the network what it wants. There it is the first process.
pub(crate) fn is_inside() -> bool {
    env::var_os(INSIDE).is_some() && std::process::id() == 1
}

/// Whether there can be one here in which these commands do what they should. If not, that is said; where it matters, it
/// is an error.
pub(crate) fn is_possible(needed: &str) -> bool {
    let mut tried = enclosed("bash");
    let ended = tried.args(["-ec", needed]).output().unwrap();
    ended.status.success() || skipped(&String::from_utf8_lossy(&ended.stderr))
}

/// Plays this test again, inside. Everything that it started ends with it, also if it is killed.
pub(crate) fn enter(test: &str) {
    let mut again = enclosed(env::current_exe().unwrap().to_str().unwrap());
    again.args([test, "--exact", "--nocapture"]).env(INSIDE, "1");
    let status = again.status().unwrap();
    assert!(status.success(), "inside: {status}");
}

/// This program as the first process of namespaces of its own, in which its user is root.
fn enclosed(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", SECONDS_MAX, "unshare"]);
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]);
    command.args(["--mount-proc", program]).env("PATH", folders()).stdin(Stdio::null());
    command
}
