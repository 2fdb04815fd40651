//! Servers that speak TLS, each with a key of its own.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use aws_lc_rs::digest::{SHA256, digest};

use crate::network::{CANARIES, MALLORY_PORT, Network, SERVICE};
use crate::programs::{Ended, folders};

/// Where all of them listen.
pub(crate) const PORT: u16 = 5223;

/// The keys that they have: SHA-256 of the SubjectPublicKeyInfo.
pub(crate) struct Servers {
    pub(crate) service: [u8; 32],
    pub(crate) canaries: [[u8; 32]; 2],
    _running: Vec<Ended>,
}

impl Servers {
    pub(crate) fn new(network: &Network) -> Self {
        let folder = network.folder("servers");
        let mut running = Vec::new();
        let service = made(&folder, "service");
        // The onion service leads to the same server, from within its host.
        for (number, host) in [SERVICE, "127.0.0.1"].into_iter().enumerate() {
            running.push(started(&folder, "service", number, &format!("{host}:{PORT}")));
        }
        let mut canaries = [[0; 32]; 2];
        for (number, host) in CANARIES.into_iter().enumerate() {
            let name = format!("canary{number}");
            canaries[number] = made(&folder, &name);
            running.push(started(&folder, &name, number, &format!("{host}:{PORT}")));
        }
        made(&folder, "mallory");
        running.push(started(&folder, "mallory", 0, &format!("127.0.0.1:{MALLORY_PORT}")));
        Self { service, canaries, _running: running }
    }
}

/// Makes a key and a certificate. SHA-256 of the SubjectPublicKeyInfo.
fn made(folder: &Path, name: &str) -> [u8; 32] {
    openssl(
        folder,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=xmpp.example \
         -keyout {name}.key -out {name}.pem"
        ),
    );
    let spki = openssl(folder, &format!("pkey -in {name}.key -pubout -outform DER"));
    digest(&SHA256, &spki).as_ref().try_into().unwrap()
}

fn openssl(folder: &Path, arguments: &str) -> Vec<u8> {
    let mut command = Command::new("openssl");
    command.args(arguments.split_whitespace()).current_dir(folder).stdin(Stdio::null());
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    ended.stdout
}

fn started(folder: &Path, name: &str, number: usize, at: &str) -> Ended {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-quiet", "-accept", at]);
    command.args(["-cert", &format!("{name}.pem"), "-key", &format!("{name}.key")]);
    let log = File::create(folder.join(format!("{name}{number}.log"))).unwrap();
    command.current_dir(folder).env("PATH", folders());
    // It ends with its standard input.
    command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
    Ended(command.spawn().unwrap())
}
