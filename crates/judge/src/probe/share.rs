//! What a number of probes says about the share of connections that somebody diverts.
//!
//! Probes that look like real clients are a sample of the connections that look like them. Someone who diverts a share
//! *p* of these, and takes a probe for a client with chance *q*, meets one probe with chance *pq*: it is *pq* that
//! is bounded here, separately for each kind of probe.
//!
//! # Limitations
//!
//! The numbers hold for probes that are independent: each in its own connection, at its own time, by its own way.
//! Ten probes of one burst are one moment of the interceptor's, and say less than ten probes of a week.

use jiff::SignedDuration;

/// How sure the bounds are: one in twenty that somebody would draw for a share beyond them is wrong.
pub const CONFIDENCE: f64 = 0.95;

/// The largest share that fits with what probes met, [`CONFIDENCE`] sure (the upper end of Clopper and Pearson). With
/// none met it is `1 - 0.05^(1/n)`, about `3/n`; without probes it is all.
pub fn share_max(met: u32, probes: u32) -> f64 {
    if met >= probes {
        return 1.0;
    }
    if met == 0 {
        return 1.0 - (1.0 - CONFIDENCE).powf(1.0 / f64::from(probes));
    }
    share_at(met, probes, 1.0 - CONFIDENCE)
}

/// The smallest share that fits with what probes met, [`CONFIDENCE`] sure (the lower end of Clopper and Pearson).
pub fn share_min(met: u32, probes: u32) -> f64 {
    match met.min(probes).checked_sub(1) {
        None => 0.0,
        Some(fewer) => share_at(fewer, probes, CONFIDENCE),
    }
}

/// How long it takes on average until a probe meets someone who diverts this share of the connections, and takes a
/// probe for a client with chance `unrecognized`: `1/(λpq)`. `None`: it does not happen, or not in a century.
pub fn delay_mean(per_hour: f64, share: f64, unrecognized: f64) -> Option<SignedDuration> {
    let met_per_hour = per_hour * share * unrecognized;
    if met_per_hour.is_nan() || met_per_hour <= 0.0 {
        return None;
    }
    let hours = 1.0 / met_per_hour;
    (hours < HOURS_MAX).then(|| SignedDuration::from_secs_f64(hours * SECONDS_IN_HOUR))
}

/// The share for which so many of the probes or fewer are met with this chance. It falls as the share grows, so that
/// halving finds it.
fn share_at(met: u32, probes: u32, chance: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    // As often as a number of this type has bits.
    for _ in 0..f64::MANTISSA_DIGITS {
        let share = f64::midpoint(low, high);
        if at_most(met, probes, share) > chance {
            low = share;
        } else {
            high = share;
        }
    }
    high
}

/// The chance that so many of the probes or fewer are met (the binomial distribution). By logarithms, since the terms
/// are too small for a number of this type where the probes are many.
fn at_most(met: u32, probes: u32, share: f64) -> f64 {
    if share <= 0.0 {
        return 1.0;
    }
    if share >= 1.0 {
        return 0.0;
    }
    let odds = share.ln() - (-share).ln_1p();
    let mut term = f64::from(probes) * (-share).ln_1p();
    let mut sum = term.exp();
    for count in 0..met.min(probes) {
        term += odds + (f64::from(probes - count) / f64::from(count + 1)).ln();
        sum += term.exp();
    }
    sum.min(1.0)
}

const SECONDS_IN_HOUR: f64 = 3600.0;
/// A century. Nobody waits so long, and a duration holds it.
const HOURS_MAX: f64 = 100.0 * 365.25 * 24.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(met: u32, probes: u32, low: &str, high: &str) {
        let shown = |share: f64| format!("{share:.4}");
        assert_eq!([shown(share_min(met, probes)), shown(share_max(met, probes))], [low, high]);
    }

    #[test]
    fn the_bounds_are_those_of_clopper_and_pearson() {
        check(0, 0, "0.0000", "1.0000");
        check(0, 1, "0.0000", "0.9500");
        check(0, 17, "0.0000", "0.1616");
        check(0, 300, "0.0000", "0.0099");
        // With two probes the distribution has a closed form: 1 - √0.95 and √0.95.
        check(1, 2, "0.0253", "0.9747");
        check(1, 1, "0.0500", "1.0000");
        check(3, 10, "0.0873", "0.6066");
        check(10, 10, "0.7411", "1.0000");
        check(5, 100_000, "0.0000", "0.0001");
    }

    #[test]
    fn the_delay_is_that_of_the_notes() {
        let minutes = |per_hour, share, unrecognized| {
            delay_mean(per_hour, share, unrecognized).map(|delay| delay.as_mins())
        };
        assert_eq!(minutes(6.0, 0.1, 0.5), Some(200));
        assert_eq!(minutes(1.0, 1.0, 1.0), Some(60));
        assert_eq!(minutes(0.0, 0.1, 0.5), None);
        assert_eq!(minutes(6.0, 0.0, 0.5), None);
        assert_eq!(minutes(f64::NAN, 0.1, 0.5), None);
        assert_eq!(minutes(f64::MIN_POSITIVE, 0.1, 0.5), None);
    }

    proptest! {
        #[test]
        fn the_bounds_hold_what_was_met(met in 0_u32..60, unmet in 0_u32..2000) {
            let probes = met + unmet;
            let (low, high) = (share_min(met, probes), share_max(met, probes));
            let share = f64::from(met) / f64::from(probes.max(1));
            prop_assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high));
            prop_assert!(low <= share && share <= high, "{low} {share} {high}");
        }

        #[test]
        fn another_probe_that_meets_nothing_lowers_the_bound(met in 0_u32..20, unmet in 0_u32..500) {
            prop_assert!(share_max(met, met + unmet + 1) <= share_max(met, met + unmet));
        }
    }
}
