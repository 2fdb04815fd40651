//! Chance, passed in: jitter for retries, nothing secret.

/// A source of numbers that look random and are the same for the same seed (SplitMix64). Not for keys.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// A source that starts from `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Another source, so that each task has its own.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number from 0 to less than 1.
    pub fn unit(&mut self) -> f64 {
        let high = u32::try_from(self.next() >> 32).expect("32 bits are left");
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_spread_and_repeatable() {
        let mut chance = Chance::seeded(7);
        let units: Vec<_> = (0..1000).map(|_| chance.unit()).collect();
        assert!(units.iter().all(|unit| (0.0..1.0).contains(unit)));
        let low = units.iter().filter(|unit| **unit < 0.5).count();
        assert!((400..600).contains(&low), "{low} of 1000 below a half");
        let mut again = Chance::seeded(7);
        assert!(units.iter().all(|unit| *unit == again.unit()));
    }
}
