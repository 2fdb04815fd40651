//! The victim's XMPP server: Debian's Prosody.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::internet::{Internet, VICTIM, on};
use crate::place::until;

pub(crate) const DOMAIN: &str = "xmpp.example";

/// Starts it, with this certificate and key, and waits until it listens on both ports.
pub(crate) async fn start(internet: &mut Internet, chain: &Path, key: &Path) -> PathBuf {
    let folder = internet.folder("prosody");
    let settings = format!(
        "run_as_root = true\n\
         daemonize = false\n\
         pidfile = \"{0}/pid\"\n\
         data_path = \"{0}/data\"\n\
         log = {{ debug = \"{0}/said\" }}\n\
         modules_enabled = {{ \"saslauth\", \"tls\", \"disco\", \"posix\" }}\n\
         authentication = \"internal_hashed\"\n\
         c2s_require_encryption = true\n\
         c2s_ports = {{ 5222 }}\n\
         c2s_direct_tls_ports = {{ 5223 }}\n\
         s2s_ports = {{ }}\n\
         interfaces = {{ \"{VICTIM}\" }}\n\
         ssl = {{ certificate = \"{1}\", key = \"{2}\" }}\n\
         VirtualHost \"{DOMAIN}\"\n",
        folder.display(),
        chain.display(),
        key.display()
    );
    fs::create_dir(folder.join("data")).unwrap();
    fs::write(folder.join("prosody.cfg.lua"), settings).unwrap();
    let mut prosody: Command = on("victim", "prosody");
    prosody.arg("--config").arg(folder.join("prosody.cfg.lua")).arg("-F");
    internet.start("prosody", prosody);
    for port in [5222, 5223] {
        until("Prosody listens", async || {
            let connect = format!("</dev/tcp/{VICTIM}/{port}");
            on("victim", "bash").args(["-c", &connect]).output().unwrap().status.success()
        })
        .await;
    }
    folder.join("said")
}
