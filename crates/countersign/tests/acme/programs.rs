//! Programs of others, which the tests run as processes of their own that end with the test.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::place::until;

/// Whether these programs are there. If not, that is said; where it matters, it is an error.
pub(crate) fn present(programs: &[&str]) -> bool {
    let path = folders();
    let is_there = |program: &&&str| {
        !std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    let missing: Vec<_> = programs.iter().filter(is_there).collect();
    if missing.is_empty() {
        return true;
    }
    skipped(&format!("there is no {missing:?}"))
}

/// Says why a test is not played, and `false`. Where it matters, this is an error.
pub(crate) fn skipped(why: &str) -> bool {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "skipped: {why}");
    eprintln!("skipped: {why}");
    false
}

/// Where programs are: daemons are in folders that are not in everybody's `PATH`.
pub(crate) fn folders() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}

/// A process that ends with this.
pub(crate) struct Ended(pub(crate) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a process in this folder. Nobody hears what it says.
pub(crate) fn started(mut command: Command, folder: &Path) -> Ended {
    command.env("PATH", folders());
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ended(command.spawn().unwrap())
}

/// Ports that nobody used just now.
pub(crate) fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let held = [(); COUNT].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// Waits until somebody takes connections there.
pub(crate) async fn listens(port: u16) {
    until("a server listens", async || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
        .await;
}
