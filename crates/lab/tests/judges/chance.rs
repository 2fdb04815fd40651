//! Numbers that look like chance and are the same in every run: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).

/// A row of numbers that comes from its seed.
pub(crate) struct Chance(u64);

impl Chance {
    /// The row of a case.
    pub(crate) fn of(case: u32) -> Self {
        // Rows of neighbours would overlap otherwise.
        let mut scattered = Self(u64::from(case));
        Self(scattered.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a list is shorter");
        usize::try_from(self.next() % end).expect("it is below a length")
    }

    /// One of a list.
    pub(crate) fn one_of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    /// One of a list whose entries say how often they come.
    pub(crate) fn weighed<T: Clone>(&mut self, list: &[(usize, T)]) -> T {
        let mut at = self.below(list.iter().map(|(weight, _)| weight).sum());
        for (weight, entry) in list {
            if at < *weight {
                return entry.clone();
            }
            at -= weight;
        }
        unreachable!("it is below the sum")
    }
}
