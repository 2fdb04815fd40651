//! The CA: Debian's Pebble, which validates through the resolver beside it, from one place, and knows nothing of CAA.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::internet::{CA, Internet, done, on};
use crate::place::until;

pub(crate) struct Ca {
    folder: PathBuf,
}

impl Ca {
    pub(crate) async fn start(internet: &mut Internet) -> Self {
        let folder = internet.folder("pebble");
        done(
            Command::new("openssl")
                .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
                .args(["-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "30"])
                .args(["-subj", "/CN=ca", "-addext", &format!("subjectAltName=IP:{CA}")])
                .args(["-addext", "basicConstraints=critical,CA:FALSE"])
                .current_dir(&folder),
        );
        let config = format!(
            r#"{{"pebble": {{"listenAddress": "{CA}:{PORT}", "managementListenAddress": "127.0.0.1:15000",
               "certificate": "cert.pem", "privateKey": "key.pem", "httpPort": 80, "tlsPort": 443}}}}"#
        );
        fs::write(folder.join("pebble.json"), config).unwrap();
        let mut server = on("ca", "pebble");
        server.args(["-strict", "-config", "pebble.json", "-dnsserver", "127.0.0.1:53"]);
        server.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "0");
        // What was validated once is validated again for every order.
        server.env("PEBBLE_AUTHZREUSE", "0").current_dir(&folder);
        internet.start("pebble", server);
        until("the CA listens", async || {
            on("ca", "bash")
                .args(["-c", &format!("</dev/tcp/{CA}/{PORT}")])
                .output()
                .unwrap()
                .status
                .success()
        })
        .await;
        Self { folder }
    }

    /// Where clients begin.
    pub(crate) fn directory(&self) -> String {
        format!("https://{CA}:{PORT}/dir")
    }

    /// Its own certificate, as a file.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("cert.pem")
    }
}

/// Where the CA listens. It is part of the names of accounts.
const PORT: u16 = 14000;
