//! How many places on the network have to see the same before a CA may issue (Baseline Requirements §3.2.2.9).

use std::collections::BTreeSet;

use jiff::civil::{Date, date};

/// What is demanded at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How many remote perspectives have to be asked.
    pub remotes_min: usize,
    /// In how many service regions of Regional Internet Registries those have to be that corroborate.
    pub regions_min: usize,
}

/// A Regional Internet Registry, for the region that it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Region {
    /// Africa.
    Afrinic,
    /// Asia and the Pacific.
    Apnic,
    /// North America.
    Arin,
    /// Latin America and the Caribbean.
    Lacnic,
    /// Europe, the Middle East and Central Asia.
    Ripe,
}

/// What a remote perspective says to what the primary one has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where it is.
    pub region: Region,
    /// What it says.
    pub word: Word,
}

/// What a perspective says. Two that permit for different records agree: what counts is the permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The CA may issue.
    Permits,
    /// It must not.
    Refuses,
    /// Nothing came, or nothing that can be believed.
    Silent,
}

/// What all of them say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corroboration {
    /// Enough of them permit.
    Enough,
    /// Fewer were asked than have to be.
    TooFewAsked,
    /// More than may do not permit.
    TooFewPermit,
    /// Those that permit are in too few regions.
    TooFewRegions,
}

/// Since when what is demanded. Before the first line nothing is.
const HISTORY: [(Date, Rules); 4] = [
    (date(2025, 9, 15), Rules { remotes_min: 2, regions_min: 1 }),
    (date(2026, 3, 15), Rules { remotes_min: 3, regions_min: 2 }),
    (date(2026, 6, 15), Rules { remotes_min: 4, regions_min: 2 }),
    (date(2026, 12, 15), Rules { remotes_min: 5, regions_min: 2 }),
];

impl Rules {
    /// The rules of a day, in UTC; `None` before there were any.
    pub fn in_force(day: Date) -> Option<Self> {
        HISTORY.iter().rev().find(|(since, _)| *since <= day).map(|(_, rules)| *rules)
    }

    /// Counts what remote perspectives say. To be asked beside a primary one that permits.
    pub fn corroborate(self, remotes: &[Remote]) -> Corroboration {
        let permitting = remotes.iter().filter(|remote| remote.word == Word::Permits);
        let regions: BTreeSet<_> = permitting.clone().map(|remote| remote.region).collect();
        self.count(remotes.len(), permitting.count(), regions.len())
    }

    /// The same, of numbers: how many were asked, how many of them permit, and in how many regions those are.
    pub fn count(self, asked: usize, permitting: usize, regions: usize) -> Corroboration {
        // One of two to five may differ, two of six or more.
        let may_differ = if asked < 6 { 1 } else { 2 };
        if asked < self.remotes_min {
            Corroboration::TooFewAsked
        } else if permitting + may_differ < asked {
            Corroboration::TooFewPermit
        } else if regions < self.regions_min {
            Corroboration::TooFewRegions
        } else {
            Corroboration::Enough
        }
    }
}

impl Region {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Afrinic, Self::Apnic, Self::Arin, Self::Lacnic, Self::Ripe];

    /// Its name in configuration and evidence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Afrinic => "afrinic",
            Self::Apnic => "apnic",
            Self::Arin => "arin",
            Self::Lacnic => "lacnic",
            Self::Ripe => "ripe",
        }
    }

    /// The region of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.as_str() == name)
    }
}

impl Corroboration {
    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enough => "enough",
            Self::TooFewAsked => "too-few-asked",
            Self::TooFewPermit => "too-few-permit",
            Self::TooFewRegions => "too-few-regions",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(day: Date, words: &[(Region, Word)], expected: Corroboration) {
        let rules = Rules::in_force(day).expect("there are rules on that day");
        let remotes: Vec<_> =
            words.iter().map(|(region, word)| Remote { region: *region, word: *word }).collect();
        assert_eq!(rules.corroborate(&remotes), expected);
    }

    #[test]
    fn more_is_demanded_over_time() {
        use Region::{Arin, Ripe};
        use Word::{Permits, Refuses, Silent};
        let four = [(Arin, Permits), (Ripe, Permits), (Ripe, Permits), (Ripe, Silent)];
        check(date(2026, 12, 14), &four, Corroboration::Enough);
        check(date(2026, 12, 15), &four, Corroboration::TooFewAsked);
        check(date(2026, 7, 1), &four[1..], Corroboration::TooFewAsked);
        check(date(2026, 4, 1), &four[1..], Corroboration::TooFewRegions);
        check(date(2026, 4, 1), &[four[0], four[3], (Ripe, Refuses)], Corroboration::TooFewPermit);
        assert_eq!(Rules::in_force(date(2025, 9, 14)), None);
    }
}
