//! The CA: Debian's Pebble, which validates through the resolver beside it, from one place, and knows nothing of CAA;
//! and `countersign gate` before it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::client::NAME;
use crate::internet::{CA, Internet, done, on};
use crate::place::until;
use crate::resolver::Resolver;

pub(crate) struct Ca {
    folder: PathBuf,
    anchors: PathBuf,
}

/// What the gate says of an order in its archive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// `allow` or `deny`.
    pub(crate) verdict: String,
    /// Why, in its words.
    pub(crate) reason: String,
    /// What it made of the answer about the name itself.
    pub(crate) security: String,
    /// The account that ordered.
    pub(crate) account: String,
}

impl Ca {
    /// Looks up from where this resolver begins.
    pub(crate) async fn start(internet: &mut Internet, resolver: &Resolver) -> Self {
        let folder = internet.folder("ca");
        let names = format!("subjectAltName=IP:{CA},IP:127.0.0.1");
        done(
            Command::new("openssl")
                .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
                .args(["-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "30"])
                .args(["-subj", "/CN=ca", "-addext", &names])
                .args(["-addext", "basicConstraints=critical,CA:FALSE"])
                .current_dir(&folder),
        );
        fs::write(folder.join("pebble.json"), PEBBLE).unwrap();
        let mut pebble = on("ca", "pebble");
        pebble.args(["-strict", "-config", "pebble.json", "-dnsserver", "127.0.0.1:53"]);
        pebble.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "0");
        // What was validated once is validated again for every order.
        pebble.env("PEBBLE_AUTHZREUSE", "0").current_dir(&folder);
        internet.start("pebble", pebble);
        listens("127.0.0.1").await;

        let config = format!(
            "archive = \"archive\"\n\
             issuers = [{ISSUER:?}]\n\
             keep-max = \"0s\"\n\
             [dns]\n\
             anchors = {:?}\n\
             hints = {:?}\n\
             [acme]\n\
             listen = \"{CA}:14000\"\n\
             directory = \"https://{CA}:14000/dir\"\n\
             upstream = \"https://127.0.0.1:14000/dir\"\n\
             upstream-roots = \"cert.pem\"\n\
             certificate = \"cert.pem\"\n\
             key = \"key.pem\"\n",
            resolver.anchors(),
            resolver.hints()
        );
        fs::write(folder.join("gate.toml"), config).unwrap();
        let mut gate = on("ca", env!("CARGO_BIN_EXE_countersign"));
        gate.args(["gate", "--config", "gate.toml"]).current_dir(&folder);
        internet.start("gate", gate);
        listens(CA).await;
        Self { folder, anchors: resolver.anchors() }
    }

    /// Where clients begin.
    pub(crate) fn directory(&self) -> String {
        format!("https://{CA}:14000/dir")
    }

    /// Its own certificate, as a file.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("cert.pem")
    }

    /// What was decided about the name so far, the newest last.
    pub(crate) fn decisions(&self) -> Vec<Decision> {
        let rows = self.archive(&["show", "--name", NAME, "--json"]);
        rows.lines().map(|row| Decision::read(&serde_json::from_str(row).unwrap())).collect()
    }

    /// Has every decision in the archive judged again, by what is in the archive.
    pub(crate) fn verify_archive(&self) -> String {
        self.archive(&["verify", "--anchors", self.anchors.to_str().unwrap()])
    }

    fn archive(&self, what: &[&str]) -> String {
        let mut archive = Command::new(env!("CARGO_BIN_EXE_countersign"));
        archive.args(["gate", "archive"]).args(what).args(["--dir", "archive"]);
        done(archive.current_dir(&self.folder))
    }
}

impl Decision {
    fn read(row: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{row}")).to_owned();
        let name = &row["names"][0];
        Self {
            verdict: text(&name["verdict"]),
            reason: text(&name["reason"]),
            security: text(&name["lookups"][0]["hops"][0]["security"]),
            account: text(&row["accounts"][0]["uri"]),
        }
    }
}

/// Waits until somebody listens there, on the host of the CA.
async fn listens(address: &str) {
    until("the CA listens", async || {
        let connect = format!("</dev/tcp/{address}/14000");
        on("ca", "bash").args(["-c", &connect]).output().unwrap().status.success()
    })
    .await;
}

/// By what name CAA records know the CA.
pub(crate) const ISSUER: &str = "ca.example";

const PEBBLE: &str = r#"{"pebble": {
    "listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
    "certificate": "cert.pem", "privateKey": "key.pem", "httpPort": 80, "tlsPort": 443
}}"#;
