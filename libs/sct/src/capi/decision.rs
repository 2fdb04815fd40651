//! A decision in a form that C can read.

use std::ffi::CString;

use super::Outcome;
use crate::enforcer::{Action, Decision, Reason, Warning};
use crate::verdict;

/// What countersign_sct_judge() has decided, with its reasons. It never changes, so threads may share it.
pub struct Told {
    pub(super) outcome: Outcome,
    pub(super) reason: CString,
    pub(super) warnings: Vec<(Notice, CString)>,
}

/// The kinds of warnings. Later versions may have more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Notice {
    /// There is no such warning.
    None = 0,
    /// The list of logs is older than 70 days: less is asked. Update it.
    ListOld = 200,
    /// The list of logs is older than 180 days, or has expired. Update it at once.
    ListTooOld = 201,
    /// The connection would be refused, if the list were not too old, or enforcement not suspended here.
    WouldRefuse = 202,
    /// The host had a certificate of a public CA before, and now has one of a private CA: ask the user.
    TurnedPrivate = 203,
}

impl Told {
    pub(super) fn new(decision: &Decision) -> Self {
        let warnings = decision.warnings.iter();
        Self {
            outcome: outcome_of(decision),
            reason: c_string(&decision.to_string()),
            warnings: warnings.map(|one| (notice_of(one), c_string(&one.to_string()))).collect(),
        }
    }
}

fn outcome_of(decision: &Decision) -> Outcome {
    match (decision.action, &decision.reason) {
        (Action::Accept, _) => Outcome::Ok,
        (Action::Refuse, Reason::Judged(verdict)) => match verdict.outcome {
            verdict::Outcome::Missing(_) if verdict.scts.is_empty() => Outcome::NoScts,
            verdict::Outcome::Missing(_)
            | verdict::Outcome::Satisfied
            | verdict::Outcome::NotAsked => Outcome::TooFewScts,
            verdict::Outcome::Unreadable(_) => Outcome::Unreadable,
        },
        (
            Action::Refuse,
            Reason::Unreadable(_)
            | Reason::NoCertificate
            | Reason::CutOff
            | Reason::PrivateRoot
            | Reason::Dane,
        ) => Outcome::Unreadable,
    }
}

fn notice_of(warning: &Warning) -> Notice {
    match warning {
        Warning::ListOld { .. } => Notice::ListOld,
        Warning::ListTooOld { .. } => Notice::ListTooOld,
        Warning::WouldRefuse(_) => Notice::WouldRefuse,
        Warning::TurnedPrivate { .. } => Notice::TurnedPrivate,
    }
}

/// A sentence that ends with a zero. One inside would cut it off.
fn c_string(sentence: &str) -> CString {
    CString::new(sentence.replace('\0', " ")).expect("without zeros")
}
