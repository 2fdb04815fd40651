//! What holds of every plan, whatever chance does.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::probe::observation::Family;
use crate::probe::service::{Opening, Protocol};

/// Chance that is the same each time (SplitMix64).
struct Chance(u64);

impl Chance {
    fn two(&mut self) -> [f64; 2] {
        [self.unit(), self.unit()]
    }

    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap())
            / (f64::from(u32::MAX) + 1.0)
    }
}

/// A plan that runs, each probe at its time.
struct Run {
    plan: Plan,
    chance: Chance,
    now: Timestamp,
}

impl Run {
    fn new(targets: Vec<Target>, mean_min: i64, per_hour_max: u16, seed: u64) -> Self {
        let mut chance = Chance(seed);
        let now = "2026-11-29T00:00:00Z".parse().unwrap();
        let pace = Pace::new(SignedDuration::from_mins(mean_min), per_hour_max).unwrap();
        let plan = Plan::new(targets, pace, now, chance.two());
        Self { plan, chance, now }
    }

    fn burst(&mut self, domain: Option<&str>) {
        self.plan.burst(Reason::NewCertificate, domain, self.now, self.chance.two());
    }

    /// The next probe, which begins when it is due, and how long after the one before.
    fn step(&mut self) -> (Due, SignedDuration) {
        let due = self.plan.next().unwrap().clone();
        let gap = due.at.duration_since(self.now);
        self.now = due.at;
        self.plan.begun(self.now, self.chance.two());
        (due, gap)
    }
}

/// Each of so many domains, looked at in so many ways.
fn targets(domains: u16, strata: u16) -> Vec<Target> {
    let each = (0..domains).flat_map(|domain| (0..strata).map(move |stratum| (domain, stratum)));
    each.map(|(domain, port)| {
        let (protocol, opening) = (Protocol::Xmpp, Opening::StartTls);
        let domain = format!("{domain}.example");
        let (vantage, client) = ("direct".to_owned(), "openssl".to_owned());
        Target {
            service: Service { domain, protocol, opening, port },
            stratum: Stratum { vantage, client, port, family: Family::V4 },
        }
    })
    .collect()
}

#[test]
fn gaps_have_the_mean_that_was_asked_for_and_are_no_grid() {
    for (mean_min, seed) in [(2, 1), (10, 2), (30, 3), (60, 4)] {
        let mut run = Run::new(targets(2, 5), mean_min, 60, seed);
        let mut gaps: Vec<f64> = (0..PROBES).map(|_| run.step().1.as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / f64::from(PROBES);
        let asked = f64::from(u32::try_from(mean_min).unwrap()) * 60.0;
        assert!((mean / asked - 1.0).abs() < 0.02, "{mean} s instead of {asked} s");

        // Kolmogorov and Smirnov: how far what was drawn is from what it is drawn from. One in a thousand is beyond.
        gaps.sort_by(f64::total_cmp);
        let rate_mean_s = untruncated(asked - 60.0, SPAN_S);
        let below =
            |gap: f64| (-(gap - 60.0) / rate_mean_s).exp_m1() / (-SPAN_S / rate_mean_s).exp_m1();
        let distances = (0..PROBES)
            .zip(&gaps)
            .map(|(nth, gap)| (below(*gap) - f64::from(nth) / f64::from(PROBES)).abs());
        let distance = distances.fold(0.0, f64::max);
        assert!(distance < 1.95 / f64::from(PROBES).sqrt(), "{distance} with a mean of {mean_min}");

        // No time is drawn twice, least of all the shortest.
        assert!(gaps.windows(2).all(|two| two[0] < two[1]));
    }
}

/// How many probes say something about a distribution.
const PROBES: u32 = 20_000;

#[test]
fn a_pace_that_cannot_be_kept_is_refused() {
    let pace = |mean_min, per_hour| Pace::new(SignedDuration::from_mins(mean_min), per_hour).err();
    assert_eq!(pace(1, 100), Some(PaceError::Mean));
    assert_eq!(pace(61, 100), Some(PaceError::Mean));
    assert_eq!(pace(10, 5), Some(PaceError::Budget));
    assert_eq!(pace(10, 6), None);
}

#[test]
fn a_plan_without_targets_has_nothing_to_do() {
    let mut run = Run::new(vec![], 10, 60, 1);
    run.burst(None);
    run.plan.begun(run.now, [0.0; 2]);
    assert_eq!(run.plan.next(), None);
}

#[test]
fn one_target_alone_is_looked_at_again_and_again() {
    let mut run = Run::new(targets(1, 1), 10, 60, 1);
    let isolations: Vec<_> = (0..100).map(|_| run.step().0.isolation).collect();
    assert!(isolations.windows(2).all(|two| two[0] != two[1]));
}

#[test]
fn a_change_has_all_of_a_domain_looked_at_within_minutes() {
    let mut run = Run::new(targets(3, 6), 30, 60, 5);
    for _ in 0..10 {
        run.step();
    }
    let before = run.now;
    run.burst(Some("1.example"));
    let burst: Vec<Due> = (0..6).map(|_| run.step().0).collect();
    assert!(burst.iter().all(|due| due.burst == Some(Reason::NewCertificate)));
    assert!(burst.iter().all(|due| due.target.service.domain == "1.example"));
    let mut ports: Vec<_> = burst.iter().map(|due| due.target.stratum.port).collect();
    ports.sort_unstable();
    assert_eq!(ports, [0, 1, 2, 3, 4, 5]);
    assert!(run.now.duration_since(before) < SignedDuration::from_mins(10));
    let (after, gap) = run.step();
    assert!(after.burst.is_none() && gap >= GAP_MIN);
    // Nothing of ours is concerned: everything goes on as before.
    let due = run.plan.next().cloned();
    run.burst(Some("another.example"));
    assert_eq!(run.plan.next().cloned(), due);
}

#[test]
fn a_flood_of_changes_costs_no_more_than_the_budget_and_blinds_nobody() {
    let mut run = Run::new(targets(2, 8), 10, 20, 6);
    let mut times = Vec::new();
    let mut seen = BTreeMap::new();
    for _ in 0..200 {
        run.burst(Some("1.example"));
        let (due, _) = run.step();
        times.push(due.at);
        *seen.entry(due.target.stratum).or_insert(0) += 1;
    }
    let hour = SignedDuration::from_hours(1);
    assert!(times.windows(21).all(|window| window[20].duration_since(window[0]) > hour));
    assert_eq!(seen.len(), 8);
}

#[test]
fn who_was_not_awake_does_not_make_up_for_it() {
    let mut run = Run::new(targets(1, 4), 10, 60, 7);
    run.step();
    let woken = run.now + SignedDuration::from_hours(12);
    run.plan.begun(woken, run.chance.two());
    assert!(run.plan.next().unwrap().at >= woken + GAP_MIN);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_two_are_alike_and_everybody_has_a_turn(
        domains in 1_u16..4,
        strata in 2_u16..9,
        mean_min in 2_i64..=60,
        seed: u64,
        bursts in proptest::collection::vec((0_u32..400, 0_u8..4), 0..6),
    ) {
        let all = targets(domains, strata);
        let round = u32::from(domains) * u32::from(strata);
        let mut run = Run::new(all.clone(), mean_min, 60, seed);
        let mut last: Option<Due> = None;
        let mut waits: Vec<u32> = vec![0; all.len()];
        let mut begun = Vec::new();
        for turn in 0..400 {
            for (_, domain) in bursts.iter().filter(|(at, _)| *at == turn) {
                run.burst((*domain > 0).then(|| format!("{domain}.example")).as_deref());
            }
            let (due, gap) = run.step();
            if due.burst.is_none() {
                prop_assert!(gap >= GAP_MIN, "{gap:?}");
            }
            if let Some(last) = &last {
                prop_assert_ne!(&last.target.stratum, &due.target.stratum);
                prop_assert_ne!(&last.isolation, &due.isolation);
            }
            for (waited, target) in waits.iter_mut().zip(&all) {
                *waited = if *target == due.target { 0 } else { *waited + 1 };
                // A few rounds, a round in which others are first, each time with one of another kind between them,
                // and bursts.
                prop_assert!(*waited <= 6 * round + 8 * round, "{target:?} waits for {waited} turns");
            }
            begun.push(due.at);
            last = Some(due);
        }
        let hour = SignedDuration::from_hours(1);
        prop_assert!(begun.windows(61).all(|window| window[60].duration_since(window[0]) > hour));
    }

    #[test]
    fn no_chance_leads_out_of_the_limits(gap: f64, target: f64, mean_min in 2_i64..=60) {
        let mut run = Run::new(targets(2, 3), mean_min, 60, 1);
        run.plan.begun(run.now, [gap, target]);
        let due = run.plan.next().unwrap();
        let gap = due.at.duration_since(run.now);
        prop_assert!((GAP_MIN..=GAP_MAX).contains(&gap), "{gap:?}");
    }
}
