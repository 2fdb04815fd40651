//! Real ACME: Debian's lego orders from Debian's Pebble while `countersign watch` reads the log. What the operator
//! orders raises nothing; what somebody else gets for the same name is one incident, and a mail. And CAA records are
//! planned for whoever has an account there.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod ca;
// Not all that it has is needed here.
#[allow(dead_code, reason = "shared with the tests of the watch")]
#[path = "../watch/place.rs"]
mod place;
mod plan;
mod programs;
mod update;

use std::fs;
use std::path::Path;
use std::process::Command;

use countersign_lab::log::{Content, LogServer, Protocol, Settings};
use countersign_net::Clock;
use serde_json::Value;

use ca::Ca;
use place::{Extra, Place, Process, until};
use programs::present;

#[tokio::test]
async fn what_the_operator_orders_raises_nothing_and_a_strangers_order_one_incident() {
    if !present(&["pebble", "pebble-challtestsrv", "lego", "openssl", "aiosmtpd"]) {
        return;
    }
    let logs = [log(Protocol::Rfc6962, "one").await, log(Protocol::StaticCt, "two").await];
    let place = Place::new(&[".xmpp.example"], &logs.each_ref().map(extra));
    let ca = Ca::start(place.path("ca")).await;
    let mailbox = ca.mailbox(&place.path("mail")).await;
    place.configure(&format!(
        "[judge]\nhold = \"0s\"\n\
         [tls]\nextra-roots = {:?}\n\
         [[directory]]\nkind = \"lego\"\npath = {:?}\n\
         [[sink]]\nname = \"mail\"\nkind = \"smtp\"\nserver = \"smtps://localhost:{}\"\n\
         from = \"countersign@xmpp.example\"\nto = [\"you@elsewhere.example\"]\n",
        ca.certificate(),
        place.path("lego"),
        mailbox.port
    ));
    fs::create_dir(place.path("lego")).unwrap();
    let watch = place.start("watch --json");

    // A key that is registered before the order goes out, as a hook does it.
    let csr = request(&place.path("hook"), "www.xmpp.example");
    let registered = place.run(&format!("authorize --csr {csr}")).await;
    assert_eq!(registered.status, Some(0), "{registered:?}");
    let ours = ca.order(&place.path("elsewhere"), &["--csr", &csr]);
    submit(&logs[0], &ours);
    // A key that lego makes by itself, and that lies in the watched directory by the time the log shows it; and its
    // renewal, for which lego makes another.
    let first = ca.order(&place.path("lego"), &["--domains", "mail.xmpp.example"]);
    submit(&logs[1], &first);
    seen(&place, 2).await;
    let renewed = ca.renew(&place.path("lego"), "mail.xmpp.example");
    assert_ne!(first, renewed);
    submit(&logs[1], &renewed);
    seen(&place, 3).await;
    assert_eq!(incidents(&place).await, Vec::<Value>::new());
    assert_eq!(place.run("incidents").await.status, Some(0));

    // Somebody else's account, who answers for the name as well, as on a path that is diverted.
    let foreign = ca.order(&place.path("stranger"), &["--domains", "www.xmpp.example"]);
    submit(&logs[0], &foreign);
    submit(&logs[1], &foreign);
    seen(&place, 5).await;
    until("there is an incident", async || !incidents(&place).await.is_empty()).await;
    until("the mail came", async || {
        mailbox.read().iter().any(|mail| mail.contains("This is incident"))
    })
    .await;
    until("there is a heartbeat", async || {
        mailbox.read().iter().any(|mail| mail.contains("seen up to"))
    })
    .await;
    let ended = stop(watch).await;
    assert_eq!(ended.iter().filter(|event| *event == "incident-opened").count(), 1, "{ended:?}");
    let incidents = incidents(&place).await;
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(
        (&incidents[0]["entries"], &incidents[0]["severity"]),
        (&2.into(), &"critical".into())
    );
    let mails = mailbox.read();
    let told: Vec<_> = mails.iter().filter(|mail| mail.contains("This is incident")).collect();
    assert_eq!(told.len(), 1, "{mails:?}");
    for expected in ["Message-ID:", "www.xmpp.example", "countersign authorize --spki", "Pebble"] {
        assert!(told[0].contains(expected), "{expected:?} is not in {}", told[0]);
    }
}

/// A log on loopback that takes anything.
async fn log(protocol: Protocol, description: &str) -> LogServer {
    LogServer::start(Settings::plain(description, protocol, Clock::system())).await.unwrap()
}

fn extra(log: &LogServer) -> Extra {
    Extra {
        description: log.settings().description.clone(),
        url: log.url(),
        spki: log.spki().to_owned(),
        protocol: log.settings().protocol,
    }
}

/// Pebble logs nothing, so whoever has a certificate submits it.
fn submit(log: &LogServer, chain: &[Vec<u8>]) {
    let (certificate, issuers) = chain.split_first().unwrap();
    log.push(Content::X509 { certificate: certificate.clone() }, issuers.to_vec());
    log.publish();
}

/// A certificate request for this name with a key of its own, and where it is.
fn request(folder: &Path, name: &str) -> String {
    fs::create_dir_all(folder).unwrap();
    let (key, csr) = (folder.join("key.pem"), folder.join("csr.pem"));
    let made = Command::new("openssl")
        .args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-subj", "/", "-addext", &format!("subjectAltName=DNS:{name}")])
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(&csr)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    csr.display().to_string()
}

async fn seen(place: &Place, entries: usize) {
    until("all entries were seen", async || {
        place.run("sightings --json").await.rows().len() == entries
    })
    .await;
}

async fn incidents(place: &Place) -> Vec<Value> {
    place.run("incidents --all --json").await.rows()
}

/// The events that it told of.
async fn stop(watch: Process) -> Vec<String> {
    let ended = watch.stopped().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    ended.rows().iter().map(|row| row["event"].as_str().unwrap().to_owned()).collect()
}
