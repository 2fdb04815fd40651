//! Several places from where is looked: what each says, and whether those are enough.

use countersign_caa::mpic::{Corroboration, Region, Remote, Rules, Word};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::row::RecordRow;

/// What the others say to a decision that was an allowance here.
#[derive(Clone, Debug)]
pub struct Perspectives {
    /// What is demanded on that day; `None` if nothing is.
    pub rules: Option<Rules>,
    /// What each said.
    pub said: Vec<Said>,
}

/// What one of them said.
#[derive(Clone, Debug)]
pub struct Said {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub region: Region,
    /// What it says, as far as it holds.
    pub word: Word,
    /// Why it is not an allowance.
    pub why: Option<String>,
    /// Its own record, with its own lookups.
    pub record: Option<Box<RecordRow>>,
}

impl Perspectives {
    /// Counts.
    pub fn corroboration(&self) -> Corroboration {
        let remotes: Vec<_> =
            self.said.iter().map(|said| Remote { region: said.region, word: said.word }).collect();
        counted(self.rules, &remotes)
    }

    /// Whether enough of them permit.
    pub fn are_enough(&self) -> bool {
        self.corroboration() == Corroboration::Enough
    }
}

/// What is demanded at a time.
pub(crate) fn rules_at(at: Timestamp) -> Option<Rules> {
    Rules::in_force(TimeZone::UTC.to_datetime(at).date())
}

/// What they say together.
pub(crate) fn counted(rules: Option<Rules>, remotes: &[Remote]) -> Corroboration {
    match rules {
        Some(rules) => rules.corroborate(remotes),
        // Nothing is demanded of how many there are; of those that were asked, all have to agree.
        None if remotes.iter().all(|remote| remote.word == Word::Permits) => Corroboration::Enough,
        None => Corroboration::TooFewPermit,
    }
}

/// A word that does not change.
pub(crate) fn word(word: Word) -> &'static str {
    match word {
        Word::Permits => "permits",
        Word::Refuses => "refuses",
        Word::Silent => "silent",
    }
}
