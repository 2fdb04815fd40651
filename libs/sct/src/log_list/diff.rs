//! What a new list of logs changes.

use super::{Log, LogList};

/// The difference between two lists. In the order of the new list, and of the old one for what is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff<'a> {
    /// Logs that only the new list has.
    pub added: Vec<&'a Log>,
    /// Logs that only the old list has.
    pub removed: Vec<&'a Log>,
    /// Logs that both have, and not alike.
    pub changed: Vec<Changed<'a>>,
}

/// A log of which two lists say different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<'a> {
    /// In the old list.
    pub old: &'a Log,
    /// In the new list.
    pub new: &'a Log,
    /// Where they differ: at least one.
    pub fields: Vec<Field>,
}

/// A field of [`Log`]. The key is none: another key is another log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// [`Log::description`].
    Description,
    /// [`Log::operator`].
    Operator,
    /// [`Log::previous_operators`].
    PreviousOperators,
    /// [`Log::api`].
    Api,
    /// [`Log::mmd_s`].
    Mmd,
    /// [`Log::states`].
    States,
    /// [`Log::interval`].
    Interval,
    /// [`Log::purpose`].
    Purpose,
}

impl LogList {
    /// What changes from this list to `new`. What either has skipped is not compared.
    pub fn diff<'a>(&'a self, new: &'a Self) -> Diff<'a> {
        let mut diff = Diff { added: Vec::new(), removed: Vec::new(), changed: Vec::new() };
        for log in &new.logs {
            let Some(old) = self.log(&log.key.id()) else {
                diff.added.push(log);
                continue;
            };
            let fields = differences(old, log);
            if !fields.is_empty() {
                diff.changed.push(Changed { old, new: log, fields });
            }
        }
        diff.removed.extend(self.logs.iter().filter(|log| new.log(&log.key.id()).is_none()));
        diff
    }
}

impl Diff<'_> {
    /// Whether the lists have the same logs, with the same said of them.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

fn differences(old: &Log, new: &Log) -> Vec<Field> {
    let equal = [
        (Field::Description, old.description == new.description),
        (Field::Operator, old.operator == new.operator),
        (Field::PreviousOperators, old.previous_operators == new.previous_operators),
        (Field::Api, old.api == new.api),
        (Field::Mmd, old.mmd_s == new.mmd_s),
        (Field::States, old.states == new.states),
        (Field::Interval, old.interval == new.interval),
        (Field::Purpose, old.purpose == new.purpose),
    ];
    equal.into_iter().filter(|(_, equal)| !equal).map(|(field, _)| field).collect()
}
