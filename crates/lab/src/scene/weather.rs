//! Logs that fail, slow down and fall behind: nobody lies, but we must not lose anything by it.

use std::time::Duration;

use anyhow::ensure;
use countersign_net::pace::Rates;
use jiff::SignedDuration;

use super::Caught;
use crate::log::{Fault, FaultKind, Group, PartialTiles, Protocol, RateLimit, RetryAfter};
use crate::world::{DAY, HOUR, MINUTE, Watching, World};

/// While one log is down, the other is followed as ever; when it is back, nothing is missing.
pub(super) async fn unreachable() -> anyhow::Result<Caught> {
    let kinds = [("alpha", Protocol::Rfc6962), ("beta", Protocol::StaticCt)];
    let mut world = World::new("2026-11-01T00:00:00Z", &kinds).await?;
    world.watch(&Watching { poll: 10 * MINUTE, ..Watching::default() })?;
    world.run(HOUR).await?;
    world.logs[0].close(Group::A);
    world.run(3 * HOUR).await?;
    world.ensure_said(0, &["opened unreachable"])?;
    for log in 0..2 {
        world.certify(log, &["guarded.example"])?;
    }
    let merged_at = world.clock.now();
    world.run(DAY - 3 * HOUR).await?;
    world.ensure_said(0, &["opened unreachable"])?;
    world.ensure_said(1, &["sighting 0"])?;
    let late = world.sightings()[0].found_at.duration_since(merged_at);
    ensure!(late <= SignedDuration::from_mins(10), "the other log was slowed by {late}");
    world.logs[0].reopen(Group::A).await?;
    world.run(HOUR).await?;
    world.ensure_said(1, &["sighting 0"])?;
    let said = ["closed unreachable", "opened unreachable", "sighting 0"];
    world.ensure_said_in_any_order(0, &said)?;
    for log in 0..2 {
        world.ensure_proved(log)?;
    }
    world.stop().await?;
    Ok(Caught::all("the outage, Mallory's certificate in both logs", "monitor")
        .but("the log that was down, while it was"))
}

/// Three requests in a minute are answered. That is enough, and no reason to report anything.
pub(super) async fn throttled() -> anyhow::Result<Caught> {
    let kinds = [("alpha", Protocol::Rfc6962), ("beta", Protocol::StaticCt)];
    let mut world = World::new("2026-11-01T00:00:00Z", &kinds).await?;
    world.watch(&Watching::default())?;
    world.run(MINUTE / 2).await?;
    let limits = [(429, RetryAfter::Seconds(20)), (503, RetryAfter::Date(30))];
    for (log, (status, retry_after)) in limits.into_iter().enumerate() {
        world.logs[log].turn(Group::A, |knobs| {
            let window = Duration::from_secs(60);
            knobs.rate_limit = Some(RateLimit { requests_max: 3, window, status, retry_after });
        });
        world.grow(log, 1500)?;
        world.certify(log, &["guarded.example"])?;
    }
    world.run(HOUR).await?;
    for log in 0..2 {
        world.ensure_said(log, &["sighting 1500"])?;
        world.ensure_proved(log)?;
    }
    world.stop().await?;
    Ok(Caught::all("Mallory's certificate; the refusals are no trouble", "net: pace"))
}

/// The tile that the head called for is gone; the full one begins with the same entries.
pub(super) async fn vanishing_partial_tiles() -> anyhow::Result<Caught> {
    let mut world = World::new("2026-11-01T00:00:00Z", &[("beta", Protocol::StaticCt)]).await?;
    world.watch(&Watching::default())?;
    world.run(MINUTE / 2).await?;
    world.logs[0].turn(Group::A, |knobs| {
        knobs.partial_tiles = PartialTiles::Vanish;
        // While the first head is read its tiles do not come.
        knobs.faults = vec![Fault::new(FaultKind::Status(500)).on("tile/")];
    });
    world.grow(0, 100)?;
    world.run(5 * MINUTE).await?;
    world.grow(0, 300)?;
    world.certify(0, &["guarded.example"])?;
    world.logs[0].turn(Group::A, |knobs| knobs.faults.clear());
    let gone = world.logs[0].requests("tile/data/000.p/100");
    world.run(HOUR / 2).await?;
    ensure!(
        world.logs[0].requests("tile/data/000.p/100") > gone,
        "the tile that is gone was not asked for, so this scene shows nothing"
    );
    world.ensure_said(0, &["sighting 400"])?;
    world.ensure_proved(0)?;
    world.stop().await?;
    Ok(Caught::all("Mallory's certificate, from the full tiles", "monitor: protocol"))
}

/// Five hundred entries come each minute, and twenty-four can be read. Later the log gives larger pages.
pub(super) async fn backlog() -> anyhow::Result<Caught> {
    let mut world = World::new("2026-11-01T00:00:00Z", &[("alpha", Protocol::Rfc6962)]).await?;
    let rates = Rates { start: 0.05, max: 0.05 };
    world.watch(&Watching { rates, ..Watching::default() })?;
    world.run(MINUTE / 2).await?;
    world.logs[0].turn(Group::A, |knobs| knobs.page_max = 8);
    for _minute in 0..20 {
        world.grow(0, 500)?;
        world.run(MINUTE).await?;
    }
    world.certify(0, &["guarded.example"])?;
    world.ensure_said(0, &["opened backlog"])?;
    world.logs[0].turn(Group::A, |knobs| knobs.page_max = 1024);
    world.run(DAY / 2).await?;
    world.ensure_said_in_any_order(0, &["closed backlog", "opened backlog", "sighting 10000"])?;
    world.ensure_proved(0)?;
    world.stop().await?;
    Ok(Caught::all("that it falls behind; Mallory's certificate in the end", "ct: backlog")
        .but("new entries, until the backlog was read"))
}

/// Every kind of rubbish for twenty minutes each. The other log must not notice.
pub(super) async fn garbage() -> anyhow::Result<Caught> {
    let rubbish = [
        FaultKind::Html,
        FaultKind::Truncated,
        FaultKind::Endless,
        FaultKind::Drip { pause: Duration::from_millis(1) },
        FaultKind::LengthTooLong,
        FaultKind::LengthTooShort,
        FaultKind::WrongType,
        FaultKind::Redirect { to: "https://beta.lab.example/".to_owned() },
        FaultKind::Empty,
        FaultKind::Status(404),
        FaultKind::BrokenGzip,
        FaultKind::GzipBomb,
        FaultKind::Reset,
    ];
    let kinds = [("alpha", Protocol::Rfc6962), ("beta", Protocol::StaticCt)];
    let mut world = World::new("2026-11-01T00:00:00Z", &kinds).await?;
    world.watch(&Watching { poll: 5 * MINUTE, ..Watching::default() })?;
    world.run(MINUTE).await?;
    let mut expected = Vec::new();
    for (index, kind) in rubbish.into_iter().enumerate() {
        world.logs[0].turn(Group::A, |knobs| knobs.faults = vec![Fault::new(kind)]);
        for log in 0..2 {
            world.certify(log, &["guarded.example"])?;
        }
        world.run(20 * MINUTE).await?;
        expected.push(format!("sighting {index}"));
        let expected: Vec<_> = expected.iter().map(String::as_str).collect();
        world.ensure_said(1, &expected)?;
    }
    world.logs[0].turn(Group::A, |knobs| knobs.faults.clear());
    world.run(HOUR).await?;
    for log in 0..2 {
        let said = world.said_of(log);
        let missing: Vec<_> = expected.iter().filter(|due| !said.contains(due)).collect();
        ensure!(missing.is_empty(), "of log {log} it never reported {missing:?}");
        let troubles: Vec<_> = said.iter().filter(|said| !expected.contains(said)).collect();
        let outages = troubles.iter().filter(|said| said.ends_with(" unreachable")).count();
        ensure!(outages == troubles.len(), "of log {log} it reported {troubles:?}");
        ensure!(log == 0 || troubles.is_empty(), "the other log is in trouble: {troubles:?}");
        world.ensure_proved(log)?;
    }
    world.stop().await?;
    Ok(Caught::all("that there is no usable answer; all certificates, in the end", "net: fetch")
        .but("that log's entries, while it answered with rubbish"))
}
