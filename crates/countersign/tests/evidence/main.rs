//! Evidence packs as somebody gets them who was not there: made by the command of what a real watch has seen, and
//! verified with the very commands that they print.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod scene;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use countersign_judge::pack::{Outcome, Pack, verify};
use countersign_sct::LogList;

use scene::Scene;

/// Without these a reader cannot verify a pack by hand.
fn has_tools() -> bool {
    let has = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    let has_all = ["openssl", "python3", "sha256sum"].into_iter().all(has);
    assert!(
        has_all || std::env::var_os("CI").is_none(),
        "openssl, python3 or sha256sum is missing"
    );
    if !has_all {
        eprintln!("skipped: openssl, python3 or sha256sum is missing");
    }
    has_all
}

/// Unpacks a pack, and gives its folder.
fn unpack(scene: &Scene, tar: &str) -> std::path::PathBuf {
    let into = scene.path(&format!("{tar}.d"));
    fs::create_dir(&into).unwrap();
    let status = Command::new("tar").arg("xf").arg(scene.path(tar)).arg("-C").arg(&into).status();
    assert!(status.unwrap().success());
    fs::read_dir(&into).unwrap().next().unwrap().unwrap().path()
}

/// The commands of `VERIFY.txt`.
fn commands(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("VERIFY.txt")).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("    ")).map(str::to_owned).collect()
}

/// Runs one of them; what it prints, and how it ends.
fn bash(folder: &Path, command: &str) -> (bool, String) {
    let output =
        Command::new("bash").args(["-o", "pipefail", "-c", command]).current_dir(folder).output();
    let output = output.unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(printed).unwrap())
}

fn pack(scene: &Scene, tar: &str) -> Pack {
    Pack::from_tar(&fs::read(scene.path(tar)).unwrap()).unwrap()
}

#[tokio::test]
async fn what_the_pack_says_to_run_verifies_it() {
    if !has_tools() {
        return;
    }
    let scene = Scene::play().await;
    for (incident, pieces) in [
        (1, &["certificate.pem", "precertificate.pem", "tbs.der", "chain/1.pem", "scts/2.sig"][..]),
        (2, &["certificate.pem", "chain/1.pem"][..]),
    ] {
        let tar = format!("{incident}.tar");
        let written = scene.run(&format!("evidence {incident} --out {tar}"));
        assert_eq!(written.0, Some(0), "{written:?}");
        let folder = unpack(&scene, &tar);
        for piece in pieces {
            assert!(folder.join(piece).exists(), "{piece}");
        }
        let commands = commands(&folder);
        assert!(commands.len() > 8, "{commands:?}");
        for command in &commands {
            let (ended_well, printed) = bash(&folder, command);
            assert!(ended_well, "{command}\n{printed}");
            assert!(!printed.is_empty(), "{command}");
        }
        let verified = scene.run(&format!("evidence verify {tar} --log-list logs.json"));
        assert_eq!(verified.0, Some(0), "{verified:?}");
        assert!(verified.1.ends_with("all of it holds\n"), "{verified:?}");
        // Whether the logs are public ones cannot be told without a list.
        assert_eq!(scene.run(&format!("evidence verify {tar}")).0, Some(2));
        if let Some(keep) = std::env::var_os("COUNTERSIGN_KEEP_PACKS") {
            fs::copy(scene.path(&tar), Path::new(&keep).join(&tar)).unwrap();
        }
    }
    // Both protocols, and the certificate besides its precertificates.
    let names: Vec<_> = pack(&scene, "1.tar").files().keys().cloned().collect();
    for name in ["tree-head.json", "checkpoint.txt"] {
        assert!(names.iter().any(|file| file.ends_with(name)), "{names:?}");
    }
    assert!(names.contains(&"log-3/entry.bin".to_owned()), "{names:?}");
}

#[tokio::test]
async fn what_was_changed_is_noticed_by_hand_too() {
    if !has_tools() {
        return;
    }
    let scene = Scene::play().await;
    scene.run("evidence 1 --out 1.tar");
    let folder = unpack(&scene, "1.tar");
    let commands = commands(&folder);
    for file in [
        "certificate.pem",
        "chain/0.pem",
        "log-1/entry.bin",
        "log-1/log-key.pem",
        "log-1/tree-head.sig",
        "log-1/tree-head.signed.bin",
        "scts/1.signed.bin",
    ] {
        let path = folder.join(file);
        let before = fs::read(&path).unwrap();
        let mut bytes = before.clone();
        let middle = bytes.len() / 2;
        bytes[middle] = if bytes[middle] == b'B' { b'C' } else { b'B' };
        fs::write(&path, bytes).unwrap();
        // Also where the list of files was made to fit.
        let failed =
            commands.iter().filter(|command| !bash(&folder, command).0).collect::<Vec<_>>();
        assert!(failed.len() > 1, "{file}: {failed:?}");
        fs::write(&path, before).unwrap();
    }
}

#[tokio::test]
async fn no_octet_can_be_changed_unnoticed() {
    let scene = Scene::play().await;
    scene.run("evidence 1 --out 1.tar");
    let pack = pack(&scene, "1.tar");
    let logs = LogList::parse(&fs::read(scene.path("logs.json")).unwrap()).unwrap();
    assert_eq!(verify(&pack, Some(&logs)).outcome(), Outcome::Holds);
    for (name, bytes) in pack.files() {
        assert!(!bytes.is_empty(), "{name}");
        for at in positions(bytes.len()) {
            let mut files = pack.files().clone();
            files.get_mut(name).unwrap()[at] ^= 1;
            check_noticed(files.clone(), &logs, &format!("{name} at {at}"));
            // What came beside an entry is covered by no hash of the log, and what is expected by none at all.
            let is_free =
                ["extra-data.bin", "tile-leaf-rest.bin", "expectation.json", "MANIFEST.sha256"];
            if !is_free.iter().any(|free| name.ends_with(free)) {
                sum_up(&mut files);
                check_noticed(files, &logs, &format!("{name} at {at}, and the manifest"));
            }
        }
        let mut files = pack.files().clone();
        files.remove(name);
        if name != "MANIFEST.sha256" {
            sum_up(&mut files);
        }
        check_noticed(files, &logs, &format!("{name} taken away"));
    }
    let mut files = pack.files().clone();
    files.insert("more.txt".to_owned(), b"more".to_vec());
    sum_up(&mut files);
    check_noticed(files, &logs, "a file more");
}

/// All positions of a small file, and some of a large one.
fn positions(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by((length / 12).max(1)).chain([length - 1])
}

/// Makes the manifest fit, as a forger would.
fn sum_up(files: &mut BTreeMap<String, Vec<u8>>) {
    use std::io::Write as _;
    let mut lines = String::new();
    for (name, bytes) in files.iter().filter(|(name, _)| *name != "MANIFEST.sha256") {
        let hash = countersign_lab::certificates::sha256(bytes);
        let hash: String = hash.iter().map(|octet| format!("{octet:02x}")).collect();
        lines += &format!("{hash}  {name}\n");
    }
    let mut manifest = Vec::new();
    manifest.write_all(lines.as_bytes()).unwrap();
    files.insert("MANIFEST.sha256".to_owned(), manifest);
}

#[track_caller]
fn check_noticed(files: BTreeMap<String, Vec<u8>>, logs: &LogList, what: &str) {
    let Ok(pack) = Pack::new(files) else { return };
    assert_ne!(verify(&pack, Some(logs)).outcome(), Outcome::Holds, "{what}");
}

#[tokio::test]
async fn foreign_text_is_harmless_and_packs_are_equal() {
    let scene = Scene::play().await;
    scene.run("evidence 1 --out 1.tar");
    scene.run("evidence 1 --out again.tar");
    let read = |name: &str| fs::read(scene.path(name)).unwrap();
    assert_eq!(read("1.tar"), read("again.tar"));
    let pack = pack(&scene, "1.tar");
    let page = str::from_utf8(&pack.files()["README.html"]).unwrap();
    assert!(page.contains("&lt;script&gt;") && page.contains(r"\u{202e}"));
    for (name, bytes) in pack.files().iter().filter(|(name, _)| {
        name.ends_with(".html") || name.ends_with(".txt") || name.ends_with(".json")
    }) {
        if name.contains("tree-head.json") {
            continue;
        }
        let text = str::from_utf8(bytes).unwrap();
        assert!(!text.contains(['\u{202e}', '\u{1b}']), "{name}");
    }
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("href="));
    // Evidence is not written over.
    let refused = scene.run("evidence 1 --out 1.tar");
    assert_eq!(refused.0, Some(2), "{refused:?}");
    assert_eq!(scene.run("evidence 99 --out 99.tar").0, Some(2));
    assert!(!scene.path("99.tar").exists());
    fs::write(scene.path("no.tar"), "no").unwrap();
    assert_eq!(scene.run("evidence verify no.tar").0, Some(2));
}

#[tokio::test]
async fn what_is_missing_is_said_and_could_not_be_told() {
    let scene = Scene::play().await;
    scene.run("evidence 1 --out 1.tar");
    // As if a later version of the list knew the logs no more: their keys are gone.
    scene.forget_logs();
    let written = scene.run("evidence 1 --out keyless.tar");
    assert_eq!(written.0, Some(0), "{written:?}");
    let verified = scene.run("evidence verify keyless.tar --log-list logs.json");
    assert!(verified.1.contains("could not tell"), "{verified:?}");
    let text =
        String::from_utf8(pack(&scene, "keyless.tar").files()["VERIFY.txt"].clone()).unwrap();
    assert!(text.contains("What is not here:"), "{text}");
}
