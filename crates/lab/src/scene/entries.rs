//! Logs whose entries are not what they should be, or not there.

use std::time::Duration;

use anyhow::ensure;

use super::Caught;
use crate::authority::{Request, Rewrite};
use crate::log::{Content, Entry, Group, Merging, Protocol};
use crate::world::{DAY, HOUR, MINUTE, Watching, World};

/// Two logs, one of each kind, with ten entries that were read.
async fn ten_read() -> anyhow::Result<World> {
    ten_read_by_polls_each(MINUTE).await
}

/// The same, where this is the time between two polls.
async fn ten_read_by_polls_each(poll: Duration) -> anyhow::Result<World> {
    let kinds = [("alpha", Protocol::Rfc6962), ("beta", Protocol::StaticCt)];
    let mut world = World::new("2026-11-01T00:00:00Z", &kinds).await?;
    world.watch(&Watching { poll, ..Watching::default() })?;
    world.run(poll / 2).await?;
    for log in 0..2 {
        world.grow(log, 10)?;
    }
    world.run(poll).await?;
    for log in 0..2 {
        world.ensure_proved(log)?;
    }
    Ok(world)
}

/// What a log serves in place of another entry.
fn substitute(world: &World) -> anyhow::Result<Entry> {
    Ok(Entry {
        timestamp_ms: u64::try_from(world.clock.now().as_millisecond())?,
        content: Content::X509 { certificate: world.certificate(&["harmless.example.net"])? },
        extensions: Vec::new(),
        issuers: world.authority.issuers(),
    })
}

/// Mallory's certificate is in the tree, and something else is served. Once the true entry comes, it is read.
pub(super) async fn wrong_entries() -> anyhow::Result<Caught> {
    let mut world = ten_read().await?;
    for log in 0..2 {
        world.grow(log, 3)?;
        let index = world.certify(log, &["guarded.example"])?;
        let entry = substitute(&world)?;
        world.logs[log].turn(Group::A, |knobs| {
            knobs.substitutes.insert(index, entry);
        });
    }
    world.run(HOUR / 2).await?;
    for log in 0..2 {
        world.ensure_said(log, &["opened wrong-entries"])?;
        ensure!(world.position(log)?.verified_size == 10, "wrong entries count as proved");
        world.logs[log].turn(Group::A, |knobs| knobs.substitutes.clear());
    }
    world.run(HOUR / 2).await?;
    for log in 0..2 {
        world.ensure_said(log, &["opened wrong-entries", "sighting 13"])?;
        world.ensure_proved(log)?;
    }
    world.stop().await?;
    Ok(Caught::all("that entries do not fit the signed tree; then Mallory's", "ct: follower")
        .but("Mallory's certificate, until the log served it"))
}

/// Entries of an unfinished tile are served again with it, and compared with what they were.
pub(super) async fn changed_tile() -> anyhow::Result<Caught> {
    let mut world = World::new("2026-11-01T00:00:00Z", &[("beta", Protocol::StaticCt)]).await?;
    world.watch(&Watching::default())?;
    world.run(MINUTE / 2).await?;
    world.grow(0, 10)?;
    world.run(MINUTE).await?;
    let entry = substitute(&world)?;
    world.logs[0].turn(Group::A, |knobs| {
        knobs.substitutes.insert(5, entry);
    });
    world.certify(0, &["guarded.example"])?;
    world.run(HOUR / 2).await?;
    // What follows the changed entry is looked at, although nothing of that answer is believed.
    let said = ["opened changed-entry", "opened wrong-entries", "sighting 10"];
    world.ensure_said_in_any_order(0, &said)?;
    world.logs[0].turn(Group::A, |knobs| knobs.substitutes.clear());
    world.run(HOUR / 2).await?;
    world.ensure_said_in_any_order(0, &said)?;
    world.ensure_proved(0)?;
    world.stop().await?;
    Ok(Caught::all("the changed entry, with both its hashes", "ct: follower")
        .but("changes in full tiles: they are not fetched again"))
}

/// An entry that nobody can read is in the tree all the same. It is kept, scanned, and passed by.
pub(super) async fn unknown_entry() -> anyhow::Result<Caught> {
    let mut world = ten_read().await?;
    for log in 0..2 {
        let signed_entry = b"\x00\x00\x20 something of www.guarded.example".to_vec();
        let content = Content::Unknown { entry_type: 0x8001, signed_entry };
        world.logs[log].push(content, Vec::new());
        world.certify(log, &["guarded.example"])?;
    }
    world.run(HOUR).await?;
    for log in 0..2 {
        let said = ["opened unknown-entry", "sighting 10", "sighting 11"];
        world.ensure_said_in_any_order(log, &said)?;
        world.ensure_proved(log)?;
    }
    world.stop().await?;
    Ok(Caught::all("the entry, the name in it, and the certificate after it", "ct: scan"))
}

/// Certificates that no parser likes are looked through for the guarded names, and for nothing else.
pub(super) async fn malformed_certificates() -> anyhow::Result<Caught> {
    let mut world = ten_read().await?;
    let spoils: [&(dyn Fn(Vec<u8>) -> Vec<u8> + Sync); 3] = [&cut_off, &without_head, &long_length];
    for name in ["stranger.example.net", "www.guarded.example"] {
        for spoil in spoils {
            let rewrite = Some(Rewrite(spoil));
            let request = Request { rewrite, ..world.request(&[name])? };
            let certificate = world.authority.issue_unlogged(&request)?.certificate;
            for log in &world.logs {
                let content = Content::X509 { certificate: certificate.clone() };
                log.push(content, world.authority.issuers());
            }
        }
    }
    for log in &world.logs {
        log.publish();
    }
    world.run(5 * MINUTE).await?;
    for log in 0..2 {
        world.ensure_said(log, &["sighting 13", "sighting 14", "sighting 15"])?;
        world.ensure_proved(log)?;
    }
    world.stop().await?;
    Ok(Caught::all("the three for the service, none of the strangers'", "ct: certificate, scan"))
}

/// The TBSCertificate ends in the middle of its last extension.
fn cut_off(mut tbs: Vec<u8>) -> Vec<u8> {
    tbs.truncate(tbs.len() - 8);
    tbs
}

/// Its first three elements are missing, and so is the header around all.
fn without_head(tbs: Vec<u8>) -> Vec<u8> {
    tbs.get(40..).unwrap_or_default().to_vec()
}

/// The length in its header says that it is far longer than it is.
fn long_length(mut tbs: Vec<u8>) -> Vec<u8> {
    if let Some(high) = tbs.get_mut(2) {
        *high = 0x7f;
    }
    tbs
}

/// The log has signed that it will merge the certificate within a day, and does not. Only somebody who has the
/// SCT can ask for the entry; that is not done yet, and this scene says so.
pub(super) async fn withheld() -> anyhow::Result<Caught> {
    let mut world = ten_read_by_polls_each(10 * MINUTE).await?;
    for log in 0..2 {
        world.logs[log].merge(Merging::Nowhere);
        world.certify(log, &["guarded.example"])?;
    }
    world.run(DAY / 8).await?;
    for log in 0..2 {
        world.logs[log].merge(Merging::Everywhere);
        world.grow(log, 5)?;
    }
    world.run(DAY).await?;
    for log in 0..2 {
        world.ensure_said(log, &[])?;
        world.ensure_proved(log)?;
    }
    world.stop().await?;
    Ok(Caught::all("nothing", "nobody")
        .but("Mallory's certificate: nobody holds its SCT against the log yet"))
}
