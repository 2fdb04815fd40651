//! What `countersign caa plan --format nsupdate` prints, sent by BIND's nsupdate to a Knot server.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use countersign_lab::log::Protocol;

use crate::place::Place;
use crate::plan::caa;
use crate::programs::{folders, free_ports, listens, present, started};

const ACCOUNT: &str = "https://acme-v02.api.letsencrypt.org/acme/acct/1234";

#[tokio::test]
async fn an_update_request_replaces_what_was_there() {
    if !present(&["knotd", "nsupdate", "dig"]) {
        return;
    }
    let log = crate::log(Protocol::Rfc6962, "one").await;
    let place = Place::new(&[".xmpp.example"], &[crate::extra(&log)]);
    let folder = place.path("knot");
    fs::create_dir(&folder).unwrap();
    let [port] = free_ports();
    let zone = "@ 3600 SOA ns ct 1 3600 600 86400 300\n@ 3600 NS ns\nns 3600 A 192.0.2.1\n\
                @ 60 CAA 0 issue \"old.example\"\n";
    fs::write(folder.join("zone"), zone).unwrap();
    let root = folder.display();
    let config = format!(
        "server:\n  rundir: {root}\n  listen: 127.0.0.1@{port}\ndatabase:\n  storage: {root}\n\
         acl:\n  - id: here\n    address: 127.0.0.1\n    action: update\n\
         zone:\n  - domain: xmpp.example\n    storage: {root}\n    file: zone\n    acl: here\n"
    );
    fs::write(folder.join("knot.conf"), config).unwrap();
    let mut knot = Command::new("knotd");
    knot.arg("-c").arg(folder.join("knot.conf"));
    let _knot = started(knot, &folder);
    listens(port).await;
    assert_eq!(caa(&asked(port)).len(), 1);

    let plan = format!("caa plan xmpp.example --account {ACCOUNT} --iodef mailto:ct@xmpp.example");
    let written = place.run(&format!("{plan} --format nsupdate")).await;
    assert_eq!(written.status, Some(0), "{written:?}");
    let mut update = Command::new("nsupdate");
    update.env("PATH", folders()).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut update = update.spawn().unwrap();
    let request = format!("server 127.0.0.1 {port}\n{}", written.stdout);
    update.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    let ended = update.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");

    let planned = place.run(&format!("{plan} --format zone")).await;
    assert_eq!(caa(&planned.stdout).len(), 3);
    assert_eq!(caa(&asked(port)), caa(&planned.stdout));
}

/// What the server answers, as a zone file has it.
fn asked(port: u16) -> String {
    let answer = Command::new("dig")
        .args(["@127.0.0.1", "-p", &port.to_string(), "xmpp.example", "CAA"])
        .args(["+tcp", "+noall", "+answer"])
        .output()
        .unwrap();
    assert!(answer.status.success(), "{answer:?}");
    String::from_utf8(answer.stdout).unwrap()
}
