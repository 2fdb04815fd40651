//! How much a list of logs is still good for, by its age.

use jiff::{SignedDuration, Timestamp};

use super::Warning;
use crate::verdict::Rung;

/// Where on the ladder a list is. Measured on 844 daily lists and 648 certificates of some 120 public roots: the
/// strict rule refuses no honest certificate up to 70 days and 5.6 % at 180; the degraded one none up to 180
/// days and 9.8 % at a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ladder {
    /// Up to [`STRICT_DAYS`].
    Strict,
    /// Up to [`DEGRADED_DAYS`].
    Degraded {
        /// Whole days since the list was issued.
        days: i64,
    },
    /// Older, or expired by its own word.
    TooOld {
        /// Whole days since the list was issued.
        days: i64,
    },
}

/// Browsers trust their lists as long: a log is usable 70 days after clients were told of it.
pub const STRICT_DAYS: i64 = 70;
/// From here on even the degraded rule refuses honest certificates.
pub const DEGRADED_DAYS: i64 = 180;

impl Ladder {
    /// Where a list is that was issued and expires at these times. One from the future is as good as new.
    pub fn of(issued: Timestamp, expires: Timestamp, now: Timestamp) -> Self {
        let age = now.duration_since(issued);
        let day = SignedDuration::from_hours(24);
        let days = age.as_secs() / day.as_secs();
        if now >= expires || age > day * i32::try_from(DEGRADED_DAYS).expect("a small number") {
            Self::TooOld { days }
        } else if age > day * i32::try_from(STRICT_DAYS).expect("a small number") {
            Self::Degraded { days }
        } else {
            Self::Strict
        }
    }

    /// How much is asked there.
    pub fn rung(self) -> Rung {
        match self {
            Self::Strict => Rung::Strict,
            Self::Degraded { .. } | Self::TooOld { .. } => Rung::Degraded,
        }
    }

    /// What people have to be told.
    pub fn warning(self) -> Option<Warning> {
        match self {
            Self::Strict => None,
            Self::Degraded { days } => Some(Warning::ListOld { days }),
            Self::TooOld { days } => Some(Warning::ListTooOld { days }),
        }
    }
}
