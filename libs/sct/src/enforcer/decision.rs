//! What is to be done with a connection, and how that is told.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::ladder::{DEGRADED_DAYS, STRICT_DAYS};
use crate::certificate::CertificateError;
use crate::log_list::State;
use crate::signed_list::Suspension;
use crate::verdict::{Missing, Outcome, Verdict, Worth};

/// What is to be done with a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Go on, or not.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// What people should be told in either case.
    pub warnings: Vec<Warning>,
}

/// Go on, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The connection may be used.
    Accept,
    /// It may not: not even without TLS.
    Refuse,
}

/// Why a decision is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The chain ends in no public root.
    PrivateRoot,
    /// The chain was verified by DANE.
    Dane,
    /// The SCTs were judged.
    Judged(Arc<Verdict>),
    /// A certificate of the chain cannot be taken apart.
    Unreadable(CertificateError),
    /// The chain has no certificate, so it was not verified.
    NoCertificate,
    /// The chain may have been cut off below its root, or is one certificate that another one has issued.
    CutOff,
}

/// What people should be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The list is older than 70 days: less is asked.
    ListOld {
        /// Whole days.
        days: i64,
    },
    /// The list is older than 180 days, or has expired.
    ListTooOld {
        /// Whole days.
        days: i64,
    },
    /// The connection would be refused, if the list were not too old, or enforcement not suspended here.
    WouldRefuse(Option<Suspension>),
    /// The host had a certificate of a public CA before, and now has one of a private CA.
    TurnedPrivate {
        /// When it was last seen with a public one.
        last_public: Timestamp,
    },
}

impl Decision {
    pub(super) fn accept(reason: Reason) -> Self {
        Self { action: Action::Accept, reason, warnings: Vec::new() }
    }

    pub(super) fn refuse(reason: Reason) -> Self {
        Self { action: Action::Refuse, reason, warnings: Vec::new() }
    }
}

/// One sentence: why the connection is accepted or refused.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.action {
            Action::Accept => write!(f, "accepted: {}", self.reason),
            Action::Refuse => write!(f, "refused: {}", self.reason),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PrivateRoot => f.write_str("the chain ends in no public root"),
            Self::Dane => f.write_str("the chain was verified by DANE"),
            Self::Unreadable(why) => write!(f, "{why}"),
            Self::NoCertificate => f.write_str("there is no certificate"),
            Self::CutOff => f.write_str("the chain does not go up to a root"),
            Self::Judged(verdict) => write!(f, "{verdict}"),
        }
    }
}

/// What came of it, and what each SCT was worth if that was not enough.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_missing = matches!(self.outcome, Outcome::Missing(_));
        if is_missing && self.scts.is_empty() {
            return f.write_str("no log has promised to publish the certificate: it has no SCT");
        }
        write!(f, "{}", self.outcome)?;
        for sct in self.scts.iter().filter(|_| is_missing) {
            match &sct.log {
                Some(log) => write!(f, "; {log}: {}", sct.worth)?,
                None => write!(f, "; {}", sct.worth)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Satisfied => f.write_str("enough logs have promised to publish the certificate"),
            Self::NotAsked => f.write_str("the certificate is older than the policy"),
            Self::Unreadable(why) => write!(f, "{why}"),
            Self::Missing(missing) => match missing.first() {
                // The rest says nothing more.
                Some(Missing::Scts { needed, counted: 0 }) => {
                    write!(f, "{needed} SCTs of different logs are needed, and none counts")
                }
                Some(_) | None => {
                    let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
                    f.write_str(&missing.join(", "))
                }
            },
        }
    }
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted(operator) => write!(f, "counts, for {operator}"),
            Self::NotTried => f.write_str("not checked: it would change nothing"),
            Self::UnknownLog => f.write_str("a log that is not on the list"),
            Self::UntrustedLog(State::Retired) => f.write_str("promised after the log was retired"),
            Self::UntrustedLog(_) => f.write_str("a log that is not trusted"),
            Self::PrivateKeyIsPublic => f.write_str("a log whose private key is public"),
            Self::SameLog => f.write_str("another SCT of this log counts"),
            Self::Future => f.write_str("promises for a time that has not come"),
            Self::Bad(why) => write!(f, "{why}"),
            Self::Unreadable(why) => write!(f, "{why}"),
        }
    }
}

/// One sentence.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListOld { days } => write!(
                f,
                "the list of logs is {days} days old, more than {STRICT_DAYS}: one SCT of a known log is now \
                 enough; update it"
            ),
            Self::ListTooOld { days } => write!(
                f,
                "the list of logs is {days} days old or has expired, and is of little use after \
                 {DEGRADED_DAYS}: update it"
            ),
            Self::WouldRefuse(None) => {
                f.write_str("let pass only since the list of logs is too old")
            }
            Self::WouldRefuse(Some(Suspension { until, reason, .. })) => {
                write!(
                    f,
                    "let pass only since enforcement is suspended here until {until}: {reason}"
                )
            }
            Self::TurnedPrivate { last_public } => write!(
                f,
                "this host had a certificate of a public CA, last seen at {last_public}, and now has one of a \
                 private CA"
            ),
        }
    }
}
