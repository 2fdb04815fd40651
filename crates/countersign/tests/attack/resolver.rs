//! What validates at the CA, Unbound, and what is asked beside it: dig, and delv as a second judge.

use std::fs;
use std::path::PathBuf;

use crate::internet::{Internet, ROOT, done, on};
use crate::place::until;

/// Unbound on a host, at 127.0.0.1, with the root of our own.
pub(crate) struct Resolver {
    host: &'static str,
    folder: PathBuf,
}

/// What dig printed.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) text: String,
}

impl Answer {
    /// Whether the resolver says that it verified it (RFC 4035 §3.2.3).
    pub(crate) fn is_authentic(&self) -> bool {
        let flags = self.text.lines().find_map(|line| line.strip_prefix(";; flags: "));
        let flags = flags.and_then(|line| line.split_once(';')).map_or("", |(flags, _)| flags);
        flags.split_whitespace().any(|flag| flag == "ad")
    }

    pub(crate) fn status(&self) -> &str {
        let after = self.text.split_once("status: ").map_or("", |(_, after)| after);
        after.split(',').next().unwrap_or_default()
    }
}

impl Resolver {
    /// `root` is the DS record of the root's key.
    pub(crate) async fn start(internet: &mut Internet, host: &'static str, root: &str) -> Self {
        let folder = internet.folder(&format!("unbound-{host}"));
        let hints = format!(". 3600000 NS ns.\nns. 3600000 A {ROOT}\n");
        fs::write(folder.join("root.hints"), hints).unwrap();
        fs::write(folder.join("root.ds"), format!(". DS {root}\n")).unwrap();
        let [tag, _, _, digest] = root.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("no DS record: {root}")
        };
        let keys = format!("trust-anchors {{ . static-ds {tag} 13 2 \"{digest}\"; }};\n");
        fs::write(folder.join("delv.keys"), keys).unwrap();
        fs::write(folder.join("unbound.conf"), config(&folder.display().to_string())).unwrap();
        let mut server = on(host, "unbound");
        server.args(["-d", "-c"]).arg(folder.join("unbound.conf"));
        internet.start(&format!("unbound-{host}"), server);
        let resolver = Self { host, folder };
        until("the resolver trusts the root", async || resolver.ask(".", "SOA").is_authentic())
            .await;
        resolver
    }

    pub(crate) fn ask(&self, name: &str, kind: &str) -> Answer {
        ask(self.host, "127.0.0.1", name, kind)
    }

    /// What delv makes of what the resolver passes on unverified.
    pub(crate) fn delv(&self, name: &str, kind: &str) -> String {
        let mut delv = on(self.host, "delv");
        delv.args(["@127.0.0.1", "+root=.", "+cdflag", "-a"]).arg(self.folder.join("delv.keys"));
        let ended = delv.args([name, kind]).output().unwrap();
        [ended.stdout, ended.stderr].iter().map(|text| String::from_utf8_lossy(text)).collect()
    }

    /// Whom it trusts, as a file.
    pub(crate) fn anchors(&self) -> PathBuf {
        self.folder.join("root.ds")
    }

    /// Where it begins, as a file.
    pub(crate) fn hints(&self) -> PathBuf {
        self.folder.join("root.hints")
    }

    /// As if all that it keeps had grown too old.
    pub(crate) fn forget(&self) {
        for what in [&["flush_zone", "."][..], &["flush_infra", "all"]] {
            let mut control = on(self.host, "unbound-control");
            done(control.arg("-c").arg(self.folder.join("unbound.conf")).args(what));
        }
    }
}

/// Asks a server from this host.
pub(crate) fn ask(host: &str, server: &str, name: &str, kind: &str) -> Answer {
    let mut dig = on(host, "dig");
    dig.args([&format!("@{server}"), "+dnssec", "+time=2", "+tries=1", name, kind]);
    let ended = dig.output().unwrap();
    Answer { text: String::from_utf8_lossy(&ended.stdout).into_owned() }
}

fn config(folder: &str) -> String {
    format!(
        "server:
    interface: 127.0.0.1
    do-ip6: no
    username: \"\"
    chroot: \"\"
    directory: \"{folder}\"
    pidfile: \"\"
    use-syslog: no
    logfile: \"\"
    val-log-level: 2
    root-hints: \"{folder}/root.hints\"
    trust-anchor-file: \"{folder}/root.ds\"
    aggressive-nsec: no
remote-control:
    control-enable: yes
    control-interface: \"{folder}/control\"
    control-use-cert: no
"
    )
}
