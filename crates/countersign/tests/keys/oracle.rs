//! Unbound as the judge, and we beside it: each trusts one DS record, asks one server, and says what it thinks of the
//! answer.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::programs::folders;

/// What the parent zone would say about a key, with the digest of SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ds {
    pub(crate) tag: u16,
    /// In hexadecimal.
    pub(crate) digest: String,
}

impl Ds {
    /// Reads a line as `keymgr` or `dnssec-dsfromkey` prints it. `None` if its digest is another one.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let (_, values) = line.split_once(" DS ")?;
        let values: Vec<&str> = values.split_whitespace().collect();
        let [tag, "13", "2", digest] = values[..] else { return None };
        Some(Self { tag: tag.parse().ok()?, digest: digest.to_ascii_lowercase() })
    }
}

/// What Unbound thinks of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Signed, and by whom it should be. This holds for "there is no such record" as well.
    Secure,
    Bogus,
    /// No answer, or one that nobody had to sign.
    Neither,
}

#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) text: String,
}

/// Asks the server at this port for these records of `xmpp.example` or a name below it. We must think the same.
pub(crate) fn ask(folder: &Path, port: u16, trusted: &Ds, name: &str, kind: &str) -> Judged {
    // The zone may change between the two.
    for is_last in [false, true] {
        let judged = ask_unbound(folder, port, trusted, name, kind);
        if judged.verdict == Verdict::Neither {
            return judged;
        }
        let (verdict, told) = ask_ourselves(port, trusted, name, kind);
        if verdict == judged.verdict {
            return judged;
        }
        assert!(!is_last, "{name} {kind}: {verdict:?}, {told}\n{judged:?}");
    }
    unreachable!("the last one was returned or is an error")
}

/// What `countersign dnssec prove` thinks of it. A proof that it writes is verified at once.
fn ask_ourselves(port: u16, trusted: &Ds, name: &str, kind: &str) -> (Verdict, String) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let anchors = format!("xmpp.example. DS {} 13 2 {}\n", trusted.tag, trusted.digest);
    fs::write(folder.join("anchors"), anchors).unwrap();
    fs::write(folder.join("root.hints"), ". NS server.\nserver. A 192.0.2.53\n").unwrap();
    let run = |arguments: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(arguments.split_whitespace()).current_dir(folder).env("HOME", folder);
        let ended = command.output().unwrap();
        let told = [ended.stdout, ended.stderr].concat();
        (ended.status.code(), String::from_utf8_lossy(&told).into_owned())
    };
    let (status, told) = run(&format!(
        "dnssec prove {name} {kind} --out proof --anchors anchors --hints root.hints \
         --redirect 192.0.2.53=127.0.0.1:{port}"
    ));
    let verdict = match status {
        Some(0) if told.contains(": secure\n") => Verdict::Secure,
        Some(1) => Verdict::Bogus,
        _ => Verdict::Neither,
    };
    if verdict == Verdict::Secure {
        let verified = run("dnssec verify proof --anchors anchors");
        assert_eq!(verified.0, Some(0), "{verified:?}");
    }
    (verdict, told)
}

fn ask_unbound(folder: &Path, port: u16, trusted: &Ds, name: &str, kind: &str) -> Judged {
    let config = folder.join("unbound.conf");
    let text = format!(
        "server:\n do-not-query-localhost: no\n username: \"\"\n chroot: \"\"\n do-ip6: no\n \
         trust-anchor: \"xmpp.example. DS {} 13 2 {}\"\n\
         stub-zone:\n name: xmpp.example\n stub-addr: 127.0.0.1@{port}\n",
        trusted.tag, trusted.digest
    );
    fs::write(&config, text).unwrap();
    let mut host = Command::new("timeout");
    host.args(["60", "unbound-host", "-v", "-C"]).arg(&config).args(["-t", kind, name]);
    let ended = host.env("PATH", folders()).output().unwrap();
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    let verdict = if text.contains("(BOGUS") {
        Verdict::Bogus
    } else if !text.is_empty() && text.lines().all(|line| line.ends_with(" (secure)")) {
        Verdict::Secure
    } else {
        Verdict::Neither
    };
    Judged { verdict, text }
}
