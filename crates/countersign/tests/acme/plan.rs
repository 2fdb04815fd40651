//! `countersign caa plan` with the accounts that Debian's lego, certbot and dehydrated have at Debian's Pebble, and
//! its zone files as BIND reads them.

use std::fs;
use std::path::Path;
use std::process::Command;

use countersign_dns::{Name, Rtype, zone_text};
use countersign_lab::log::Protocol;
use serde_json::Value;

use crate::ca::Ca;
use crate::place::Place;
use crate::programs::present;

#[tokio::test]
async fn each_program_that_has_an_account_gets_a_record_that_bind_reads() {
    let programs = ["pebble", "pebble-challtestsrv", "openssl", "lego", "certbot", "dehydrated"];
    if !present(&programs) || !present(&["named-checkzone"]) {
        return;
    }
    let log = crate::log(Protocol::Rfc6962, "one").await;
    let place = Place::new(&[".xmpp.example"], &[crate::extra(&log)]);
    let ca = Ca::start(place.path("ca")).await;
    ca.order(&place.path("lego"), &["--domains", "a.xmpp.example"]);
    let shown = ca.certbot(&place.path("certbot"), "b.xmpp.example");
    ca.dehydrated(&place.path("dehydrated"));
    for kind in ["lego", "certbot", "dehydrated"] {
        place
            .configure(&format!("[[directory]]\nkind = {kind:?}\npath = {:?}\n", place.path(kind)));
    }

    let port = ca.directory_port();
    let known =
        format!("--issuer 127.0.0.1:{port}=ca.example --issuer localhost:{port}=ca.example");
    let unknown = place.run("caa plan xmpp.example").await;
    assert_eq!((unknown.status, unknown.stdout.as_str()), (Some(2), ""), "{unknown:?}");
    assert!(unknown.stderr.contains(&format!(":{port}=NAME")), "{unknown:?}");
    let plan = format!("caa plan xmpp.example {known}");
    let rows = place.run(&format!("{plan} --json")).await;
    assert_eq!(rows.status, Some(0), "{rows:?}");
    let rows = rows.rows();
    let accounts = of_type(&rows, "account");
    let clients: Vec<_> = accounts.iter().map(|row| row["client"].as_str().unwrap()).collect();
    assert_eq!(clients, ["lego", "certbot", "dehydrated"]);
    let url = |client: &str| {
        let account = accounts.iter().find(|row| row["client"] == client).unwrap();
        account["account"].as_str().unwrap().to_owned()
    };
    // certbot asks Pebble and says itself what it has; the other two have it in these files.
    assert!(shown.contains(&url("certbot")), "{shown}");
    assert!(has(&place.path("lego/accounts"), &url("lego")));
    assert!(has(&place.path("dehydrated/accounts"), &url("dehydrated")));
    let records = of_type(&rows, "record");
    let bound = records.iter().filter_map(|row| row["account"].as_str());
    assert_eq!(bound.filter(|account| clients.iter().any(|one| url(one) == **account)).count(), 3);
    assert_eq!(rows.last().unwrap()["certificates"], 2);

    // certbot will renew over HTTP.
    let dns = place.run(&format!("{plan} --method dns-01")).await;
    assert_eq!(dns.status, Some(1), "{dns:?}");
    assert!(dns.stdout.contains("b.xmpp.example.conf renews by http-01"), "{dns:?}");
    assert_eq!(place.run(&format!("{plan} --method http-01")).await.status, Some(0));

    let planned: Vec<_> = records.iter().map(|row| row["zone_line"].as_str().unwrap()).collect();
    let planned = caa(&planned.join("\n"));
    assert_eq!(planned.len(), 4);
    for format in ["zone", "unknown"] {
        let written = place.run(&format!("{plan} --format {format}")).await;
        assert_eq!(caa(&checked(&place.path(format), &written.stdout)), planned, "{format}");
    }
}

fn of_type<'a>(rows: &'a [Value], kind: &str) -> Vec<&'a Value> {
    rows.iter().filter(|row| row["type"] == kind).collect()
}

/// Whether some file in a folder, or below it, has this text in quotes.
fn has(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => has(&path, text),
            false => fs::read_to_string(&path).unwrap().contains(&format!("\"{text}\"")),
        }
    })
}

/// The zone as BIND prints it after it has read these records.
fn checked(file: &Path, records: &str) -> String {
    let zone = "xmpp.example. 3600 IN SOA ns.xmpp.example. ct.xmpp.example. 1 3600 600 86400 300\n\
                xmpp.example. 3600 IN NS ns.xmpp.example.\n\
                ns.xmpp.example. 3600 IN A 192.0.2.1\n";
    fs::write(file, format!("{zone}{records}")).unwrap();
    let read = Command::new("named-checkzone")
        .args(["-q", "-D", "-o", "-", "xmpp.example"])
        .arg(file)
        .output()
        .unwrap();
    assert!(read.status.success(), "{read:?}");
    String::from_utf8(read.stdout).unwrap()
}

/// The data of all CAA records in a zone, in order.
pub(crate) fn caa(zone: &str) -> Vec<Vec<u8>> {
    let records = zone_text::records(zone, &Name::root()).unwrap();
    let records = records.iter().filter(|set| set.rtype() == Rtype::CAA);
    let mut data: Vec<_> = records.flat_map(|set| set.rdatas().to_vec()).collect();
    data.sort();
    data
}
