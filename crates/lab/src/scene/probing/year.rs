//! A year of probes in which nobody means harm.

use std::time::Duration;

use anyhow::ensure;
use countersign_judge::probe::compare::{COMPARED_WITHIN, disagreements};
use countersign_judge::probe::{Known, learn};
use countersign_probe::engine::Prober;

use super::super::Caught;
use super::street::{DIRECT, STARTTLS, Seen, Street, TLS, TOR};
use crate::authority::SubjectKey;
use crate::estate::GUARDED;
use crate::world::MINUTE;

/// Ten thousand probes; renewals every two months, each with the key that was named the time before; three moves.
pub(in crate::scene) async fn quiet() -> anyhow::Result<Caught> {
    let mut street = Street::unwatched("2026-01-01T00:00:00Z").await?;
    let mut known = Known::default();
    let mut recent: Vec<Seen> = Vec::new();
    let mut prober = street.prober()?;
    for number in 0..PROBES {
        if number.is_multiple_of(PROBES / RENEWALS) {
            street.renew(SubjectKey::generate())?;
        }
        if number % (PROBES / MOVES) == PROBES / MOVES / 2 {
            street.move_house().await?;
            prober = street.prober()?;
        }
        let seen = one(&street, &prober, number, &mut known).await?;
        recent.retain(|before| {
            seen.observation.at.duration_since(before.observation.at) < COMPARED_WITHIN
        });
        recent.push(seen);
        let sighted = recent.iter().map(Seen::sighted).collect::<Result<Vec<_>, _>>()?;
        let found = disagreements(&sighted);
        ensure!(found.is_empty(), "probe {number} disagrees: {found:?}");
        // Four in a burst, and then nothing for a while.
        let pause = if number % 4 == 3 { 4 * STEP - 3 * MINUTE } else { MINUTE };
        street.world.run(pause).await?;
    }
    Ok(Caught::all("nothing, and there was nothing", "probe"))
}

/// One probe, by a vantage and at a port whose turn it is.
async fn one(
    street: &Street,
    prober: &Prober,
    number: u32,
    known: &mut Known,
) -> anyhow::Result<Seen> {
    let vantages = [DIRECT, TOR[0], TOR[1], TOR[2]];
    let turn = usize::try_from(number).expect("a machine of this size");
    let vantage = vantages[turn % vantages.len()];
    let port = if (turn / 3).is_multiple_of(2) { STARTTLS } else { TLS };
    let mut seen = street.probe(prober, vantage, GUARDED, port, None).await?;
    seen.judged = street.judge(&seen.observation, known);
    seen.ensure_fine()?;
    *known = learn(known, &seen.observation, &seen.judged);
    Ok(seen)
}

/// What is built for looking for mistakes is too slow for all of them.
const PROBES: u32 = if cfg!(debug_assertions) { 200 } else { 10_000 };
/// In a year; certificates are for ninety days.
const RENEWALS: u32 = 8;
const MOVES: u32 = 4;
/// So that they fill a year.
const STEP: Duration =
    Duration::from_secs(365 * 24 * 3600).checked_div(PROBES).expect("there are some");
