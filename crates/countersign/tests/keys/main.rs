//! `docs/dnssec-keys.md`, played as it stands there: real servers on loopback take the files and commands of each
//! recipe, Unbound and delv judge what the public server then serves, and a host who cheats with it is found out.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod document;
mod host;
mod oracle;
// Not all that they have is needed here.
#[allow(dead_code, reason = "shared with the tests of the watch")]
#[path = "../watch/place.rs"]
mod place;
#[path = "../acme/programs.rs"]
mod programs;
mod recipe;

use std::fs;
use std::path::{Path, PathBuf};

use countersign_net::Clock;

use host::{Host, altered, without};
use oracle::{Ds, Judged, Verdict, ask};
use place::until;
use programs::present;
use recipe::{Recipe, files};

#[tokio::test]
async fn a_hidden_primary_keeps_the_keys_from_its_host() {
    check("hidden-primary", None, &["home"]).await;
}

#[tokio::test]
async fn an_offline_ksk_and_a_zsk_at_home_are_kept_from_the_host() {
    check("offline-ksk", Some("month"), &["home", "safe"]).await;
}

#[tokio::test]
async fn a_file_that_is_signed_offline_keeps_the_key_from_every_server() {
    check("offline-file", Some("change"), &["home"]).await;
}

/// Plays a recipe: sets it up, changes the zone, lets a host cheat, and changes the keys. `again` is the step that
/// brings new keys into the zone, where that does not happen by itself; `signers` are the machines that have keys.
async fn check(name: &str, again: Option<&str>, signers: &[&str]) {
    if !present(&PROGRAMS) {
        return;
    }
    let mut recipe = Recipe::new(name);
    recipe.play("set-up");
    until("there is a new key", async || recipe.learns_ds()).await;
    all_is_served(&recipe, &recipe.ds[0]).await;
    if recipe.has("published") {
        recipe.play("published");
    }
    assert_eq!(recipe.play("check"), "", "what is right is not complained about");
    let far =
        recipe.run("elsewhere", &looking(recipe.public_port, "DAYS_LEFT_MIN=15")).unwrap_err();
    assert!(far.contains("a signature of CAA ends at"), "{far}");
    let old_copy = copy(&recipe).await;

    let zone = recipe.folder("home").join("etc/xmpp.example.zone");
    let stricter = altered(&fs::read_to_string(&zone).unwrap(), "acct/7080", "acct/5555");
    fs::write(zone, stricter).unwrap();
    play_later(&mut recipe, "change").await;
    until("the change is served", async || {
        public(&recipe, &recipe.ds[0], "CAA").text.contains("acct/5555")
    })
    .await;
    all_is_served(&recipe, &recipe.ds[0]).await;
    cheat(&recipe, &old_copy, &copy(&recipe).await).await;

    recipe.play("roll");
    if let Some(again) = again {
        play_later(&mut recipe, again).await;
    }
    until("there is a new key", async || recipe.learns_ds()).await;
    until("the new key is served", async || {
        public(&recipe, &recipe.ds[1], "DNSKEY").verdict == Verdict::Secure
    })
    .await;
    all_is_served(&recipe, &recipe.ds[0]).await;
    all_is_served(&recipe, &recipe.ds[1]).await;
    // Knot says no as long as it is too early.
    until("the old key can go", async || recipe.try_play("rolled").is_ok()).await;
    if let Some(again) = again {
        play_later(&mut recipe, again).await;
    }
    until("the old key is gone", async || {
        public(&recipe, &recipe.ds[0], "DNSKEY").verdict == Verdict::Bogus
    })
    .await;
    all_is_served(&recipe, &recipe.ds[1]).await;
    assert_eq!(recipe.play("check"), "");

    keys_are_nowhere_else(&recipe, signers);
    assert!(recipe.left().is_empty(), "never played: {:?}", recipe.left());
}

/// The public server has the zone, and everything in it and about it is good.
async fn all_is_served(recipe: &Recipe, trusted: &Ds) {
    until("the public server has the zone", async || {
        public(recipe, trusted, "SOA").verdict == Verdict::Secure
    })
    .await;
    for (kind, part) in [("SOA", "has SOA"), ("CAA", "0 issuewild"), ("DNSKEY", "257 3 13")] {
        let judged = public(recipe, trusted, kind);
        assert_eq!(judged.verdict, Verdict::Secure, "{judged:?}");
        assert!(judged.text.contains(part), "{judged:?}");
    }
    // There is no such record, and there is no such name.
    for (name, kind, part) in
        [("xmpp.example", "TLSA", "no TLSA"), ("no.xmpp.example", "A", "NXDOMAIN")]
    {
        let judged = ask(&recipe.folder("elsewhere"), recipe.public_port, trusted, name, kind);
        assert_eq!(judged.verdict, Verdict::Secure, "{judged:?}");
        assert!(judged.text.contains(part), "{judged:?}");
    }
}

fn public(recipe: &Recipe, trusted: &Ds, kind: &str) -> Judged {
    ask(&recipe.folder("elsewhere"), recipe.public_port, trusted, "xmpp.example", kind)
}

/// The public server's own copy of the zone.
async fn copy(recipe: &Recipe) -> String {
    let file = recipe.folder("public").join("var/lib/nsd/xmpp.example.zone");
    if file.exists() {
        fs::remove_file(&file).unwrap();
    }
    recipe.run("public", "nsd-control -c etc/nsd/nsd.conf write xmpp.example").unwrap();
    let written = || fs::read_to_string(&file).unwrap_or_default();
    until("the copy is written", async || written().ends_with('\n')).await;
    written()
}

/// Plays a step that signs, in a later second than the one before: serials are seconds, and a zone whose serial is
/// the same is not fetched again.
async fn play_later(recipe: &mut Recipe, step: &str) {
    let copy = copy(recipe).await;
    let serial = copy.lines().skip_while(|line| !line.contains("\tSOA\t")).nth(1).unwrap();
    let serial: i64 = serial.split_whitespace().next().unwrap().parse().unwrap();
    until("the second is over", async || Clock::system().now().as_second() > serial).await;
    recipe.play(step);
}

/// What a host can do without the key, and what Unbound and the document's own check think of it.
async fn cheat(recipe: &Recipe, old_copy: &str, copy: &str) {
    // What was signed once can be shown again, until the signatures end. The document says so.
    let (caa, complaints) = shown(recipe, "old", old_copy).await;
    assert!(caa.verdict == Verdict::Secure && caa.text.contains("acct/7080"), "{caa:?}");
    assert_eq!(complaints, None);
    let caa_left_out = without(copy, &["\tCAA\t", "\tRRSIG\tCAA "]);
    let denied = altered(&caa_left_out, "RRSIG NSEC DNSKEY CAA", "RRSIG NSEC DNSKEY");
    let resigned = resigned(recipe, &caa_left_out);
    for (how, zone) in [
        ("another-account", altered(copy, "acct/5555", "acct/6666")),
        ("signature-stripped", without(copy, &["\tRRSIG\tCAA "])),
        ("caa-left-out", caa_left_out),
        ("caa-denied", denied),
        ("all-signatures-stripped", without(copy, &["\tRRSIG\t", "\tNSEC\t", "\tDNSKEY\t"])),
        ("signed-by-the-host", resigned),
    ] {
        let (caa, complaints) = shown(recipe, how, &zone).await;
        assert_eq!(caa.verdict, Verdict::Bogus, "{how}: {caa:?}");
        let complaints = complaints.unwrap_or_else(|| panic!("{how}: the check found nothing"));
        assert!(complaints.contains("CAA is not validly signed"), "{how}: {complaints}");
    }
}

/// What Unbound thinks of the CAA records of such a zone, and what the document's check complains about.
async fn shown(recipe: &Recipe, how: &str, zone: &str) -> (Judged, Option<String>) {
    let folder = recipe.folder("cheats").join(how);
    let host = Host::serve(&folder, zone).await;
    let caa = ask(&folder, host.port, &recipe.ds[0], "xmpp.example", "CAA");
    (caa, recipe.run("elsewhere", &looking(host.port, "")).err())
}

/// Runs the document's check on the server at this port.
fn looking(port: u16, setting: &str) -> String {
    format!("{setting} usr/local/bin/check-signatures @127.0.0.1 -p {port}\n")
}

/// The zone without its signatures and keys, signed with a key that the host made himself.
fn resigned(recipe: &Recipe, copy: &str) -> String {
    let folder = recipe.folder("cheats").join("signing");
    fs::create_dir_all(&folder).unwrap();
    let bare = without(copy, &["\tRRSIG\t", "\tNSEC\t", "\tDNSKEY\t"]);
    fs::write(folder.join("zone"), bare).unwrap();
    let script = "dnssec-keygen -a ECDSAP256SHA256 -f KSK xmpp.example\n\
                  dnssec-signzone -S -z -o xmpp.example -f signed zone\n";
    recipe.run("cheats/signing", script).unwrap();
    fs::read_to_string(folder.join("signed")).unwrap()
}

/// Only these machines have a private key, and the servers of the others have none of their files open.
fn keys_are_nowhere_else(recipe: &Recipe, signers: &[&str]) {
    for signer in signers {
        assert_ne!(private_keys(&recipe.folder(signer)), Vec::<PathBuf>::new(), "{signer}");
    }
    for machine in ["public", "primary", "elsewhere", "stick"] {
        let folder = recipe.folder(machine);
        if !folder.exists() {
            continue;
        }
        assert_eq!(private_keys(&folder), Vec::<PathBuf>::new(), "{machine}");
        for open in recipe.open_files(machine) {
            let foreign = open.starts_with(folder.parent().unwrap()) && !open.starts_with(&folder);
            assert!(!foreign, "a server of {machine} has {} open", open.display());
        }
    }
    assert!(!recipe.open_files("public").is_empty());
}

/// The files below this folder that hold a private key, in any format that the recipes write.
fn private_keys(folder: &Path) -> Vec<PathBuf> {
    let holds = |content: &[u8]| {
        let text = String::from_utf8_lossy(content);
        text.contains("PRIVATE KEY-----") || text.contains("PrivateKey:")
    };
    let found = files(folder).into_iter().filter(|(_, content)| holds(content));
    found.map(|(path, _)| path).collect()
}

/// What the blocks and the test call.
const PROGRAMS: [&str; 10] = [
    "knotd",
    "knotc",
    "keymgr",
    "nsd",
    "nsd-control",
    "dnssec-keygen",
    "dnssec-signzone",
    "delv",
    "unbound-host",
    "openssl",
];
