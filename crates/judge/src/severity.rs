//! How much a finding matters, and so when somebody must be woken.

use std::fmt;
use std::str::FromStr;

/// From what can wait to what cannot. An incident is as severe as its most severe finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing beside something else.
    Notice,
    /// Look at it in the daytime.
    Warning,
    /// Look at it now: it may be an attack.
    High,
    /// Act now: unless somebody here forgot to say so, it is an attack.
    Critical,
}

impl Severity {
    /// All of them, from the least.
    pub const ALL: [Self; 4] = [Self::Notice, Self::Warning, Self::High, Self::Critical];

    /// A name for people and files that never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text is no severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a severity is notice, warning, high or critical")]
pub struct NoSeverity;

impl FromStr for Severity {
    type Err = NoSeverity;

    fn from_str(text: &str) -> Result<Self, NoSeverity> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text).ok_or(NoSeverity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_reads_back_and_they_are_in_order() {
        for severity in Severity::ALL {
            assert_eq!(severity.to_string().parse(), Ok(severity));
        }
        assert!(Severity::ALL.is_sorted());
        assert_eq!("High".parse::<Severity>(), Err(NoSeverity));
    }
}
