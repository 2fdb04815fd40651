//! `countersign dnssec` as a process, over UDP and TCP on loopback: what it proves, verifies and refuses.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod caa;
mod internet;

use std::fs;

use countersign_lab::dns::{Change, Forgery};
use countersign_lab::log::Group;

use internet::{Internet, Outcome};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_proved_is_verified_by_whoever_has_the_file() {
    let internet = Internet::start().await;
    for (what, expected) in [
        ("guarded.example CAA", "secure"),
        ("www.guarded.example A", "secure"),
        ("nowhere.guarded.example A", "secure"),
        ("guarded.example TLSA", "secure"),
        ("rsa.example SOA", "secure"),
        ("csk.example DNSKEY", "secure"),
        ("p384.test SOA", "secure"),
        ("ed25519.test SOA", "secure"),
        ("glueless.test SOA", "secure"),
        ("same.test SOA", "secure"),
        ("signed.org DS", "secure"),
        ("unsigned.test SOA", "insecure"),
        ("unsigned.org SOA", "insecure"),
    ] {
        let file = format!("{}.proof", what.replace(' ', "."));
        let proved = internet.run(&format!("--json dnssec prove {what} --out {file}"));
        assert_eq!(proved.status, 0, "{what}: {proved:?}");
        assert_eq!(proved.row()["security"], expected, "{what}: {proved:?}");
        let verified =
            internet.run_alone(&format!("--json dnssec verify {file} --anchors anchors"));
        assert_eq!(verified.status, 0, "{what}: {verified:?}");
        assert_eq!(verified.row()["security"], expected, "{what}: {verified:?}");
        assert_eq!(verified.row()["proof"], proved.row()["proof"], "{what}");
        // Whoever trusts the Internet's root does not trust the lab's.
        let other = internet.run_alone(&format!("dnssec verify {file}"));
        assert_eq!(other.status, 1, "{what}: {other:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forged_has_no_proof() {
    let internet = Internet::start().await;
    internet.forge(Change::FlipSignatures);
    let forged = internet.run("dnssec prove guarded.example CAA --out forged.proof");
    assert_eq!(forged.status, 1, "{forged:?}");
    assert!(
        forged.stdout.contains("bogus: CAA of guarded.example.: their signature does not verify"),
        "{forged:?}"
    );
    assert!(!internet.path("forged.proof").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_could_not_be_told() {
    let internet = Internet::start().await;
    let lost = internet.run_with(
        "hints",
        ". NS ns.\nns. A 192.0.2.99\n",
        "dnssec prove guarded.example CAA --out lost.proof --hints hints",
    );
    assert_eq!(lost.status, 2, "{lost:?}");
    assert!(!internet.path("lost.proof").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_are_not_written_over_and_other_files_are_none() {
    let internet = Internet::start().await;
    assert_eq!(internet.run("dnssec prove guarded.example CAA --out p --chain c").status, 0);
    let again = internet.run("dnssec prove guarded.example CAA --out p");
    assert_eq!(again.status, 2);
    assert!(again.stderr.contains("it is there already"), "{again:?}");
    // An authentication chain begins with the answer: guarded.example CAA.
    assert!(
        fs::read(internet.path("c"))
            .unwrap()
            .starts_with(b"\x07guarded\x07example\0\x01\x01\0\x01")
    );
    let chain = internet.run_alone("dnssec verify c --anchors anchors");
    assert_eq!((chain.status, chain.stdout.as_str()), (2, ""));
    assert!(chain.stderr.contains("is no DNSSEC proof"), "{chain:?}");
    let mut bytes = fs::read(internet.path("p")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(internet.path("changed"), bytes).unwrap();
    assert_ne!(internet.run_alone("dnssec verify changed --anchors anchors").status, 0);
    // Long after its signatures have expired it shows nothing as of now, and all as of then.
    let late = internet.run_alone("dnssec verify p --anchors anchors --at 2030-01-01");
    assert_eq!(late.status, 1, "{late:?}");
    assert!(late.stdout.contains("has expired"), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_is_checked_through_all_its_servers() {
    let internet = Internet::start().await;
    let checked = internet.run("dnssec check www.guarded.example");
    assert!(matches!(checked.status, 0 | 1), "{checked:?}");
    eprintln!("{}", checked.stdout);
    for expected in ["guarded.example.", "secure", "DS", "192.0.2."] {
        assert!(checked.stdout.contains(expected), "{expected}: {checked:?}");
    }
    let Outcome { stdout, .. } = internet.run("--json dnssec check guarded.example");
    let rows: Vec<serde_json::Value> =
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.iter().any(|row| row["type"] == "custody"), "{rows:?}");
    let unsigned = internet.run("dnssec check unsigned.test");
    assert_eq!(unsigned.status, 1, "{unsigned:?}");
}

impl Internet {
    fn forge(&self, change: Change) {
        let below = "guarded.example".parse().unwrap();
        let forgery = Forgery { below, rtype: Some("CAA".parse().unwrap()), change };
        self.responder.forge(Group::A, &forgery);
    }
}
