//! From a file: anchors, algorithms, demands, limits, and the time that it is about.

use countersign_dns::walk::{Demand, Nested, Settings};
use countersign_dns::{Algorithms, Anchors, Limits, SignedRrset};
use countersign_net::Clock as SystemClock;
use jiff::Timestamp;

use crate::conformance::replay::Replay;
use crate::conformance::replay::config::{Clock, Config};

/// What a walk starts from; `None` if an anchor is malformed.
pub(super) fn settings(config: &Config, now: Timestamp) -> Option<Settings> {
    let anchors = Anchors::of_records(&config.anchors)?.except(&config.insecure);
    // Before RFC 9905 validators relied on SHA-1. Files that want it later say so.
    let is_historical = now < sha1_ends() || config.fake_sha1 == Some(true);
    let algorithms = if is_historical { Algorithms::Historical } else { Algorithms::Current };
    let demand = match config.harden_algo_downgrade {
        Some(true) => Demand::Each,
        Some(false) | None => Demand::One,
    };
    // For the smallest keys: what holds for larger ones is more.
    let iterations = config.nsec3_keysize_iterations.first().map(|(_, most)| *most);
    let most = iterations.and_then(|most| u16::try_from(most).ok()).unwrap_or(UNBOUND_ITERATIONS);
    let limits = Limits { nsec3_iterations: most.min(ITERATIONS_MAX), ..Limits::default() };
    // The files are of resolvers that let any anchor decide.
    Some(Settings { anchors, algorithms, demand, nested: Nested::Any, limits })
}

/// The time that a file is about. Where it has signatures hold at any time, one at which most of its own do.
pub(super) fn time(replay: &Replay) -> Timestamp {
    match replay.config.clock {
        Clock::Fixed(at) => at,
        Clock::Real => SystemClock::system().now(),
        Clock::Ignored => most_valid(replay).unwrap_or_else(|| SystemClock::system().now()),
    }
}

/// The beginning of some signature at which the most are valid.
fn most_valid(replay: &Replay) -> Option<Timestamp> {
    let sections = replay.messages().flat_map(|said| [&said.answer, &said.authority]);
    let rrsigs = sections.flatten().flat_map(|set: &SignedRrset| &set.rrsigs);
    let (mut begins, mut ends): (Vec<u32>, Vec<u32>) =
        rrsigs.map(|rrsig| (rrsig.inception, rrsig.expiration)).unzip();
    begins.sort_unstable();
    ends.sort_unstable();
    let valid_at = |at: u32| {
        let begun = begins.partition_point(|begin| *begin <= at);
        let over = ends.partition_point(|end| *end < at);
        begun.saturating_sub(over)
    };
    let best = begins.iter().copied().max_by_key(|begin| valid_at(*begin))?;
    Timestamp::from_second(i64::from(best)).ok()
}

/// RFC 9905 is of November 2025.
fn sha1_ends() -> Timestamp {
    "2025-11-01T00:00:00Z".parse().expect("it is a time")
}

/// What Unbound looked at when most of these files were written (1.13.2 to 1.19).
const UNBOUND_ITERATIONS: u16 = 150;
/// RFC 5155 §10.3: with the largest keys.
const ITERATIONS_MAX: u16 = 2_500;
