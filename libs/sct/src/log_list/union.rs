//! Makes one list of several.
//!
//! Two lists that have the same log (the same key) may say different things of it. The rule:
//!
//! - **Distrust wins.** All states of all lists are kept, each from the earliest time that any list says, and
//!   [`Log::state_at`] takes the one furthest in the life of a log: what one list retires or rejects is retired
//!   or rejected. (A list that does not trust a log *yet* takes nothing from one that does.) A log is for
//!   production only if no list says otherwise.
//! - **Facts go to the first list that has them**: description, operator, URLs, merge delay, interval. So the
//!   list that is trusted most comes first.
//! - **Previous operators** are those of all lists.
//!
//! That is right for whoever relies on SCTs. Whoever *watches* logs must not stop because one list has
//! retired a log that clients of another still trust: ask each list by itself what to follow.

use super::{Api, Log, LogList, State};

impl LogList {
    /// One list of all these, the most trusted first. The logs are in the order in which they first appear.
    pub fn union(lists: Vec<Self>) -> Self {
        let mut union = Self { logs: Vec::new(), published: None, skipped: Vec::new() };
        for list in lists {
            union.published = match (union.published, list.published) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            union.skipped.extend(list.skipped);
            for log in list.logs {
                match union.logs.iter_mut().find(|known| known.key == log.key) {
                    Some(known) => known.merge(log),
                    None => union.logs.push(log),
                }
            }
        }
        union
    }
}

impl Log {
    /// Adds what another list says of the same log.
    fn merge(&mut self, other: Self) {
        if self.description.is_empty() {
            self.description = other.description;
        }
        for previous in other.previous_operators {
            if !self.previous_operators.contains(&previous) {
                self.previous_operators.push(previous);
            }
        }
        self.previous_operators.sort_by_key(|(_, until)| *until);
        self.api.merge(other.api);
        self.mmd_s = self.mmd_s.or(other.mmd_s);
        for (state, since) in other.states {
            match self.states.iter_mut().find(|(known, _)| known.rank() == state.rank()) {
                Some((known, known_since)) => {
                    *known_since = since.min(*known_since);
                    known.merge(state);
                }
                None => self.states.push((state, since)),
            }
        }
        self.states.sort_by_key(|(state, since)| (*since, state.rank()));
        self.interval = self.interval.or(other.interval);
        self.purpose = self.purpose.max(other.purpose);
    }
}

impl Api {
    /// Fills in the URLs that are unknown. If the lists disagree about the kind of log, the first is believed.
    fn merge(&mut self, other: Self) {
        let fill = |url: &mut String, other: String| {
            if url.is_empty() {
                *url = other;
            }
        };
        match (self, other) {
            (Self::Rfc6962 { url }, Self::Rfc6962 { url: other }) => fill(url, other),
            (
                Self::StaticCt { submission_url, monitoring_url },
                Self::StaticCt { submission_url: submission, monitoring_url: monitoring },
            ) => {
                fill(submission_url, submission);
                fill(monitoring_url, monitoring);
            }
            (Self::Rfc6962 { .. }, Self::StaticCt { .. })
            | (Self::StaticCt { .. }, Self::Rfc6962 { .. }) => {}
        }
    }
}

impl State {
    /// Fills in the final tree head, if only the other knows it.
    fn merge(&mut self, other: Self) {
        if let (
            Self::ReadOnly { final_tree_head },
            Self::ReadOnly { final_tree_head: other @ Some(_) },
        ) = (self, other)
            && final_tree_head.is_none()
        {
            *final_tree_head = other;
        }
    }
}
