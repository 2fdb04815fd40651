//! From a sighting to whoever must know: kill -9 at any point between the two, hooks that misbehave, and what
//! operators do meanwhile from another process.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use countersign_lab::log::Protocol;
use serde_json::Value;

use crate::kill::Delays;
use crate::logs::{Real, SmallLog, serve_both};
use crate::place::{Place, until};

/// Adds a sink that runs this script, and judges at once.
fn hook(place: &Place, name: &str, script: &str) {
    let path = place.path(&format!("{name}.sh"));
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    place.configure(&format!(
        "[[sink]]\nname = {name:?}\nkind = \"exec\"\ncommand = [{:?}]\ntimeout = \"2s\"\n",
        path.display().to_string()
    ));
}

/// A script that confirms what it was told by writing it down, each message in a file of its own: hooks of a watch
/// that was killed may still run beside those of the next.
fn writes_to(place: &Place, name: &str) -> String {
    let folder = place.path(name);
    fs::create_dir(&folder).unwrap();
    let folder = folder.display();
    format!("cat > '{folder}'/.$$ && mv '{folder}'/.$$ '{folder}'/$$-$(date +%s%N)")
}

/// The incidents that a hook was told of.
fn told(place: &Place, name: &str) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    for file in fs::read_dir(place.path(name)).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with('.') {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let message: Value = serde_json::from_str(&text).expect(&text);
        numbers.extend(message["incident"].as_u64());
        numbers.extend(message["incidents"].as_array().unwrap().iter().filter_map(Value::as_u64));
    }
    numbers
}

async fn opened(place: &Place) -> BTreeSet<u64> {
    let rows = place.run("incidents --all --json --limit 100000").await.rows();
    rows.iter().filter_map(|row| row["id"].as_u64()).collect()
}

#[tokio::test]
async fn whatever_is_killed_every_incident_is_told() {
    let Some(real) = Real::read() else { return };
    let (_logs, extras) = serve_both(&real, 4_000).await;
    let mut delays = Delays(7);
    let (mut kills, mut rounds) = (0, 0);
    while kills < 100 {
        rounds += 1;
        let place = Place::new(&[".dev"], &extras);
        place.configure("[judge]\nhold = \"0s\"\n[heartbeat]\nevery = \"never\"\n");
        hook(&place, "slow", &format!("sleep 0.05\n{}", writes_to(&place, "slow.told")));
        for _kill in 0..25 {
            let ended = place.start("watch --json").killed_after(delays.next()).await;
            assert_eq!(ended.status, None, "it ended by itself: {}", ended.stderr);
            kills += 1;
        }
        let ended = place.run("watch --once --json").await;
        assert!(matches!(ended.status, Some(0 | 1)), "{ended:?}");
        let opened = opened(&place).await;
        assert!(opened.len() > 3, "only {} incidents", opened.len());
        assert_eq!(opened, (1..=u64::try_from(opened.len()).unwrap()).collect());
        assert_eq!(told(&place, "slow.told"), opened, "after {kills} kills");
    }
    eprintln!("{kills} kills in {rounds} rounds");
}

#[tokio::test]
async fn hooks_that_misbehave_stop_neither_the_watch_nor_each_other() {
    let mut log = SmallLog::start(Protocol::Rfc6962, "small").await;
    let place = Place::new(&[".xmpp.example"], &[log.extra()]);
    place.configure("[judge]\nhold = \"0s\"\n");
    hook(&place, "fails", "echo no >&2; exit 1");
    hook(&place, "hangs", "trap '' TERM; sleep 60");
    hook(&place, "forks", "sleep 60 & exit 3");
    hook(&place, "floods", "head -c 50000000 /dev/zero; exit 4");
    hook(&place, "works", &writes_to(&place, "works.told"));
    log.grow(10);
    let mut watch = place.start("watch --json");
    until("the hook that works is told", async || !told(&place, "works.told").is_empty()).await;
    until("the others are known to fail", async || {
        let rows = place.run("sinks --json").await.rows();
        rows.iter().filter(|row| row["failing_since"].is_string()).count() == 4
    })
    .await;
    assert!(watch.is_running());
    let ended = watch.stopped().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert_eq!(place.run("sinks").await.status, Some(2));
}

#[tokio::test]
async fn what_is_registered_beside_a_watch_counts_at_once() {
    let mut log = SmallLog::start(Protocol::StaticCt, "small").await;
    let place = Place::new(&[".xmpp.example"], &[log.extra()]);
    place.configure("[judge]\nhold = \"0s\"\n[heartbeat]\nevery = \"never\"\n");
    log.grow(10);
    let watch = place.start("watch --json");
    until("there is an incident", async || !opened(&place).await.is_empty()).await;
    let shown = place.run("show 1 --json").await.rows().remove(0);
    let key = shown["certificate"]["spki_sha256"].as_str().unwrap().to_owned();
    let text = place.run("show 1").await.stdout;
    assert!(text.contains("what to do") || text.contains("What to do"), "{text}");
    assert_eq!(place.run("acknowledge 1 --note mine").await.status, Some(0));
    assert_eq!(place.run("incidents").await.status, Some(0), "it is acknowledged");
    let registered = place.run(&format!("authorize --spki {key} --name .xmpp.example")).await;
    assert_eq!(registered.status, Some(0), "{registered:?}");
    until("the incident closes", async || {
        let rows = place.run("incidents --all --json").await.rows();
        rows.iter().all(|row| row["state"] == "closed")
    })
    .await;
    let ended = watch.stopped().await;
    let events: Vec<_> = ended.rows().iter().map(|row| row["event"].to_string()).collect();
    assert!(events.contains(&"\"incident-closed\"".to_owned()), "{events:?}");
    assert_eq!(place.run("replay").await.status, Some(0), "nothing would be decided otherwise");
    let revoked = place.run("authorizations revoke 1").await;
    assert_eq!(revoked.status, Some(0), "{revoked:?}");
    assert_eq!(
        place.run("replay").await.status,
        Some(1),
        "without its key it would be an incident"
    );
}
