//! What a client can reach, what it can leave behind, and what it can do to whoever started it: nothing.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use countersign_judge::probe::{Opening, Protocol};
use countersign_probe::cage::{Cage, Inmate};
use countersign_probe::client::Tools;
use countersign_probe::process::Said;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::{is_possible, service, tools};

/// Tells the test that it runs as somebody who is not root, and where the tools are.
const AS_NOBODY: &str = "COUNTERSIGN_TEST_TOOLS";

/// Tells the test that it makes a cage, and will be killed; and where the helper is.
const TO_BE_KILLED: &str = "COUNTERSIGN_TEST_CAGE";

fn script(script: &str) -> Vec<OsString> {
    ["sh", "-c", script].map(OsString::from).to_vec()
}

async fn enter(command: &[OsString], tools: &Tools) -> (Cage, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let service = service(Protocol::Xmpp, Opening::StartTls);
    let deadline = Duration::from_secs(20);
    let inmate =
        Inmate { command, variables: &[("MINE", "1".into())], service: &service, deadline };
    let cage = Cage::enter(inmate, folder.path(), &tools.cage).await;
    (cage.unwrap_or_else(|why| panic!("{why}")), folder)
}

/// Runs a script that must end by itself; its name server answers meanwhile. What it said, and who connected.
async fn run(text: &str, tools: &Tools) -> (Said, usize) {
    let (mut cage, _folder) = enter(&script(text), tools).await;
    let mut connections = 0;
    let ended = async {
        loop {
            tokio::select! {
                ended = cage.program.ended() => return ended.unwrap(),
                accepted = cage.listener.accept() => {
                    accepted.unwrap();
                    connections += 1;
                }
            }
        }
    };
    tokio::select! {
        _ = ended => {}
        why = cage.names.serve() => panic!("{why}"),
    }
    (cage.program.end().await.unwrap(), connections)
}

/// Tries whatever could lead out, with Python, which has all that is needed.
const TRIES: &str = r#"/usr/bin/python3 - "$1" <<'PYTHON'
import os, socket
def tcp(host, port):
    try:
        socket.create_connection((host, port), 2).close()
        return "open"
    except OSError as error:
        return type(error).__name__
print("service", tcp("service.test", 5222))
print("other port", tcp("service.test", 22))
print("host", tcp("127.0.0.1", PORT))
print("net", tcp("198.51.100.7", 443), tcp("2001:db8::7", 443))
print("name", tcp("other.test", 5222))
print("name server", socket.gethostbyname("service.test"))
print("run", sorted(set(os.listdir("/run")) - {"mount"}), os.listdir("/tmp"))
print("me", socket.gethostname(), sorted(os.environ), os.getcwd())
print([line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapBnd", "NoNewPrivs"))])
print("processes", sum(name.isdigit() for name in os.listdir("/proc")) < 9)
PYTHON
"#;

async fn reaches_nothing(tools: &Tools) {
    // On the host's loopback, as so much is that trusts whoever comes from there.
    let host = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = host.local_addr().unwrap().port();
    let (said, connections) = run(&TRIES.replace("PORT", &port.to_string()), tools).await;
    assert_eq!(
        said.text(),
        "service open\nother port ConnectionRefusedError\nhost ConnectionRefusedError\n\
         net OSError OSError\nname gaierror\nname server 192.0.2.1\n\
         run ['cage', 'home'] []\n\
         me localhost ['HOME', 'LANG', 'MINE', 'PATH', 'PWD', 'TERM', 'XDG_RUNTIME_DIR'] /run/home\n\
         ['0000000000000000', '0000000000000000', '1']\nprocesses True\n"
    );
    assert_eq!(connections, 1);
    assert!(timeout(Duration::from_millis(10), host.accept()).await.is_err());
}

#[tokio::test]
async fn a_client_reaches_the_relay_and_nothing_else() {
    if !is_possible(None) {
        return;
    }
    reaches_nothing(tools()).await;
}

#[tokio::test]
async fn so_it_is_for_a_user_who_is_not_root() {
    if !is_possible(None) {
        return;
    }
    if let Some(folder) = std::env::var_os(AS_NOBODY).map(PathBuf::from) {
        let key_log = folder.join("none");
        return reaches_nothing(&Tools { cage: folder.join("countersign-cage"), key_log }).await;
    }
    // What is built can be in a folder that others do not enter.
    let folder = tempfile::Builder::new().permissions(all_may_enter()).tempdir().unwrap();
    let test = folder.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &test).unwrap();
    fs::copy(&tools().cage, folder.path().join("countersign-cage")).unwrap();
    let mut command = Command::new(&test);
    if rustix::process::geteuid().is_root() {
        command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&test);
    }
    let name = "confined::so_it_is_for_a_user_who_is_not_root";
    command.args(["--exact", name, "--nocapture"]).env(AS_NOBODY, folder.path());
    command.current_dir("/").env_remove("TMPDIR");
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(String::from_utf8_lossy(&ended.stdout).contains("1 passed"));
}

fn all_may_enter() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}

/// Processes that sleep for just as long, in whatever namespace.
fn sleepers(seconds: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let line = format!("sleep\0{seconds}\0");
    lines.filter(|found| found == line.as_bytes()).count()
}

async fn until_sleepers(seconds: &str, count: usize) {
    while sleepers(seconds) != count {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_client_that_forks_and_hangs_is_ended_with_all_it_started() {
    if !is_possible(None) {
        return;
    }
    let forks = "for i in 1 2 3; do setsid sh -c 'trap \"\" TERM HUP INT; sleep 7001.5; sleep 7001.5' & done; \
                 echo ready; exec sleep 7001.5";
    for by_drop in [false, true] {
        let (mut cage, _folder) = enter(&script(forks), tools()).await;
        let running = async {
            tokio::select! {
                _ = cage.program.ended() => panic!("it hangs"),
                () = until_sleepers("7001.5", 4) => {}
            }
        };
        timeout(Duration::from_secs(10), running).await.unwrap();
        if by_drop {
            drop(cage);
        } else {
            assert_eq!(cage.program.end().await.unwrap().text(), "ready\n");
        }
        timeout(Duration::from_secs(5), until_sleepers("7001.5", 0)).await.unwrap();
    }
}

#[tokio::test]
async fn a_cage_ends_with_whoever_made_it() {
    if !is_possible(None) {
        return;
    }
    if let Some(cage) = std::env::var_os(TO_BE_KILLED).map(PathBuf::from) {
        let tools = Tools { cage, key_log: PathBuf::new() };
        let (cage, _folder) = enter(&script("setsid sleep 7003.5 & sleep 7003.5"), &tools).await;
        std::future::pending::<()>().await;
        drop(cage);
    }
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "confined::a_cage_ends_with_whoever_made_it"]);
    let folder = tempfile::tempdir().unwrap(); // whoever is killed clears nothing away
    command.env("TMPDIR", folder.path());
    command.env(TO_BE_KILLED, &tools().cage).stdout(Stdio::null()).kill_on_drop(true);
    let mut maker = command.spawn().unwrap();
    timeout(Duration::from_secs(10), until_sleepers("7003.5", 2)).await.unwrap();
    maker.kill().await.unwrap(); // by SIGKILL: it can end nothing itself
    timeout(Duration::from_secs(5), until_sleepers("7003.5", 0)).await.unwrap();
}

#[tokio::test]
async fn a_client_that_daemonizes_does_not_outlive_itself() {
    if !is_possible(None) {
        return;
    }
    let (said, _) = run("setsid sleep 7002.5 & echo gone", tools()).await;
    assert_eq!((&*said.text(), sleepers("7002.5")), ("gone\n", 0));
}

#[tokio::test]
async fn a_client_says_nothing_to_a_terminal() {
    if !is_possible(None) {
        return;
    }
    let (said, _) = run("printf '\\033]0;title\\007\\r%2000000s' x", tools()).await;
    assert!(said.text().starts_with("\\u{1b}]0;title\\u{7}\\r "));
    assert!(said.beyond() > 1_900_000 && said.bytes().len() == 64 << 10);
}
