//! Logs that lie with their heads.

use std::time::Duration;

use jiff::SignedDuration;

use super::Caught;
use crate::log::{Branch, Group, HeadSignature, Merging, Protocol, Shown};
use crate::world::{HOUR, MINUTE, Watching, World};

/// A world whose two logs, one of each kind, have twenty entries that were read, half a minute before the next of
/// the polls, which come each minute.
async fn twenty_read() -> anyhow::Result<World> {
    twenty_read_by_polls_each(MINUTE).await
}

/// The same, where half of this time is left until the next poll.
async fn twenty_read_by_polls_each(poll: Duration) -> anyhow::Result<World> {
    let kinds = [("alpha", Protocol::Rfc6962), ("beta", Protocol::StaticCt)];
    let mut world = World::new("2026-11-01T00:00:00Z", &kinds).await?;
    for log in 0..2 {
        world.grow(log, 10)?;
    }
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

/// Makes both logs fork after ten entries, has Mallory's certificate and so many of strangers put into the other
/// tree only, and shows that tree.
fn fork(world: &World, strangers: u64) -> anyhow::Result<()> {
    for log in 0..2 {
        let server = &world.logs[log];
        let branch = server.fork(10);
        server.merge(Merging::Only(branch));
        world.grow(log, strangers)?;
        world.certify(log, &["www.guarded.example"])?;
        server.turn(Group::A, |knobs| knobs.branch = branch);
    }
    Ok(())
}

/// Entries after the fork that come after what we had are read before the root shows that the tree is another.
pub(super) async fn fork_larger() -> anyhow::Result<Caught> {
    let mut world = twenty_read().await?;
    fork(&world, 14)?;
    world.run(5 * MINUTE).await?;
    world.ensure_said_in_any_order(0, &["opened fork", "sighting 24"])?;
    // The tile with the new entries also holds ten that were read before, and they are others now.
    world.ensure_said_in_any_order(1, &["opened changed-entry", "opened fork", "sighting 24"])?;
    let kept = world.position(0)?.verified_size;
    anyhow::ensure!(kept == 20, "it went over to the other tree, to entry {kept}");
    world.stop().await?;
    Ok(Caught::all("the fork, with both heads, and Mallory's certificate", "ct: follower")
        .but("what the second tree has in place of entries read before, except in the last tile"))
}

/// The smaller tree is shown at one poll only. When the log is asked to prove that it begins the larger, it is
/// back to its first history, which proves the opposite.
pub(super) async fn fork_smaller() -> anyhow::Result<Caught> {
    let mut world = twenty_read().await?;
    fork(&world, 4)?;
    for log in &world.logs {
        // No later than the head of twenty entries: this is a second history, not a log that shrank.
        log.turn(Group::A, |knobs| knobs.timestamp_shift = SignedDuration::from_mins(-10));
    }
    world.run(MINUTE / 2 + Duration::from_millis(1)).await?;
    for log in &world.logs {
        log.turn(Group::A, |knobs| {
            knobs.branch = Branch::FIRST;
            knobs.timestamp_shift = SignedDuration::ZERO;
        });
    }
    world.run(5 * MINUTE).await?;
    for log in 0..2 {
        world.ensure_said(log, &["opened fork"])?;
    }
    world.ensure_proved(0)?;
    world.ensure_proved(1)?;
    world.stop().await?;
    Ok(Caught::all("the fork, with both heads", "ct: follower")
        .but("what is in the second tree: it is not read"))
}

/// Two heads over as many entries need no proof.
pub(super) async fn fork_equal() -> anyhow::Result<Caught> {
    let mut world = twenty_read().await?;
    fork(&world, 9)?;
    world.run(5 * MINUTE).await?;
    for log in 0..2 {
        world.ensure_said(log, &["opened fork"])?;
    }
    world.stop().await?;
    Ok(Caught::all("the fork, with both heads", "ct: follower")
        .but("what is in the second tree: it is not read"))
}

/// A log loses ten entries, and refuses to prove that what is left was once its tree: it has forgotten the rest.
pub(super) async fn rollback() -> anyhow::Result<Caught> {
    let mut world = twenty_read().await?;
    for log in &world.logs {
        log.publish();
        log.turn(Group::A, |knobs| knobs.shown = Shown::RolledBack { size: 10 });
    }
    world.run(HOUR / 2).await?;
    for log in 0..2 {
        world.ensure_said(log, &["opened rollback", "opened unproved-head"])?;
    }
    for log in 0..2 {
        world.logs[log].turn(Group::A, |knobs| knobs.shown = Shown::Latest);
        world.certify(log, &["guarded.example"])?;
    }
    world.run(5 * MINUTE).await?;
    for log in 0..2 {
        // Its old head is proved at last, or forgotten for the new one.
        let said =
            ["closed unproved-head", "opened rollback", "opened unproved-head", "sighting 20"];
        world.ensure_said_in_any_order(log, &said)?;
        world.ensure_proved(log)?;
    }
    world.stop().await?;
    Ok(Caught::all("the rollback, with both heads; later entries are read", "ct: follower"))
}

/// For three days the logs show the same heads. The promise is that none is older than a day.
pub(super) async fn frozen() -> anyhow::Result<Caught> {
    let mut world = twenty_read_by_polls_each(HOUR / 2).await?;
    for log in 0..2 {
        world.logs[log].freeze(Group::A);
        world.certify(log, &["guarded.example"])?;
    }
    world.run(20 * HOUR).await?;
    for log in 0..2 {
        world.ensure_said(log, &[])?;
    }
    world.run(52 * HOUR).await?;
    for log in 0..2 {
        world.ensure_said(log, &["opened stale-head"])?;
    }
    for log in &world.logs {
        log.turn(Group::A, |knobs| knobs.shown = Shown::Latest);
    }
    world.run(HOUR).await?;
    for log in 0..2 {
        world.ensure_said(log, &["opened stale-head", "closed stale-head", "sighting 20"])?;
        world.ensure_proved(log)?;
    }
    world.stop().await?;
    Ok(Caught::all("that it stands still, a day after it began; then Mallory's", "ct: follower")
        .but("Mallory's certificate, until the log went on"))
}

/// A head from the future would look fresh for longer than it is.
pub(super) async fn future_head() -> anyhow::Result<Caught> {
    let mut world = twenty_read().await?;
    for log in &world.logs {
        log.turn(Group::A, |knobs| knobs.timestamp_shift = SignedDuration::from_hours(2));
        log.publish();
    }
    world.run(HOUR).await?;
    for log in 0..2 {
        world.ensure_said(log, &["opened future-head"])?;
    }
    for log in 0..2 {
        world.logs[log].turn(Group::A, |knobs| knobs.timestamp_shift = SignedDuration::ZERO);
        world.certify(log, &["guarded.example"])?;
    }
    world.run(HOUR).await?;
    for log in 0..2 {
        world.ensure_said(log, &["opened future-head", "closed future-head", "sighting 20"])?;
        world.ensure_proved(log)?;
    }
    world.stop().await?;
    Ok(Caught::all("that the heads are from the future, until they were not", "ct: follower"))
}

/// A head with a bad signature proves nothing about the log, so it changes nothing; it is kept and reported.
pub(super) async fn bad_signature() -> anyhow::Result<Caught> {
    let mut world = twenty_read().await?;
    for log in 0..2 {
        world.logs[log].turn(Group::A, |knobs| knobs.head_signature = HeadSignature::Bad);
        world.certify(log, &["guarded.example"])?;
    }
    world.run(HOUR / 2).await?;
    for log in 0..2 {
        world.ensure_said(log, &["opened bad-signature"])?;
    }
    for log in &world.logs {
        log.turn(Group::A, |knobs| knobs.head_signature = HeadSignature::Good);
    }
    world.run(HOUR / 2).await?;
    for log in 0..2 {
        world.ensure_said(log, &["opened bad-signature", "sighting 20"])?;
        world.ensure_proved(log)?;
    }
    world.stop().await?;
    Ok(Caught::all("the bad signature; Mallory's certificate once heads were good", "ct: head"))
}
