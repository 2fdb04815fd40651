//! Unbound as the judge: it trusts one DS record, asks one server, and says what it thinks of the answer.

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

/// Asks the server at this port for these records of `xmpp.example` or a name below it.
pub(crate) fn ask(folder: &Path, port: u16, trusted: &Ds, name: &str, kind: &str) -> Judged {
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
