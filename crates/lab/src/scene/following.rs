//! Which logs are followed, and from which entry on.

use anyhow::ensure;

use super::Caught;
use crate::log::Protocol;
use crate::world::{DAY, HOUR, MINUTE, Watching, World};

/// A log is listed when Mallory has used it already. Guarding began before that, so her entry must be found; what
/// is older need not be. When the log is delisted, nobody asks it any more.
pub(super) async fn new_log() -> anyhow::Result<Caught> {
    let kinds =
        [("alpha", Protocol::Rfc6962), ("beta", Protocol::StaticCt), ("gamma", Protocol::Rfc6962)];
    let mut world = World::new("2026-11-01T00:00:00Z", &kinds).await?;
    for log in 1..3 {
        world.certify(log, &["guarded.example"])?;
        world.grow(log, 5)?;
    }
    world.run(5 * DAY).await?;
    world.list(&[&world.logs[0]])?;
    world.watch(&Watching { poll: 10 * MINUTE, ..Watching::default() })?;
    world.run(2 * HOUR).await?;
    for log in 1..3 {
        world.certify(log, &["guarded.example"])?;
        world.grow(log, 5)?;
    }
    world.run(DAY).await?;
    world.list(&[&world.logs[0], &world.logs[1], &world.logs[2]])?;
    world.run(2 * HOUR).await?;
    for log in 1..3 {
        world.ensure_said(log, &["sighting 6"])?;
        world.ensure_proved(log)?;
        let start = world.position(log)?.start;
        ensure!(start > 0, "what is older than the watch was read");
    }
    world.list(&[&world.logs[0], &world.logs[1]])?;
    world.run(2 * HOUR).await?;
    let asked = world.logs[2].requests("");
    world.certify(2, &["guarded.example"])?;
    world.run(2 * HOUR).await?;
    world.ensure_said(2, &["sighting 6", "removed"])?;
    ensure!(world.logs[2].requests("") == asked, "a log that is not listed is still asked");
    world.ensure_said(0, &[])?;
    world.stop().await?;
    Ok(Caught::all("Mallory's certificate, logged before the logs were listed", "monitor: roster")
        .but("what is logged where no list says so"))
}

/// Of thirty days the last fifteen are wanted. What was appended before them is left out, and proved to be what
/// the rest stands on.
pub(super) async fn since() -> anyhow::Result<Caught> {
    let kinds = [("alpha", Protocol::Rfc6962), ("beta", Protocol::StaticCt)];
    let mut world = World::new("2026-11-01T00:00:00Z", &kinds).await?;
    let middle = world.clock.now().checked_add(15 * DAY)?;
    for day in 0..30 {
        for log in 0..2 {
            if day % 10 == 5 {
                world.certify(log, &["guarded.example"])?;
            }
            world.grow(log, 20)?;
        }
        world.run(DAY).await?;
    }
    world.watch(&Watching { since: Some(middle), ..Watching::default() })?;
    world.run(HOUR).await?;
    for log in 0..2 {
        // On day 5 it is entry 100, on day 15 entry 301, on day 25 entry 502.
        world.ensure_said(log, &["sighting 301", "sighting 502"])?;
        world.ensure_proved(log)?;
        let start = world.position(log)?.start;
        // A log may take a day to append an entry, so it is read from a day before.
        ensure!((260..=301).contains(&start), "it began at entry {start}");
    }
    world.stop().await?;
    Ok(Caught::all("what was logged since; that the rest stands on what is left out", "ct: start")
        .but("what was logged before"))
}
