//! Honest logs: what must be seen, and what must not be spoken of.

use anyhow::ensure;
use countersign_monitor::judging::Judging;
use jiff::SignedDuration;

use super::Caught;
use crate::log::{Content, Protocol};
use crate::world::{DAY, HOUR, Watching, World};

/// For three weeks strangers renew their certificates, well-formed ones and others, under names that are like
/// the guarded one. There is nothing to report.
pub(super) async fn quiet() -> anyhow::Result<Caught> {
    let kinds = [("alpha", Protocol::Rfc6962), ("beta", Protocol::StaticCt)];
    let mut world = World::new("2026-11-01T00:00:00Z", &kinds).await?;
    world.watch(&Watching { poll: 3 * HOUR, ..Watching::default() })?;
    for _day in 0..21 {
        for log in 0..world.logs.len() {
            world.certify(log, &["guarded.example.net", "www.unguarded.example"])?;
            let mut broken = world.certificate(&["notguarded.example"])?;
            broken.truncate(broken.len() - 100);
            let content = Content::X509 { certificate: broken };
            world.logs[log].push(content, world.authority.issuers());
            world.grow(log, 20)?;
        }
        world.run(DAY).await?;
    }
    for log in 0..2 {
        world.ensure_said(log, &[])?;
        world.ensure_proved(log)?;
    }
    world.stop().await?;
    Ok(Caught::all("nothing, and there was nothing", "monitor"))
}

/// In 2023 jabber.ru and xmpp.ru were intercepted in their hosting networks for half a year, with certificates
/// that Let's Encrypt had issued and logged as it should. Nobody looked. Days and names are those of the public
/// report of October 2023 (ValdikSS, "Encrypted traffic interception on Hetzner and Linode targeting the largest
/// Russian XMPP messaging service"); the hours are ours.
pub(super) async fn six_certificates() -> anyhow::Result<Caught> {
    const SIX: [(&str, &[&str]); 6] = [
        ("2023-04-18T12:00:00Z", &["jabber.ru"]),
        ("2023-04-25T12:00:00Z", &["jabber.ru", "xmpp.ru"]),
        ("2023-04-25T18:00:00Z", &["jabber.ru", "xmpp.ru"]),
        ("2023-07-18T13:00:00Z", &["xmpp.ru"]),
        ("2023-07-18T13:00:01Z", &["jabber.ru"]),
        ("2023-10-13T12:00:00Z", &["xmpp.ru"]),
    ];
    let mut world = World::new("2023-04-10T00:00:00Z", &[("alpha", Protocol::Rfc6962)]).await?;
    let poll = 4 * HOUR;
    let guards = &[".jabber.ru", "xmpp.ru"];
    // The operators' own keys were known to them: there is nothing to wait for.
    let judging = Judging { hold: SignedDuration::ZERO, heartbeat: None, ..Judging::default() };
    world.tell("pager").await?;
    world.watch(&Watching { guards, poll, judging, ..Watching::default() })?;
    let mut merged = Vec::new();
    for (day, names) in SIX {
        world.run_until(day.parse()?).await?;
        world.grow(0, 10)?;
        merged.push((world.certify(0, names)?, world.clock.now()));
    }
    world.run(DAY).await?;
    let sightings = world.sightings();
    let said: Vec<_> = sightings.iter().map(|seen| format!("sighting {}", seen.index)).collect();
    world.ensure_said(0, &said.iter().map(String::as_str).collect::<Vec<_>>())?;
    ensure!(sightings.len() == SIX.len(), "{} certificates were reported", sightings.len());
    for (seen, (index, merged_at)) in sightings.iter().zip(&merged) {
        ensure!(seen.index == *index, "entry {index} was not reported, or out of order");
        let late = seen.found_at.duration_since(*merged_at);
        ensure!(late <= SignedDuration::try_from(poll)?, "entry {index} was reported {late} late");
    }
    let incidents = world.incidents()?;
    ensure!(incidents.len() == SIX.len(), "{} incidents", incidents.len());
    for (incident, (index, merged_at)) in incidents.iter().zip(&merged) {
        let late = incident.opened_at.duration_since(*merged_at);
        ensure!(
            late <= SignedDuration::try_from(poll)?,
            "entry {index} was an incident {late} late"
        );
    }
    let told = world.receivers[0].1.of("incident-opened").len();
    ensure!(told == SIX.len(), "{told} alerts came");
    world.ensure_proved(0)?;
    world.stop().await?;
    let what =
        "all six, each one incident and one alert, within one poll of being in the log's tree";
    Ok(Caught::all(what, "judge").but("the interception itself: that is for the prober"))
}
