//! The kill switch: where enforcement is suspended for a few days, because it does more harm than good there.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use super::{seconds, text, time};

/// One line of the kill switch. What would be refused under it is let pass with a warning. There is no scope
/// "everything", and a list names few: whoever can sign one must not be able to make enforcement go away at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// What it is about.
    pub scope: Scope,
    /// When it is over, at most [`SUSPENSION_MAX`] after the list was issued.
    pub until: Timestamp,
    /// Why, for whoever reads the warning.
    pub reason: String,
}

/// What enforcement is suspended for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Certificates of the issuer with this hash of its key ([`crate::issuer_key_hash`]): it embeds SCTs that are
    /// wrong, as one CA did for an hour in June 2023.
    Issuer([u8; 32]),
    /// Clients that come by this way (`python`, `preload`, …): a release of it is broken.
    Way(String),
}

/// How long enforcement can be suspended: longer than mending a CA or a client takes, and too short for an
/// attacker who has two keys and hopes that nobody reads the list.
pub const SUSPENSION_MAX: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Suspensions of a list, at most one of them of a way in. More go wrong at once only when somebody wants them to.
pub const SUSPENSIONS_MAX: usize = 4;

/// Why a line is no suspension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SuspensionError {
    /// Not `issuer HASH until TIME REASON` or `way NAME until TIME REASON`.
    #[error("not a scope, the word until, a time and a reason")]
    Shape,
    /// There are too many of them.
    #[error("a list has at most {SUSPENSIONS_MAX} suspensions, of which one is of a way in")]
    TooMany,
    /// It lasts too long.
    #[error("enforcement cannot be suspended for more than 14 days")]
    TooLong,
}

/// Refuses more than there may be.
pub(super) fn are_few(suspensions: &[Suspension]) -> Result<(), SuspensionError> {
    let ways = suspensions.iter().filter(|one| matches!(one.scope, Scope::Way(_))).count();
    let too_many = suspensions.len() > SUSPENSIONS_MAX || ways > 1;
    if too_many { Err(SuspensionError::TooMany) } else { Ok(()) }
}

impl Suspension {
    /// Refuses one that outlives its list's first two weeks.
    pub(super) fn ends_in_time(&self, issued: Timestamp) -> Result<(), SuspensionError> {
        let too_long = self.until.duration_since(issued) > SUSPENSION_MAX;
        if too_long { Err(SuspensionError::TooLong) } else { Ok(()) }
    }
}

impl fmt::Display for Suspension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Scope::Issuer(hash) => write!(f, "issuer {}", STANDARD_NO_PAD.encode(hash))?,
            Scope::Way(way) => write!(f, "way {way}")?,
        }
        write!(f, " until {} {}", seconds(self.until), self.reason)
    }
}

impl FromStr for Suspension {
    type Err = SuspensionError;

    fn from_str(line: &str) -> Result<Self, SuspensionError> {
        let mut fields = line.splitn(5, ' ');
        let mut field = || fields.next().ok_or(SuspensionError::Shape);
        let scope = match (field()?, field()?) {
            ("issuer", hash) => {
                let hash = STANDARD_NO_PAD.decode(hash).map_err(|_| SuspensionError::Shape)?;
                Scope::Issuer(hash.try_into().map_err(|_| SuspensionError::Shape)?)
            }
            ("way", way) if !way.is_empty() => Scope::Way(way.to_owned()),
            _ => return Err(SuspensionError::Shape),
        };
        if field()? != "until" {
            return Err(SuspensionError::Shape);
        }
        let until = time(field()?).map_err(|_| SuspensionError::Shape)?;
        let reason = text(field()?).map_err(|_| SuspensionError::Shape)?;
        Ok(Self { scope, until, reason })
    }
}
